//! Records of which it is not known what became: looked up by name, adopted, abandoned, or given up.

use signalbox_policy::{Answer, contract::StatementStatus};
use tokio::time::timeout_at;

use super::{
    Call, Settling, SweepSummary, answer, attend::Turn, backend::Backend, look_up::Found,
    settle::again, settler::Settler,
};
use crate::{
    raised::Raised,
    record::{
        Advance, Ending, MEMORY_MS, Phase, Record, Refusal, STATEMENT_LIFE_MS, Stored, Stray,
        is_final,
    },
};

const MINUTE_MS: i64 = 60 * 1_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// For so long Redshift lists every statement, also one that ended at once. An hour is for clocks. After that a list
/// without it proves nothing.
const LISTED_MS: i64 = 24 * HOUR_MS - HOUR_MS;
/// A list shows a statement at the latest so long after its start.
const LISTING_LAG_MS: i64 = 40 * 1_000;
/// For so long after a start was given up its statement is looked for.
const STRAY_LIFE_MS: i64 = 2 * HOUR_MS;

impl Settler {
    /// Looks up a start whose id is not stored, and takes the record on from there. None if there was no time to ask.
    pub(super) async fn look_up(
        &self,
        call: &Call,
        stored: &Stored,
        turn: Turn,
        summary: &mut SweepSummary,
    ) -> Option<Settling> {
        let record = &stored.record;
        match self.backend.find_by_name(record, call.deadline, turn).await {
            Found::Id(id) => self.adopt(call, stored, &id, summary).await,
            Found::Nowhere if self.is_unlisted(record) => Some(self.give_up(call, stored).await),
            Found::Nowhere if self.is_hopeless(record) => {
                Some(self.abandon(call, stored, summary).await)
            }
            Found::Nowhere => match self.confirmed_refusal(record) {
                Some(refusal) => Some(self.close_refused(call, stored, refusal).await),
                None => Some(again("its start may still be under way")),
            },
            Found::Unknown(_) | Found::Denied(_) if self.is_forgotten(record) => {
                Some(self.give_up(call, stored).await)
            }
            Found::Unknown(reason) | Found::Denied(reason) => Some(again(&reason)),
            Found::NotAsked => None,
        }
    }

    /// Whether a start that left no trace can no longer be under way.
    fn is_hopeless(&self, record: &Record) -> bool {
        let longest =
            i64::try_from(self.backend.options.longest_invocation.as_millis()).unwrap_or(i64::MAX);
        let since = record.life.starting_at();
        since.is_some_and(|since| self.backend.now() - since > longest)
    }

    /// Whether Redshift may have forgotten a statement that it does not list.
    fn is_unlisted(&self, record: &Record) -> bool {
        self.age(record) > LISTED_MS
    }

    /// What Redshift said when it refused the last try of a start, once a list would show what an earlier try started.
    fn confirmed_refusal(&self, record: &Record) -> Option<Refusal> {
        let unconfirmed = record.watch.refusal.as_ref()?;
        let age = self.backend.now().saturating_sub(unconfirmed.refused_at);
        (age >= LISTING_LAG_MS).then(|| unconfirmed.refusal.clone())
    }

    /// Whether the statement of a record, if there ever was one, cannot run any more.
    pub(super) fn has_outlived(&self, record: &Record) -> bool {
        self.age(record) > STATEMENT_LIFE_MS
    }

    /// Whether Redshift cannot know the statement any more.
    pub(super) fn is_forgotten(&self, record: &Record) -> bool {
        self.age(record) > MEMORY_MS
    }

    fn age(&self, record: &Record) -> i64 {
        self.backend.now().saturating_sub(record.began_at())
    }

    /// Nothing was started: the record is closed against a start that is still to come, and the task is told.
    pub(super) async fn abandon(
        &self,
        call: &Call,
        stored: &Stored,
        summary: &mut SweepSummary,
    ) -> Settling {
        let record = self.looked_for(stored.record.clone());
        let settling = if record.waiting {
            let answer = answer::not_started(record.record_id.as_str());
            self.step(call, stored, record.decided(answer)).await
        } else if record.phase() == Phase::Reserved {
            // Redshift was not asked: the same work can be asked for again.
            match self.backend.store.forget(stored, call.answer_by).await {
                Ok(()) => Settling::Done,
                Err(error) => again(&error.to_string()),
            }
        } else {
            tracing::error!(record = %record.record_id, alarm = "StatementNotStarted", "a statement was never started, and nobody waits for it who could be told");
            self.step(call, stored, record.closed(Ending::Abandoned))
                .await
        };
        if settling == Settling::Done {
            summary.abandoned += 1;
        }
        settling
    }

    /// Redshift refused the start, and nothing of its earlier tries is there.
    async fn close_refused(&self, call: &Call, stored: &Stored, refusal: Refusal) -> Settling {
        let mut record = self.looked_for(stored.record.clone());
        record.watch.refusal = None;
        let next = if record.waiting {
            let raised = Raised::new(&refusal.error, &refusal.message);
            record.decided_by_refusal(answer::of_raised(&raised), refusal)
        } else {
            record.refused(refusal)
        };
        self.step(call, stored, next).await
    }

