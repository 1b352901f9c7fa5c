//! Works off what is overdue. Never starts SQL.
//!
//! The sweep is a scheduler. Due records run side by side, urgent ones first, then the oldest. A record is taken with a
//! lease that is written before Redshift is asked: whatever comes of the look, the record comes again later, and no other
//! sweep takes it meanwhile. Every list and every record fails alone. Each target has places of its own, and what hangs gives
//! its place to the next record.

use std::{
    ops::AddAssign,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_util::{
    FutureExt as _,
    future::join_all,
    stream::{FuturesUnordered, StreamExt as _},
};
use serde::Serialize;
use tokio::time::{Duration, Instant};

use super::{Call, attend::Turn, settler::Settler};
use crate::{
    ports::LedgerError,
    record::{Due, DueList, DuePage, Phase, Record, Stored},
    side_by_side::Lanes,
};

/// Records of one target that are worked on at once.
const PLACES: usize = 128;
/// Of these, records that are looked up by name: few such calls are allowed in a second, and each look-up needs some.
const LOOK_UPS: usize = 2;
/// A record that takes longer gives its place to the next one, and goes on.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most time that one record gets.
const RECORD_TIME: Duration = Duration::from_secs(10);
/// A record is begun with at least so much time left.
const LEAST_TIME: Duration = Duration::from_secs(2);
/// That is never more than this part of the sweep's time.
const LEAST_PART: u32 = 4;
/// The most time that reading a page of a list takes.
const LIST_TIME: Duration = Duration::from_secs(3);
/// Due records of one list that are read at once.
const PAGE: usize = 250;
/// The lists are read on when fewer records than this are under way.
const FEW: usize = 2 * PLACES;
/// A heartbeat that comes so much later than it should is worth an alarm.
const LATE_MS: i64 = 90 * 1_000;

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepSummary {
    /// Records looked at.
    pub examined: u32,
    /// Tasks that are answered now, or were found closed.
    pub settled: u32,
    /// Statements whose id was found by their name.
    pub adopted: u32,
    /// Records given up because nothing was ever started.
    pub abandoned: u32,
    /// Records left for a later sweep.
    pub postponed: u32,
    /// Whether the time was over before the work was, or something could not be reached. The next sweep goes on.
    pub unfinished: bool,
}

impl AddAssign for SweepSummary {
    fn add_assign(&mut self, other: Self) {
        self.examined += other.examined;
        self.settled += other.settled;
        self.adopted += other.adopted;
        self.abandoned += other.abandoned;
        self.postponed += other.postponed;
        self.unfinished |= other.unfinished;
    }
}

/// One sweep.
struct Sweep<'a> {
    settler: &'a Settler,
    call: &'a Call,
    /// When no record is begun any more.
    end: Instant,
    /// What is urgent takes no turn to describe after this, so that the rest has some.
    middle: Instant,
    /// Places of each target.
    lanes: Lanes,
    look_ups: Lanes,
    summary: Mutex<SweepSummary>,
}

/// What comes of a piece of the sweep's work: the rest of a list, and what is due of it.
type Work<'a> = Pin<Box<dyn Future<Output = Option<DuePage>> + Send + 'a>>;

impl Settler {
    /// Looks at every record whose time has come, as long as there is time.
    ///
    /// # Errors
    /// The ledger could not be asked for anything.
    pub(super) async fn sweep(&self, call: &Call) -> Result<SweepSummary, LedgerError> {
        let settler = self.within(call);
        let now = Instant::now();
        let time = call.deadline.saturating_duration_since(now);
        let least = LEAST_TIME.min(time / LEAST_PART);
        let sweep = Sweep {
            settler: &settler,
            call,
            end: now + time.saturating_sub(least),
            middle: now + time / 2,
            lanes: Lanes::new(PLACES, PATIENCE),
            look_ups: Lanes::new(LOOK_UPS, PATIENCE * 2),
            summary: Mutex::default(),
        };
        sweep.run().await
    }
}

