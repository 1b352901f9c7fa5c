//! A statement may have ended: finds out, decides, and answers.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use signalbox_policy::{
    Answer, Fault, FaultKind,
    contract::{Settlement, StatementDescription, StatementStatus, Waiter},
};
use tokio::time::{Instant, sleep};

use super::{
    Call, answer, attend::Turn, in_force::context, look_up::Found, services::EventServices,
    settler::Settler,
};
use crate::{
    completion_event::Ended,
    ids::parse_statement_name,
    original,
    ports::{LedgerError, ServiceError, ServiceErrorKind},
    record::{Advance, Ending, Phase, Record, Stored, is_final},
};

/// What became of an event or a due record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settling {
    /// The task is answered, now or before.
    Done,
    /// The event is not about an open task of this deployment.
    Ignored {
        /// Why.
        reason: String,
    },
    /// It is worth another try later.
    Again {
        /// Why.
        reason: String,
    },
}

/// How often an event that came before the statement's id was stored looks again.
const EARLY_LOOKS: u32 = 10;
/// Pause between these looks.
const EARLY_PAUSE: Duration = Duration::from_millis(100);
/// A decision is begun only with so much time left: a policy that is cut off by the invocation's end would be taken
/// for one that faults.
pub(super) const DECISION_TIME: Duration = Duration::from_secs(1);
/// For so long a decision is put off that a service disturbs. Then what the policy makes of it counts.
const PATIENCE_MS: i64 = 60 * 60 * 1_000;
/// How often a policy may use up the time of an invocation before that counts as its fault.
pub(super) const OVERTIME_TRIES: u32 = 3;
/// Only so much time is one of these times.
pub(super) const FAIR_TIME: Duration = Duration::from_millis(1_500);
/// Steps of one record in one invocation: more than any life has.
const STEPS: u32 = 16;

/// What came of asking a policy.
enum Decision {
    Made(Answer),
    PutOff(PutOff),
}

/// Why a decision is put off.
enum PutOff {
    /// A service did not give the policy what it reads.
    Disturbed,
    /// The policy used up the time that it had.
    Overtime { had: Duration },
    /// Others were asked first, for as long as there was time.
    NoPlace,
}