    /// The record of a start that is given up: should its statement turn up, it is cancelled.
    fn looked_for(&self, mut record: Record) -> Record {
        if record.phase() == Phase::Starting {
            let now = self.backend.now();
            record.watch.stray = Some(Stray {
                next_look_at: now.saturating_add(MINUTE_MS),
                until: now.saturating_add(STRAY_LIFE_MS),
            });
        }
        record
    }

    /// Looks for the statement of a start that was given up. One that has turned up is cancelled until Redshift reports
    /// its end: whoever waited was told that it did not run. None if there was no time to ask.
    pub(super) async fn look_for_stray(
        &self,
        call: &Call,
        stored: &Stored,
        turn: Turn,
    ) -> Option<Settling> {
        let record = &stored.record;
        let (Some(stray), Some(statement)) = (record.watch.stray, &record.statement) else {
            return Some(Settling::Done);
        };
        let found = match record.statement_id() {
            Some(id) => Found::Id(id.to_owned()),
            None => self.backend.find_by_name(record, call.deadline, turn).await,
        };
        let mut next = record.clone();
        let is_over = match found {
            Found::Id(id) => {
                let is_new = record.statement_id().is_none();
                if is_new {
                    tracing::error!(record = %record.record_id, id, alarm = "StrayStatement", "a statement runs, or ran, whose start was given up; it is cancelled");
                }
                let status = self.stop_stray(call, &statement.target, &id).await;
                if is_new {
                    next = next.turned_up(&id);
                }
                if let Some(status) = status {
                    next = next.with_status(status);
                }
                status.is_some_and(is_final) || self.has_outlived(record)
            }
            Found::NotAsked => return None,
            Found::Nowhere | Found::Unknown(_) | Found::Denied(_) => {
                stray.until <= self.backend.now()
            }
        };
        let pause = self
            .backend
            .now()
            .saturating_sub(stray.until.saturating_sub(STRAY_LIFE_MS));
        let next_look_at = match next.statement_id() {
            Some(_) => self.backend.now().saturating_add(MINUTE_MS),
            // The older it is, the less likely it turns up.
            None => self
                .backend
                .now()
                .saturating_add(pause.max(MINUTE_MS))
                .min(stray.until),
        };
        next.watch.stray = (!is_over).then_some(Stray {
            next_look_at,
            ..stray
        });
        next.due_at = next.watch.stray.map(|stray| stray.next_look_at);
        Some(
            match self
                .backend
                .store
                .advance(stored, next, call.answer_by)
                .await
            {
                Ok(_) => Settling::Done,
                Err(error) => again(&error.to_string()),
            },
        )
    }

    /// Cancels a statement that nobody waits for, unless it has ended; its state if Redshift told it.
    async fn stop_stray(&self, call: &Call, target: &str, id: &str) -> Option<StatementStatus> {
        let describe = self.backend.ports.warehouse.describe(target, id, None);
        let status = match timeout_at(call.deadline, describe).await {
            Ok(Ok(description)) => Some(description.status),
            Ok(Err(_)) | Err(_) => None,
        };
        if !status.is_some_and(is_final) {
            self.backend.cancel_stray(target, id).await;
        }
        status
    }

    async fn adopt(
        &self,
        call: &Call,
        stored: &Stored,
        id: &str,
        summary: &mut SweepSummary,
    ) -> Option<Settling> {
        let next = stored.record.clone().adopted(id);
        match self
            .backend
            .store
            .advance(stored, next, call.answer_by)
            .await
        {
            Ok(Advance::Done(now)) => {
                summary.adopted += 1;
                self.look(call, now, Turn::Ask).await
            }
            Ok(Advance::Lost(_)) => Some(again("others are working on this record")),
            Err(error) => Some(again(&error.to_string())),
        }
    }

    /// What Redshift or this configuration no longer knows: nobody will ever say how the statement ended.
    pub(super) async fn give_up(&self, call: &Call, stored: &Stored) -> Settling {
        let id = stored.record.statement_id().unwrap_or("none");
        tracing::error!(record = %stored.record.record_id, id, alarm = "StatementLost", "nothing tells how a statement ended");
        self.end_unknown(call, stored, answer::lost(id)).await
    }

    /// Closes a record whose statement's end is not known.
    pub(super) async fn end_unknown(
        &self,
        call: &Call,
        stored: &Stored,
        answer: Answer,
    ) -> Settling {
        let mut record = stored.record.clone();
        record.watch.lost = true;
        let next = if record.waiting {
            record.decided(answer)
        } else {
            record.closed(Ending::NoCallback)
        };
        self.step(call, stored, next).await
    }

    /// Takes a record a step further, and on from there.
    pub(super) async fn step(&self, call: &Call, stored: &Stored, next: Record) -> Settling {
        match self
            .backend
            .store
            .advance(stored, next, call.answer_by)
            .await
        {
            Ok(Advance::Done(now)) => self.settle_stored(call, now, None, None).await,
            Ok(Advance::Lost(_)) => again("others are working on this record"),
            Err(error) => again(&error.to_string()),
        }
    }
}

impl Backend {
    /// When a look-up can confirm a refusal of now.
    pub(super) fn refusal_is_confirmed_at(&self) -> i64 {
        self.now().saturating_add(LISTING_LAG_MS)
    }
}
