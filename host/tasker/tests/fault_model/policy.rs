//! A policy that does what the plan of the task says.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use signalbox_policy::{
    Answer, CallContext, Closed, Fault, FaultKind, Identity, Invoked, Policy, Settled, Usage,
    contract::{
        BatchExecuteStatementRequest, Closing, Exclusivity, ExecuteStatementRequest, ExecutionMode,
        GetStatementResultRequest, Invocation, OnStop, OutputShape, Rejection, ResultFormat,
        Settlement, StartOptions, Waiter,
    },
};
use signalbox_tasker::raised::detail_of;
use tokio::time::sleep_until;

use super::{redshift::name_of, schedule::TARGETS, world::World};

/// What a policy does with a task.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// Two statements with the same one do not run at once.
    pub exclusive: Option<u8>,
    pub batch: bool,
    /// Refuses the payload.
    pub reject: bool,
    /// Answers the task, and starts nothing.
    pub answer: bool,
    /// Starts a statement that is not the task's, and answers the task.
    pub unbound: bool,
    /// Faults before it starts anything.
    pub fault_before: Option<FaultKind>,
    /// Faults when the statement was started, or was not.
    pub fault_after: Option<FaultKind>,
    /// Refuses the payload after the start.
    pub reject_after: bool,
    /// Answers the task if the start failed.
    pub answer_refusal: bool,
    /// Faults so often when it settles.
    pub settle_faults: u32,
    /// Takes all the time that it is given when it settles.
    pub settle_loops: bool,
    /// Reads the rows when it settles, and says whether it could.
    pub reads: bool,
    /// The start waits so long for the end.
    pub wait_seconds: Option<u32>,
    /// A statement whose task is gone runs on.
    pub leave: bool,
    pub deadline_seconds: Option<u32>,
    pub heartbeat: bool,
    /// What its statement has to do with a session.
    pub session: Option<Session>,
}

/// What a task wants of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// Its statement opens one, which stays open for so long after each statement.
    Opens { keep_alive_seconds: u32 },
    /// Its statement runs in the one that another task opened; if that is gone, in a new one where it says so.
    Uses { of: usize, replaces: bool },
}

pub struct ModelPolicy {
    identity: Identity,
    world: Arc<World>,
    /// Makes every decision another one: a decision that is made twice shows.
    decisions: AtomicU32,
}

impl ModelPolicy {
    pub fn new(world: Arc<World>, version: &str) -> Self {
        Self {
            identity: Identity {
                name: "model".to_owned(),
                version: version.to_owned(),
                digest: "d".to_owned(),
                settings_digest: "s".to_owned(),
            },
            world,
            decisions: AtomicU32::new(0),
        }
    }

    fn script(&self, task: usize) -> Script {
        self.world.services().tasks[task].plan.script.clone()
    }
}

fn fault(kind: FaultKind) -> Fault {
    Fault {
        policy: "model".to_owned(),
        kind,
        message: "it misbehaved".to_owned(),
        usage: Usage::default(),
        decided: false,
    }
}

fn no() -> Rejection {
    Rejection {
        error: "Refused".to_owned(),
        message: "no".to_owned(),
    }
}

fn invoked(reply: Result<String, Rejection>, answer: Option<Answer>) -> Result<Invoked, Fault> {
    Ok(Invoked {
        reply,
        answer,
        bound: false,
        usage: Usage::default(),
    })
}

fn direct() -> Option<Answer> {
    let output = json!({"direct": true}).to_string();
    Some(Answer::Succeed { output })
}

fn options(task: usize, target: usize, script: &Script, payload: &Value) -> StartOptions {
    let seconds = payload["sessionKeepAliveSeconds"].as_u64();
    StartOptions {
        // The first one is that of payloads that name none.
        target: (target > 0).then(|| TARGETS[target].to_owned()),
        action: "executeStatement".to_owned(),
        output: OutputShape::Event,
        parameters: Vec::new(),
        result_format: ResultFormat::Json,
        session_id: payload["sessionId"].as_str().map(str::to_owned),
        session_keep_alive_seconds: seconds.map(|seconds| u32::try_from(seconds).unwrap()),
        wait_seconds: script.wait_seconds,
        exclusive: script
            .exclusive
            .map(|scope| Exclusivity::Key(scope.to_string())),
        deadline_seconds: script.deadline_seconds,
        heartbeat: script.heartbeat,
        on_stop: None,
        step: None,
        idempotency_key: None,
        // Leads a settling policy back to the task.
        memo: task.to_string(),
    }
}

