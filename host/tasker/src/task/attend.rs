//! Looks at a statement that may still run: has it ended, is its deadline over, is it to be stopped, does its task
//! want a heartbeat?

use std::pin::pin;

use signalbox_policy::contract::ClosingReason;
use tokio::time::{Duration, Instant, timeout, timeout_at};

use super::{
    Call, Settling, answer,
    backend::Backend,
    cancel::no_reply,
    settle::{FAIR_TIME, again, alarm_about_describe},
    settler::Settler,
};
use crate::{
    options::DescribeDenied,
    ports::{SendError, ServiceError, ServiceErrorKind},
    record::{Advance, Gone, Phase, Record, Stored, is_final},
};

/// How soon a statement is looked at again that was asked to stop, and how often a heartbeat is sent at most: a little
/// less than the minute between two sweeps, so that each sweep finds it due.
const SOON_MS: i64 = 45 * 1_000;

/// A heartbeat waits so long for Redshift to say that the statement runs.
const BEAT_PATIENCE: Duration = Duration::from_secs(2);

/// What came of a heartbeat.
#[derive(PartialEq, Eq)]
enum Beat {
    /// It was taken, or may be the next time.
    Sent,
    /// The task is closed.
    NobodyWaits,
}

/// Whether a look has its turn to ask Redshift already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has one for a cancel.
    ToCancel,
    /// It has one for a describe.
    ToDescribe,
    /// It has one for a list.
    ToList,
    /// There is none before the end of the sweep.
    Missed,
    /// It waits for one itself, or needs none.
    Ask,
}

impl Backend {
    /// When a new record is looked at first.
    pub(super) fn first_look_at(
        &self,
        now: i64,
        deadline_seconds: Option<u32>,
        heartbeat: bool,
    ) -> i64 {
        let deadline = deadline_seconds.map(|seconds| i64::from(seconds).saturating_mul(1_000));
        let waits = [
            Some(self.sweep_after_ms()),
            deadline,
            heartbeat.then_some(SOON_MS),
        ];
        now.saturating_add(waits.into_iter().flatten().min().unwrap_or(0))
    }

    /// When a running statement needs attention, in milliseconds since the Unix epoch; none if nothing was asked for.
    pub(super) fn attention_at(&self, record: &Record) -> Option<i64> {
        let soon = self.now().saturating_add(SOON_MS);
        // A stop does not wait, be it decided or not.
        if record.is_to_be_cancelled() || record.is_undecided() {
            return Some(soon);
        }
        let beat = record.is_beating().then_some(soon);
        [beat, record.deadline_at()].into_iter().flatten().min()
    }
}

impl Settler {
    /// Waits for the turn of the first call that a record needs: for one to describe until `describe_by`, for others until
    /// `end`. Where there is none to cancel, Redshift is asked at least whether the statement has ended.
    pub(super) async fn first_turn(
        &self,
        record: &Record,
        end: Instant,
        describe_by: Instant,
    ) -> Turn {
        let paces = &self.backend.paces;
        if record.is_looked_up() {
            return match paces.lists.turn(end).await {
                true => Turn::ToList,
                false => Turn::Missed,
            };
        }
        if record.phase() != Phase::Started {
            return Turn::Ask;
        }
        if record.stops_at(self.backend.now()) && paces.cancels.turn(end).await {
            return Turn::ToCancel;
        }
        match paces.describes.turn(describe_by).await {
            true => Turn::ToDescribe,
            false => Turn::Missed,
        }
    }

