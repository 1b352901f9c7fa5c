//! Records as an operator asks for them: all that are open, and one by any of its names.

use tokio::task::JoinSet;

use super::{Store, Stored, items};
use crate::{
    ids::RecordId,
    ports::LedgerError,
    record::{Phase, items::ListName},
};

/// Items of a due list that are read at once.
const PAGE: usize = 200;

/// What the due lists lead to.
#[derive(Debug, Default)]
pub struct Open {
    /// The records, the oldest first.
    pub records: Vec<Stored>,
    /// Records that this version cannot read, each with the reason.
    pub unreadable: Vec<(RecordId, String)>,
}

impl Store {
    /// The ids of all open records of this deployment. Every open record is in a due list, so nothing is scanned.
    ///
    /// # Errors
    /// The ledger could not be asked.
    pub async fn open_ids(&self) -> Result<Vec<RecordId>, LedgerError> {
        let lists = self
            .each_list(|store, list| async move { store.ids_of(list).await })
            .await?;
        let mut ids = lists.concat();
        // A record that moves between two reads can be in two lists, and one that has moved can be left over in one.
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// All open records of this deployment.
    ///
    /// # Errors
    /// The ledger could not be asked.
    pub async fn open(&self) -> Result<Open, LedgerError> {
        let parts = self
            .each_list(|store, list| async move { store.open_of(list).await })
            .await?;
        let mut open = Open::default();
        for part in parts {
            open.records.extend(part.records);
            open.unreadable.extend(part.unreadable);
        }
        // A record that moves between the two reads can be in two lists' answers.
        open.records
            .sort_by(|a, b| order(&a.record).cmp(&order(&b.record)));
        open.records
            .dedup_by(|a, b| a.record.record_id == b.record.record_id);
        Ok(open)
    }

    /// The latest records of an execution, open or not, the last one first, whichever deployment they belong to.
    ///
    /// # Errors
    /// As [`Store::find`].
    pub async fn of_execution(
        &self,
        execution_arn: &str,
        limit: usize,
    ) -> Result<Vec<Stored>, LedgerError> {
        let query = items::latest_query(execution_arn, None, limit);
        let page = self
            .read(self.ledger.query(self.now_seconds(), &query))
            .await?;
        let mut found = Vec::new();
        for item in &page.items {
            found.extend(self.find_by(item).await?);
        }
        Ok(found)
    }

    /// Reads all lists at once: each is a partition of its own.
    async fn each_list<T, F>(
        &self,
        read: impl Fn(Self, ListName) -> F,
    ) -> Result<Vec<T>, LedgerError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, LedgerError>> + Send + 'static,
    {
        let mut reads: JoinSet<_> = items::due_lists()
            .map(|list| read(self.clone(), list))
            .collect();
        let mut parts = Vec::new();
        while let Some(part) = reads.join_next().await {
            parts.push(part.map_err(|error| LedgerError::Unavailable(error.to_string()))??);
        }
        Ok(parts)
    }

    async fn ids_of(&self, list: ListName) -> Result<Vec<RecordId>, LedgerError> {
        let mut ids = Vec::new();
        let mut after = None;
        loop {
            let query = items::open_query(&self.options.deployment, list, after, PAGE);
            let page = self
                .read(self.ledger.query(self.now_seconds(), &query))
                .await?;
            ids.extend(page.items.iter().filter_map(items::leads_to));
            after = page.items.last().map(|item| item.key.invocation_id.clone());
            if !page.more || after.is_none() {
                return Ok(ids);
            }
        }
    }

    async fn open_of(&self, list: ListName) -> Result<Open, LedgerError> {
        let mut open = Open::default();
        for id in self.ids_of(list).await? {
            match self.find(&id).await {
                // Of one that is closed only its statement is looked for.
                Ok(Some(stored)) if stored.record.phase() == Phase::Closed => {}
                Ok(Some(stored)) => open.records.push(stored),
                // Closed and expired since the list was read.
                Ok(None) => {}
                Err(LedgerError::Unreadable(reason)) => open.unreadable.push((id, reason)),
                Err(error) => return Err(error),
            }
        }
        Ok(open)
    }
}

fn order(record: &super::Record) -> (i64, &RecordId) {
    (record.recorded_at, &record.record_id)
}
