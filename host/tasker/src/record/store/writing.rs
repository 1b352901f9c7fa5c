//! Makes the writes of one step of a record.

use std::time::Duration;

use futures_util::{
    TryFutureExt as _,
    future::{join_all, try_join, try_join_all},
};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{LONGEST_PAUSE, PAUSE, Store, Stored};
use crate::{
    ports::{Expect, Item, LedgerError, Write, WriteError},
    record::{
        MEMORY_MS, Phase, Record,
        items::{self, WRITER, Writes},
    },
};

/// How long the removal of what a record does not need any more may take.
const REMOVAL_TIME: Duration = Duration::from_secs(1);

impl Store {
    /// Removes what is left over after a step. The step is done, whatever comes of this: an index item expires, and the
    /// sweep drops what is due of a record that has moved on.
    pub(super) async fn remove(&self, left_over: Vec<Write>, deadline: Instant) {
        if left_over.is_empty() {
            return;
        }
        let end = deadline.min(Instant::now() + REMOVAL_TIME);
        let removals = left_over.into_iter();
        let removals = removals.map(|one| self.ledger.write(self.now_seconds(), vec![one]));
        let removed = timeout_at(end, join_all(removals)).await;
        if !removed.is_ok_and(|removed| removed.iter().all(Result::is_ok)) {
            tracing::debug!("what is left over after a step of a record could not be removed");
        }
    }

    /// Writes a record and what goes with it.
    pub(super) async fn write(
        &self,
        before: Option<&Stored>,
        mut record: Record,
        revision: u64,
        beside: Vec<Write>,
        deadline: Instant,
    ) -> Result<Written, WriteError> {
        let expires_at = self.expires_at(&record);
        self.index_for_long(&mut record, expires_at);
        let before_record = before.map(|before| &before.record);
        if let Some(before) = before_record {
            record = items::with_own_due(before, record);
        }
        let Writes { index, with, after } = items::writes(before_record, &record, expires_at);

        let writer = self.next_writer();
        let item =
            items::encode(&record, revision, expires_at, &writer).map_err(WriteError::TooLarge)?;
        let expect = before.map_or(Expect::Absent, |before| Expect::Revision(before.revision));
        let mut writes = vec![Write::Put { item, expect }];
        writes.extend(beside);
        writes.extend(with);

        let own = match before {
            Some(_) => {
                self.write_each(index, deadline).await?;
                self.write_own(writes, &writer, deadline).await?
            }
            // Nothing is started before all are written, so one need not wait for the other.
            None if record.statement_id().is_none() => {
                let own = self.write_own(writes, &writer, deadline);
                both(own, self.write_each(index, deadline)).await?
            }
            // By the id of its statement another record may be found, unless this one is written.
            None => {
                writes.extend(index);
                self.write_own(writes, &writer, deadline).await?
            }
        };
        Ok(match own {
            Own::Written => Written::Done {
                stored: Box::new(Stored { record, revision }),
                left_over: after,
            },
            Own::Lost { positions, there } => Written::Lost { positions, there },
        })
    }

    /// When a record goes, in seconds since the Unix epoch; none while it is open.
    fn expires_at(&self, record: &Record) -> Option<i64> {
        (record.phase() == Phase::Closed).then(|| {
            let retained = self.retained_until(self.now_seconds());
            let locked = record
                .holds_lock_until()
                .map(|until| until.div_euclid(1_000));
            // Whoever finds the lock asks how the record's statement is.
            locked.map_or(retained, |locked| retained.max(locked))
        })
    }

    /// Has the items by which a record is found stay as long as the record. As a rule they are written once: they stay long
    /// enough for any statement that Redshift remembers. A record that stays open longer has them written again.
    fn index_for_long(&self, record: &mut Record, expires_at: Option<i64>) {
        let needed = expires_at.unwrap_or_else(|| self.retained_until(self.now_seconds()));
        if record.indexed_until.is_none_or(|until| until < needed) {
            record.indexed_until = Some(needed.saturating_add(MEMORY_MS.div_euclid(1_000)));
        }
    }