    /// Looks at a record whose statement has an id. None if it could not, because others were asked about first.
    pub(super) async fn look(&self, call: &Call, stored: Stored, turn: Turn) -> Option<Settling> {
        // What is urgent does not wait for Redshift to say how the statement is.
        let stored = match self.decide_what_is_urgent(call, stored).await {
            Ok(stored) => stored,
            Err(settling) => return Some(settling),
        };
        let record = &stored.record;
        let (Some(statement), Some(id)) = (record.statement.as_ref(), record.statement_id()) else {
            return Some(again("the record has no statement"));
        };
        let stops = record.is_to_be_cancelled();
        let cancels = self.cancel_if_to_be(call, record, turn).await;
        let beats = record.is_beating() && !stops;
        let mut beat = None;
        let described = {
            let describe = async {
                let has_turn = match turn {
                    Turn::ToDescribe => true,
                    Turn::Missed => false,
                    _ => self.backend.paces.describes.turn(call.deadline).await,
                };
                let describe = self
                    .backend
                    .ports
                    .warehouse
                    .describe(&statement.target, id, None);
                match has_turn {
                    true => Some(timeout_at(call.deadline, describe).await),
                    false => None,
                }
            };
            let mut describe = pin!(describe);
            match timeout(BEAT_PATIENCE, &mut describe).await {
                Ok(described) => described,
                Err(_) => {
                    if beats {
                        beat = Some(self.beat(call, record).await);
                    }
                    describe.await
                }
            }
        };
        let error = match described {
            None => {
                if beats && beat.is_none() {
                    self.beat(call, record).await;
                }
                return None;
            }
            Some(Ok(Ok(description))) if is_final(description.status) => {
                let settled = self.settle_stored(call, stored, Some(description), None);
                return Some(settled.await);
            }
            Some(Ok(Ok(_))) => None,
            Some(Ok(Err(error))) => Some(error),
            Some(Err(_)) => Some(no_reply()),
        };
        let is_unknown = |error: &ServiceError| error.kind == ServiceErrorKind::NotFound;
        if beats && beat.is_none() && !error.as_ref().is_some_and(is_unknown) {
            beat = Some(self.beat(call, record).await);
        }
        let stored = match beat {
            Some(Beat::NobodyWaits) => match self.note_task_closed(call, stored).await {
                Ok(stored) => stored,
                Err(settling) => return Some(settling),
            },
            Some(Beat::Sent) | None => stored,
        };
        let settling = match error {
            Some(error) => self.not_described(call, &stored, &error).await,
            None => self.still_runs(call, stored).await,
        };
        let is_late = stops && !cancels && matches!(settling, Settling::Again { .. });
        (!is_late).then_some(settling)
    }

    /// Decides what a deadline or a task that is gone makes of a statement.
    async fn decide_what_is_urgent(&self, call: &Call, stored: Stored) -> Result<Stored, Settling> {
        let mut next = stored.record.clone();
        if let Some(deadline) = next.deadline_at()
            && deadline <= self.backend.now()
            && next.verdict.is_none()
        {
            let seconds = next.statement.as_ref().and_then(|s| s.deadline_seconds);
            next.verdict = Some(answer::deadline_exceeded(seconds.unwrap_or_default()));
        }
        // What is cancelled anyway waits for no decision.
        if let Some(gone) = next
            .watch
            .gone
            .filter(|_| next.is_undecided() && !next.is_to_be_cancelled())
        {
            let decision = self.decide_closed(call, &next, gone.reason).await;
            if decision.is_err_and(|had| had >= FAIR_TIME) {
                next.watch.overtime = next.watch.overtime.saturating_add(1);
            }
            next.watch.gone = Some(Gone {
                decision: decision.ok(),
                ..gone
            });
        }
        self.noted(call, stored, next).await
    }

    /// A heartbeat found the task closed: the policy decides what becomes of its statement.
    async fn note_task_closed(&self, call: &Call, stored: Stored) -> Result<Stored, Settling> {
        let reason = ClosingReason::TaskClosed;
        let mut next = stored.record.clone();
        next.watch.gone = Some(Gone {
            reason,
            decision: self.decide_closed(call, &next, reason).await.ok(),
        });
        let stored = self.noted(call, stored, next).await?;
        self.cancel_if_to_be(call, &stored.record, Turn::Ask).await;
        Ok(stored)
    }

