//! A payload through a policy with nothing behind it: what would it start or refuse, and what would the waiting task be
//! told?
//!
//! The tests of policies run so, those of a policy set before the set is put in force: the same reading of the payload,
//! the same grants, and services that write down what they are asked and answer what the test says.

mod script;

use std::sync::Arc;

use serde_json::{Value, json};
use signalbox_policy::{
    Answer, CallContext, Fault, Invoked, Line, Services, Usage,
    contract::{
        Closing, ClosingReason, Invocation, OnStop, Settlement, Source, StatementDescription,
        StatementFacts, UnknownFields, Waiter,
    },
    gather,
    journal::{HostCall, Journaled},
};
use tokio::time::Instant;

use crate::{
    completion_event,
    grants::{GrantedServices, Grants},
    intake,
    policies::Granted,
    raised::Raised,
    waiting::Waiting,
};

pub use script::{NO_ID, Scripted, Start};

/// The execution of a task that waits in a test, where the payload names none.
pub const EXECUTION_ARN: &str = "arn:aws:states:us-east-1:000000000000:execution:test:test";

/// What is done.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The payload.
    pub payload: Value,
    /// When it comes: milliseconds since the Unix epoch.
    pub now: u64,
    /// What the policy is to do about unknown fields.
    pub unknown_fields: UnknownFields,
    /// What the services answer, for each function in the order of its calls.
    pub services: Vec<Scripted>,
    /// How the statement ended that the payload started. A task waits for it.
    pub ended: Option<Ended>,
    /// Why nobody waits any more while the statement runs.
    pub closed: Option<ClosingReason>,
}

impl Trial {
    /// A payload alone.
    #[must_use]
    pub fn of(payload: Value, now: u64) -> Self {
        Self {
            payload,
            now,
            unknown_fields: UnknownFields::Warn,
            services: Vec::new(),
            ended: None,
            closed: None,
        }
    }
}

/// How a statement ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// What DescribeStatement says. Its id is that of the statement that was started.
    pub statement: StatementDescription,
    /// When the policy is asked: milliseconds since the Unix epoch.
    pub now: u64,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct DryRun {
    /// The statements that would have been started.
    pub starts: Vec<Start>,
    /// The error that the caller would have seen; none if the payload was served.
    pub raised: Option<Raised>,
    /// The function's reply.
    pub reply: Option<Value>,
    /// All calls of services.
    pub calls: Vec<HostCall>,
    /// What the policy wrote to the log.
    pub log: Vec<Line>,
    /// What the waiting task is told.
    pub answer: Option<Answer>,
    /// What becomes of the statement whose task is gone.
    pub on_stop: Option<OnStop>,
    /// What each call of the policy used, by export.
    pub usage: Vec<(&'static str, Usage)>,
}

impl DryRun {
    /// What can be seen of it: two runs with the same outcome made the same decision, in the same words.
    #[must_use]
    pub fn outcome(&self) -> Value {
        let calls: Vec<_> = self
            .calls
            .iter()
            .map(|call| json!([call.function, call.arguments, call.reply]))
            .collect();
        let raised = self.raised.as_ref();
        json!({
            "error": raised.map(|raised| json!([raised.error_type, raised.message])),
            "reply": self.reply,
            "calls": calls,
            "log": self.log.iter().map(|line| &line.text).collect::<Vec<_>>(),
            "answer": self.answer,
            "onStop": self.on_stop,
        })
    }
}

/// Does it.
pub async fn dry_run(granted: &Granted, trial: Trial, deadline: Instant) -> DryRun {
    let (mut run, log) = gather(life(granted, trial, deadline)).await;
    run.log = log;
    run
}

/// What a policy is asked to find out whether it faults whatever it is asked: nothing in it is a caller's.
fn reference() -> Value {
    json!({
        "sqlStatement": "select 1",
        "executionArn": "arn:aws:states:us-east-1:000000000000:execution:reference:reference",
    })
}

/// Whether a policy faults though no caller has a hand in it.
pub(crate) async fn faults_anyhow(granted: &Granted, now: u64, deadline: Instant) -> bool {
    let script = script::Script::new(
        &granted.policy.identity().name,
        &granted.targets,
        Vec::new(),
        None,
    );
    let stage = Stage::new(granted, script, deadline);
    let unknown = UnknownFields::Ignore;
    let asked = stage.invoke(reference(), now, unknown).await;
    matches!(asked, Ok((_, Err(_))))
}

async fn life(granted: &Granted, mut trial: Trial, deadline: Instant) -> DryRun {
    if trial.ended.is_some() || trial.closed.is_some() {
        let_wait(&mut trial.payload);
    }
    let description = trial.ended.as_ref().map(|ended| ended.statement.clone());
    let script = script::Script::new(
        &granted.policy.identity().name,
        &granted.targets,
        trial.services,
        description,
    );
    let stage = Stage::new(granted, Arc::clone(&script), deadline);
    let mut run = DryRun {
        starts: Vec::new(),
        raised: None,
        reply: None,
        calls: Vec::new(),
        log: Vec::new(),
        answer: None,
        on_stop: None,
        usage: Vec::new(),
    };
    let asked = stage
        .invoke(trial.payload, trial.now, trial.unknown_fields)
        .await;
    let mut task = None;
    match asked {
        Err(raised) => run.raised = Some(raised),
        Ok((_, Err(fault))) => {
            run.usage.push(("invoke", fault.usage));
            run.raised = Some(Raised::from(&fault));
        }
        Ok((taken, Ok(invoked))) => {
            run.usage.push(("invoke", invoked.usage));
            run.answer = invoked.answer;
            match invoked.reply {
                // The host has checked that it is JSON.
                Ok(reply) => run.reply = serde_json::from_str(&reply).ok(),
                Err(rejection) => run.raised = Some(Raised::from(rejection)),
            }
            task = Some(taken);
        }
    }
    run.starts = script.starts();
    if let (Some(task), Some(start), None) = (task, run.starts.first(), &run.raised) {
        let facts = facts(start, &task, trial.now);
        if let Some(reason) = trial.closed {
            stage
                .closed(&mut run, facts.clone(), reason, trial.now)
                .await;
        }
        if let (Some(ended), Some(waiter)) = (trial.ended, task.waiter) {
            stage.settle(&mut run, facts, ended, waiter).await;
        }
    }
    run.starts = script.starts();
    run.calls = stage.journal.calls();
    run
}

/// Lets a task wait for the statement, unless somebody waits already.
fn let_wait(payload: &mut Value) {
    let Some(fields) = payload.as_object_mut() else {
        return;
    };
    if fields.contains_key("taskToken") || fields.contains_key("ResponseURL") {
        return;
    }
    fields.insert("taskToken".to_owned(), json!("the-task-of-the-test"));
    fields
        .entry("executionArn")
        .or_insert_with(|| json!(EXECUTION_ARN));
}

/// What the host knows of who asked.
struct Task {
    waiter: Option<Waiter>,
    execution_arn: Option<String>,
}

fn facts(start: &Start, task: &Task, now: u64) -> StatementFacts {
    let options = &start.options;
    StatementFacts {
        record_id: "test".to_owned(),
        statement_id: start.id.clone(),
        statement_name: "sbx-test:test".to_owned(),
        target: start.target.clone(),
        action: options.action.clone(),
        output: options.output,
        step: options.step.clone(),
        on_stop: options.on_stop,
        memo: options.memo.clone(),
        execution_arn: task.execution_arn.clone(),
        recorded_at: now,
    }
}

/// A policy and what it is called with.
struct Stage<'g> {
    granted: &'g Granted,
    journal: Arc<Journaled<GrantedServices<script::Script>>>,
    deadline: Instant,
}

