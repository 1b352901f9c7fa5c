//! A connection to one database of PostgreSQL.

use super::super::engine::{Connection, Limits, SqlError};
use super::super::stop::Stop;
use super::super::value::{Cell, Column, Outcome, ResultSet, Table};
use super::engine::connect;
use super::rewrite::rewrite;
use super::{catalog, error, types};
use futures_util::StreamExt as _;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, SimpleQueryMessage};

/// How long to wait for the effect of a cancel before it is repeated.
const CANCEL_PAUSE: Duration = Duration::from_millis(250);

/// A connection of PostgreSQL.
#[derive(Debug)]
pub(super) struct PostgresConnection {
    runtime: Handle,
    client: Client,
    pid: i64,
    /// How to reach the server to cancel what runs here.
    canceller: Config,
    limits: Limits,
}

/// Why SQL did not succeed, before it is known whether it was stopped.
pub(super) enum Failure {
    Server(tokio_postgres::Error),
    Other(String),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl PostgresConnection {
    pub(super) async fn new(
        runtime: Handle,
        client: Client,
        canceller: Config,
        limits: Limits,
    ) -> Result<Self, tokio_postgres::Error> {
        let row = client.query_one("select pg_backend_pid()", &[]).await?;
        let pid: i32 = row.try_get(0)?;
        Ok(Self {
            runtime,
            client,
            pid: i64::from(pid),
            canceller,
            limits,
        })
    }

    /// Does the work, unless it is stopped: then the server is told to cancel it.
    fn unless_stopped<T>(
        &self,
        stop: &Stop,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, SqlError> {
        if stop.is_stopped() {
            return Err(SqlError::Stopped);
        }
        let done = self.runtime.block_on(async {
            let mut work = pin!(work);
            tokio::select! {
                done = &mut work => return done,
                () = stop.stopped() => {}
            }
            loop {
                // A cancel that comes before the statement has reached the server is lost: it is repeated.
                self.cancel().await;
                if let Ok(done) = tokio::time::timeout(CANCEL_PAUSE, &mut work).await {
                    return done;
                }
            }
        });
        done.map_err(|failure| match failure {
            Failure::Server(error)
                if stop.is_stopped() && error.code() == Some(&SqlState::QUERY_CANCELED) =>
            {
                SqlError::Stopped
            }
            Failure::Server(error) => SqlError::Failed(error::text(&error)),
            Failure::Other(text) => SqlError::Failed(text),
        })
    }

    /// Cancels what runs here. When it returns, the signal was sent: it cannot hit a later statement.
    async fn cancel(&self) {
        let cancelled = async {
            let client = connect(&self.canceller).await?;
            client
                .batch_execute(&format!("select pg_cancel_backend({})", self.pid))
                .await
        };
        if let Err(error) = cancelled.await {
            tracing::warn!(
                error = error::text(&error),
                "a statement could not be cancelled yet"
            );
        }
    }

    async fn attempt(&self, sql: &str) -> Result<Outcome, Failure> {
        // It tells the types, which the simple protocol does not; that one gives all values as texts.
        let prepared = self.client.prepare(sql).await?;
        let columns = catalog::result_columns(&self.client, prepared.columns()).await?;
        let mut answer = pin!(self.client.simple_query_raw(sql).await?);
        let mut result = ResultSet {
            columns,
            ..ResultSet::default()
        };
        let mut changed = 0;
        while let Some(message) = answer.next().await {
            match message? {
                SimpleQueryMessage::CommandComplete(rows) => changed = rows,
                SimpleQueryMessage::Row(row) => {
                    let mut cells = Vec::with_capacity(result.columns.len());
                    for (at, column) in result.columns.iter().enumerate() {
                        cells.push(types::cell(&column.type_name, row.try_get(at)?));
                    }
                    if let Err(text) = self.take_in(&mut result, cells) {
                        self.cancel().await;
                        // The rest is not wanted, nor is its error; only its end is, or that of the connection.
                        while let Some(rest) = answer.next().await {
                            if rest.is_err_and(|error| error.is_closed()) {
                                break;
                            }
                        }
                        return Err(Failure::Other(text));
                    }
                }
                _ => {}
            }
        }
        Ok(if result.columns.is_empty() {
            Outcome {
                result: None,
                changed,
            }
        } else {
            Outcome {
                result: Some(result),
                changed: 0,
            }
        })
    }

    fn take_in(&self, result: &mut ResultSet, cells: Vec<Cell>) -> Result<(), String> {
        let size = cells.iter().map(Cell::size).sum();
        result.size += size;
        self.limits.check(size, result.size)?;
        result.rows.push(cells);
        Ok(())
    }

    fn plain(&self, sql: &str, stop: &Stop) -> Result<(), SqlError> {
        self.unless_stopped(stop, async { Ok(self.client.batch_execute(sql).await?) })
    }
}

impl Connection for PostgresConnection {
    fn pid(&self) -> i64 {
        self.pid
    }

    fn run(
        &mut self,
        sql: &str,
        parameters: &[(String, String)],
        stop: &Arc<Stop>,
    ) -> Result<Outcome, SqlError> {
        let sql = rewrite(sql, parameters).map_err(SqlError::Failed)?;
        self.unless_stopped(stop, self.attempt(&sql))
    }

    fn begin(&mut self, _writes: bool, stop: &Arc<Stop>) -> Result<(), SqlError> {
        self.plain("begin", stop)
    }

    fn commit(&mut self, stop: &Arc<Stop>) -> Result<(), SqlError> {
        self.plain("commit", stop)
    }

    fn rollback(&mut self) -> Result<(), SqlError> {
        // A stopped statement must not stop this too.
        self.plain("rollback", &Stop::new())
    }

    fn schemas(&mut self) -> Result<Vec<String>, SqlError> {
        self.unless_stopped(&Stop::new(), catalog::schemas(&self.client))
    }

    fn tables(&mut self) -> Result<Vec<Table>, SqlError> {
        self.unless_stopped(&Stop::new(), catalog::tables(&self.client))
    }

    fn columns(
        &mut self,
        schema: Option<&str>,
        table: Option<&str>,
    ) -> Result<Vec<Column>, SqlError> {
        self.unless_stopped(&Stop::new(), catalog::columns(&self.client, schema, table))
    }
}
