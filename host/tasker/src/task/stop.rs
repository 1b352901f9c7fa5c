//! Tasks that are gone while their statement runs: the policy's *closed* decides what becomes of the statement.

use std::sync::Arc;

use serde_json::Value;
use signalbox_policy::{
    FaultKind,
    contract::{Closing, ClosingReason, OnStop},
};
use tokio::time::{Duration, Instant, sleep, timeout_at};

use super::{
    Call, Settling, answer,
    attend::Turn,
    in_force::context,
    settle::{DECISION_TIME, OVERTIME_TRIES, again, ignored, time_left},
    settler::Settler,
};
use crate::{
    ids::RecordId,
    ports::{Execution, ExecutionError, ExecutionStatus, LedgerError},
    record::{Gone, Phase, Record, Stored, Updated},
    side_by_side::Places,
};

/// Items of an execution read at once.
const SLICE: usize = 200;
/// Records that are read at once: those of statements that are over are among them.
const READ_PLACES: usize = 64;
/// Records that are worked on at once.
const PLACES: usize = 16;
/// A record that takes longer gives its place to the next one, and goes on.
const PATIENCE: Duration = Duration::from_secs(2);
const OUT_OF_TIME: &str =
    "the time of this invocation was over before all statements were looked at";
/// DescribeExecution may lag behind the event. An event that is no older than this is tried again.
const LAG_MS: u64 = 5 * 60 * 1_000;
/// How often an execution that still runs, they say, is looked at in one invocation.
const LOOKS: u32 = 3;
/// Pause between these looks.
const LOOK_PAUSE: Duration = Duration::from_millis(300);
/// Numbers below are seconds, numbers above milliseconds: the year 1973 in milliseconds, or 5138 in seconds.
const MILLISECONDS_FROM: f64 = 1e11;

/// What an event says about an execution.
struct Stop {
    execution_arn: String,
    /// When it stopped, in milliseconds since the Unix epoch.
    stopped_at: Option<i64>,
}

impl Stop {
    /// Reads `Step Functions Execution Status Change`. None if it tells of no stop.
    fn read(event: &Value) -> Option<Self> {
        let detail = event.get("detail")?;
        let text = |name: &str| detail.get(name).and_then(Value::as_str);
        if !matches!(text("status")?, "ABORTED" | "TIMED_OUT" | "FAILED") {
            return None;
        }
        Some(Self {
            execution_arn: text("executionArn")?.to_owned(),
            stopped_at: detail.get("stopDate").and_then(milliseconds),
        })
    }
}

impl Settler {
    /// Works on `Step Functions Execution Status Change`. The event is a hint: whether and when the execution stopped
    /// is asked of Step Functions, since a redriven one keeps its ARN.
    pub(super) async fn stopped(&self, call: &Call, event: Value) -> Settling {
        let Some(stop) = Stop::read(&event) else {
            return ignored("the event does not say that an execution stopped");
        };
        let tasker = self.within(call);
        let (reason, before) = match tasker.confirm(call, &stop).await {
            Ok(confirmed) => confirmed,
            Err(settling) => return settling,
        };
        let has_time = || time_left(call) >= DECISION_TIME;
        let places = Places::new(READ_PLACES, PATIENCE);
        let (mut rest, mut gone, mut trouble) = (None, Vec::new(), None);
        loop {
            let page = tasker
                .backend
                .store
                .made_before(&stop.execution_arn, before, rest, SLICE)
                .await;
            let (ids, next) = match page {
                Ok(page) => page,
                Err(error) => return again(&error.to_string()),
            };
            let noted = ids.iter().map(|id| async {
                match has_time() {
                    true => tasker.task_gone(call, id, &stop, before, reason).await,
                    false => Err(OUT_OF_TIME.to_owned()),
                }
            });
            for noted in places.run_all(noted).await {
                match noted {
                    Ok(stored) => gone.extend(stored),
                    Err(reason) => trouble = Some(reason),
                }
            }
            rest = next;
            if rest.is_none() {
                break;
            }
            if !has_time() {
                return again(OUT_OF_TIME);
            }
        }
        // From here on nothing is lost: what there is no time for now is due for the sweep.
        let looks = gone.into_iter().map(|stored| async {
            if has_time() {
                tasker.look_at_gone(call, stored).await;
            }
        });
        Places::new(PLACES, PATIENCE).run_all(looks).await;
        trouble.map_or(Settling::Done, |reason| again(&reason))
    }

