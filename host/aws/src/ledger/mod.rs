//! DynamoDB: the port [`Ledger`] over the AWS SDK.

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
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use signalbox_tasker::ports::{Item, Key, Ledger, LedgerError, Page, Query, Write, WriteError};
use tokio::sync::OnceCell;

use crate::session::{Limits, Session};
pub use inspect::Inspection;
use table::{TableError, TableReport};

/// How long one try of a call may take.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long all tries of a call together may take.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(8);

/// Keeps items in one table of the host's own account and region. The table has the original's keys; see
/// [`table`].
#[derive(Debug)]
pub struct DynamoLedger {
    session: Arc<Session>,
    table: String,
    client: OnceCell<Client>,
}

impl DynamoLedger {
    /// Of this table: its name or ARN. Makes no client yet.
    #[must_use]
    pub fn new(session: Arc<Session>, table: impl Into<String>) -> Self {
        Self {
            session,
            table: table.into(),
            client: OnceCell::new(),
        }
    }

    /// Creates the table, or completes one that is there; see [`table::create`].
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn create_table(&self) -> Result<TableReport, TableError> {
        let client = self
            .client()
            .await
            .map_err(|error| TableError::Refused(error.to_string()))?;
        table::create(client, &self.table).await
    }

    /// Looks at the table and changes nothing; none if there is no table of this name.
    ///
    /// # Errors
    /// See [`TableError`].
    pub async fn inspect_table(&self) -> Result<Option<Inspection>, TableError> {
        let client = self
            .client()
            .await
            .map_err(|error| TableError::Refused(error.to_string()))?;
        inspect::inspect(client, &self.table).await
    }

    async fn client(&self) -> Result<&Client, LedgerError> {
        let make = || async {
            let base = self
                .session
                .home()
                .await
                .map_err(|error| LedgerError::Refused(error.to_string()))?;
            let limits = Limits {
                attempt: ATTEMPT_TIMEOUT,
                operation: OPERATION_TIMEOUT,
            }
            .config();
            Ok(Client::from_conf(
                Builder::from(base).timeout_config(limits).build(),
            ))
        };
        self.client.get_or_try_init(make).await
    }
}

#[async_trait]
impl Ledger for DynamoLedger {
    async fn get(&self, now: i64, key: &Key) -> Result<Option<Item>, LedgerError> {
        let call = self
            .client()
            .await?
            .get_item()
            .table_name(&self.table)
            .consistent_read(true);
        let reply = call.set_key(Some(attributes::key(key))).send().await;
        let reply = reply.map_err(|error| errors::read(&error, &self.table))?;
        let item = reply
            .item
            .map(attributes::item)
            .transpose()
            .map_err(LedgerError::Refused)?;
        Ok(item.filter(|item| conditions::live(now, item)))
    }

    async fn write(&self, now: i64, writes: Vec<Write>) -> Result<(), WriteError> {
        writes::all_or_none(self.client().await?, &self.table, now, writes).await
    }

    async fn query(&self, now: i64, query: &Query) -> Result<Page, LedgerError> {
        ranges::read(self.client().await?, &self.table, now, query).await
    }
}
