//! Works off what is overdue. Never starts SQL.
//!
//! The sweep is a scheduler. Due records run side by side, urgent ones first, then the oldest. A record is taken with a
//! lease that is written before Redshift is asked: whatever comes of the look, the record comes again later, and no other
//! sweep takes it meanwhile. Every list and every record fails alone. Each target has places of its own, and what hangs gives
//! its place to the next record.

use std::{
    ops::AddAssign,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_util::{
    future::join_all,
    stream::{FuturesUnordered, StreamExt as _},
};
use serde::Serialize;
use tokio::time::{Duration, Instant};

use super::{Call, Settling, Tasker, attend::Turn};
use crate::{
    ids::digest,
    ports::LedgerError,
    record::{Advance, Due, DueList, DuePage, Ending, Phase, Record, Stored},
    sabotage,
    side_by_side::{Lanes, Places},
};

/// Records of one target that are worked on at once.
const PLACES: usize = 64;
/// Of these, records that are looked up by name.
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
/// The longest a running statement is left alone, unless its first look comes later.
const LONGEST_WAIT_MS: i64 = 15 * 60 * 1_000;
/// An answer that is not taken is sent again for so long: no execution of Step Functions lives longer than a year.
const ANSWER_LIFE_MS: i64 = 366 * 24 * 60 * 60 * 1_000;
/// CloudFormation waits for an hour at most, and the address of a response expires soon after.
const RESPONSE_LIFE_MS: i64 = 48 * 60 * 60 * 1_000;

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
    tasker: &'a Tasker,
    call: &'a Call,
    /// What is left of the time when no record is begun any more.
    least: Duration,
    lanes: Lanes,
    /// Places of those that are looked up by name: few such calls are allowed in a second, and each look-up needs some.
    look_ups: Places,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    summary: SweepSummary,
    /// There is no turn any more to look a statement up by its name.
    no_lists: bool,
}

/// What comes of a piece of the sweep's work: the rest of a list, and what is due of it.
type Work<'a> = Pin<Box<dyn Future<Output = Option<DuePage>> + Send + 'a>>;

impl Tasker {
    /// Looks at every record whose time has come, as long as there is time.
    ///
    /// # Errors
    /// The ledger could not be asked for anything.
    pub async fn sweep(&self, call: &Call) -> Result<SweepSummary, LedgerError> {
        let tasker = self.within(call);
        let time = call.deadline.saturating_duration_since(Instant::now());
        let sweep = Sweep {
            tasker: &tasker,
            call,
            least: LEAST_TIME.min(time / LEAST_PART),
            lanes: Lanes::new(PLACES, PATIENCE),
            look_ups: Places::new(LOOK_UPS, PATIENCE * 2),
            state: Mutex::default(),
        };
        sweep.run().await
    }

    /// Does for one record what is to be done now, and says what came of it. None if there was no time to ask.
    pub(super) async fn sweep_record(
        &self,
        call: &Call,
        stored: Stored,
        turn: Turn,
        summary: &mut SweepSummary,
    ) -> Option<Settling> {
        if let Some((target, start)) = sabotage::start_of(&stored.record)
            && stored.record.phase == Phase::Reserved
        {
            let _ = self.ports.warehouse.start(&target, &start).await;
        }
        let settling = match stored.record.phase {
            Phase::Closed => self.look_for_stray(call, &stored).await,
            Phase::Decided => Some(self.deliver_again(call, &stored).await),
            Phase::Reserved => Some(self.abandon(call, &stored, summary).await),
            Phase::Starting => self.look_up(call, &stored, summary).await,
            Phase::Started => self.look(call, stored.clone(), turn).await,
        };
        match &settling {
            Some(Settling::Done) => summary.settled += 1,
            Some(Settling::Again { reason } | Settling::Ignored { reason }) => {
                tracing::debug!(record = %stored.record.record_id, reason, "left for a later sweep");
                summary.postponed += 1;
                self.postpone(call, &stored).await;
            }
            // It stays due: the next sweep begins with it.
            None => {
                summary.postponed += 1;
                summary.unfinished = true;
            }
        }
        settling
    }

    async fn deliver_again(&self, call: &Call, stored: &Stored) -> Settling {
        let settling = self.deliver(call.deadline, stored.clone()).await;
        let life = match &stored.record.custom_resource {
            Some(_) => RESPONSE_LIFE_MS,
            None => ANSWER_LIFE_MS,
        };
        let too_old = self.now() - stored.record.recorded_at > life;
        if !too_old || settling == Settling::Done {
            return settling;
        }
        tracing::error!(record = %stored.record.record_id, alarm = "AnswerRefused", "an answer was never taken; it is given up");
        let record = stored.record.clone();
        self.step(call, stored, record.closed(Ending::FoundClosed))
            .await
    }

    /// Sets when a record is looked at next. A later look counts as one more.
    pub(super) async fn postpone(&self, call: &Call, stored: &Stored) {
        let mut now = stored.clone();
        // What was read before may have moved on meanwhile.
        for _ in 0..2 {
            if now.record.due_at.is_none() {
                return;
            }
            let mut next = now.record.clone();
            next.watch.looks = next.watch.looks.saturating_add(1);
            let due = self.now().saturating_add(self.pause(&next));
            next.due_at = Some(due.min(self.attention_at(&next).unwrap_or(due)));
            match self.store.advance(&now, next, call.answer_by).await {
                Ok(Advance::Lost(Some(faster))) => now = faster,
                Ok(Advance::Done(_) | Advance::Lost(None)) => return,
                Err(error) => {
                    tracing::warn!(record = %now.record.record_id, %error, "the next look could not be set");
                    return;
                }
            }
        }
    }

