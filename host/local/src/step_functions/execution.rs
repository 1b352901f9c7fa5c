//! Executions: those that run and those that ended.

use super::core::Core;
use super::definition::Definition;
use super::error::StateError;
use super::events;
use super::observe::{Observation, Outcome, What};
use super::query::Variables;
use super::run;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// An execution.
pub(crate) struct Execution {
    pub(crate) core: Arc<Core>,
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) machine_name: String,
    pub(crate) input: Value,
    pub(crate) started_at: Timestamp,
    end: watch::Sender<Option<(Timestamp, Outcome)>>,
    stopped: watch::Sender<Option<Outcome>>,
    /// One observation at a time, so that observers see an order.
    observing: Mutex<()>,
}

impl Execution {
    pub(crate) fn new(core: &Arc<Core>, machine_name: &str, name: &str, input: Value) -> Self {
        Self {
            core: Arc::clone(core),
            arn: core.execution_arn(machine_name, name),
            name: name.to_owned(),
            machine_name: machine_name.to_owned(),
            input,
            started_at: Timestamp::now(),
            end: watch::Sender::new(None),
            stopped: watch::Sender::new(None),
            observing: Mutex::new(()),
        }
    }

    /// Runs to the end.
    pub(crate) async fn live(self: Arc<Self>, definition: Definition) {
        let input = self.input.clone();
        self.observe(
            &[],
            What::ExecutionStarted {
                input: input.clone(),
            },
        );
        let machine = definition.0;
        let limit = machine.timeout_seconds;
        let mut stopped = self.stopped.subscribe();
        let outcome = tokio::select! {
            ended = run::machine(Arc::clone(&self), machine, input, Vec::new(), Variables::new()) => match ended {
                Ok(output) => Outcome::Succeeded { output },
                Err(error) => Outcome::Failed { error },
            },
            () = time_limit(&self.core, limit) => Outcome::TimedOut,
            outcome = stopped.wait_for(Option::is_some) => outcome
                .ok()
                .and_then(|outcome| outcome.clone())
                .unwrap_or(Outcome::TimedOut),
        };
        // Told before it is known, so that who waits for the end has seen all of it.
        self.observe(
            &[],
            What::ExecutionEnded {
                outcome: outcome.clone(),
            },
        );
        let at = Timestamp::now();
        let event = self
            .core
            .events
            .clone()
            .map(|sink| (sink, events::ended(&self, at, &outcome)));
        self.end.send_replace(Some((at, outcome)));
        if let Some((sink, event)) = event {
            sink.deliver(event).await;
        }
    }

    /// Ends it as ABORTED, unless it has ended.
    pub(crate) fn stop(&self, error: Option<String>, cause: Option<String>) {
        self.stopped
            .send_replace(Some(Outcome::Aborted { error, cause }));
    }

    /// When and how it ended, if it has.
    pub(crate) fn ended(&self) -> Option<(Timestamp, Outcome)> {
        self.end.borrow().clone()
    }

    /// Waits for the end.
    pub(crate) async fn end(&self) -> Outcome {
        let mut end = self.end.subscribe();
        let ended = end.wait_for(Option::is_some).await;
        let outcome = ended.ok().and_then(|end| end.clone());
        outcome.map_or(Outcome::TimedOut, |(_, outcome)| outcome)
    }

    /// Tells the observer.
    pub(crate) fn observe(&self, branch: &[usize], what: What) {
        if let Some(observer) = &self.core.observer {
            let _turn = self
                .observing
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            observer.observe(&Observation {
                at: Timestamp::now(),
                execution: self.arn.clone(),
                branch: branch.to_vec(),
                what,
            });
        }
    }

    /// The context object of a state.
    pub(crate) fn context(&self, state: &str, retries: u32, token: Option<&str>) -> Value {
        let mut context = json!({
            "Execution": {
                "Id": self.arn,
                "Input": self.input,
                "Name": self.name,
                "RoleArn": format!("arn:aws:iam::{}:role/signalbox-local", self.core.account),
                "StartTime": self.started_at.to_string(),
            },
            "State": {
                "EnteredTime": Timestamp::now().to_string(),
                "Name": state,
                "RetryCount": retries,
            },
            "StateMachine": {
                "Id": self.core.machine_arn(&self.machine_name),
                "Name": self.machine_name,
            },
        });
        if let (Some(token), Some(members)) = (token, context.as_object_mut()) {
            members.insert("Task".to_owned(), json!({ "Token": token }));
        }
        context
    }
}

async fn time_limit(core: &Core, seconds: Option<u32>) {
    match seconds {
        Some(seconds) => {
            let time = Duration::from_secs(u64::from(seconds));
            tokio::time::sleep(core.time_scale.wall(time)).await;
        }
        None => std::future::pending().await,
    }
}

/// A running or ended execution. Clones are the same one.
#[derive(Clone)]
pub struct ExecutionHandle(pub(crate) Arc<Execution>);

impl std::fmt::Debug for ExecutionHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ExecutionHandle").field(&self.0.arn).finish()
    }
}

impl ExecutionHandle {
    /// Its ARN.
    pub fn arn(&self) -> &str {
        &self.0.arn
    }

    /// How it ended; none while it runs.
    pub fn outcome(&self) -> Option<Outcome> {
        self.0.ended().map(|(_, outcome)| outcome)
    }

    /// Waits for its end.
    pub async fn end(&self) -> Outcome {
        self.0.end().await
    }

    /// Stops it: it ends as ABORTED and its open tokens close.
    pub fn stop(&self, error: Option<&str>, cause: Option<&str>) {
        self.0
            .stop(error.map(str::to_owned), cause.map(str::to_owned));
    }
}

/// An error that ends an execution, as text for a reply.
pub(crate) fn error_members(outcome: &Outcome) -> (Option<String>, Option<String>) {
    match outcome {
        Outcome::Failed {
            error: StateError { error, cause },
        } => (Some(error.clone()), Some(cause.clone())),
        Outcome::Aborted { error, cause } => (error.clone(), cause.clone()),
        Outcome::Succeeded { .. } | Outcome::TimedOut => (None, None),
    }
}