#[async_trait]
impl Policy for ModelPolicy {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    async fn invoke(
        &self,
        context: CallContext,
        invocation: Invocation,
        waiter: Option<Waiter>,
    ) -> Result<Invoked, Fault> {
        let payload: Value = serde_json::from_str(&invocation.payload).unwrap();
        let sql = payload["sqlStatement"].as_str().unwrap().to_owned();
        let task: usize = sql.strip_prefix("call work_").unwrap().parse().unwrap();
        let script = self.script(task);
        if script.reject {
            return invoked(Err(no()), None);
        }
        if let Some(kind) = script.fault_before {
            return Err(fault(kind));
        }
        if script.answer {
            return invoked(Ok("{}".to_owned()), direct());
        }
        let bound = waiter.is_some() && !script.unbound;
        let target = self.world.services().tasks[task].plan.target;
        let options = options(task, target, &script, &payload);
        let started = match script.batch {
            true => {
                let request = BatchExecuteStatementRequest {
                    sqls: vec![sql, "select 1".to_owned()],
                    execution_mode: ExecutionMode::Transaction,
                    options,
                };
                context
                    .services
                    .batch_execute_statement(bound, request)
                    .await
            }
            false => {
                let request = ExecuteStatementRequest { sql, options };
                context.services.execute_statement(bound, request).await
            }
        };
        if let Some(kind) = script.fault_after {
            return Err(fault(kind));
        }
        match started {
            Err(_) if script.answer_refusal && waiter.is_some() => {
                invoked(Ok("{}".to_owned()), direct())
            }
            Err(failure) => {
                let detail = detail_of(&failure);
                let rejection = Rejection {
                    error: detail.code.clone(),
                    message: detail.message.clone(),
                };
                invoked(Err(rejection), None)
            }
            Ok(_) if script.reject_after => invoked(Err(no()), None),
            Ok(started) => {
                let answer = (script.unbound && waiter.is_some()).then(direct).flatten();
                invoked(Ok(started.document), answer)
            }
        }
    }

    async fn settle(
        &self,
        context: CallContext,
        settlement: Settlement,
        _: Waiter,
    ) -> Result<Settled, Fault> {
        let task: usize = settlement.facts.memo.parse().unwrap();
        if self.script(task).settle_loops {
            sleep_until(context.deadline).await;
            return Err(fault(FaultKind::Timeout));
        }
        let decision = self.decisions.fetch_add(1, Ordering::Relaxed);
        {
            let mut services = self.world.services();
            let faults = &mut services.tasks[task].plan.script.settle_faults;
            if *faults > 0 {
                *faults -= 1;
                return Err(fault(FaultKind::Trap));
            }
        }
        let status = name_of(settlement.statement.status);
        let mut body =
            json!({"Id": settlement.statement.id, "Status": status, "decision": decision});
        if self.script(task).reads && status == "FINISHED" {
            let request = GetStatementResultRequest {
                id: settlement.statement.id,
                target: None,
                next_token: None,
                result_format: ResultFormat::Json,
                wait_seconds: None,
            };
            let read = context.services.get_statement_result(request).await;
            body["rows"] = json!(read.is_ok());
        }
        let answer = match status {
            "FINISHED" => Answer::Succeed {
                output: body.to_string(),
            },
            _ => Answer::Fail {
                error: "FAILED".to_owned(),
                cause: body.to_string(),
            },
        };
        Ok(Settled {
            answer,
            usage: Usage::default(),
        })
    }

    async fn closed(&self, _: CallContext, closing: Closing) -> Result<Closed, Fault> {
        let task: usize = closing.facts.memo.parse().unwrap();
        Ok(Closed {
            decision: match self.script(task).leave {
                true => OnStop::Leave,
                false => OnStop::Cancel,
            },
            usage: Usage::default(),
        })
    }
}
