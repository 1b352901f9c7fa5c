//! Tells whoever waits without a statement: refusals, answers that need none.

use serde_json::{Value, json};
use signalbox_policy::Answer;
use tokio::time::{Duration, Instant, sleep};

use super::{
    Call, Settling, answer,
    invoke::{Invocations, ledger_unavailable},
    outcome::{kept_beside_answer, refusal_reply},
    settler::Settler,
};
use crate::{
    custom_resource::CustomResource,
    ids::statement_name,
    intake,
    policies::Granted,
    ports::{TaskToken, WriteError},
    raised::{Raised, names},
    record::{Life, Record, Reserve, SCHEMA, Watch},
    waiting::Waiting,
};

/// What is kept of an invocation's time to tell a stack that its request cannot be served.
const RESPONSE_TIME: Duration = Duration::from_secs(5);
/// That is never more than this part of the time that is left.
const RESPONSE_PART: u32 = 3;
/// How often a request of a stack is tried while the ledger does not answer.
const LEDGER_TRIES: u32 = 4;
/// Pause between these tries, at first; doubled each time.
const LEDGER_PAUSE: Duration = Duration::from_millis(500);

impl Invocations {
    /// The custom resource that a payload asks for.
    ///
    /// # Errors
    /// `InvalidRequest` if it cannot be answered: an answer goes to no address but CloudFormation's.
    pub(super) fn resource_of(&self, payload: &Value) -> Result<Option<CustomResource>, Raised> {
        let resource = CustomResource::of(payload)?;
        if let Some(url) = resource.as_ref().and_then(|r| r.response_url.as_ref()) {
            self.backend
                .ports
                .custom_resources
                .check(url)
                .map_err(|reason| {
                    Raised::invalid(format!("`ResponseURL` is not CloudFormation's: {reason}"))
                })?;
        }
        Ok(resource)
    }

    /// Serves a request of CloudFormation. What it cannot be served for the stack is told, so that it does not wait for
    /// its time-out; the second value says what that was.
    ///
    /// # Errors
    /// What could not be told.
    pub(super) async fn serve_resource(
        &self,
        call: &Call,
        resource: CustomResource,
        payload: Value,
    ) -> Result<(Value, Option<Raised>), Raised> {
        let waiting = Waiting::Resource(resource.clone());
        let left = call.deadline.saturating_duration_since(Instant::now());
        let reserved = RESPONSE_TIME.min(left / RESPONSE_PART);
        let serving = Call {
            deadline: call.deadline - reserved,
            answer_by: call.deadline - reserved / 2,
            ..call.clone()
        };
        let mut pause = LEDGER_PAUSE;
        let mut tries = 1;
        loop {
            let raised = match self.try_resource(&serving, &waiting, payload.clone()).await {
                Ok(reply) => return Ok((reply, None)),
                Err(raised) => raised,
            };
            let told = if raised.error_type == names::LEDGER_UNAVAILABLE {
                Err(raised.clone())
            } else {
                self.refuse(&serving, &waiting, &raised).await
            };
            match told {
                Ok(reply) => return Ok((reply, Some(raised))),
                Err(error) if error.error_type != names::LEDGER_UNAVAILABLE => return Err(error),
                Err(_) => {}
            }
            if tries == LEDGER_TRIES || Instant::now() + pause >= serving.deadline {
                self.tell_unrecorded(&call.closing(), resource, &raised)
                    .await?;
                return Ok((refusal_reply(&raised), Some(raised)));
            }
            sleep(pause).await;
            pause *= 2;
            tries += 1;
        }
    }

    async fn try_resource(
        &self,
        call: &Call,
        waiting: &Waiting,
        payload: Value,
    ) -> Result<Value, Raised> {
        if let Waiting::Resource(resource) = waiting
            && resource.never_made()
        {
            let reply = json!({
                "message": "nothing was created under this physical id, so there is nothing to delete; no SQL was run",
            });
            let answer = Answer::Succeed {
                output: reply.to_string(),
            };
            return self
                .settler
                .answer_directly(call, waiting, None, None, answer, &reply)
                .await;
        }
        self.within(call).serve(call, intake::take(payload)?).await
    }

