use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use signalbox_policy::{
    Answer, CallContext, Closed, Fault, FaultKind, Identity, Invoked, Policy, Settled, Usage,
    contract::{
        CancelStatementRequest, Closing, DescribeStatementRequest, Exclusivity,
        ExecuteStatementRequest, Failure, GetStatementResultRequest, Invocation, OnStop,
        OutputShape, Rejection, ResultFormat, Settlement, StartOptions, StatementStatus, Waiter,
    },
};
use signalbox_tasker::{Granted, PolicySet, raised::detail_of};

fn rejection(failure: &Failure) -> Rejection {
    let detail = detail_of(failure);
    Rejection {
        error: detail.code.clone(),
        message: detail.message.clone(),
    }
}

/// What a policy does with a payload.
#[derive(Debug, Clone, Default)]
pub struct Script {
    pub exclusive: Option<Exclusivity>,
    /// Refuses before anything.
    pub reject: Option<&'static str>,
    /// Refuses after the start.
    pub reject_after: bool,
    /// Faults before anything.
    pub fault_before: Option<FaultKind>,
    /// Faults only where the payload has this in it.
    pub fault_on: Option<&'static str>,
    /// Had refused when it faulted.
    pub fault_decided: bool,
    /// Faults after the start.
    pub fault_after: Option<FaultKind>,
    /// Answers the task itself and starts nothing.
    pub answer: Option<Answer>,
    /// Asks for the plan by this SQL first, and refuses the payload then if that is so.
    pub explains: Option<(&'static str, bool)>,
    /// Starts without the task.
    pub unbound: bool,
    /// Faults so often when it settles.
    pub settle_faults: u32,
    /// Settles with the event.
    pub tells_event: bool,
    /// Settles with this.
    pub settle_answer: Option<Answer>,
    pub step: Option<String>,
    /// Takes the step from the payload.
    pub step_of_payload: bool,
    pub deadline_seconds: Option<u32>,
    pub heartbeat: bool,
    /// Answers the task after a start that Redshift refused.
    pub answer_refusal: Option<Answer>,
    /// Answers the task after a start that is not bound to it.
    pub answer_after_start: Option<Answer>,
    /// What the request says becomes of the statement when the task is gone.
    pub on_stop: Option<OnStop>,
    /// What becomes of a statement whose task is gone; without it, it is cancelled.
    pub closed: Option<OnStop>,
    /// Faults when it is asked that.
    pub closed_faults: bool,
    /// Replies this after a start.
    pub reply: Option<String>,
    pub memo: String,
    pub wait_seconds: Option<u32>,
    /// Reads the rows when it settles, and says so in its answer where it could not.
    pub reads_rows: bool,
    /// Takes all the time that it is given when it settles.
    pub settle_loops: bool,
    /// Takes all the time that it is given when it is invoked, after the start.
    pub invoke_loops: bool,
}

pub struct ScriptedPolicy {
    identity: Identity,
    script: Script,
    pub settle_calls: AtomicU32,
    /// What it was asked about tasks that are gone.
    pub closings: Arc<Mutex<Vec<Closing>>>,
}

/// A policy that starts what it is asked to start, and tells what Redshift told.
pub fn standard() -> ScriptedPolicy {
    ScriptedPolicy::new(Script::default())
}

/// A set of such policies by these names, the first for payloads that name none.
pub fn policies(names: &[&str]) -> PolicySet {
    let granted = |name: &&str| {
        let policy = ScriptedPolicy::named(name, Script::default());
        Granted::new(Arc::new(policy), Vec::new(), None)
    };
    PolicySet::new(names[0], names.iter().map(granted).collect()).unwrap()
}

impl ScriptedPolicy {
    pub fn new(script: Script) -> Self {
        Self::named("standard", script)
    }

    pub fn named(name: &str, script: Script) -> Self {
        let identity = Identity {
            name: name.to_owned(),
            version: "1".to_owned(),
            digest: "d".to_owned(),
            settings_digest: "s".to_owned(),
        };
        Self::of(identity, script)
    }

    pub fn of(identity: Identity, script: Script) -> Self {
        Self {
            identity,
            script,
            settle_calls: AtomicU32::new(0),
            closings: Arc::default(),
        }
    }