impl Settler {
    /// Works on a completion event. The event is a hint: what happened is asked of Redshift.
    pub(super) async fn settle(&self, call: &Call, event: Value) -> Settling {
        let tasker = self.within(call);
        let detail = event.get("detail");
        let text = |name: &str| {
            detail
                .and_then(|detail| detail.get(name))
                .and_then(Value::as_str)
        };
        let name = text("statementName").unwrap_or_default();
        let Some(record_id) = parse_statement_name(&self.backend.options.deployment, name) else {
            return match original::parse_statement_name(name, self.backend.now().div_euclid(1_000))
            {
                Some(key) => tasker.settle_original(call, &key, event).await,
                None => ignored("the statement is not one of this deployment"),
            };
        };
        let stored = match tasker.backend.store.find(&record_id).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return ignored("there is no record of this statement, or it has expired"),
            Err(LedgerError::Unavailable(reason)) => return Settling::Again { reason },
            Err(error) => {
                tracing::error!(record = %record_id, %error, alarm = "LedgerRefused", "a completion event cannot be settled");
                return Settling::Again {
                    reason: error.to_string(),
                };
            }
        };
        if let (Some(known), Some(told)) = (stored.record.statement_id(), text("statementId"))
            && known != told
        {
            tracing::warn!(record = %record_id, "an event names this record with another statement's id");
            return ignored("the event's statement is not the recorded one");
        }
        tasker.settle_stored(call, stored, None, Some(&event)).await
    }

    /// Takes a record as far as it goes now. `known` is what Redshift has just said of its statement.
    pub(super) async fn settle_stored(
        &self,
        call: &Call,
        mut stored: Stored,
        mut known: Option<StatementDescription>,
        event: Option<&Value>,
    ) -> Settling {
        let mut looks = 0;
        for _ in 0..STEPS {
            let written = match stored.record.phase() {
                Phase::Closed if event.is_some() && stored.record.watch.stray.is_some() => {
                    let looked = self.look_for_stray(call, &stored, Turn::Ask).await;
                    return looked.unwrap_or_else(|| again("there was no time to look it up"));
                }
                Phase::Closed => return Settling::Done,
                Phase::Decided => return self.delivery.deliver(call.deadline, stored).await,
                Phase::Reserved => return ignored("the statement was never started"),
                Phase::Starting => {
                    if let Some(now) = self.look_again(&stored, &mut looks, call.deadline).await {
                        stored = now;
                        continue;
                    }
                    // Whoever starts it does not store the id: the statement is looked up by its name.
                    match self
                        .backend
                        .find_by_name(&stored.record, call.deadline, Turn::Ask)
                        .await
                    {
                        Found::Id(id) => {
                            let next = stored.record.clone().adopted(&id);
                            self.backend
                                .store
                                .advance(&stored, next, call.answer_by)
                                .await
                        }
                        Found::Unknown(reason) | Found::Denied(reason) => return again(&reason),
                        Found::Nowhere | Found::NotAsked => {
                            return again("the statement's id is not stored yet");
                        }
                    }
                }
                Phase::Started => {
                    let description = match known.take() {
                        Some(description) => description,
                        None => match self.ended(&stored.record, call.deadline).await {
                            Ok(description) => description,
                            Err(settling) => return settling,
                        },
                    };
                    let next = if stored.record.waiting {
                        let decision = self.decide(call, &stored.record, &description, event);
                        let answer = match decision.await {
                            Decision::Made(answer) => answer,
                            Decision::PutOff(why) => return self.put_off(call, &stored, why).await,
                        };
                        with_status(stored.record.clone(), &description).decided(answer)
                    } else {
                        with_status(stored.record.clone(), &description).closed(Ending::NoCallback)
                    };
                    // What came of a call or a decision that took all the time is written all the same.
                    self.backend
                        .store
                        .advance(&stored, next, call.answer_by)
                        .await
                }
            };
            match written {
                Ok(Advance::Done(now) | Advance::Lost(Some(now))) => stored = now,
                Ok(Advance::Lost(None)) => return Settling::Done,
                Err(error) => return again(&format!("the record could not be written: {error}")),
            }
        }
        again("others are working on this record")
    }

    /// The record once more, after a pause; none if it has been looked at often enough.
    async fn look_again(
        &self,
        stored: &Stored,
        looks: &mut u32,
        deadline: Instant,
    ) -> Option<Stored> {
        *looks += 1;
        if *looks > EARLY_LOOKS || Instant::now() + EARLY_PAUSE >= deadline {
            return None;
        }
        sleep(EARLY_PAUSE).await;
        self.backend
            .store
            .find(&stored.record.record_id)
            .await
            .ok()
            .flatten()
    }

    /// What Redshift says of the recorded statement, if it has ended.
    async fn ended(
        &self,
        record: &Record,
        deadline: Instant,
    ) -> Result<StatementDescription, Settling> {
        let (Some(statement), Some(id)) = (record.statement.as_ref(), record.statement_id()) else {
            return Err(again("the record has no statement"));
        };
        let described = tokio::time::timeout_at(
            deadline,
            self.backend
                .ports
                .warehouse
                .describe(&statement.target, id, None),
        );
        match described.await {
            Ok(Ok(description)) if is_final(description.status) => Ok(description),
            Ok(Ok(_)) => Err(again("the statement still runs")),
            Ok(Err(error)) => {
                alarm_about_describe(record, &error);
                Err(again(&format!("Redshift could not be asked: {error}")))
            }
            Err(_) => Err(again("the time of this invocation is over")),
        }
    }

    /// Notes that nothing could be decided, and why: it is not put off for ever.
    async fn put_off(&self, call: &Call, stored: &Stored, why: PutOff) -> Settling {
        let mut next = stored.record.clone();
        let reason = match why {
            PutOff::Disturbed => {
                next.watch.undecided_since.get_or_insert(self.backend.now());
                "a service did not give the policy what it reads to decide"
            }
            PutOff::Overtime { had } => {
                if had >= FAIR_TIME {
                    next.watch.overtime = next.watch.overtime.saturating_add(1);
                }
                "the time of this invocation was over before the policy had decided"
            }
            PutOff::NoPlace => "there was no time to ask the policy",
        };
        if next != stored.record
            && let Err(error) = self
                .backend
                .store
                .advance(stored, next, call.answer_by)
                .await
        {
            tracing::warn!(record = %stored.record.record_id, %error, "that nothing could be decided was not noted");
        }
        again(reason)
    }

    /// Decides what the task is told.
    async fn decide(
        &self,
        call: &Call,
        record: &Record,
        description: &StatementDescription,
        event: Option<&Value>,
    ) -> Decision {
        // A statement that ended before its cancel took effect ended by itself.
        let ended_first = |verdict: &&Answer| {
            description.status != StatementStatus::Aborted && answer::is_deadline_exceeded(verdict)
        };
        if let Some(verdict) = record
            .verdict
            .as_ref()
            .filter(|verdict| !ended_first(verdict))
        {
            return Decision::Made(answer::with_outcome(verdict.clone(), description));
        }
        let policies = self.in_force.policies();
        let name = record
            .policy
            .as_ref()
            .map_or("", |policy| policy.name.as_str());
        let Some(facts) = record.facts() else {
            return Decision::Made(answer::lost(&description.id));
        };
        let Some(granted) = policies.settling(name, record.route.as_deref()) else {
            tracing::warn!(record = %record.record_id, policy = name, alarm = "PolicyGone", "the policy that started this statement is not in force; the task is answered as the original would");
            let came = Ended::of(&facts, description).came(event, call.function_arn.as_deref());
            return Decision::Made(Self::as_original(record, &came, description));
        };
        let waiter = record
            .who_waits()
            .map_or(Waiter::StepFunctions, |waiting| waiting.waiter());
        let services = Arc::new(self.services_of(call, &granted, record));
        let event = event.map(|event| {
            let came =
                Ended::of(&facts, description).came(Some(event), call.function_arn.as_deref());
            came.event().to_string()
        });
        let settlement = Settlement {
            statement: services.clean_description(description.clone()),
            event: event.map(|event| services.clean_document(&event)),
            facts,
        };
        let policy = self.in_force.acting(&granted);
        let since = record.watch.undecided_since;
        let is_patient = since.is_none_or(|since| self.backend.now() - since < PATIENCE_MS);
        let faulted = |fault: &Fault| {
            Decision::Made(answer::with_outcome(answer::of_fault(fault), description))
        };
        // It is asked twice.
        let mut fault = None;
        loop {
            let context = context(Arc::<EventServices>::clone(&services), call);
            let settled = policy.settle(context, settlement.clone(), waiter);
            let Some((had, settled)) = self.decision(call, record, settled).await else {
                return fault.map_or(Decision::PutOff(PutOff::NoPlace), |fault| faulted(&fault));
            };
            let little_time = time_left(call) < DECISION_TIME;
            match settled {
                // A reply made after a read failed in passing is discarded: the read may succeed the next time.
                _ if is_patient && services.was_disturbed() => {
                    return Decision::PutOff(PutOff::Disturbed);
                }
                Ok(settled) => return Decision::Made(settled.answer),
                Err(fault)
                    if fault.kind == FaultKind::Timeout
                        && little_time
                        && record.watch.overtime < OVERTIME_TRIES =>
                {
                    return Decision::PutOff(PutOff::Overtime { had });
                }
                Err(next) => {
                    tracing::error!(record = %record.record_id, fault = %next, alarm = "PolicyFault", "the policy faulted while it settled");
                    if fault.is_some() || little_time {
                        return faulted(&next);
                    }
                    fault = Some(next);
                }
            }
        }
    }
}