impl<'a> Sweep<'a> {
    async fn run(&'a self) -> Result<SweepSummary, LedgerError> {
        let lists = self.settler.backend.store.due_lists();
        let count = lists.len();
        let firsts = join_all(lists.into_iter().map(|list| self.read(list))).await;
        let (mut first, mut rest, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for page in firsts {
            match page {
                Ok(page) => {
                    first.extend(page.due);
                    rest.extend(page.rest);
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.len() == count
            && let Some(error) = errors.pop()
        {
            return Err(error);
        }
        first.sort_by_key(|due| (!due.is_urgent, due.waits_since()));
        let mut works: FuturesUnordered<Work<'_>> =
            first.into_iter().map(|due| self.work(due)).collect();
        while !works.is_empty() || !rest.is_empty() {
            if works.len() < FEW {
                for list in rest.drain(..).filter(|_| self.has_time()) {
                    works.push(Box::pin(async move { self.read(list).await.ok() }));
                }
            }
            if let Some(Some(page)) = works.next().await {
                page.due
                    .into_iter()
                    .for_each(|due| works.push(self.work(due)));
                rest.extend(page.rest);
            }
        }
        Ok(self.summary().clone())
    }

    fn summary(&self) -> MutexGuard<'_, SweepSummary> {
        self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a record may still be begun.
    fn has_time(&self) -> bool {
        let has = Instant::now() < self.end;
        self.summary().unfinished |= !has;
        has
    }

    /// Reads on in a list. One that cannot be read keeps no other waiting.
    async fn read(&self, list: DueList) -> Result<DuePage, LedgerError> {
        let left = self.call.deadline.saturating_duration_since(Instant::now());
        let until = Instant::now() + LIST_TIME.min(left / LEAST_PART);
        let page = self.settler.backend.store.read_due(list, PAGE, until).await;
        if let Err(error) = &page {
            tracing::error!(%error, alarm = "DueListUnreadable", "a list of due records cannot be read");
            self.summary().unfinished = true;
        }
        page
    }

    fn work(&'a self, due: Due) -> Work<'a> {
        // Boxed when it has a place: what waits for one is small.
        Box::pin(async move {
            let target = due.target().to_owned();
            let work = async { Box::pin(self.guarded(due)).await };
            self.lanes.run(&target, work).await;
            None
        })
    }

    /// Works on one due record. A panic is that record's alone.
    async fn guarded(&self, due: Due) {
        let record = due.record_id.clone();
        let work = AssertUnwindSafe(self.one(due)).catch_unwind();
        if work.await.is_err() {
            tracing::error!(%record, alarm = "HostFault", "the host has a defect; the record is left for a later sweep");
            let mut summary = self.summary();
            summary.postponed += 1;
            summary.unfinished = true;
        }
    }

    /// Works on one due record.
    async fn one(&self, due: Due) {
        if !self.has_time() {
            return;
        }
        let Some(stored) = self.find(&due).await else {
            return;
        };
        match stored.record.is_looked_up() {
            true => {
                let target = due.target().to_owned();
                self.look_ups.run(&target, self.take(due, stored)).await;
            }
            false => self.take(due, stored).await,
        }
    }

    /// The record of a due item. None if there is nothing to do for it.
    async fn find(&self, due: &Due) -> Option<Stored> {
        let until = self.call.deadline.min(Instant::now() + LIST_TIME);
        let store = self.settler.backend.store.until(until);
        match store.find(&due.record_id).await {
            Ok(Some(stored)) if due.is_of(&stored) => Some(stored),
            Ok(_) => {
                if let Err(error) = store.drop_due(due, until).await {
                    tracing::warn!(record = %due.record_id, %error, "what is due of a record that has moved on or is gone was not removed");
                }
                None
            }
            Err(error) => {
                tracing::error!(record = %due.record_id, %error, alarm = "RecordUnreadable", "a due record cannot be read");
                *self.summary() += SweepSummary {
                    examined: 1,
                    postponed: 1,
                    ..SweepSummary::default()
                };
                if let Err(error) = store.lease(due, self.call.answer_by).await {
                    tracing::warn!(record = %due.record_id, %error, "a due record could not be put off");
                }
                None
            }
        }
    }

    /// Takes a record, and does for it what is to be done.
    async fn take(&self, due: Due, stored: Stored) {
        if !self.has_time() {
            return;
        }
        let Some(turn) = self.turn(&due, &stored.record).await else {
            self.summary().unfinished = true;
            return;
        };
        // The time of the record begins with its turn.
        let call = &self.call.until(Instant::now() + RECORD_TIME);
        let store = &self.settler.backend.store;
        let lease = match store.lease(&due, call.answer_by).await {
            Ok(Some(lease)) => lease,
            // Another sweep has it.
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(record = %due.record_id, %error, "a due record could not be taken");
                self.summary().unfinished = true;
                return;
            }
        };
        let mut summary = SweepSummary {
            examined: 1,
            ..SweepSummary::default()
        };
        let settling = self.settler.follow_up(call, stored, turn, &mut summary);
        let is_left = settling.await.is_none();
        *self.summary() += summary;
        // Others were asked about first: the next sweep begins with it.
        let beaten = turn == Turn::Missed;
        if is_left && let Err(error) = store.release(&lease, beaten, call.answer_by).await {
            tracing::debug!(record = %due.record_id, %error, "a due record was not given back");
        }
    }

    /// Waits for the turn of the first call that a record needs. None if there is none in this sweep; a heartbeat needs
    /// none.
    async fn turn(&self, due: &Due, record: &Record) -> Option<Turn> {
        let now = self.settler.backend.now();
        // As long as the id is not known, and once it is to end, none is sent.
        let beats =
            record.phase() == Phase::Started && record.is_beating() && !record.stops_at(now);
        let late = now.saturating_sub(due.beats_since());
        if beats && late > LATE_MS {
            tracing::warn!(record = %record.record_id, seconds = late / 1_000, alarm = "HeartbeatLate", "a heartbeat is late: the sweep comes less often than once a minute, or has more to do than it can; a task whose HeartbeatSeconds is short times out");
        }
        let describe_by = if due.is_urgent { self.middle } else { self.end };
        let turn = self.settler.first_turn(record, self.end, describe_by).await;
        Some(turn).filter(|turn| *turn != Turn::Missed || beats)
    }
}
