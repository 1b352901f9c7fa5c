//! Reads and writes records: every step of a record is one conditional write, in a transaction with what has to be true at
//! the same moment.

mod due;
mod latest;
mod locks;
mod open;
mod raised;
mod reservation;
mod sessions;
mod work;
mod writing;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, timeout_at};

use super::{Record, items};
use crate::{
    ids::{RecordId, digest},
    options::Options,
    ports::{Clock, Expect, Item, Key, Ledger, LedgerError, Write, WriteError},
};

pub use self::{
    due::{Due, DueList, DuePage, Lease},
    latest::Latest,
    locks::LockRevision,
    open::Open,
    reservation::Reserve,
    work::NewestOfWork,
};
use writing::Written;

/// Pauses between tries of a write that nobody acknowledged.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The bits of a revision in which the writes of one record are counted.
const STEP_BITS: u32 = 20;

/// A record as it was read or written, with the revision that the next write expects.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The record.
    pub record: Record,
    revision: u64,
}

/// What became of a step.
#[derive(Debug)]
pub enum Advance {
    /// It was written.
    Done(Stored),
    /// Somebody else was there first: what is there now. None if the record has expired.
    Lost(Option<Stored>),
}

/// What became of an update.
#[derive(Debug)]
pub enum Updated {
    /// It was written.
    Done(Stored),
    /// The record is left as it is now.
    Left(Stored),
    /// The record has expired.
    Gone,
}

/// Records in a ledger.
#[derive(Clone)]
pub struct Store {
    pub(super) ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    pub(super) options: Arc<Options>,
    process: Arc<str>,
    writes: Arc<AtomicU64>,
    reads_until: Option<Instant>,
}

impl Stored {
    /// Whether the two are the same record at two moments, and not two that had the same id.
    fn is_same_as(&self, other: &Self) -> bool {
        self.revision >> STEP_BITS == other.revision >> STEP_BITS
    }
}

