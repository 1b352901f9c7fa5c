//! The statement of an execution that was recorded last, and the rows of the original among them.

use serde_json::Value;
use tokio::time::Instant;

use super::{Store, Stored, in_time};
use crate::{
    original::OriginalRow,
    ports::{Expect, Key, LedgerError, Write, WriteError},
    record::items,
    scope::Scope,
};

/// How many statements of an execution are read at once to find the latest.
const LATEST_ROWS: usize = 10;

/// The statement of an execution that was recorded last.
#[derive(Debug)]
pub enum Latest {
    /// One of this deployment.
    Record(Box<Stored>),
    /// One that the original started.
    Original(OriginalRow),
}

impl Latest {
    /// The record, if it is one.
    #[must_use]
    pub fn into_record(self) -> Option<Stored> {
        match self {
            Self::Record(stored) => Some(*stored),
            Self::Original(_) => None,
        }
    }
}

impl Store {
    /// Reads the record of an execution that was made last.
    ///
    /// # Errors
    /// As [`Store::find`].
    pub async fn latest(
        &self,
        execution_arn: &str,
        step: Option<&str>,
    ) -> Result<Option<Latest>, LedgerError> {
        self.latest_of(execution_arn, step, None).await
    }

    /// As [`Store::latest`], among the records of one world. Rows of the original are of none.
    ///
    /// # Errors
    /// As [`Store::find`].
    pub(crate) async fn latest_of(
        &self,
        execution_arn: &str,
        step: Option<&str>,
        scope: Option<&Scope>,
    ) -> Result<Option<Latest>, LedgerError> {
        let mut query = items::latest_query(execution_arn, step, LATEST_ROWS);
        loop {
            let page = self.ledger.query(self.now_seconds(), &query);
            let page = self.read(page).await?;
            for item in &page.items {
                if items::leads_to(item).is_none() {
                    match OriginalRow::read(item).filter(|_| scope.is_none()) {
                        Some(row) => return Ok(Some(Latest::Original(row))),
                        None => continue,
                    }
                }
                // A row may lead to a record that expired between the two reads, or to one of another deployment. And
                // the ARN is only what somebody says: it may be the key of anything in this table.
                let found = self.find_by(item).await?.filter(|found| {
                    self.is_own(found)
                        && found.record.asked_at(execution_arn).is_some()
                        && scope.is_none_or(|scope| scope.owns(&found.record))
                });
                if let Some(found) = found {
                    return Ok(Some(Latest::Record(Box::new(found))));
                }
            }
            // The next page begins with the last row of this one, since a range includes its upper end.
            let last = page.items.last().map(|item| item.key.invocation_id.clone());
            if !page.more || last == query.up_to {
                return Ok(None);
            }
            query.up_to = last;
        }
    }

    /// Reads a row of the original.
    ///
    /// # Errors
    /// The ledger could not be asked.
    pub async fn original_row(&self, key: &Key) -> Result<Option<OriginalRow>, LedgerError> {
        let item = self.get(key).await?;
        Ok(item.as_ref().and_then(OriginalRow::read))
    }

    /// Leaves a row of the original as the original leaves it when it has answered. One that is gone, or that somebody
    /// else has marked, is left alone.
    ///
    /// # Errors
    /// The ledger could not be asked; the row may have been written.
    pub async fn mark_original(
        &self,
        row: &OriginalRow,
        event: &Value,
        deadline: Instant,
    ) -> Result<(), WriteError> {
        let write = Write::Put {
            item: row.handled(event, self.retained_until(self.now_seconds())),
            expect: Expect::Revision(0),
        };
        let written = async { self.ledger.write(self.now_seconds(), vec![write]).await };
        match in_time(deadline, written).await {
            Err(WriteError::Conflict(_)) => Ok(()),
            written => written,
        }
    }
}
