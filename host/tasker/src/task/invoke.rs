//! Serves one payload: look-up, then the policy.

use std::sync::Arc;

use serde_json::Value;
use signalbox_policy::{
    Fault, Invoked,
    contract::{Invocation, Source, Waiter},
};
use tokio::time::{Duration, Instant, sleep, sleep_until};

use super::{
    Call, answer,
    attach::{Asking, Attach, Attempts},
    backend::Backend,
    deliver::Delivery,
    in_force::{InForce, context},
    outcome::{pending, refusal_reply, reply_value},
    services::{EventServices, granted_targets},
    settle::DECISION_TIME,
    settler::Settler,
    start::lost,
};
use crate::{
    dry_run,
    ids::{IdSource, RecordId, digest},
    intake::{self, Intake},
    policies::{Caller, Granted, PolicySet},
    ports::{LedgerError, SendError, TaskToken},
    raised::{Raised, names},
    record::{Advance, Ending, Phase, Statement, Stored},
    scope::Scope,
    waiting::Waiting,
};

/// Pause between looks at a record that another invocation is working on.
const LOOK_PAUSE: Duration = Duration::from_millis(200);
/// How long the reply of that invocation is waited for where a task waits, which does not look at it.
const LOOK_TIME: Duration = Duration::from_secs(10);
/// How long an error may wait for what the ledger says of its task.
const RAISE_TIME: Duration = Duration::from_secs(2);
/// What is left for the ledger after the last look.
const NOTE_TIME: Duration = Duration::from_millis(500);

/// What a policy that faulted needs to show whether it does so without the payload.
const REFERENCE_TIME: Duration = Duration::from_millis(1_500);
/// A policy that ends so near to the end of its time may have been cut off.
const CUT_OFF_TIME: Duration = Duration::from_millis(250);

/// A payload on its way to a policy.
struct Payload<'a> {
    intake: &'a Intake,
    record_id: RecordId,
    digest: String,
    key: Option<String>,
}

/// Serves invocations: what a caller asks for, and what it is told.
#[derive(Clone)]
pub(super) struct Invocations {
    pub(super) backend: Backend,
    pub(super) delivery: Delivery,
    pub(super) in_force: InForce,
    pub(super) settler: Settler,
}

impl Invocations {
    pub(super) fn of(settler: &Settler) -> Self {
        Self {
            backend: settler.backend.clone(),
            delivery: settler.delivery.clone(),
            in_force: settler.in_force.clone(),
            settler: settler.clone(),
        }
    }

    /// The same for one event: no read of the ledger outlasts it.
    pub(super) fn within(&self, call: &Call) -> Self {
        Self::of(&self.settler.within(call))
    }

    /// Serves one payload. The value is the function's reply, which a state that waits for its token ignores.
    ///
    /// # Errors
    /// What Lambda is to report. Under `.waitForTaskToken` that ends the task, so no statement of it runs then. From a
    /// queue errors go to the token, and only a ledger that does not answer is raised. CloudFormation is told by the
    /// response; raised is only what cannot be told.
    pub(super) async fn invoke(&self, call: &Call, payload: Value) -> Result<Value, Raised> {
        let token = payload
            .get("taskToken")
            .and_then(Value::as_str)
            .filter(|token| !token.is_empty())
            .map(TaskToken::new);
        let tasker = self.within(call);
        let served = match tasker.resource_of(&payload) {
            Err(raised) => Err(raised),
            Ok(None) => match intake::take(payload) {
                Ok(intake) => tasker.serve(call, intake).await,
                Err(raised) => Err(raised),
            },
            Ok(Some(resource)) => {
                let served = tasker.serve_resource(call, resource, payload).await;
                // Who also waits by a token is told below.
                match (served, &token) {
                    (Ok((_, Some(raised))), Some(_)) => Err(raised),
                    (Ok((reply, _)), _) => Ok(reply),
                    (Err(raised), _) => Err(raised),
                }
            }
        };
        match (served, token) {
            (Err(raised), Some(token)) => tasker.fail(call, token, raised).await,
            (served, _) => served,
        }
    }

