//! DynamoDB: the port [`Ledger`], by calls of its JSON protocol.

mod attributes;
mod backoff;
mod conditions;
mod errors;
mod inspect;
mod ranges;
pub mod table;
#[cfg(test)]
mod tests;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use signalbox_tasker::ports::{Item, Key, Ledger, LedgerError, Page, Query, Write, WriteError};
use tokio::sync::OnceCell;

use crate::session::{Limits, Session};
use attributes::{Found, KeyAttributes};
pub use inspect::Inspection;
use table::{Table, TableError, TableReport};

/// How long one try of a call may take.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long all tries of a call together may take.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(8);
const LIMITS: Limits = Limits {
    attempt: ATTEMPT_TIMEOUT,
    operation: OPERATION_TIMEOUT,
};

/// Keeps items in one table of the host's own account and region. The table has the original's keys; see
/// [`table`].
#[derive(Debug)]
pub struct DynamoLedger {
    session: Arc<Session>,
    name: String,
    table: OnceCell<Table>,
}

impl DynamoLedger {
    /// Of this table: its name or ARN. Reads nothing yet.
    #[must_use]
    pub fn new(session: Arc<Session>, table: impl Into<String>) -> Self {
        Self {
            session,
            name: table.into(),
            table: OnceCell::new(),
        }
    }

    /// Creates the table, or completes one that is there; see [`TableReport`].
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn create_table(&self) -> Result<TableReport, TableError> {
        self.table().await?.create().await
    }

    /// Looks at the table and changes nothing; none if there is no table of this name.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn inspect_table(&self) -> Result<Option<Inspection>, TableError> {
        inspect::inspect(self.table().await?).await
    }

    async fn table(&self) -> Result<&Table, LedgerError> {
        let open = || Table::open(&self.session, &self.name);
        self.table.get_or_try_init(open).await
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Get<'a> {
    table_name: &'a str,
    consistent_read: bool,
    key: KeyAttributes<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Got {
    item: Option<Found>,
}

#[async_trait]
impl Ledger for DynamoLedger {
    async fn get(&self, now: i64, key: &Key) -> Result<Option<Item>, LedgerError> {
        let table = self.table().await?;
        let request = Get {
            table_name: &table.name,
            consistent_read: true,
            key: KeyAttributes(key),
        };
        let reply = table.service.call("GetItem", &request).await;
        let reply: Got = reply.map_err(|fault| errors::read(fault, &table.name))?;
        let item = reply.item.map(Found::item).transpose();
        let item = item.map_err(LedgerError::Refused)?;
        Ok(item.filter(|item| conditions::live(now, item)))
    }

    async fn write(&self, now: i64, writes: Vec<Write>) -> Result<(), WriteError> {
        writes::all_or_none(self.table().await?, now, &writes).await
    }

    async fn query(&self, now: i64, query: &Query) -> Result<Page, LedgerError> {
        ranges::read(self.table().await?, now, query).await
    }
}
