//! What a policy can reach through its imports.

use async_trait::async_trait;

use crate::contract::{
    BatchExecuteStatementRequest, CancelStatementRequest, CancelledStatement,
    DescribeStatementRequest, Entry, ExecuteStatementRequest, Failure, FailureDetail,
    GetStatementResultRequest, LatestRequest, ListStatementsRequest, StartedStatement,
    StatementDescription, StatementList, StatementResult,
};

/// The services behind a policy's imports, for one event.
///
/// Grants, journals and limits are wrappers of this trait: whatever way a call came in, it goes through
/// them. An implementation bounds the time of its own calls, since no epoch interrupts a host call.
#[async_trait]
pub trait Services: Send + Sync {
    /// Runs one statement. `bound` says that the policy handed in its task.
    ///
    /// # Errors
    /// See [`Failure`].
    async fn execute_statement(
        &self,
        bound: bool,
        request: ExecuteStatementRequest,
    ) -> Result<StartedStatement, Failure>;

    /// Runs several statements. `bound` as in [`Services::execute_statement`].
    ///
    /// # Errors
    /// See [`Failure`].
    async fn batch_execute_statement(
        &self,
        bound: bool,
        request: BatchExecuteStatementRequest,
    ) -> Result<StartedStatement, Failure>;

    /// Asks how a statement is.
    ///
    /// # Errors
    /// See [`Failure`].
    async fn describe_statement(
        &self,
        request: DescribeStatementRequest,
    ) -> Result<StatementDescription, Failure>;

    /// Asks Redshift to stop a statement.
    ///
    /// # Errors
    /// See [`Failure`].
    async fn cancel_statement(
        &self,
        request: CancelStatementRequest,
    ) -> Result<CancelledStatement, Failure>;

    /// Reads one page of a result.
    ///
    /// # Errors
    /// See [`Failure`].
    async fn get_statement_result(
        &self,
        request: GetStatementResultRequest,
    ) -> Result<StatementResult, Failure>;

    /// Lists statements.
    ///
    /// # Errors
    /// See [`Failure`].
    async fn list_statements(
        &self,
        request: ListStatementsRequest,
    ) -> Result<StatementList, Failure>;

    /// The statement of an execution that was recorded last.
    ///
    /// # Errors
    /// See [`Failure`].
    async fn latest(&self, request: LatestRequest) -> Result<Option<Entry>, Failure>;

    /// Tells whoever waits that the task is alive.
    ///
    /// # Errors
    /// See [`Failure`].
    async fn heartbeat(&self) -> Result<(), Failure>;
}

/// Services that refuse every call: for what is asked of a policy before it has been granted anything.
#[derive(Debug, Clone, Copy)]
pub struct Denied;

impl Denied {
    fn refuse<T>(what: &str) -> Result<T, Failure> {
        Err(Failure::NotGranted(FailureDetail {
            code: "NotGranted".to_owned(),
            message: format!("`{what}` is not granted here"),
            retryable: false,
            statement_id: None,
            document: None,
        }))
    }
}

#[async_trait]
impl Services for Denied {
    async fn execute_statement(
        &self,
        _: bool,
        _: ExecuteStatementRequest,
    ) -> Result<StartedStatement, Failure> {
        Self::refuse("execute-statement")
    }

    async fn batch_execute_statement(
        &self,
        _: bool,
        _: BatchExecuteStatementRequest,
    ) -> Result<StartedStatement, Failure> {
        Self::refuse("batch-execute-statement")
    }

    async fn describe_statement(
        &self,
        _: DescribeStatementRequest,
    ) -> Result<StatementDescription, Failure> {
        Self::refuse("describe-statement")
    }

    async fn cancel_statement(
        &self,
        _: CancelStatementRequest,
    ) -> Result<CancelledStatement, Failure> {
        Self::refuse("cancel-statement")
    }

    async fn get_statement_result(
        &self,
        _: GetStatementResultRequest,
    ) -> Result<StatementResult, Failure> {
        Self::refuse("get-statement-result")
    }

    async fn list_statements(&self, _: ListStatementsRequest) -> Result<StatementList, Failure> {
        Self::refuse("list-statements")
    }

    async fn latest(&self, _: LatestRequest) -> Result<Option<Entry>, Failure> {
        Self::refuse("latest")
    }

    async fn heartbeat(&self) -> Result<(), Failure> {
        Self::refuse("heartbeat")
    }
}