    /// Fails a task by the way on which it is heard: from a queue by its token, else by the error of the invocation.
    pub(super) async fn fail(
        &self,
        call: &Call,
        token: TaskToken,
        raised: Raised,
    ) -> Result<Value, Raised> {
        let waiting = Waiting::Task(token);
        match call.source {
            _ if raised.error_type == names::LEDGER_UNAVAILABLE => Err(raised),
            Source::Queue => self.refuse(call, &waiting, &raised).await,
            Source::Invocation => self.raise(call, waiting, raised).await,
            _ => Err(raised),
        }
    }

    /// Raises an error. Step Functions hears it where it waits for the invocation. Where it does not (`InvocationType` is
    /// `Event`) Lambda repeats the invocation, and the task is told by its token then.
    async fn raise(&self, call: &Call, waiting: Waiting, raised: Raised) -> Result<Value, Raised> {
        let id = waiting.record_id(&self.backend.options.deployment);
        // An error that needs no ledger does not wait for one that hangs.
        let end = || call.answer_by.min(Instant::now() + RAISE_TIME);
        let again = self
            .backend
            .store
            .is_raised_again(&id, &call.request_id, end())
            .await;
        // A write that took all of its time leaves the read its own.
        let found = self.backend.store.until(end()).find(&id).await;
        if !again {
            // Another invocation of the task may have started its statement since this one looked. Then the task is its own.
            let is_anothers = found.is_ok_and(|found| {
                found.is_some_and(|Stored { record, .. }| {
                    record.request_id != call.request_id
                        && !matches!(
                            record.life.ending(),
                            Some(Ending::Refused | Ending::Abandoned)
                        )
                })
            });
            return if is_anothers {
                Ok(pending())
            } else {
                Err(raised)
            };
        }
        match found {
            // The refusal is recorded; nobody has heard it.
            Ok(Some(stored)) if stored.record.phase() == Phase::Closed => {
                let answer = answer::of_raised(&raised);
                match self.delivery.send(call.answer_by, &waiting, &answer).await {
                    Ok(()) | Err(SendError::Closed { .. }) => Ok(refusal_reply(&raised)),
                    Err(error) => {
                        tracing::warn!(record = %id, %error, "an error that nobody heard could not be told");
                        Err(raised)
                    }
                }
            }
            _ => self.refuse(call, &waiting, &raised).await,
        }
    }

