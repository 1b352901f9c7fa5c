//! Walks over the statements of an execution.

use super::{Store, items};
use crate::{ids::RecordId, ports::LedgerError};

impl Store {
    /// Open records of an execution that were made before `before` (milliseconds since the Unix epoch), from where
    /// `after` says on: at most `limit`, and where to go on if there may be more.
    ///
    /// # Errors
    /// As [`Store::find`].
    pub async fn open_of_execution(
        &self,
        execution_arn: &str,
        before: i64,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<RecordId>, Option<String>), LedgerError> {
        let query = items::execution_query(execution_arn, before, after, limit);
        let page = self
            .read(self.ledger.query(self.now_seconds(), &query))
            .await?;
        // What belongs to a closed record has a TTL.
        let open = page.items.iter().filter(|item| item.expires_at.is_none());
        let records = open.filter_map(items::leads_to).collect();
        let last = page.items.last().filter(|_| page.more);
        Ok((records, last.map(|item| item.key.invocation_id.clone())))
    }
}
