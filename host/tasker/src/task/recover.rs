//! Records of which it is not known what became: looked up by name, adopted, abandoned, or given up.

use signalbox_policy::{Answer, contract::StatementStatus};
use tokio::time::{Instant, timeout_at};

use super::{Call, Settling, SweepSummary, Tasker, answer, settle::again};
use crate::{
    ports::ServiceErrorKind,
    record::{Advance, Ending, LONGEST_RUN_MS, Record, Stored},
    sabotage::{self, Bug},
};

const HOUR_MS: i64 = 60 * 60 * 1_000;
/// After so long a statement does not run any more. An hour is for queues and clocks.
const STATEMENT_LIFE_MS: i64 = LONGEST_RUN_MS + HOUR_MS;
/// After so long Redshift has forgotten a statement: it remembers one for 24 hours after its end.
const MEMORY_MS: i64 = STATEMENT_LIFE_MS + 24 * HOUR_MS;

/// Where a statement is, by its name.
pub(super) enum Found {
    Id(String),
    Nowhere,
    /// It is not known; why.
    Unknown(String),
    /// This role may not look; the refusal.
    Denied(String),
    /// There was no time to ask.
    NotAsked,
}

impl Tasker {
    /// Looks up a start whose id is not stored, and takes the record on from there. None if there was no time to ask.
    pub(super) async fn look_up(
        &self,
        call: &Call,
        stored: &Stored,
        summary: &mut SweepSummary,
    ) -> Option<Settling> {
        match self.find_by_name(&stored.record, call.deadline).await {
            Found::Id(id) => self.adopt(call, stored, &id, summary).await,
            Found::Nowhere if self.is_hopeless(&stored.record) => {
                Some(self.abandon(call, stored, summary).await)
            }
            Found::Nowhere => Some(again("its start may still be under way")),
            Found::Unknown(_) | Found::Denied(_) if self.is_forgotten(&stored.record) => {
                Some(self.give_up(call, stored).await)
            }
            Found::Unknown(reason) | Found::Denied(reason) => Some(again(&reason)),
            Found::NotAsked => None,
        }
    }

    /// Whether a start that left no trace can no longer be under way.
    fn is_hopeless(&self, record: &Record) -> bool {
        let longest =
            i64::try_from(self.options.longest_invocation.as_millis()).unwrap_or(i64::MAX);
        record
            .starting_at
            .is_some_and(|since| self.now() - since > longest || sabotage::is(Bug::HastySweep))
    }

    /// Whether the statement of a record, if there ever was one, cannot run any more.
    pub(super) fn has_outlived(&self, record: &Record) -> bool {
        self.age(record) > STATEMENT_LIFE_MS || sabotage::is(Bug::HastyGiveUp)
    }

    /// Whether Redshift cannot know the statement any more.
    pub(super) fn is_forgotten(&self, record: &Record) -> bool {
        self.age(record) > MEMORY_MS || sabotage::is(Bug::HastyGiveUp)
    }

    fn age(&self, record: &Record) -> i64 {
        self.now()
            .saturating_sub(record.starting_at.unwrap_or(record.recorded_at))
    }

    /// Nothing was started: the record is closed against a start that is still to come, and the task is told. Where
    /// nobody waits the record is removed, so that the same work can be asked for again.
    pub(super) async fn abandon(
        &self,
        call: &Call,
        stored: &Stored,
        summary: &mut SweepSummary,
    ) -> Settling {
        let record = stored.record.clone();
        let settling = if record.waiting {
            let answer = answer::not_started(record.record_id.as_str());
            self.step(call, stored, record.decided(answer)).await
        } else {
            match self.store.forget(stored, call.deadline).await {
                Ok(()) => Settling::Done,
                Err(error) => again(&error.to_string()),
            }
        };
        if settling == Settling::Done {
            summary.abandoned += 1;
        }
        settling
    }

    async fn adopt(
        &self,
        call: &Call,
        stored: &Stored,
        id: &str,
        summary: &mut SweepSummary,
    ) -> Option<Settling> {
        let reply = serde_json::json!({ "Id": id }).to_string();
        let next = stored
            .record
            .clone()
            .started(id, StatementStatus::Unknown, &reply);
        match self.store.advance(stored, next, call.deadline).await {
            Ok(Advance::Done(now)) => {
                summary.adopted += 1;
                self.look(call, now).await
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
        let record = stored.record.clone();
        let next = if record.waiting {
            record.decided(answer)
        } else {
            record.closed(Ending::NoCallback)
        };
        self.step(call, stored, next).await
    }

    /// Takes a record a step further, and on from there.
    pub(super) async fn step(&self, call: &Call, stored: &Stored, next: Record) -> Settling {
        match self.store.advance(stored, next, call.deadline).await {
            Ok(Advance::Done(now)) => self.settle_stored(call, now, None, None).await,
            Ok(Advance::Lost(_)) => again("others are working on this record"),
            Err(error) => again(&error.to_string()),
        }
    }

    /// Looks for a statement by its name, in all states and on all pages.
    async fn find_by_name(&self, record: &Record, deadline: Instant) -> Found {
        match &record.statement {
            Some(statement) => {
                let name = record.statement_name();
                self.find_named(&statement.target, &name, deadline).await
            }
            None => Found::Nowhere,
        }
    }

    /// Looks for the statement of exactly this name.
    pub(super) async fn find_named(&self, target: &str, name: &str, deadline: Instant) -> Found {
        let mut next_token: Option<String> = None;
        loop {
            if !self.paces.lists.turn(deadline).await {
                return Found::NotAsked;
            }
            let list = self
                .ports
                .warehouse
                .list_named(target, name, next_token.as_deref());
            match timeout_at(deadline, list).await {
                Ok(Ok(page)) => {
                    let exact = page
                        .statements
                        .into_iter()
                        .find(|s| s.statement_name.as_deref() == Some(name));
                    match (exact, page.next_token) {
                        (Some(listed), _) => return Found::Id(listed.id),
                        (None, Some(token)) => next_token = Some(token),
                        (None, None) => return Found::Nowhere,
                    }
                }
                Ok(Err(error)) => {
                    if error.kind == ServiceErrorKind::Denied {
                        tracing::error!(statement = name, %error, alarm = "ListRefused", "statements cannot be looked up by name: this role may not list them");
                        return Found::Denied(error.to_string());
                    }
                    return Found::Unknown(error.to_string());
                }
                Err(_) => return Found::Unknown("the time of this invocation is over".to_owned()),
            }
        }
    }
}
