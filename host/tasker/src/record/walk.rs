//! Walks over the statements of an execution.

use super::{Store, items};
use crate::{ids::RecordId, ports::LedgerError};

impl Store {
    /// Records of an execution that were made before `before` (milliseconds since the Unix epoch), the last one first: at
    /// most `limit`, from where `rest` says on, and the rest if there is more. Those that are over are among them.
    ///
    /// # Errors
    /// As [`Store::find`].
    pub async fn made_before(
        &self,
        execution_arn: &str,
        before: i64,
        rest: Option<String>,
        limit: usize,
    ) -> Result<(Vec<RecordId>, Option<String>), LedgerError> {
        let query = items::execution_query(execution_arn, before, rest.clone(), limit);
        let page = self
            .read(self.ledger.query(self.now_seconds(), &query))
            .await?;
        let records = page.items.iter().filter_map(items::leads_to).collect();
        // The next page begins with the last one of this, since a range includes its upper end.
        let last = page.items.last().filter(|_| page.more);
        let last = last.map(|item| item.key.invocation_id.clone());
        Ok((records, last.filter(|last| Some(last) != rest.as_ref())))
    }
}