impl<'g> Stage<'g> {
    fn new(granted: &'g Granted, script: Arc<script::Script>, deadline: Instant) -> Self {
        // What is counted by the minute is counted for real calls.
        let grants = granted
            .grants
            .as_deref()
            .map_or_else(Grants::default, Grants::unmetered);
        let behind = GrantedServices::new(
            script,
            Arc::new(grants),
            &granted.policy.identity().name,
            Arc::default(),
        );
        Self {
            granted,
            journal: Arc::new(Journaled::new(behind)),
            deadline,
        }
    }

    fn context(&self, now: u64) -> CallContext {
        CallContext {
            services: Arc::<Journaled<_>>::clone(&self.journal) as Arc<dyn Services>,
            now,
            deadline: self.deadline,
        }
    }

    async fn invoke(
        &self,
        payload: Value,
        now: u64,
        unknown_fields: UnknownFields,
    ) -> Result<(Task, Result<Invoked, Fault>), Raised> {
        let intake = intake::take(payload)?;
        let is_resource = matches!(intake.waiting, Some(Waiting::Resource(_)));
        let invocation = Invocation {
            request_id: "test".to_owned(),
            source: if is_resource {
                Source::CustomResource
            } else {
                Source::Invocation
            },
            payload: intake.payload.to_string(),
            execution_arn: intake.execution_arn.clone(),
            function_arn: None,
            targets: self.granted.targets.clone(),
            unknown_fields,
        };
        let task = Task {
            waiter: intake.waiting.as_ref().map(Waiting::waiter),
            execution_arn: intake.execution_arn,
        };
        let policy = &self.granted.policy;
        let invoked = policy
            .invoke(self.context(now), invocation, task.waiter)
            .await;
        Ok((task, invoked))
    }

    async fn settle(&self, run: &mut DryRun, facts: StatementFacts, ended: Ended, waiter: Waiter) {
        let mut statement = ended.statement;
        statement.id.clone_from(&facts.statement_id);
        let event = completion_event::Ended::of(&facts, &statement).event();
        let settlement = Settlement {
            facts,
            statement,
            event: Some(event.to_string()),
        };
        let policy = &self.granted.policy;
        let (answer, usage) = match policy
            .settle(self.context(ended.now), settlement, waiter)
            .await
        {
            Ok(settled) => (settled.answer, settled.usage),
            Err(fault) => (answer_of(&fault), fault.usage),
        };
        run.answer = Some(answer);
        run.usage.push(("settle", usage));
    }

    async fn closed(
        &self,
        run: &mut DryRun,
        facts: StatementFacts,
        reason: ClosingReason,
        now: u64,
    ) {
        let closing = Closing { facts, reason };
        let policy = &self.granted.policy;
        match policy.closed(self.context(now), closing).await {
            Ok(closed) => {
                run.on_stop = Some(closed.decision);
                run.usage.push(("closed", closed.usage));
            }
            Err(fault) => {
                run.raised = Some(Raised::from(&fault));
                run.usage.push(("closed", fault.usage));
            }
        }
    }
}

/// What a task is told whose policy misbehaves when the statement has ended.
fn answer_of(fault: &Fault) -> Answer {
    Answer::Fail {
        error: fault.error_name().to_owned(),
        cause: fault.to_string(),
    }
}
