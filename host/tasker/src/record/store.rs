//! Reads and writes records: every step of a record is one conditional transaction.

mod open;
mod sessions;
mod work;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    LONGEST_RUN_MS, Phase, Record, Session,
    items::{self, WRITER},
};
use crate::{
    ids::{RecordId, digest},
    options::Options,
    original::OriginalRow,
    ports::{Clock, Expect, Item, Key, Ledger, LedgerError, Write, WriteError},
    sabotage::{self, Bug},
};

pub use self::open::Open;
pub use work::NewestOfWork;

/// Pauses between tries of a write that nobody acknowledged.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How many statements of an execution are read at once to find the latest.
const LATEST_ROWS: usize = 10;
/// The bits of a revision in which the writes of one record are counted.
const STEP_BITS: u32 = 20;

/// A record as it was read or written, with the revision that the next write expects.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The record.
    pub record: Record,
    revision: u64,
}

/// What became of a reservation.
#[derive(Debug)]
pub enum Reserve {
    /// The record is new.
    New(Stored),
    /// There is one already.
    Known(Stored),
    /// Another record does the same work.
    WorkTaken,
    /// The session was given to another statement meanwhile.
    SessionTaken,
    /// Somebody else holds the lock.
    Locked {
        /// The owner's record, if it can still be read.
        owner: Option<Stored>,
        /// The lock as it was seen, to take it over; none if it was freed in between.
        lock: Option<LockRevision>,
    },
}

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

/// A lock as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockRevision(u64);

