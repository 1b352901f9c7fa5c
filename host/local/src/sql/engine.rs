//! What runs SQL: the seam between the Data API and the engines behind it.

use super::stop::Stop;
use super::value::Outcome;
use std::sync::Arc;
use std::time::Duration;

/// Databases by name.
pub trait Engine: std::fmt::Debug + Send + Sync {
    /// Opens a connection to a database. It blocks the thread.
    fn connect(&self, database: &str) -> Result<Box<dyn Connection>, SqlError>;
}

/// A connection to one database. Its temporary tables are its own. What it does blocks the thread.
pub trait Connection: std::fmt::Debug + Send {
    /// What `pg_backend_pid()` says.
    fn pid(&self) -> i64;

    /// Runs one statement, with values for its named parameters, until it ends or `stop` is asked for.
    fn run(
        &mut self,
        sql: &str,
        parameters: &[(String, String)],
        stop: &Arc<Stop>,
    ) -> Result<Outcome, SqlError>;

    /// Begins a transaction. One that `writes` takes its locks now where the engine has one lock for all.
    fn begin(&mut self, writes: bool, stop: &Arc<Stop>) -> Result<(), SqlError>;

    /// Ends the transaction and keeps what it did.
    fn commit(&mut self, stop: &Arc<Stop>) -> Result<(), SqlError>;

    /// Undoes the transaction, if one is open.
    fn rollback(&mut self) -> Result<(), SqlError>;
}

/// What a statement may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most bytes of a result. (Redshift's own bound is 500 MB.)
    pub result_bytes: usize,
    /// The most bytes of a row. Redshift's Data API has 64 KB.
    pub row_bytes: usize,
    /// How long a statement waits for another one's lock, on the wall clock.
    pub lock_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            result_bytes: 64 * 1024 * 1024,
            row_bytes: 64 * 1024,
            lock_wait: Duration::from_secs(600),
        }
    }
}

/// Why SQL did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// It failed. The text is the engine's, after `ERROR: `.
    #[error("ERROR: {0}")]
    Failed(String),
    /// It was stopped on request.
    #[error("the statement was cancelled")]
    Stopped,
}
