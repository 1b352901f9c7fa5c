//! The Redshift Data API, by the name of a target.

use async_trait::async_trait;
use signalbox_policy::contract::{
    CancelledStatement, ExecutionMode, GetStatementResultRequest, ListStatementsRequest, Parameter,
    ResultFormat, StartedStatement, StatementDescription, StatementList, StatementResult,
    StatementStatus,
};

/// What runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Sql {
    /// ExecuteStatement.
    One(String),
    /// BatchExecuteStatement.
    Batch {
        /// The statements, in order.
        sqls: Vec<String>,
        /// How they are committed.
        mode: ExecutionMode,
    },
}

/// A start.
#[derive(Debug, Clone, PartialEq)]
pub struct StartStatement {
    /// What runs.
    pub sql: Sql,
    /// Named values.
    pub parameters: Vec<Parameter>,
    /// How the result is kept.
    pub result_format: ResultFormat,
    /// The session to run in; then the target's cluster and database are not sent.
    pub session_id: Option<String>,
    /// Keep the session open: seconds.
    pub session_keep_alive_seconds: Option<u32>,
    /// Wait for the end: 1 to 30 seconds.
    pub wait_seconds: Option<u32>,
    /// The statement's name, unique to its record.
    pub statement_name: String,
    /// ClientToken: 1 to 64 characters. Redshift remembers it for 8 hours.
    pub client_token: String,
    /// Ask for a completion event.
    pub with_event: bool,
}

/// One statement of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The statement's id.
    pub id: String,
    /// Its name.
    pub statement_name: Option<String>,
    /// Where it is.
    pub status: StatementStatus,
}

/// One page of a list, for the host itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListedPage {
    /// The statements.
    pub statements: Vec<Listed>,
    /// The token of the next page.
    pub next_token: Option<String>,
}

/// Runs statements on targets. `target` is a name of the configuration; one that does not exist is refused as
/// `InvalidRequest`.
#[async_trait]
pub trait Warehouse: Send + Sync {
    /// ExecuteStatement or BatchExecuteStatement.
    ///
    /// # Errors
    /// See [`ServiceError`]; whether the statement may run is said by its kind.
    async fn start(
        &self,
        target: &str,
        start: &StartStatement,
    ) -> Result<StartedStatement, ServiceError>;

    /// DescribeStatement; waits up to `wait_seconds` for the end.
    ///
    /// # Errors
    /// See [`ServiceError`].
    async fn describe(
        &self,
        target: &str,
        id: &str,
        wait_seconds: Option<u32>,
    ) -> Result<StatementDescription, ServiceError>;

    /// CancelStatement.
    ///
    /// # Errors
    /// See [`ServiceError`].
    async fn cancel(&self, target: &str, id: &str) -> Result<CancelledStatement, ServiceError>;

    /// GetStatementResult or, for CSV, GetStatementResultV2. The request's own target is not looked at.
    ///
    /// # Errors
    /// See [`ServiceError`].
    async fn result(
        &self,
        target: &str,
        request: &GetStatementResultRequest,
    ) -> Result<StatementResult, ServiceError>;

    /// ListStatements for a policy. The request's own target is not looked at.
    ///
    /// # Errors
    /// See [`ServiceError`].
    async fn list(
        &self,
        target: &str,
        request: &ListStatementsRequest,
    ) -> Result<StatementList, ServiceError>;

    /// ListStatements in all states, of those whose name begins with `name`.
    ///
    /// # Errors
    /// See [`ServiceError`].
    async fn list_named(
        &self,
        target: &str,
        name: &str,
        next_token: Option<&str>,
    ) -> Result<ListedPage, ServiceError>;
}

/// A call did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ServiceError {
    /// What it means.
    pub kind: ServiceErrorKind,
    /// The service's error name, or `ConnectionError` and the like.
    pub code: String,
    /// Its message.
    pub message: String,
    /// The statement it is about.
    pub statement_id: Option<String>,
    /// The service's whole reply as JSON, where it sent one.
    pub document: Option<String>,
}

/// What an error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceErrorKind {
    /// `ValidationException` and the like. Nothing was done.
    Invalid,
    /// `AccessDeniedException`: the role may not. Nothing was done.
    Denied,
    /// `ResourceNotFoundException`. Nothing was done.
    NotFound,
    /// `ActiveStatementsExceededException`, `ActiveSessionsExceededException`,
    /// `ActiveWaitingRequestsExceededException`. Nothing was done.
    Limit,
    /// `ThrottlingException`, after the client's own repeats. Nothing was done.
    Throttled,
    /// `ExecuteStatementException`, `BatchExecuteStatementException`: taken and failed; it does not run.
    ExecutionFailed,
    /// `DatabaseConnectionException`; `QueryTimeoutException` of anything but a start. Nothing runs.
    Unavailable,
    /// A time-out, a lost connection, `InternalServerException`, `QueryTimeoutException` of a start: it may have taken
    /// effect.
    Unclear,
    /// The session is gone. Nothing was done.
    SessionLost,
}
