//! Walks over many records: what is due, what belongs to an execution.

use std::collections::VecDeque;

use super::{Store, items};
use crate::{ids::RecordId, ports::LedgerError};

/// A walk through what is due.
#[derive(Debug)]
pub struct Due {
    up_to: i64,
    /// The lists that are left, and after which key each goes on.
    lists: VecDeque<(u8, Option<String>)>,
}

impl Store {
    /// A walk through the records whose time has come by now.
    #[must_use]
    pub fn due(&self) -> Due {
        let shards = items::DUE_SHARDS;
        // Which list comes first changes from second to second, so that a list that takes all the time of a sweep does
        // not keep the others waiting.
        let first = u8::try_from(self.now_seconds().rem_euclid(i64::from(shards))).unwrap_or(0);
        Due {
            up_to: self.now(),
            lists: (0..shards)
                .map(|place| ((first + place) % shards, None))
                .collect(),
        }
    }

    /// The next records of a walk, at most `limit`, the most overdue first in each of the lists. None when the walk is
    /// over. A record that could not be worked on does not come again in the same walk.
    ///
    /// # Errors
    /// As [`Store::find`].
    pub async fn next_due(
        &self,
        due: &mut Due,
        limit: usize,
    ) -> Result<Option<Vec<RecordId>>, LedgerError> {
        let Some((shard, after)) = due.lists.pop_front() else {
            return Ok(None);
        };
        let mut query = items::due_query(&self.options.deployment, shard, due.up_to, limit);
        query.after = after;
        let page = self
            .read(self.ledger.query(self.now_seconds(), &query))
            .await?;
        if let Some(last) = page.items.last().filter(|_| page.more) {
            due.lists
                .push_back((shard, Some(last.key.invocation_id.clone())));
        }
        Ok(Some(
            page.items.iter().filter_map(items::leads_to).collect(),
        ))
    }

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