impl Store {
    /// Records of a deployment.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>, options: Arc<Options>) -> Self {
        // Unique among processes: the hasher's seed is random, and the time is the start's.
        let seed =
            std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), std::process::id());
        let started = clock.now().as_nanosecond();
        let process = digest(&[&seed.to_string(), &started.to_string()]);
        let process = process.get(..16).unwrap_or(&process).into();
        Self {
            ledger,
            clock,
            options,
            process,
            writes: Arc::new(AtomicU64::new(0)),
            reads_until: None,
        }
    }

    /// The same records, for an event that has to be answered by then: no read takes longer.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self {
            reads_until: Some(deadline),
            ..self.clone()
        }
    }

    /// The time, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    pub(super) fn now_seconds(&self) -> i64 {
        self.clock.now().as_second()
    }

    /// Reads a record; by the id of a later attempt the one that the attempt waits for.
    ///
    /// # Errors
    /// The ledger could not be asked, or holds a record that this version cannot read.
    pub async fn find(&self, id: &RecordId) -> Result<Option<Stored>, LedgerError> {
        let item = self.get(&items::record_key(id)).await?;
        self.led_to(item).await
    }

    /// The record that an item is, or that it leads to as a later attempt.
    async fn led_to(&self, mut item: Option<Item>) -> Result<Option<Stored>, LedgerError> {
        if let Some(owner) = item.as_ref().and_then(items::attempt_of) {
            item = self.get(&items::record_key(&owner)).await?;
        }
        item.map(|item| stored(&item)).transpose()
    }

    pub(super) async fn get(&self, key: &Key) -> Result<Option<Item>, LedgerError> {
        self.read(self.ledger.get(self.now_seconds(), key)).await
    }

    pub(super) async fn read<T>(
        &self,
        read: impl Future<Output = Result<T, LedgerError>>,
    ) -> Result<T, LedgerError> {
        match self.reads_until {
            Some(deadline) => in_time(deadline, read).await,
            None => read.await,
        }
    }

    /// Reads the record of a statement.
    ///
    /// # Errors
    /// As [`Store::find`].
    pub async fn find_by_statement(
        &self,
        statement_id: &str,
    ) -> Result<Option<Stored>, LedgerError> {
        let found = self.find_by_statement_of_any(statement_id).await?;
        Ok(found.filter(|found| self.is_own(found)))
    }

    /// As [`Store::find_by_statement`], whichever deployment it belongs to.
    ///
    /// # Errors
    /// As [`Store::find`].
    pub async fn find_by_statement_of_any(
        &self,
        statement_id: &str,
    ) -> Result<Option<Stored>, LedgerError> {
        match self.get(&items::statement_key(statement_id)).await? {
            Some(item) => self.find_by(&item).await,
            None => Ok(None),
        }
    }

    /// Reads the record that an index item leads to; none if it is gone, or is not found by this item.
    async fn find_by(&self, item: &Item) -> Result<Option<Stored>, LedgerError> {
        let Some(id) = items::leads_to(item) else {
            return Ok(None);
        };
        let found = self.find(&id).await?;
        Ok(found.filter(|found| items::is_found_by(&found.record, &item.key)))
    }

    /// Whether a record is one of this deployment: others may share the table.
    fn is_own(&self, stored: &Stored) -> bool {
        stored.record.deployment == self.options.deployment
    }

    /// Takes a record a step further, if nobody else did meanwhile.
    ///
    /// # Errors
    /// The write was refused, or not acknowledged by `deadline`; then it may have been made.
    pub async fn advance(
        &self,
        current: &Stored,
        next: Record,
        deadline: Instant,
    ) -> Result<Advance, WriteError> {
        let store = self.until(deadline);
        let stepped = async {
            let freed = store.lock_after(current, &next).await?;
            store
                .step(current, next, freed.into_iter().collect(), deadline)
                .await
        };
        let (advance, left_over) = in_time(deadline, stepped).await?;
        self.remove(left_over, deadline).await;
        Ok(advance)
    }

    /// Takes a record from where it is now to where `change` says. If somebody else writes meanwhile, it is asked again
    /// about what is there then; None leaves the record as it is.
    ///
    /// # Errors
    /// As [`Store::advance`].
    pub async fn update(
        &self,
        mut current: Stored,
        deadline: Instant,
        mut change: impl FnMut(&Record) -> Option<Record>,
    ) -> Result<Updated, WriteError> {
        loop {
            let Some(next) = change(&current.record) else {
                return Ok(Updated::Left(current));
            };
            match self.advance(&current, next, deadline).await? {
                Advance::Done(now) => return Ok(Updated::Done(now)),
                Advance::Lost(Some(now)) => current = now,
                Advance::Lost(None) => return Ok(Updated::Gone),
            }
        }
    }

    /// Writes what comes after `current`, and what else has to be true with it. Also says what is left over then.
    async fn step(
        &self,
        current: &Stored,
        next: Record,
        beside: Vec<Write>,
        deadline: Instant,
    ) -> Result<(Advance, Vec<Write>), WriteError> {
        let revision = current.revision + 1;
        let written = self.write(Some(current), next, revision, beside, deadline);
        Ok(match written.await? {
            Written::Done { stored, left_over } => (Advance::Done(*stored), left_over),
            Written::Lost { there, .. } => (Advance::Lost(self.led_to(there).await?), Vec::new()),
        })
    }

    /// Removes a record that nothing came of, so that the same work can be asked for again.
    ///
    /// # Errors
    /// As [`Store::advance`].
    pub async fn forget(&self, current: &Stored, deadline: Instant) -> Result<(), WriteError> {
        let store = self.until(deadline);
        in_time(deadline, store.try_forget(current.clone(), deadline)).await
    }

    async fn try_forget(&self, mut current: Stored, deadline: Instant) -> Result<(), WriteError> {
        let mut pause = PAUSE;
        loop {
            let key = items::record_key(&current.record.record_id);
            let mut writes = vec![Write::Delete {
                key,
                expect: Expect::Revision(current.revision),
            }];
            if let Some(lock) = items::lock_item(&current.record) {
                writes.extend(self.own_lock(&lock).await?);
            }
            let expires_at = self.retained_until(self.now_seconds());
            writes.extend(items::index_removals(&current.record, expires_at));
            match self.ledger.write(self.now_seconds(), writes).await {
                Ok(()) => return Ok(()),
                Err(WriteError::Ledger(LedgerError::Unavailable(_)))
                    if Instant::now() + pause < deadline =>
                {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                // Its own first try, or somebody who only moved when it is looked at next.
                Err(WriteError::Conflict(positions)) => {
                    match self.find(&current.record.record_id).await? {
                        None => return Ok(()),
                        // Somebody asked for the same work again meanwhile.
                        Some(now) if !now.is_same_as(&current) => return Ok(()),
                        // Another delivery that took the start up since gave it a time of its own.
                        Some(now) if now.record.life == current.record.life => current = now,
                        Some(_) => return Err(WriteError::Conflict(positions)),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// When what ends at `end` goes, in seconds since the Unix epoch.
    fn retained_until(&self, end: i64) -> i64 {
        let retention = i64::try_from(self.options.retention.as_secs()).unwrap_or(i64::MAX);
        end.saturating_add(retention)
    }

    /// Tells a write of this process from every other.
    fn next_writer(&self) -> String {
        let number = self.writes.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", self.process)
    }
}

/// Bounds a step or a read: a ledger that does not answer at all is one whose answer was lost.
async fn in_time<T, E: From<LedgerError>>(
    deadline: Instant,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    timeout_at(deadline, step).await.unwrap_or_else(|_| {
        let reason = "it did not answer within the time of this invocation";
        Err(LedgerError::Unavailable(reason.to_owned()).into())
    })
}

fn stored(item: &Item) -> Result<Stored, LedgerError> {
    items::decode(item)
        .map(|record| Stored {
            record,
            revision: item.revision,
        })
        .map_err(|error| LedgerError::Unreadable(format!("`{}`: {error}", item.key.id)))
}
