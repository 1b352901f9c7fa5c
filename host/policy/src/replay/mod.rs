//! Recorded decisions, made again by another policy or under other settings, without any service.
//!
//! The policy's calls are matched in their order with the recorded ones, by function and canonical arguments. A recorded
//! call gets the recorded reply. A start, a cancel or a heartbeat that was not recorded is a difference and gets a made-up
//! success. A read that was not recorded cannot be answered and ends the run. The clock is the recorded one.

mod services;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    call::{CallContext, Fault, Policy, Usage},
    record::{Asked, Decision, DecisionRecord},
    services::Services,
};
use services::{End, Recorded};

/// What was hidden in a record, to be hidden in what is compared with it.
pub trait Conceal: Send + Sync {
    /// Hides it in the arguments of a call.
    fn arguments(&self, arguments: Value) -> Value;
    /// Hides it in a decision; `read_results` says that the policy has read rows.
    fn decision(&self, decision: Value, read_results: bool) -> Value;
}

/// Hides nothing: for records as they were made.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

impl Conceal for Plain {
    fn arguments(&self, arguments: Value) -> Value {
        arguments
    }

    fn decision(&self, decision: Value, _: bool) -> Value {
        decision
    }
}

/// A decision, made again.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    /// What came of it.
    pub outcome: Outcome,
    /// The effects that differ, in order: first those that the policy now has, then those it has no more.
    pub effects: Vec<EffectChange>,
    /// The decision now; none where the run did not get so far.
    pub decision: Option<Decision>,
    /// What it used.
    pub usage: Option<Usage>,
    /// Whether the record was masked, so that a difference may come from the mask.
    pub masked: bool,
}

impl Replay {
    /// Whether the policy does now what it did then, as far as a record can tell.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.outcome == Outcome::Same
    }

    fn of(record: &DecisionRecord, outcome: Outcome) -> Self {
        Self {
            outcome,
            effects: Vec::new(),
            decision: None,
            usage: None,
            masked: record.masked.is_some(),
        }
    }
}

/// What came of a replay.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    tag = "kind"
)]
pub enum Outcome {
    /// The same effects and the same decision.
    Same,
    /// Other effects or another decision.
    Changed,
    /// The policy read what it did not read then; what it would decide is not known.
    Diverged {
        /// The number of the call in this run, from 1.
        call: usize,
        /// What it called.
        function: String,
        /// With what.
        arguments: Value,
    },
    /// The record does not have what the run needs.
    Incomplete {
        /// What is missing.
        reason: String,
    },
}

/// An effect that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EffectChange {
    /// What is called.
    pub function: String,
    /// With what then; none if it is new.
    pub recorded: Option<Value>,
    /// With what now; none if it is gone.
    pub replayed: Option<Value>,
}

/// Makes a recorded decision again.
pub async fn replay(
    policy: &dyn Policy,
    record: &DecisionRecord,
    deadline: Instant,
    conceal: Arc<dyn Conceal>,
) -> Replay {
    if record.calls.iter().any(|call| call.omitted) && record.decision.is_fault() {
        // It may have misbehaved because of what is not here.
        let reason = "the journal was full, and the policy misbehaved".to_owned();
        return Replay::of(record, Outcome::Incomplete { reason });
    }
    let recorded = Arc::new(Recorded::new(record, Arc::clone(&conceal)));
    let services: Arc<dyn Services> = Arc::<Recorded>::clone(&recorded);
    let context = CallContext {
        services,
        now: record.at,
        deadline,
    };
    // A read that was not recorded waits for ever: the run ends there, whatever the policy would do next.
    let decided = tokio::select! {
        biased;
        end = recorded.ended() => Err(end),
        decided = ask(policy, context, &record.asked) => Ok(decided),
        () = tokio::time::sleep_until(deadline) => Err(End::OutOfTime),
    };
    let effects = recorded.changes();
    let (decision, usage) = match decided {
        Ok((decision, usage)) => (decision, usage),
        Err(End::Diverged {
            call,
            function,
            arguments,
        }) => {
            let outcome = Outcome::Diverged {
                call,
                function,
                arguments,
            };
            return Replay {
                effects,
                ..Replay::of(record, outcome)
            };
        }
        Err(End::Omitted { call }) => {
            let reason = format!("call {call} is not in the record: its journal was full");
            return Replay::of(record, Outcome::Incomplete { reason });
        }
        Err(End::OutOfTime) => {
            let reason = "the policy did not return in time".to_owned();
            return Replay::of(record, Outcome::Incomplete { reason });
        }
        // The recorded run ended in this very call.
        Err(End::CutOff) => {
            let outcome = if effects.is_empty() && record.decision.is_fault() {
                Outcome::Same
            } else {
                Outcome::Changed
            };
            return Replay {
                effects,
                ..Replay::of(record, outcome)
            };
        }
    };
    let same = effects.is_empty()
        && is_same(
            &record.decision,
            &decision,
            &*conceal,
            recorded.has_read_results(),
        );
    Replay {
        effects,
        decision: Some(decision),
        usage: Some(usage),
        ..Replay::of(
            record,
            if same {
                Outcome::Same
            } else {
                Outcome::Changed
            },
        )
    }
}

async fn ask(policy: &dyn Policy, context: CallContext, asked: &Asked) -> (Decision, Usage) {
    fn of<T>(result: Result<T, Fault>, usage: impl FnOnce(&T) -> Usage) -> (Decision, Usage)
    where
        for<'t> Decision: From<&'t T>,
    {
        match &result {
            Ok(done) => (done.into(), usage(done)),
            Err(fault) => (fault.into(), fault.usage),
        }
    }
    match asked.clone() {
        Asked::Invoke { invocation, waiter } => of(
            policy.invoke(context, invocation, waiter).await,
            |invoked| invoked.usage,
        ),
        Asked::Settle { settlement, waiter } => of(
            policy.settle(context, *settlement, waiter).await,
            |settled| settled.usage,
        ),
        Asked::Closed { closing } => {
            of(policy.closed(context, closing).await, |closed| closed.usage)
        }
    }
}

/// Whether two decisions are the same. Of faults the kind counts: messages hold addresses and times.
fn is_same(
    recorded: &Decision,
    replayed: &Decision,
    conceal: &dyn Conceal,
    read_results: bool,
) -> bool {
    match (recorded, replayed) {
        (Decision::Fault { kind: then, .. }, Decision::Fault { kind: now, .. }) => then == now,
        _ if recorded == replayed => true,
        _ => match (
            serde_json::to_value(recorded),
            serde_json::to_value(replayed),
        ) {
            (Ok(recorded), Ok(replayed)) => conceal.decision(replayed, read_results) == recorded,
            _ => false,
        },
    }
}