    fn fault(&self, kind: FaultKind) -> Fault {
        Fault {
            policy: "standard".to_owned(),
            kind,
            message: "it misbehaved".to_owned(),
            usage: Usage::default(),
            decided: self.script.fault_decided,
        }
    }
}

#[async_trait]
impl Policy for ScriptedPolicy {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    async fn invoke(
        &self,
        context: CallContext,
        invocation: Invocation,
        waiter: Option<Waiter>,
    ) -> Result<Invoked, Fault> {
        assert!(
            !invocation.payload.contains("taskToken"),
            "the token is not for policies"
        );
        let invoked = |reply, answer| Invoked {
            reply,
            answer,
            bound: false,
            usage: Usage::default(),
        };
        let told = self.script.fault_on;
        if let Some(kind) = self.script.fault_before
            && told.is_none_or(|told| invocation.payload.contains(told))
        {
            return Err(self.fault(kind));
        }
        if let Some(error) = self.script.reject {
            let rejection = Rejection {
                error: error.to_owned(),
                message: "no".to_owned(),
            };
            return Ok(invoked(Err(rejection), None));
        }
        if let Some(answer) = &self.script.answer {
            let reply = self.script.reply.clone();
            let reply = reply.unwrap_or_else(|| "{\"done\":true}".to_owned());
            return Ok(invoked(Ok(reply), Some(answer.clone())));
        }
        let payload: Value = serde_json::from_str(&invocation.payload).unwrap();
        if let Some(id) = payload["statementId"].as_str() {
            let request = CancelStatementRequest {
                id: id.to_owned(),
                target: None,
            };
            let reply = match context.services.cancel_statement(request).await {
                Ok(cancelled) => Ok(cancelled.document),
                Err(failure) => Err(rejection(&failure)),
            };
            return Ok(invoked(reply, None));
        }
        let request = ExecuteStatementRequest {
            sql: payload["sqlStatement"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            options: StartOptions {
                target: payload["target"].as_str().map(str::to_owned),
                action: "executeStatement".to_owned(),
                output: OutputShape::Event,
                parameters: Vec::new(),
                result_format: ResultFormat::Json,
                session_id: payload["sessionId"].as_str().map(str::to_owned),
                session_keep_alive_seconds: payload["sessionKeepAliveSeconds"]
                    .as_u64()
                    .map(|seconds| u32::try_from(seconds).unwrap()),
                wait_seconds: self.script.wait_seconds,
                exclusive: self.script.exclusive.clone(),
                deadline_seconds: self.script.deadline_seconds,
                heartbeat: self.script.heartbeat,
                on_stop: self.script.on_stop,
                step: match payload["step"].as_str() {
                    Some(step) if self.script.step_of_payload => Some(step.to_owned()),
                    _ => self.script.step.clone(),
                },
                idempotency_key: None,
                memo: self.script.memo.clone(),
            },
        };
        if let Some((sql, refuses)) = self.script.explains {
            let mut question = request.clone();
            sql.clone_into(&mut question.sql);
            "explain".clone_into(&mut question.options.action);
            let plan = match context.services.execute_statement(false, question).await {
                Ok(started) => {
                    let described = DescribeStatementRequest {
                        id: started.id,
                        target: None,
                        wait_seconds: None,
                    };
                    context
                        .services
                        .describe_statement(described)
                        .await
                        .map(drop)
                }
                Err(failure) => Err(failure),
            };
            if let Err(failure) = plan {
                return Ok(invoked(Err(rejection(&failure)), None));
            }
            if refuses {
                let rejection = Rejection {
                    error: "EstimateExceeded".to_owned(),
                    message: "no".to_owned(),
                };
                return Ok(invoked(Err(rejection), None));
            }
        }
        let bound = waiter.is_some() && !self.script.unbound;
        let reply = match context.services.execute_statement(bound, request).await {
            Ok(started) => Ok(self.script.reply.clone().unwrap_or(started.document)),
            Err(failure) => Err(rejection(&failure)),
        };
        if let (Err(_), Some(answer)) = (&reply, &self.script.answer_refusal) {
            return Ok(invoked(Ok("{}".to_owned()), Some(answer.clone())));
        }
        if let (Ok(_), Some(answer)) = (&reply, &self.script.answer_after_start) {
            return Ok(invoked(Ok("{}".to_owned()), Some(answer.clone())));
        }
        if self.script.invoke_loops {
            tokio::time::sleep_until(context.deadline).await;
            return Err(self.fault(FaultKind::Timeout));
        }
        if let Some(kind) = self.script.fault_after {
            return Err(self.fault(kind));
        }
        let reply = match reply {
            Ok(_) if self.script.reject_after => Err(Rejection {
                error: "Late".to_owned(),
                message: "no".to_owned(),
            }),
            reply => reply,
        };
        Ok(invoked(reply, None))
    }

    async fn settle(
        &self,
        context: CallContext,
        settlement: Settlement,
        _: Waiter,
    ) -> Result<Settled, Fault> {
        if self.script.settle_loops {
            tokio::time::sleep_until(context.deadline).await;
            return Err(self.fault(FaultKind::Timeout));
        }
        let calls = self.settle_calls.fetch_add(1, Ordering::Relaxed);
        if calls < self.script.settle_faults {
            return Err(self.fault(FaultKind::Trap));
        }
        if self.script.reads_rows {
            let request = GetStatementResultRequest {
                id: settlement.statement.id.clone(),
                target: None,
                next_token: None,
                result_format: ResultFormat::Json,
                wait_seconds: None,
            };
            let read = context.services.get_statement_result(request).await;
            let output = json!({"rows": read.is_ok()}).to_string();
            return Ok(Settled {
                answer: Answer::Succeed { output },
                usage: Usage::default(),
            });
        }
        let answer = match (&self.script.settle_answer, settlement.statement.status) {
            (Some(answer), _) => answer.clone(),
            (None, _) if self.script.tells_event => Answer::Succeed {
                output: settlement.event.unwrap_or_default(),
            },
            (None, StatementStatus::Finished) => Answer::Succeed {
                output: json!({"id": settlement.statement.id, "call": calls}).to_string(),
            },
            (None, _) => Answer::Fail {
                error: "FAILED".to_owned(),
                cause: settlement.statement.error.unwrap_or_default(),
            },
        };
        Ok(Settled {
            answer,
            usage: Usage::default(),
        })
    }

    async fn closed(&self, _: CallContext, closing: Closing) -> Result<Closed, Fault> {
        self.closings.lock().unwrap().push(closing);
        if self.script.closed_faults {
            return Err(self.fault(FaultKind::Trap));
        }
        Ok(Closed {
            decision: self.script.closed.unwrap_or(OnStop::Cancel),
            usage: Usage::default(),
        })
    }
}
