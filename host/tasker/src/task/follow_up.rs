//! One due record: does for it what is to be done now, and sets when it is looked at next.

use super::{Call, Settling, SweepSummary, attend::Turn, settler::Settler};
use crate::{
    ids::digest,
    record::{Ending, Phase, Record, Stored},
};

/// The longest a running statement is left alone, unless its first look comes later.
const LONGEST_WAIT_MS: i64 = 15 * 60 * 1_000;
/// An answer that is not taken is sent again for so long: no execution of Step Functions lives longer than a year.
const ANSWER_LIFE_MS: i64 = 366 * 24 * 60 * 60 * 1_000;
/// CloudFormation waits for an hour at most, and the address of a response expires soon after.
const RESPONSE_LIFE_MS: i64 = 48 * 60 * 60 * 1_000;

impl Settler {
    /// Does for one record what is to be done now, and says what came of it. None if there was no time to ask.
    pub(super) async fn follow_up(
        &self,
        call: &Call,
        stored: Stored,
        turn: Turn,
        summary: &mut SweepSummary,
    ) -> Option<Settling> {
        let settling = match stored.record.phase() {
            Phase::Closed => self.look_for_stray(call, &stored, turn).await,
            Phase::Decided => Some(self.deliver_again(call, &stored).await),
            Phase::Reserved => Some(self.abandon(call, &stored, summary).await),
            Phase::Starting => self.look_up(call, &stored, turn, summary).await,
            Phase::Started => self.look(call, stored.clone(), turn).await,
        };
        match &settling {
            // Of one that is closed it was looked whether its statement turned up.
            Some(Settling::Done) if stored.record.phase() == Phase::Closed => {}
            Some(Settling::Done) => summary.settled += 1,
            Some(Settling::Again { reason } | Settling::Ignored { reason }) => {
                tracing::debug!(record = %stored.record.record_id, reason, "left for a later sweep");
                summary.postponed += 1;
                self.postpone(call, &stored).await;
            }
            // It stays due.
            None => {
                summary.postponed += 1;
                summary.unfinished = true;
            }
        }
        settling
    }

    async fn deliver_again(&self, call: &Call, stored: &Stored) -> Settling {
        let settling = self.delivery.deliver(call.deadline, stored.clone()).await;
        let life = match &stored.record.custom_resource {
            Some(_) => RESPONSE_LIFE_MS,
            None => ANSWER_LIFE_MS,
        };
        let too_old = self.backend.now() - stored.record.recorded_at > life;
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
        // What was read before may have moved on meanwhile.
        let update = self
            .backend
            .store
            .update(stored.clone(), call.answer_by, |record| {
                let mut next = record.clone();
                next.watch.looks = next.watch.looks.saturating_add(1);
                let due = self.backend.now().saturating_add(self.pause(&next));
                next.due_at = Some(due.min(self.backend.attention_at(&next).unwrap_or(due)));
                record.due_at.is_some().then_some(next)
            });
        if let Err(error) = update.await {
            tracing::warn!(record = %stored.record.record_id, %error, "the next look could not be set");
        }
    }

    /// The pause before the next look, in milliseconds: doubled by each look up to a bound, and up to a tenth longer,
    /// so that records that were made together do not stay together.
    fn pause(&self, record: &Record) -> i64 {
        let first = self.backend.sweep_after_ms();
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