    /// Asks Step Functions whether an execution has stopped: why, and before which time its statements were made.
    async fn confirm(&self, call: &Call, stop: &Stop) -> Result<(ClosingReason, i64), Settling> {
        let mut looks = 1;
        let execution = loop {
            match self.execution(call, &stop.execution_arn).await? {
                Execution {
                    status: ExecutionStatus::Running | ExecutionStatus::Other(_),
                    ..
                } => {
                    let young = stop
                        .stopped_at
                        .is_some_and(|at| self.backend.now().abs_diff(at) < LAG_MS);
                    if !young {
                        return Err(ignored("the execution runs, so it was redriven"));
                    }
                    if looks == LOOKS || Instant::now() + LOOK_PAUSE >= call.deadline {
                        return Err(again("the execution still runs, Step Functions says"));
                    }
                    looks += 1;
                    sleep(LOOK_PAUSE).await;
                }
                execution => break execution,
            }
        };
        // An execution that was redriven and stopped again has stopped twice; this event is about the first time.
        let Some(before) = [stop.stopped_at, execution.stopped_at]
            .into_iter()
            .flatten()
            .min()
        else {
            return Err(ignored("nobody says when the execution stopped"));
        };
        let reason = match execution.status {
            ExecutionStatus::Aborted => ClosingReason::Aborted,
            ExecutionStatus::TimedOut => ClosingReason::TimedOut,
            ExecutionStatus::Failed => ClosingReason::Failed,
            _ => ClosingReason::TaskClosed,
        };
        Ok((reason, before))
    }

    async fn execution(&self, call: &Call, arn: &str) -> Result<Execution, Settling> {
        let described = timeout_at(
            call.deadline,
            self.backend.ports.callbacks.describe_execution(arn),
        );
        match described.await {
            Ok(Ok(execution)) => Ok(execution),
            Ok(Err(ExecutionError::Unknown { code })) => {
                tracing::warn!(code, "an event tells of an execution that does not exist");
                Err(ignored("there is no such execution"))
            }
            Ok(Err(error @ ExecutionError::Denied { .. })) => {
                tracing::error!(%error, alarm = "DescribeExecutionRefused", "statements of a stopped execution run on: allow states:DescribeExecution");
                Err(ignored("this role may not describe executions"))
            }
            Ok(Err(error @ ExecutionError::Passing { .. })) => Err(again(&error.to_string())),
            Err(_) => Err(again("the time of this invocation is over")),
        }
    }