/// What became of a step.
#[derive(Debug)]
pub enum Advance {
    /// It was written.
    Done(Stored),
    /// Somebody else was there first: what is there now. None if the record has expired.
    Lost(Option<Stored>),
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
        let mut item = self.get(&items::record_key(id)).await?;
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
        let Some(item) = self.get(&items::statement_key(statement_id)).await? else {
            return Ok(None);
        };
        let found = match items::leads_to(&item) {
            Some(id) => self.find(&id).await?,
            None => None,
        };
        Ok(found.filter(|found| self.is_own(found)))
    }

    /// Whether a record is one of this deployment: others may share the table.
    fn is_own(&self, stored: &Stored) -> bool {
        stored.record.deployment == self.options.deployment
    }

    /// Reads the record of an execution that was made last.
    ///
    /// # Errors
    /// As [`Store::find`].
    pub async fn latest(
        &self,
        execution_arn: &str,
        step: Option<&str>,
    ) -> Result<Option<Latest>, LedgerError> {
        let mut query = items::latest_query(execution_arn, step, LATEST_ROWS);
        loop {
            let page = self.ledger.query(self.now_seconds(), &query);
            let page = self.read(page).await?;
            for item in &page.items {
                let Some(id) = items::leads_to(item) else {
                    match OriginalRow::read(item) {
                        Some(row) => return Ok(Some(Latest::Original(row))),
                        None => continue,
                    }
                };
                let found = self.find(&id).await?;
                // A row may lead to a record that expired between the two reads, or to one of another deployment. And
                // the ARN is only what somebody says: it may be the key of anything in this table.
                let found = found.filter(|found| {
                    self.is_own(found) && found.record.is_listed_for(execution_arn, step)
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
        let item = self.ledger.get(self.now_seconds(), key).await?;
        Ok(item.as_ref().and_then(OriginalRow::read))
    }

    /// Leaves a row of the original as the original leaves it when it has answered. One that is gone, or that somebody
    /// else has marked, is left alone.
    ///
    /// # Errors
    /// The ledger could not be asked; the row may have been written.
    pub async fn mark_original(&self, row: &OriginalRow, event: &Value) -> Result<(), WriteError> {
        let write = Write::Put {
            item: row.handled(event, self.retained_until(self.now_seconds())),
            expect: Expect::Revision(0),
        };
        match self.ledger.write(self.now_seconds(), vec![write]).await {
            Err(WriteError::Conflict(_)) => Ok(()),
            written => written,
        }
    }

    /// Writes a new record with its lock and its place in its work, or says who was there before. `take_over` is a lock that was seen and
    /// whose owner is known not to run.
    ///
    /// # Errors
    /// The write could not be made by `deadline`, or was refused. It may have been made; then the next sweep finds a
    /// reservation that nobody used.
    pub async fn reserve(
        &self,
        record: Record,
        take_over: Option<LockRevision>,
        deadline: Instant,
    ) -> Result<Reserve, WriteError> {
        self.reserve_in(record, take_over, None, deadline).await
    }

    /// As [`Store::reserve`], and takes the session that the statement runs in.
    ///
    /// # Errors
    /// As [`Store::reserve`].
    pub async fn reserve_in(
        &self,
        record: Record,
        take_over: Option<LockRevision>,
        session: Option<&Session>,
        deadline: Instant,
    ) -> Result<Reserve, WriteError> {
        let store = self.until(deadline);
        let reserved = store.try_reserve(record, take_over, session, deadline);
        in_time(deadline, reserved).await
    }

    async fn try_reserve(
        &self,
        record: Record,
        take_over: Option<LockRevision>,
        session: Option<&Session>,
        deadline: Instant,
    ) -> Result<Reserve, WriteError> {
        let lock = items::lock_item(&record).map(|mut item| {
            let expect = match take_over {
                Some(LockRevision(revision)) => {
                    item.revision = item.revision.max(revision + 1);
                    Expect::Revision(revision)
                }
                None => Expect::Absent,
            };
            Write::Put { item, expect }
        });
        let lock_key = items::lock_item(&record).map(|item| item.key);
        let (id, work) = (record.record_id.clone(), record.work.clone());
        let taken = session.and_then(|session| sessions::take(&record, session));
        let beside = lock.into_iter().chain(work::first_write(&record));
        let beside = beside.chain(taken).collect();
        let session_id = record.session_id().map(str::to_owned);
        let first = self.first_revision();
        let positions = match self.write(None, record, first, beside, deadline).await {
            Ok(stored) => return Ok(Reserve::New(stored)),
            Err(WriteError::Conflict(positions)) => positions,
            Err(error) => return Err(error),
        };
        if let Some(known) = self.find(&id).await? {
            return Ok(Reserve::Known(known));
        }
        if let Some(work) = work
            && self.generation(&work.scope).await? + 1 != work.generation
        {
            return Ok(Reserve::WorkTaken);
        }
        if let (Some(session), Some(id)) = (session, session_id)
            && self.session(&id).await?.as_ref() != Some(session)
        {
            return Ok(Reserve::SessionTaken);
        }
        let Some(key) = lock_key else {
            return Err(WriteError::Conflict(positions));
        };
        Ok(match self.locked(&key).await? {
            // Another invocation of the same task took it since the record was looked for.
            Reserve::Locked {
                owner: Some(owner), ..
            } if owner.record.record_id == id => Reserve::Known(owner),
            locked => locked,
        })
    }

    /// The first revision of a record: no other record has it, not even one of the same id that was removed before. A
    /// late repeat of a write to that one must not hit this one.
    fn first_revision(&self) -> u64 {
        let drawn = std::hash::BuildHasher::hash_one(
            &std::hash::RandomState::new(),
            self.process.as_bytes(),
        );
        // As much as every JSON reader takes for a whole number: 53 bits.
        (drawn >> (11 + STEP_BITS) << STEP_BITS) + 1
    }

    async fn locked(&self, key: &Key) -> Result<Reserve, WriteError> {
        let Some(item) = self.ledger.get(self.now_seconds(), key).await? else {
            return Ok(Reserve::Locked {
                owner: None,
                lock: None,
            });
        };
        let owner = match items::leads_to(&item) {
            Some(id) => self.find(&id).await?,
            None => None,
        };
        Ok(Reserve::Locked {
            owner,
            lock: Some(LockRevision(item.revision)),
        })
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
        in_time(deadline, store.try_advance(current, next, deadline)).await
    }

    async fn try_advance(
        &self,
        current: &Stored,
        next: Record,
        deadline: Instant,
    ) -> Result<Advance, WriteError> {
        let freed = match (&next.phase, items::lock_item(&current.record)) {
            (Phase::Started, Some(lock)) if sabotage::is(Bug::LockReleasedEarly) => {
                self.own_lock(&lock).await?
            }
            (Phase::Closed, Some(lock)) if next.has_ended() => self.own_lock(&lock).await?,
            // It stays for those who ask Redshift, as long as a statement can run.
            (Phase::Closed, Some(lock)) => {
                let since = next.starting_at.unwrap_or(next.recorded_at);
                let until = since.saturating_add(LONGEST_RUN_MS).div_euclid(1_000);
                self.held_lock(&lock).await?.map(|held| Write::Put {
                    expect: Expect::Revision(held.revision),
                    item: Item {
                        revision: held.revision + 1,
                        expires_at: Some(until),
                        ..held
                    },
                })
            }
            _ => None,
        };
        self.step(current, next, freed.into_iter().collect(), deadline)
            .await
    }

    /// Writes what comes after `current`, and what else has to be true with it.
    async fn step(
        &self,
        current: &Stored,
        next: Record,
        beside: Vec<Write>,
        deadline: Instant,
    ) -> Result<Advance, WriteError> {
        let id = next.record_id.clone();
        let revision = current.revision + 1;
        match self
            .write(Some(current), next, revision, beside, deadline)
            .await
        {
            Ok(stored) => Ok(Advance::Done(stored)),
            Err(WriteError::Conflict(_)) => Ok(Advance::Lost(self.find(&id).await?)),
            Err(error) => Err(error),
        }
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
        let phase = current.record.phase;
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
            writes.extend(items::index_removals(&current.record));
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
                        Some(now) if now.record.phase == phase => current = now,
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

    /// The removal of a lock, if the record still holds it.
    async fn own_lock(&self, lock: &Item) -> Result<Option<Write>, LedgerError> {
        Ok(self.held_lock(lock).await?.map(|held| Write::Delete {
            key: held.key,
            expect: Expect::Revision(held.revision),
        }))
    }

    /// A lock as it is now, if the record still holds it.
    async fn held_lock(&self, lock: &Item) -> Result<Option<Item>, LedgerError> {
        let held = self.ledger.get(self.now_seconds(), &lock.key).await?;
        Ok(held.filter(|held| items::leads_to(held) == items::leads_to(lock)))
    }

    /// Writes a record and what goes with it. Repeats a write that was not acknowledged, and recognises its own.
    async fn write(
        &self,
        before: Option<&Stored>,
        record: Record,
        revision: u64,
        beside: Vec<Write>,
        deadline: Instant,
    ) -> Result<Stored, WriteError> {
        let expires_at =
            (record.phase == Phase::Closed).then(|| self.retained_until(self.now_seconds()));
        let writer = format!(
            "{}-{}",
            self.process,
            self.writes.fetch_add(1, Ordering::Relaxed)
        );
        let item =
            items::encode(&record, revision, expires_at, &writer).map_err(WriteError::TooLarge)?;
        let key = item.key.clone();
        let expect = before.map_or(Expect::Absent, |before| Expect::Revision(before.revision));
        let mut writes = vec![Write::Put { item, expect }];
        writes.extend(beside);
        writes.extend(items::index_writes(
            before.map(|before| &before.record),
            &record,
            expires_at,
        ));

        let mut pause = PAUSE;
        let mut unacknowledged = false;
        loop {
            let result = self.ledger.write(self.now_seconds(), writes.clone()).await;
            match result {
                Ok(()) => return Ok(Stored { record, revision }),
                Err(WriteError::Ledger(LedgerError::Unavailable(reason))) => {
                    unacknowledged = true;
                    let wake = Instant::now() + pause;
                    if wake >= deadline {
                        return Err(WriteError::Ledger(LedgerError::Unavailable(reason)));
                    }
                    sleep_until(wake).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                // A store, or its client, that repeats a write finds its own first try.
                Err(WriteError::Conflict(positions)) => {
                    let there = self.ledger.get(self.now_seconds(), &key).await?;
                    let own = there
                        .as_ref()
                        .and_then(|item| item.body.get(WRITER))
                        .and_then(|w| w.as_str());
                    if own == Some(writer.as_str()) {
                        tracing::debug!(record = %record.record_id, unacknowledged, "an earlier try had been written");
                        return Ok(Stored { record, revision });
                    }
                    return Err(WriteError::Conflict(positions));
                }
                Err(error) => return Err(error),
            }
        }
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
