//! Records of the same work, and attempts that wait for another one's statement.

use tokio::time::Instant;

use super::{Advance, Store, Stored, in_time};
use crate::{
    ids::RecordId,
    ports::{Expect, LedgerError, Write, WriteError},
    record::{Record, items},
};

/// How long an attempt is remembered beside the retention, in seconds: longer than any record is open, since after 48
/// hours Redshift has forgotten the statement and the sweep gives up.
const ATTEMPT_LIFE: i64 = 72 * 60 * 60;

/// The newest statement that was started for a work.
#[derive(Debug)]
pub struct NewestOfWork {
    /// How many there were.
    pub generation: u64,
    /// Its record; none if it was removed.
    pub record: Option<Stored>,
}

impl Store {
    /// Reads the newest record of a work; none if there never was one, or it has expired.
    ///
    /// # Errors
    /// As [`Store::find`].
    pub async fn newest_of_work(&self, scope: &str) -> Result<Option<NewestOfWork>, LedgerError> {
        let key = items::work_key(scope);
        let Some(item) = self.get(&key).await? else {
            return Ok(None);
        };
        let record = match items::leads_to(&item) {
            Some(id) => self.find(&id).await?,
            None => None,
        };
        Ok(Some(NewestOfWork {
            generation: item.revision,
            record,
        }))
    }

    pub(super) async fn generation(&self, scope: &str) -> Result<u64, LedgerError> {
        let key = items::work_key(scope);
        let item = self.get(&key).await?;
        Ok(item.map_or(0, |item| item.revision))
    }

    /// Takes a record a step further as [`Store::advance`], and has `attempt` lead to it from now on.
    ///
    /// # Errors
    /// As [`Store::advance`].
    pub async fn attach(
        &self,
        current: &Stored,
        next: Record,
        attempt: &RecordId,
        deadline: Instant,
    ) -> Result<Advance, WriteError> {
        let expires_at = self.retained_until(self.now_seconds().saturating_add(ATTEMPT_LIFE));
        let write = Write::Put {
            item: items::attempt_item(attempt, &next, expires_at),
            expect: Expect::Absent,
        };
        let stepped = self.step(current, next, vec![write], deadline);
        let (advance, left_over) = in_time(deadline, stepped).await?;
        self.remove(left_over, deadline).await;
        Ok(advance)
    }
}

/// The write by which a new record becomes the newest one of its work.
pub(super) fn first_write(record: &Record) -> Option<Write> {
    let item = items::work_item(record, None)?;
    let expect = match item.revision {
        0 | 1 => Expect::Absent,
        generation => Expect::Revision(generation - 1),
    };
    Some(Write::Put { item, expect })
}