    /// Tells a stack that its request was not served, without a record of it, since none can
    /// be made. The words are always the same, and so are the bytes.
    async fn tell_unrecorded(
        &self,
        call: &Call,
        mut resource: CustomResource,
        raised: &Raised,
    ) -> Result<(), Raised> {
        tracing::error!(reason = %raised, alarm = "LedgerUnavailable", "a request of CloudFormation is refused for want of the ledger");
        let answer = if raised.error_type == names::LEDGER_UNAVAILABLE {
            let message = "the durable record could not be read or written";
            answer::of_raised(&Raised::new(names::LEDGER_UNAVAILABLE, message))
        } else {
            answer::of_raised(raised)
        };
        let waiting = Waiting::Resource(resource.clone());
        let record_id = waiting.record_id(&self.backend.options.deployment);
        let name = statement_name(&self.backend.options.deployment, &record_id);
        resource.response = Some(resource.response_to(&answer, &name, true));
        self.delivery
            .send(call.deadline, &Waiting::Resource(resource), &answer)
            .await
            .map_err(|error| {
                Raised::new(
                    names::LEDGER_UNAVAILABLE,
                    format!("{raised}; and CloudFormation could not be told: {error}"),
                )
            })
    }

    /// Tells whoever waits what would have been raised.
    ///
    /// # Errors
    /// `LedgerUnavailable`.
    pub(super) async fn refuse(
        &self,
        call: &Call,
        waiting: &Waiting,
        raised: &Raised,
    ) -> Result<Value, Raised> {
        let (answer, reply) = (answer::of_raised(raised), refusal_reply(raised));
        self.settler
            .answer_directly(&call.closing(), waiting, None, None, answer, &reply)
            .await
    }

    /// Answers the caller of a payload that was not read, by the members of it that say who that is.
    ///
    /// # Errors
    /// `raised` where nobody but who invoked the function waits, and where a token's task gets it as the invocation's
    /// error; `LedgerUnavailable`.
    pub(super) async fn refuse_unread(
        &self,
        call: &Call,
        caller: &Value,
        raised: Raised,
    ) -> Result<Value, Raised> {
        let tasker = self.within(call);
        let token = caller.get("taskToken").and_then(Value::as_str);
        match (self.resource_of(caller), token) {
            (Ok(Some(resource)), _) => {
                let waiting = Waiting::Resource(resource);
                tasker.refuse(call, &waiting, &raised).await
            }
            (_, Some(token)) if !token.is_empty() => {
                tasker.fail(call, TaskToken::new(token), raised).await
            }
            _ => Err(raised),
        }
    }
}

impl Settler {
    /// Records an answer that needs no statement, and sends it.
    pub(super) async fn answer_directly(
        &self,
        call: &Call,
        waiting: &Waiting,
        by: Option<&Granted>,
        execution_arn: Option<String>,
        answer: Answer,
        reply: &Value,
    ) -> Result<Value, Raised> {
        let now = self.backend.now();
        let record_id = waiting.record_id(&self.backend.options.deployment);
        let (task_token, custom_resource) = match waiting.clone() {
            Waiting::Task(token) => (Some(token), None),
            Waiting::Resource(resource) => (None, Some(resource)),
        };
        let record = Record {
            schema: SCHEMA,
            record_id,
            deployment: self.backend.options.deployment.clone(),
            policy: by.map(|granted| granted.policy.identity().clone()),
            route: by.and_then(|granted| granted.route.clone()),
            life: Life::Reserved,
            request_id: call.request_id.clone(),
            task_token,
            custom_resource,
            waiting: true,
            execution_arn,
            attached_at: None,
            attempts: Vec::new(),
            work: None,
            statement: None,
            recorded_at: now,
            unheard: false,
            due_at: Some(now.saturating_add(self.backend.sweep_after_ms())),
            indexed_until: None,
            watch: Watch::default(),
            verdict: None,
            reply: Some(kept_beside_answer(reply)),
        };
        let record = record.decided(answer);
        match self
            .backend
            .store
            .reserve(record, None, call.deadline)
            .await
        {
            Ok(Reserve::New(stored) | Reserve::Known(stored)) => {
                if let Settling::Again { reason } =
                    self.delivery.deliver(call.deadline, stored).await
                {
                    tracing::warn!(reason, "the answer is left to the sweep");
                }
                Ok(reply.clone())
            }
            Ok(Reserve::Locked { .. } | Reserve::WorkTaken | Reserve::SessionTaken) => {
                Ok(reply.clone())
            }
            Err(WriteError::Ledger(error)) => Err(ledger_unavailable(&error)),
            Err(error) => Err(Raised::new(names::LEDGER_UNAVAILABLE, error.to_string())),
        }
    }
}