    /// Notes that nobody waits for a task any more; its record is due from then on. None if the stop is not about it, or
    /// was noted before. An error says why nothing could be noted.
    async fn task_gone(
        &self,
        call: &Call,
        id: &RecordId,
        stop: &Stop,
        before: i64,
        reason: ClosingReason,
    ) -> Result<Option<Stored>, String> {
        let stored = match self.backend.store.find(id).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return Ok(None),
            Err(error @ LedgerError::Unreadable(_)) => {
                tracing::error!(record = %id, %error, alarm = "RecordUnreadable", "a record of a stopped execution cannot be read");
                return Ok(None);
            }
            Err(error) => return Err(error.to_string()),
        };
        let update = self.backend.store.update(stored, call.deadline, |record| {
            let is_meant = self.concerns(record, stop, before);
            is_meant.then(|| self.without_waiter(record.clone(), reason))
        });
        match update.await {
            Ok(Updated::Done(now)) => Ok(Some(now)),
            Ok(Updated::Left(_) | Updated::Gone) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether a stop at this time is about the record: one that waits for the execution and for no other, and was
    /// asked for before.
    fn concerns(&self, record: &Record, stop: &Stop, before: i64) -> bool {
        record.deployment == self.backend.options.deployment
            && record.waiting
            && record.phase() < Phase::Decided
            && record.watch.gone.is_none()
            && record
                .asked_at(&stop.execution_arn)
                .is_some_and(|asked_at| asked_at < before)
            && !record.is_awaited_elsewhere(&stop.execution_arn)
    }

    fn without_waiter(&self, mut record: Record, reason: ClosingReason) -> Record {
        // Redshift was not asked yet, and is not asked any more: the start sees that the record has moved on.
        if record.phase() == Phase::Reserved {
            let answer = answer::not_started(record.record_id.as_str());
            return record.decided(answer);
        }
        record.watch.gone = Some(Gone {
            reason,
            decision: None,
        });
        record.due_at = Some(self.backend.now());
        record
    }

    async fn look_at_gone(&self, call: &Call, stored: Stored) {
        let settling = match stored.record.phase() {
            Phase::Started => self.look(call, stored.clone(), Turn::Ask).await,
            Phase::Decided => Some(self.delivery.deliver(call.deadline, stored.clone()).await),
            _ => None,
        };
        if let Some(Settling::Again { reason } | Settling::Ignored { reason }) = settling {
            tracing::debug!(record = %stored.record.record_id, reason, "left to the sweep");
            self.postpone(call, &stored).await;
        }
    }

    /// Asks the policy what becomes of a statement whose task is gone; a policy that faults has the statement cancelled.
    ///
    /// # Errors
    /// It has not decided, in so much time.
    pub(super) async fn decide_closed(
        &self,
        call: &Call,
        record: &Record,
        reason: ClosingReason,
    ) -> Result<OnStop, Duration> {
        let undecided = || Err(Duration::ZERO);
        let Some(facts) = record.facts() else {
            return undecided();
        };
        let policies = self.in_force.policies();
        let name = record
            .policy
            .as_ref()
            .map_or("", |policy| policy.name.as_str());
        let Some(granted) = policies.settling(name, record.route.as_deref()) else {
            // What the payload asked for holds without a policy too. Else one that is only not loaded yet decides later.
            let by_default = (!policies.is_unavailable()).then_some(OnStop::Cancel);
            return facts.on_stop.or(by_default).map_or_else(undecided, Ok);
        };
        let services = Arc::new(self.services_of(call, &granted, record));
        let context = context(services, call);
        let policy = self.in_force.acting(&granted);
        let closed = policy.closed(context, Closing { facts, reason });
        let Some((had, closed)) = self.decision(call, record, closed).await else {
            return undecided();
        };
        let decision = match closed {
            Ok(closed) => closed.decision,
            Err(fault)
                if fault.kind == FaultKind::Timeout
                    && record.watch.overtime < OVERTIME_TRIES
                    && time_left(call) < DECISION_TIME =>
            {
                return Err(had);
            }
            Err(fault) => {
                tracing::error!(record = %record.record_id, %fault, alarm = "PolicyFault", "the policy faulted when it was asked about a task that is gone; its statement is cancelled");
                OnStop::Cancel
            }
        };
        tracing::info!(record = %record.record_id, ?reason, ?decision, "a task is gone while its statement runs");
        Ok(decision)
    }
}

/// A time of an event: a number of milliseconds or seconds since the Unix epoch, or ISO 8601.
fn milliseconds(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => {
            let number = number.as_f64().filter(|number| *number > 0.0)?;
            let milliseconds = if number < MILLISECONDS_FROM {
                number * 1_000.0
            } else {
                number
            };
            jiff::Timestamp::from_millisecond(milliseconds as i64)
                .ok()
                .map(jiff::Timestamp::as_millisecond)
        }
        Value::String(text) => text
            .parse::<jiff::Timestamp>()
            .ok()
            .map(jiff::Timestamp::as_millisecond),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_read_in_every_form() {
        let expected = Some(1_798_761_600_500);
        for value in [
            json!(1_798_761_600_500_i64),
            json!(1_798_761_600_500.0),
            json!(1_798_761_600.5),
            json!("2027-01-01T00:00:00.5Z"),
        ] {
            assert_eq!(milliseconds(&value), expected, "{value}");
        }
        for value in [
            json!(null),
            json!(0),
            json!(-5),
            json!(1e300),
            json!("yesterday"),
            json!([1]),
        ] {
            assert_eq!(milliseconds(&value), None, "{value}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
            Just(json!({})),
            Just(json!([])),
        ]
    }

    proptest! {
        #[test]
        fn no_event_is_too_odd(status in any_json(), arn in any_json(), stop in any_json(), detail in any_json()) {
            let _ = Stop::read(&detail);
            let _ = Stop::read(&json!({"detail": detail}));
            let event = json!({"detail": {"status": status, "executionArn": arn, "stopDate": stop}});
            prop_assert!(Stop::read(&event).is_none_or(|_| arn.is_string()));
        }
    }
}
