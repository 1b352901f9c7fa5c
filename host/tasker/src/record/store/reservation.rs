//! Writes the record of a statement that is about to start, with all that has to be true with it.

use tokio::time::Instant;

use super::{LockRevision, STEP_BITS, Store, Stored, Written, in_time, locks, sessions, work};
use crate::{
    ports::WriteError,
    record::{Record, Session, items},
};

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

impl Store {
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
        let lock = locks::take(&record, take_over);
        let lock_key = items::lock_item(&record).map(|item| item.key);
        let (id, work) = (record.record_id.clone(), record.work.clone());
        let taken = session.and_then(|session| sessions::take(&record, session));
        let beside = lock.into_iter().chain(work::first_write(&record));
        let beside = beside.chain(taken).collect();
        let session_id = record.session_id().map(str::to_owned);
        let first = self.first_revision();
        let written = self.write(None, record, first, beside, deadline);
        let (positions, there) = match written.await? {
            Written::Done { stored, .. } => return Ok(Reserve::New(*stored)),
            Written::Lost { positions, there } => (positions, there),
        };
        if let Some(known) = self.led_to(there).await? {
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
}