    pub(super) async fn serve(&self, call: &Call, intake: Intake) -> Result<Value, Raised> {
        let deployment = &self.backend.options.deployment;
        let record_id = match &intake.waiting {
            Some(waiting) => waiting.record_id(deployment),
            None => RecordId::new(deployment, IdSource::Request(&call.request_id)),
        };
        let mut was_cut_off = false;
        match self.backend.store.find(&record_id).await {
            // Whose task it is, is known there. It is served on, and what comes of it is for its own callers.
            Ok(Some(stored))
                if self
                    .in_force
                    .policies()
                    .is_foreign(call.function_arn.as_deref(), &stored.record) =>
            {
                tracing::warn!(record = %record_id, "a recorded task comes by another route; it goes on, and its reply is not told here");
                return Ok(pending());
            }
            Ok(Some(Stored { record, .. }))
                if record.is_cut_off(&call.request_id, self.backend.now()) =>
            {
                was_cut_off = true;
            }
            Ok(Some(stored)) => return self.repeat(call, stored).await,
            Ok(None) => {}
            // The task is recorded, and whoever can read the record ends it: to raise would be to end it unread.
            Err(error @ LedgerError::Unreadable(_)) if intake.waiting.is_some() => {
                tracing::error!(record = %record_id, %error, alarm = "RecordUnreadable", "a task's record cannot be read");
                return Ok(pending());
            }
            Err(error) => return Err(ledger_unavailable(&error)),
        }

        let policies = self.in_force.policies();
        let chosen = policies.choose(&Caller {
            function_arn: call.function_arn.as_deref(),
            execution_arn: intake.execution_arn.as_deref(),
            task: intake
                .idempotency_key
                .as_deref()
                .unwrap_or(record_id.as_str()),
            policy: intake.policy.as_deref(),
        });
        let granted = &match chosen {
            Ok(granted) => granted,
            // The start that was cut off may have come to something, whatever is said now.
            Err(_) if was_cut_off => return not_known(call, false),
            Err(raised) => return Err(raised),
        };
        let payload_digest = payload_digest(&intake);
        let (token, key) = match &intake.waiting {
            Some(Waiting::Task(token)) => (Some(token), intake.idempotency_key.as_ref()),
            // CloudFormation has an id of its own for every request, and asks once.
            Some(Waiting::Resource(_)) => (None, None),
            None => (None, intake.idempotency_key.as_ref()),
        };
        if let Some(key) = key {
            let arn = intake.execution_arn.as_deref();
            let scope = Scope::of(deployment, granted);
            let asking = Asking {
                record_id: record_id.clone(),
                token: token.cloned(),
                execution_arn: intake.execution_arn.clone(),
                scope: scope.work(arn, key),
            };
            let same = |before: &Statement| before.payload_digest == payload_digest;
            let attempts = Attempts {
                backend: &self.backend,
                settles: &self.settler,
            };
            match attempts.attach(call, &asking, same).await {
                Ok(Attach::To(stored)) => return self.repeat(call, *stored).await,
                // Another payload may come to the same request: the policy decides, and then it is looked at again.
                Ok(Attach::Start(_) | Attach::Other) => {}
                Err(failure) => return Err(Raised::from(&failure)),
            }
        }
        let payload = Payload {
            intake: &intake,
            record_id,
            digest: payload_digest,
            key: key.cloned(),
        };
        let mut acting = granted;
        let (mut services, mut outcome) = self.ask(call, acting, &payload).await;
        if let Err(fault) = &outcome
            && let Some(baseline) = granted.baseline.as_deref()
            // One that refused, however clumsily, has decided.
            && !fault.decided
            && services.has_touched_nothing()
            // The work of a key is looked up by whose key it is: under another's name it could be done twice.
            && (payload.key.is_none() || baseline.keys() == granted.keys())
            && self.faults_anyhow(call, &policies, granted).await
        {
            tracing::error!(%fault, baseline = baseline.policy.identity().name, alarm = "PolicyFault", "the policy faults whatever it is asked, and has started nothing; its baseline acts");
            acting = baseline;
            (services, outcome) = self.ask(call, acting, &payload).await;
        }
        let starts = services.started();
        if was_cut_off && starts.is_empty() {
            return not_known(call, false);
        }
        if let Some(refused) = services.refusal() {
            return self.after_refusal(call, refused, &starts, outcome).await;
        }
        match outcome {
            Err(fault) => self.after_fault(call, &intake, &starts, &fault).await,
            Ok(invoked) => {
                self.after_return(call, &intake, acting, &starts, invoked)
                    .await
            }
        }
    }

    /// Whether a policy that faulted does so without any payload of a caller too. Only then may a laxer one act in its place:
    /// a fault that comes of the payload, be it by its size, its shape or what is in it, would let callers choose.
    async fn faults_anyhow(&self, call: &Call, policies: &PolicySet, granted: &Granted) -> bool {
        // The baseline has to have time to decide then, and the policy as much as it usually has.
        let Some(end) = call.deadline.checked_sub(DECISION_TIME) else {
            return false;
        };
        if end.saturating_duration_since(Instant::now()) < REFERENCE_TIME {
            return false;
        }
        let Some(plain) = policies.unwatched(granted) else {
            return false;
        };
        let now = u64::try_from(self.backend.now()).unwrap_or_default();
        // One that was cut off by the end has shown nothing.
        dry_run::faults_anyhow(&plain, now, end).await && Instant::now() + CUT_OFF_TIME < end
    }

    /// Gives a payload to a policy, with services of its own.
    async fn ask(
        &self,
        call: &Call,
        granted: &Granted,
        payload: &Payload<'_>,
    ) -> (Arc<EventServices>, Result<Invoked, Fault>) {
        let intake = payload.intake;
        let waiter = intake.waiting.as_ref().map(Waiting::waiter);
        let source = match waiter {
            Some(Waiter::Cloudformation) => Source::CustomResource,
            _ => call.source,
        };
        let invocation = Invocation {
            request_id: call.request_id.clone(),
            source,
            payload: intake.payload.to_string(),
            execution_arn: intake.execution_arn.clone(),
            function_arn: call.function_arn.clone(),
            targets: granted_targets(&self.backend.options, granted),
            unknown_fields: self.backend.options.unknown_fields,
        };
        let mut services = self
            .settler
            .services(call, granted, payload.record_id.clone());
        services.waiting.clone_from(&intake.waiting);
        services.execution_arn.clone_from(&intake.execution_arn);
        services.idempotency_key.clone_from(&payload.key);
        services.replace_session = intake.replace_session;
        services.wait_when_busy = intake.wait_when_busy;
        services.secrets = Arc::new(intake.secrets.clone());
        services.payload_digest.clone_from(&payload.digest);
        let services = Arc::new(services);
        let context = context(Arc::<EventServices>::clone(&services), call);
        let outcome = self
            .in_force
            .acting(granted)
            .invoke(context, invocation, waiter)
            .await;
        (services, outcome)
    }