    /// Writes items by themselves and side by side, each until it is acknowledged.
    async fn write_each(&self, writes: Vec<Write>, deadline: Instant) -> Result<(), WriteError> {
        let writes = writes.into_iter().map(|write| async move {
            let mut pauses = Pauses::until(deadline);
            loop {
                let written = self.ledger.write(self.now_seconds(), vec![write.clone()]);
                match written.await {
                    Err(error) => pauses.after(error).await?,
                    Ok(()) => return Ok(()),
                }
            }
        });
        try_join_all(writes).await.map(drop)
    }

    /// Makes the writes of a record, which is the first of them. Repeats those that were not acknowledged, and recognises
    /// its own. Who was faster is read for that, and told: there may be no time to read it again.
    async fn write_own(
        &self,
        writes: Vec<Write>,
        writer: &str,
        deadline: Instant,
    ) -> Result<Own, WriteError> {
        let mut pauses = Pauses::until(deadline);
        loop {
            let result = self.ledger.write(self.now_seconds(), writes.clone()).await;
            match (result, writes.first()) {
                // A store, or its client, that repeats a write finds its own first try.
                (Err(WriteError::Conflict(positions)), Some(Write::Put { item, .. })) => {
                    let there = self.ledger.get(self.now_seconds(), &item.key).await?;
                    let wrote = |item: &Item| item.body.get(WRITER).is_some_and(|w| w == writer);
                    return Ok(match there.as_ref().is_some_and(wrote) {
                        true => Own::Written,
                        false => Own::Lost { positions, there },
                    });
                }
                (Err(error), _) => pauses.after(error).await?,
                (Ok(()), _) => return Ok(Own::Written),
            }
        }
    }
}

/// Pauses between tries of a write that was not acknowledged, each twice as long as the one before.
struct Pauses {
    next: Duration,
    deadline: Instant,
}

impl Pauses {
    fn until(deadline: Instant) -> Self {
        Self {
            next: PAUSE,
            deadline,
        }
    }

    /// Waits for the next try.
    ///
    /// # Errors
    /// The error of the last one, if another would not help or come too late.
    async fn after(&mut self, error: WriteError) -> Result<(), WriteError> {
        let wake = Instant::now() + self.next;
        let is_passing = matches!(error, WriteError::Ledger(LedgerError::Unavailable(_)));
        if !is_passing || wake >= self.deadline {
            return Err(error);
        }
        sleep_until(wake).await;
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// What became of the writes of a record.
enum Own {
    /// They are made.
    Written,
    /// Somebody else wrote first.
    Lost {
        /// The conditions that did not hold, as in [`WriteError::Conflict`].
        positions: Vec<usize>,
        /// What is in the record's place.
        there: Option<Item>,
    },
}

/// The first write of a record, with those of the items by which it is found. Of a record that somebody else has written
/// they are not waited for.
async fn both(
    own: impl Future<Output = Result<Own, WriteError>>,
    index: impl Future<Output = Result<(), WriteError>>,
) -> Result<Own, WriteError> {
    let own = async {
        match own.await {
            Ok(Own::Written) => Ok(()),
            lost => Err(lost),
        }
    };
    match try_join(own, index.map_err(Err)).await {
        Ok(_) => Ok(Own::Written),
        Err(lost) => lost,
    }
}

/// What became of a write.
pub(super) enum Written {
    /// It is there.
    Done {
        /// The record.
        stored: Box<Stored>,
        /// What it does not need any more.
        left_over: Vec<Write>,
    },
    /// Somebody else wrote first.
    Lost {
        /// The conditions that did not hold, as in [`WriteError::Conflict`].
        positions: Vec<usize>,
        /// What is in the record's place.
        there: Option<Item>,
    },
}
