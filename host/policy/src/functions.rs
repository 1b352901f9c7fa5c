//! The contract's imports by the names that journals, records and replays know them by: interface and function.

/// `redshift-data.execute-statement`
pub const EXECUTE_STATEMENT: &str = "redshift-data/execute-statement";
/// `redshift-data.batch-execute-statement`
pub const BATCH_EXECUTE_STATEMENT: &str = "redshift-data/batch-execute-statement";
/// `redshift-data.describe-statement`
pub const DESCRIBE_STATEMENT: &str = "redshift-data/describe-statement";
/// `redshift-data.cancel-statement`
pub const CANCEL_STATEMENT: &str = "redshift-data/cancel-statement";
/// `redshift-data.get-statement-result`: what reads rows.
pub const GET_STATEMENT_RESULT: &str = "redshift-data/get-statement-result";
/// `redshift-data.list-statements`
pub const LIST_STATEMENTS: &str = "redshift-data/list-statements";
/// `ledger.latest`
pub const LATEST: &str = "ledger/latest";
/// `callbacks.task.heartbeat`
pub const HEARTBEAT: &str = "callbacks/heartbeat";

/// The function's own name, without its interface.
#[must_use]
pub fn name(function: &str) -> &str {
    function.rsplit_once('/').map_or(function, |(_, name)| name)
}