    /// The pause before the next look, in milliseconds: doubled by each look up to a bound, and up to a tenth longer,
    /// so that records that were made together do not stay together.
    fn pause(&self, record: &Record) -> i64 {
        let first = self.sweep_after_ms();
        let doublings = record.watch.looks.saturating_sub(1).min(20);
        let pause = first
            .saturating_mul(1 << doublings)
            .min(LONGEST_WAIT_MS.max(first));
        let looks = record.watch.looks.to_string();
        let spread = digest(&["pause", record.record_id.as_str(), &looks])
            .bytes()
            .take(8)
            .fold(0_i64, |sum, byte| (sum * 31 + i64::from(byte)) % 1_000);
        pause.saturating_add(pause / 10_000 * spread)
    }
}

impl<'a> Sweep<'a> {
    async fn run(&'a self) -> Result<SweepSummary, LedgerError> {
        let lists = self.tasker.store.due_lists();
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
                for list in rest.drain(..) {
                    works.push(Box::pin(async move { self.read(list).await.ok() }));
                }
            }
            if let Some(Some(page)) = works.next().await {
                page.due
                    .into_iter()
                    .for_each(|due| works.push(self.work(due)));
                rest.extend(page.rest.filter(|_| self.has_time()));
            }
        }
        Ok(self.state().summary.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a record may still be begun.
    fn has_time(&self) -> bool {
        let has = self.call.deadline.saturating_duration_since(Instant::now()) >= self.least;
        if !has {
            self.state().summary.unfinished = true;
        }
        has
    }

    /// Reads on in a list. One that cannot be read keeps no other waiting.
    async fn read(&self, list: DueList) -> Result<DuePage, LedgerError> {
        let left = self.call.deadline.saturating_duration_since(Instant::now());
        let until = Instant::now() + LIST_TIME.min(left / LEAST_PART);
        let page = self.tasker.store.read_due(list, PAGE, until).await;
        if let Err(error) = &page {
            tracing::error!(%error, alarm = "DueListUnreadable", "a list of due records cannot be read");
            self.state().summary.unfinished = true;
        }
        page
    }

    fn work(&'a self, due: Due) -> Work<'a> {
        // Boxed when it has a place: what waits for one is small.
        Box::pin(async move {
            let target = due.target().to_owned();
            let work = async { Box::pin(self.one(due)).await };
            self.lanes.run(&target, work).await;
            None
        })
    }

    /// Takes one due record, and does for it what is to be done.
    async fn one(&self, due: Due) {
        if !self.has_time() {
            return;
        }
        let Some(stored) = self.find(&due).await else {
            return;
        };
        match stored.record.phase {
            Phase::Starting => self.look_ups.run(self.take(due, stored)).await,
            _ => self.take(due, stored).await,
        }
    }

    /// The record of a due item. None if there is nothing to do for it.
    async fn find(&self, due: &Due) -> Option<Stored> {
        let until = self.call.deadline.min(Instant::now() + LIST_TIME);
        let store = self.tasker.store.until(until);
        match store.find(&due.record_id).await {
            Ok(Some(stored)) => Some(stored).filter(|stored| due.is_of(stored)),
            Ok(None) => {
                if let Err(error) = store.drop_due(due, until).await {
                    tracing::warn!(record = %due.record_id, %error, "what is due of a record that is gone was not removed");
                }
                None
            }
            Err(error) => {
                tracing::error!(record = %due.record_id, %error, alarm = "RecordUnreadable", "a due record cannot be read");
                self.count(SweepSummary {
                    examined: 1,
                    postponed: 1,
                    ..SweepSummary::default()
                });
                if let Err(error) = store.lease(due, self.call.answer_by).await {
                    tracing::warn!(record = %due.record_id, %error, "a due record could not be put off");
                }
                None
            }
        }
    }

    async fn take(&self, due: Due, stored: Stored) {
        let record = &stored.record;
        let has_no_turn = record.phase == Phase::Starting && self.state().no_lists;
        if has_no_turn || !self.has_time() {
            self.state().summary.unfinished = true;
            return;
        }
        // The time of the record begins with its turn.
        let turn = match record.phase {
            Phase::Started => {
                self.tasker
                    .first_turn(record, self.call.deadline - self.least)
                    .await
            }
            _ => Turn::Ask,
        };
        if turn == Turn::Missed && !due.is_urgent {
            self.state().summary.unfinished = true;
            return;
        }
        let call = &self.call.until(Instant::now() + RECORD_TIME);
        let store = &self.tasker.store;
        let due = match store.lease(&due, call.answer_by).await {
            Ok(Some(due)) => due,
            // Another sweep has it.
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(record = %due.record_id, %error, "a due record could not be taken");
                self.state().summary.unfinished = true;
                return;
            }
        };
        let phase = record.phase;
        let mut summary = SweepSummary {
            examined: 1,
            ..SweepSummary::default()
        };
        let settling = self.tasker.sweep_record(call, stored, turn, &mut summary);
        let settling = settling.await;
        self.count(summary);
        if settling.is_none() {
            self.state().no_lists |= phase == Phase::Starting;
            if let Err(error) = store.release(&due, call.answer_by).await {
                tracing::debug!(record = %due.record_id, %error, "a due record was not given back");
            }
        }
    }

    fn count(&self, summary: SweepSummary) {
        self.state().summary += summary;
    }
}
