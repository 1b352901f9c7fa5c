//! What runs SQL: the seam between the Data API and the engines behind it.

use super::stop::Stop;
use super::value::{Column, Outcome, Table};
use std::sync::Arc;
use std::time::Duration;

/// Databases by name.
pub trait Engine: std::fmt::Debug + Send + Sync {
    /// The product, for people.
    fn name(&self) -> &'static str;

    /// Where other clients reach it, if they do.
    fn url(&self) -> Option<String> {
        None
    }

    /// Opens a connection to a database. It blocks the thread.
    fn connect(&self, database: &str) -> Result<Box<dyn Connection>, SqlError>;

    /// The names of the databases there are, in order. It blocks the thread.
    fn databases(&self) -> Result<Vec<String>, SqlError>;
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

    /// The names of the schemas, in order.
    fn schemas(&mut self) -> Result<Vec<String>, SqlError>;

    /// The tables and views, by schema and name.
    fn tables(&mut self) -> Result<Vec<Table>, SqlError>;

    /// The columns of the tables and views with these names, in order; of all where no name is given.
    fn columns(
        &mut self,
        schema: Option<&str>,
        table: Option<&str>,
    ) -> Result<Vec<Column>, SqlError>;
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

impl Limits {
    /// Says what is too large, of a row and of the result so far (in bytes).
    pub(super) fn check(&self, row: usize, result: usize) -> Result<(), String> {
        for (size, most, what) in [
            (row, self.row_bytes, "a row"),
            (result, self.result_bytes, "the result"),
        ] {
            if size > most {
                return Err(format!("{what} is larger than {most} bytes"));
            }
        }
        Ok(())
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
