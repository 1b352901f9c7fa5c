//! What the kit asks of the host, as a trait: the imports of the contract in a policy, a fake in a test.

use crate::contract::{
    BatchExecuteStatementRequest, CancelStatementRequest, CancelledStatement,
    DescribeStatementRequest, Entry, ExecuteStatementRequest, ExecutionMode, Failure,
    FailureDetail, GetStatementResultRequest, LatestRequest, Level, Rejection, StartOptions,
    StartedStatement, StatementDescription, StatementResult, Waiter,
};

/// The host, for one event.
///
/// The waiting task of the event is behind it: a start binds the statement to that task, and
/// [`succeed`](Host::succeed) and [`fail`](Host::fail) answer it. What each function does is written at the
/// function of the same name in `wit/`.
pub trait Host {
    /// Who waits for this event; none if nobody does.
    fn waiter(&self) -> Option<Waiter>;

    /// The task succeeded.
    ///
    /// # Errors
    /// As `callbacks.task.succeed`; `not-found` if nobody waits.
    fn succeed(&self, output: &str) -> Result<(), Failure>;

    /// The task failed.
    ///
    /// # Errors
    /// As `callbacks.task.fail`; `not-found` if nobody waits.
    fn fail(&self, error: &str, cause: &str) -> Result<(), Failure>;

    /// Run one statement, bound to the waiting task if there is one.
    ///
    /// # Errors
    /// As `redshift-data.execute-statement`.
    fn execute_statement(
        &self,
        request: &ExecuteStatementRequest,
    ) -> Result<StartedStatement, Failure>;

    /// Run several statements, bound to the waiting task if there is one.
    ///
    /// # Errors
    /// As `redshift-data.batch-execute-statement`.
    fn batch_execute_statement(
        &self,
        request: &BatchExecuteStatementRequest,
    ) -> Result<StartedStatement, Failure>;

    /// Ask for the plans of statements, beside the waiting task: the SQL is EXPLAIN and runs nothing. Several are explained
    /// each by itself.
    ///
    /// # Errors
    /// As `redshift-data.execute-statement` for one, and `redshift-data.batch-execute-statement` for several.
    fn explain(
        &self,
        sqls: Vec<String>,
        execution_mode: ExecutionMode,
        options: StartOptions,
    ) -> Result<StartedStatement, Failure>;

    /// Ask how a statement is.
    ///
    /// # Errors
    /// As `redshift-data.describe-statement`.
    fn describe_statement(
        &self,
        request: &DescribeStatementRequest,
    ) -> Result<StatementDescription, Failure>;

    /// Ask Redshift to stop a statement.
    ///
    /// # Errors
    /// As `redshift-data.cancel-statement`.
    fn cancel_statement(
        &self,
        request: &CancelStatementRequest,
    ) -> Result<CancelledStatement, Failure>;

    /// Read one page of a result.
    ///
    /// # Errors
    /// As `redshift-data.get-statement-result`.
    fn get_statement_result(
        &self,
        request: &GetStatementResultRequest,
    ) -> Result<StatementResult, Failure>;

    /// The statement of an execution that was recorded last.
    ///
    /// # Errors
    /// As `ledger.latest`.
    fn latest(&self, request: &LatestRequest) -> Result<Option<Entry>, Failure>;

    /// When the host began to work on this event, in milliseconds since 1970.
    fn now(&self) -> u64;

    /// Write a line to the host's log.
    fn log(&self, level: Level, message: &str, fields: &[(&str, &str)]);
}

/// The functions that [`Host`] stands for, as a policy's description names them.
pub const NEEDS: [&str; 8] = [
    "redshift-data/execute-statement",
    "redshift-data/batch-execute-statement",
    "redshift-data/describe-statement",
    "redshift-data/cancel-statement",
    "redshift-data/get-statement-result",
    "ledger/latest",
    "clock/now",
    "log/write",
];

/// The particulars of a failure, whatever its case.
#[must_use]
pub fn detail(failure: &Failure) -> &FailureDetail {
    match failure {
        Failure::NotGranted(detail)
        | Failure::InvalidRequest(detail)
        | Failure::ConcurrentExecution(detail)
        | Failure::NotFound(detail)
        | Failure::SessionLost(detail)
        | Failure::LimitExceeded(detail)
        | Failure::Throttled(detail)
        | Failure::ExecutionFailed(detail)
        | Failure::Unavailable(detail)
        | Failure::Uncertain(detail)
        | Failure::Other(detail) => detail,
    }
}

/// A failed call as the answer to the caller: the failure's own name and message.
#[must_use]
pub fn reject(failure: &Failure) -> Rejection {
    let detail = detail(failure);
    Rejection {
        error: detail.code.clone(),
        message: detail.message.clone(),
    }
}