/// What is left of an event's time.
pub(super) fn time_left(call: &Call) -> Duration {
    call.deadline.saturating_duration_since(Instant::now())
}

fn with_status(record: Record, description: &StatementDescription) -> Record {
    let record = record.in_session(description.session_id.as_deref());
    record.with_status(description.status)
}

/// A recorded statement that Redshift does not describe: an operator has to look, whatever becomes of the record.
pub(super) fn alarm_about_describe(record: &Record, error: &ServiceError) {
    let id = record.statement_id().unwrap_or_default();
    match error.kind {
        ServiceErrorKind::Denied => {
            tracing::error!(record = %record.record_id, id, %error, alarm = "DescribeRefused", "this role may not describe a recorded statement, so how it ends cannot be known: allow redshift-data:DescribeStatement, for the role that started it");
        }
        ServiceErrorKind::NotFound | ServiceErrorKind::Invalid => {
            tracing::error!(record = %record.record_id, id, %error, alarm = "DescribeRefused", "Redshift does not describe a recorded statement: it was started by another role, or its target has changed");
        }
        _ => {}
    }
}

pub(super) fn again(reason: &str) -> Settling {
    Settling::Again {
        reason: reason.to_owned(),
    }
}

pub(super) fn ignored(reason: &str) -> Settling {
    Settling::Ignored {
        reason: reason.to_owned(),
    }
}