    /// The same task again: what it got before, and no policy.
    async fn repeat(&self, call: &Call, mut stored: Stored) -> Result<Value, Raised> {
        let deadline = if stored.record.waiting {
            call.deadline.min(Instant::now() + LOOK_TIME)
        } else {
            call.deadline
        };
        // A look that hangs must not take the time of the note.
        let looks = self
            .backend
            .store
            .until(deadline.checked_sub(NOTE_TIME).unwrap_or(deadline));
        loop {
            let record = &stored.record;
            if let Some(refusal) = record.life.refusal() {
                return Err(Raised::new(&refusal.error, &refusal.message));
            }
            if record.watch.lost && !record.waiting {
                return Err(lost(record));
            }
            if record.life.ending() == Some(Ending::Abandoned) {
                return Err(Raised::new(
                    names::STATEMENT_NOT_STARTED,
                    "this task was given up before its statement was started",
                ));
            }
            if let Some(reply) = &record.reply {
                return Ok(reply_value(reply));
            }
            if record.phase() >= Phase::Started {
                return Ok(pending());
            }
            if Instant::now() + LOOK_PAUSE + NOTE_TIME >= deadline {
                match self.backend.note_unheard(call, &stored).await {
                    Some(now) => stored = now,
                    None => return not_known(call, record.waiting),
                }
                continue;
            }
            sleep(LOOK_PAUSE).await;
            match looks.find(&record.record_id).await {
                Ok(Some(now)) => stored = now,
                Ok(None) => return not_known(call, stored.record.waiting),
                Err(error) => {
                    tracing::warn!(%error, "the record could not be read; it is tried again")
                }
            }
        }
    }
}

impl Backend {
    /// Notes that an invocation ends without a word while another one works on the same task. The record as it is now
    /// if that one was faster.
    pub(super) async fn note_unheard(&self, call: &Call, stored: &Stored) -> Option<Stored> {
        if stored.record.unheard || !stored.record.waiting {
            return None;
        }
        loop {
            let mut next = stored.record.clone();
            next.unheard = true;
            match self.store.advance(stored, next, call.answer_by).await {
                Ok(Advance::Lost(now)) => return now,
                Ok(Advance::Done(_)) => return None,
                Err(error) => {
                    tracing::error!(record = %stored.record.record_id, %error, "that this invocation ends without a word could not be noted");
                }
            }
            let wake = Instant::now() + LOOK_PAUSE;
            if wake >= call.answer_by {
                return None;
            }
            sleep_until(wake).await;
        }
    }
}

/// Digest of what is asked for, whichever execution asks.
fn payload_digest(intake: &Intake) -> String {
    let mut payload = intake.payload.clone();
    if let Some(fields) = payload.as_object_mut() {
        fields.remove("executionArn");
    }
    let secrets = intake.secrets.digest_of_lent();
    digest(&["payload", &payload.to_string(), &secrets])
}

/// The reply where it is not known yet whether a statement was started. A queue delivers its message again where nobody
/// waits who could be told later.
pub(super) fn not_known(call: &Call, is_waited_for: bool) -> Result<Value, Raised> {
    if is_waited_for || call.source != Source::Queue {
        return Ok(pending());
    }
    Err(Raised::new(
        names::CONCURRENT_EXECUTION,
        "whether the statement of this event was started is not known yet; it is looked at again when the event comes again",
    ))
}

pub(super) fn ledger_unavailable(error: &LedgerError) -> Raised {
    let message = match error {
        LedgerError::Unreadable(_) => error.to_string(),
        _ => format!("{error}. Nothing was started; it is safe to try again"),
    };
    Raised::new(names::LEDGER_UNAVAILABLE, message)
}
