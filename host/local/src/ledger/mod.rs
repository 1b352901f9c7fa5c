//! The ledger for one machine: items in a SQLite file, or in memory.
//!
//! All rules are those of [`Ledger`]; conditions and writes of a call are one transaction, so several processes may
//! share a file.

mod table;

use async_trait::async_trait;
use rusqlite::{Connection, Error, ErrorCode};
use signalbox_tasker::ports::{Item, Key, Ledger, LedgerError, Page, Query, Write, WriteError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The most bytes of an item, as DynamoDB counts about: what would not fit there shall not fit here.
const ITEM_BYTES: usize = 400 * 1024;
/// The most writes of one call.
const WRITES: usize = 25;
/// How long a call waits for another process.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// An embedded ledger. Clones share one connection.
#[derive(Debug, Clone)]
pub struct EmbeddedLedger(Arc<Mutex<Connection>>);

impl EmbeddedLedger {
    /// Opens the ledger in a file, which is made if it is missing.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        // What is wrong with the file SQLite says itself.
        let _ = crate::private::file(path);
        Connection::open(path)
            .and_then(Self::set_up)
            .map_err(|error| {
                LedgerError::Refused(format!("{} cannot be opened: {error}", path.display()))
            })
    }

    /// Opens a ledger in memory. It goes with the last clone.
    pub fn in_memory() -> Result<Self, LedgerError> {
        Connection::open_in_memory()
            .and_then(Self::set_up)
            .map_err(|error| ledger_error(&error))
    }

    fn set_up(connection: Connection) -> rusqlite::Result<Self> {
        connection.busy_timeout(LOCK_WAIT)?;
        // Readers do not wait for a writer. An acknowledged write survives the process, which is what counts here.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "normal")?;
        table::create(&connection)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Does something on a thread that may block.
    async fn run<T: Send + 'static, E: From<LedgerError> + Send + 'static>(
        &self,
        act: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let connection = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            act(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        match done.await {
            Ok(result) => result,
            Err(error) => Err(LedgerError::Unavailable(error.to_string()).into()),
        }
    }
}

#[async_trait]
impl Ledger for EmbeddedLedger {
    async fn get(&self, now: i64, key: &Key) -> Result<Option<Item>, LedgerError> {
        let key = key.clone();
        self.run(move |connection| {
            table::get(connection, now, &key).map_err(|error| ledger_error(&error))
        })
        .await
    }

    async fn write(&self, now: i64, writes: Vec<Write>) -> Result<(), WriteError> {
        check(&writes)?;
        self.run(move |connection| {
            let failed = |error: Error| WriteError::Ledger(ledger_error(&error));
            let conflicts = table::write(connection, now, &writes).map_err(failed)?;
            if conflicts.is_empty() {
                Ok(())
            } else {
                Err(WriteError::Conflict(conflicts))
            }
        })
        .await
    }

    async fn query(&self, now: i64, query: &Query) -> Result<Page, LedgerError> {
        let query = query.clone();
        self.run(move |connection| {
            table::query(connection, now, &query).map_err(|error| ledger_error(&error))
        })
        .await
    }
}

/// Refuses what DynamoDB would refuse.
fn check(writes: &[Write]) -> Result<(), WriteError> {
    let refuse = |text: String| Err(WriteError::Ledger(LedgerError::Refused(text)));
    if !(1..=WRITES).contains(&writes.len()) {
        return refuse(format!(
            "a call has {} writes; allowed are 1 to {WRITES}",
            writes.len()
        ));
    }
    for (at, write) in writes.iter().enumerate() {
        let key = table::key_of(write);
        if writes
            .iter()
            .take(at)
            .any(|other| table::key_of(other) == key)
        {
            return refuse(format!(
                "a call writes the item {} {} twice",
                key.id, key.invocation_id
            ));
        }
        if key.id.is_empty() || key.invocation_id.is_empty() {
            return refuse("a key has an empty part".to_owned());
        }
        if let Write::Put { item, .. } = write {
            let size = size(item);
            if size > ITEM_BYTES {
                return Err(WriteError::TooLarge(format!(
                    "the item has {size} bytes, at most {ITEM_BYTES} are allowed"
                )));
            }
        }
    }
    Ok(())
}

fn size(item: &Item) -> usize {
    let body: usize = item
        .body
        .iter()
        .map(|(name, value)| name.len() + value.to_string().len())
        .sum();
    item.key.id.len() + item.key.invocation_id.len() + body
}

fn ledger_error(error: &Error) -> LedgerError {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::SystemIoFailure
            | ErrorCode::OperationInterrupted
            | ErrorCode::OutOfMemory,
        ) => LedgerError::Unavailable(error.to_string()),
        _ => LedgerError::Refused(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
