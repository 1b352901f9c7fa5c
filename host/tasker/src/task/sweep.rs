//! Works off what is overdue, record by record. Never starts SQL.

use serde::Serialize;
use tokio::time::{Duration, Instant};

use super::{Call, Settling, Tasker, settle::again};
use crate::{
    ids::digest,
    ports::LedgerError,
    record::{Ending, Phase, Record, Stored},
    sabotage,
};

/// Records taken from each list at once.
const SLICE: usize = 25;
/// A record is begun with at least so much time left.
const RECORD_TIME: Duration = Duration::from_secs(2);
/// The most time that one record gets.
const RECORD_SHARE: Duration = Duration::from_secs(10);
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
    /// Whether the time was over before the work was. The next sweep goes on.
    pub unfinished: bool,
}

impl Tasker {
    /// Looks at every record whose time has come, as long as there is time.
    ///
    /// # Errors
    /// The ledger could not be asked.
    pub async fn sweep(&self, call: &Call) -> Result<SweepSummary, LedgerError> {
        let mut summary = SweepSummary::default();
        let tasker = self.within(call);
        let mut due = tasker.store.due();
        while let Some(ids) = tasker.store.next_due(&mut due, SLICE).await? {
            for id in ids {
                if call.deadline.saturating_duration_since(Instant::now()) < RECORD_TIME {
                    summary.unfinished = true;
                    return Ok(summary);
                }
                summary.examined += 1;
                match tasker.store.find(&id).await {
                    Ok(Some(stored)) => {
                        tasker
                            .sweep_record(&self.share(call), stored, &mut summary)
                            .await;
                    }
                    Ok(None) => {}
                    // One record that cannot be read keeps no other waiting.
                    Err(error) => {
                        tracing::error!(record = %id, %error, alarm = "RecordUnreadable", "a due record cannot be read");
                        summary.postponed += 1;
                    }
                }
            }
        }
        Ok(summary)
    }

    /// Does for one record what is to be done now, and says what came of it.
    pub(super) async fn sweep_record(
        &self,
        call: &Call,
        stored: Stored,
        summary: &mut SweepSummary,
    ) -> Settling {
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
            Phase::Started => self.look(call, stored.clone()).await,
        };
        match &settling {
            // Of one that is closed it was looked whether its statement turned up.
            Some(Settling::Done) if stored.record.phase == Phase::Closed => {}
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
        settling.unwrap_or_else(|| again("others were asked about first"))
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

    /// A part of the time for one record: a service that does not answer costs others no more than that.
    fn share(&self, call: &Call) -> Call {
        call.until(Instant::now() + RECORD_SHARE)
    }

    /// Sets when a record is looked at next. A later look counts as one more.
    pub(super) async fn postpone(&self, call: &Call, stored: &Stored) {
        // What was read before may have moved on meanwhile.
        let Ok(Some(now)) = self.store.find(&stored.record.record_id).await else {
            return;
        };
        if now.record.due_at.is_none() {
            return;
        }
        let mut next = now.record.clone();
        next.watch.looks = next.watch.looks.saturating_add(1);
        let due = self.now().saturating_add(self.pause(&next));
        next.due_at = Some(due.min(self.attention_at(&next).unwrap_or(due)));
        if let Err(error) = self.store.advance(&now, next, call.answer_by).await {
            tracing::warn!(record = %now.record.record_id, %error, "the next look could not be set");
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