    /// Cancels a statement that is to be cancelled, if there is a turn for it, and says whether it did. Every look repeats it
    /// until Redshift reports an end: a cancel that comes too early is refused.
    async fn cancel_if_to_be(&self, call: &Call, record: &Record, turn: Turn) -> bool {
        let (Some(statement), Some(id)) = (&record.statement, record.statement_id()) else {
            return false;
        };
        let cancels = record.is_to_be_cancelled()
            && match turn {
                Turn::ToCancel => true,
                Turn::Missed => false,
                _ => self.backend.paces.cancels.turn(call.deadline).await,
            };
        if cancels {
            self.backend.cancel_stray(&statement.target, id).await;
        }
        cancels
    }

    /// Redshift says that the statement runs.
    async fn still_runs(&self, call: &Call, stored: Stored) -> Settling {
        let mut next = stored.record.clone();
        next.watch.denied_since = None;
        match self.noted(call, stored, next).await {
            Ok(stored) if stored.record.is_to_be_cancelled() => again("it was asked to stop"),
            Ok(_) => again("the statement still runs"),
            Err(settling) => settling,
        }
    }

    /// Writes what is noted about a record, if it is anything new.
    async fn noted(&self, call: &Call, stored: Stored, next: Record) -> Result<Stored, Settling> {
        if next == stored.record {
            return Ok(stored);
        }
        match self
            .backend
            .store
            .advance(&stored, next, call.answer_by)
            .await
        {
            Ok(Advance::Done(now)) => Ok(now),
            Ok(Advance::Lost(_)) => Err(again("others are working on this record")),
            Err(error) => Err(again(&error.to_string())),
        }
    }

    /// Sends a heartbeat for each attempt that waits. Redshift has said a moment ago that the statement runs, or does not
    /// say how it is.
    async fn beat(&self, call: &Call, record: &Record) -> Beat {
        let (mut waits, mut closed) = (false, None);
        for token in record.tokens() {
            match timeout_at(call.deadline, self.backend.ports.callbacks.heartbeat(token)).await {
                Ok(Err(SendError::Closed { code })) => closed = Some(code),
                Ok(Err(error)) => {
                    tracing::warn!(record = %record.record_id, %error, "a heartbeat was not taken");
                    waits = true;
                }
                Ok(Ok(())) | Err(_) => waits = true,
            }
        }
        match closed {
            Some(code) if !waits => {
                tracing::warn!(record = %record.record_id, code, "nobody waits any more for a statement that runs: its task was stopped or answered, or its time was over. If it timed out, HeartbeatSeconds may be too short: it has to be at least three periods of the sweep, 180 with one sweep a minute");
                Beat::NobodyWaits
            }
            _ => Beat::Sent,
        }
    }

    /// Redshift did not say how the statement is. Only what says that it knows of no such statement ends the record,
    /// and only when the statement cannot run any more.
    async fn not_described(&self, call: &Call, stored: &Stored, error: &ServiceError) -> Settling {
        let record = &stored.record;
        alarm_about_describe(record, error);
        let reason = again(&format!("Redshift could not be asked: {error}"));
        match error.kind {
            ServiceErrorKind::NotFound if self.has_outlived(record) => {
                self.give_up(call, stored).await
            }
            _ if self.is_forgotten(record) => self.give_up(call, stored).await,
            ServiceErrorKind::Denied => self.denied(call, stored).await.unwrap_or(reason),
            _ => reason,
        }
    }

    /// DescribeStatement is denied: notes since when, and fails the task if the deployer wants that after so long.
    async fn denied(&self, call: &Call, stored: &Stored) -> Option<Settling> {
        let record = &stored.record;
        let Some(since) = record.watch.denied_since else {
            let mut next = record.clone();
            next.watch.denied_since = Some(self.backend.now());
            return self.noted(call, stored.clone(), next).await.err();
        };
        let DescribeDenied::FailAfter(bound) = self.backend.options.describe_denied else {
            return None;
        };
        let waited = self.backend.now().saturating_sub(since);
        let bound = i64::try_from(bound.as_millis()).unwrap_or(i64::MAX);
        let (Some(statement), Some(id)) = (record.statement.as_ref(), record.statement_id()) else {
            return None;
        };
        if waited < bound {
            return None;
        }
        self.backend.cancel_stray(&statement.target, id).await;
        Some(
            self.end_unknown(call, stored, answer::not_described(id))
                .await,
        )
    }
}
