//! What a state came to, and where the machine would go on.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;
use signalbox_local::step_functions::{Observation, Outcome, SingleState, StateError, What};

use crate::{
    demo::narrator::{reason, shorten},
    invoke::report::indented,
    out,
};

/// Keeps what happened to the state.
#[derive(Default)]
pub(super) struct Recorder(Mutex<Vec<What>>);

impl Recorder {
    pub(super) fn record(&self, observation: &Observation) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(observation.what.clone());
    }

    pub(super) fn take(&self) -> Vec<What> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether something happened to the state itself: the states that may follow it only take what it hands on.
pub(super) fn is_of(observation: &Observation, name: &str) -> bool {
    match &observation.what {
        What::StateEntered { state, .. }
        | What::FunctionInvoked { state, .. }
        | What::FunctionReturned { state }
        | What::Heartbeat { state }
        | What::TaskSucceeded { state, .. }
        | What::TaskFailed { state, .. }
        | What::Retried { state, .. }
        | What::Caught { state, .. }
        | What::Next { state, .. } => state == name,
        What::ExecutionStarted { .. } | What::ExecutionEnded { .. } => false,
    }
}

/// The names are those of AWS's TestState, as far as it has them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    state: String,
    /// `SUCCEEDED`, `CAUGHT_ERROR` or `FAILED`.
    status: &'static str,
    /// The state that follows; none at the machine's end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_state: Option<String>,
    /// Why it goes on there, or nowhere.
    why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    attempts: usize,
    warnings: Vec<String>,
}

impl Report {
    pub(super) fn new(
        single: &SingleState,
        happened: Vec<What>,
        outcome: Outcome,
        warnings: Vec<String>,
    ) -> Self {
        let attempts = happened
            .iter()
            .filter(|what| matches!(what, What::FunctionInvoked { .. }))
            .count();
        let failed = happened.iter().rev().find_map(|what| match what {
            What::TaskFailed { error, .. } => Some(error.clone()),
            _ => None,
        });
        let caught = happened.iter().find_map(|what| match what {
            What::Caught { error, next, .. } => Some((error.clone(), next.clone())),
            _ => None,
        });
        let next = happened.iter().find_map(|what| match what {
            What::Next { next, .. } => Some(next.clone()),
            _ => None,
        });
        let (output, ended) = match outcome {
            Outcome::Succeeded { output } => (Some(output), None),
            Outcome::Failed { error } => (None, Some(error)),
            other => (
                None,
                Some(StateError {
                    error: other.status().to_owned(),
                    cause: String::new(),
                }),
            ),
        };
        let (status, why, error) = match (caught, ended) {
            (Some((error, _)), None) => {
                let why = catch_of(single.state(), &error);
                (
                    "CAUGHT_ERROR",
                    why,
                    failed.filter(|failed| failed.error == error),
                )
            }
            (_, Some(error)) => {
                let why = format!("no Catch matches {}: the execution fails", error.error);
                ("FAILED", why, Some(error))
            }
            (None, None) => {
                let why = match &next {
                    Some(_) => "the task succeeded, and this is its Next",
                    None => "the task succeeded, and the state is an End",
                };
                ("SUCCEEDED", why.to_owned(), None)
            }
        };
        Self {
            state: single.name().to_owned(),
            status,
            next_state: next,
            why,
            output,
            error: error.as_ref().map(|error| error.error.clone()),
            cause: error.map(|error| error.cause),
            attempts,
            warnings,
        }
    }

    pub(super) fn is_good(&self) -> bool {
        self.status == "SUCCEEDED"
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let style = match self.status {
            "SUCCEEDED" => out::GOOD,
            "CAUGHT_ERROR" => out::NOTE,
            _ => out::BAD,
        };
        let times = match self.attempts {
            1 => "1 attempt".to_owned(),
            n => format!("{n} attempts"),
        };
        let mut lines = vec![format!(
            "{} {} after {times}",
            out::styled(out::HEAD, &self.state),
            out::styled(style, self.status)
        )];
        if let Some(error) = &self.error {
            let cause = reason(self.cause.as_deref().unwrap_or_default());
            lines.push(format!("  error   {error}: {}", shorten(&cause)));
        }
        lines.push(format!(
            "  next    {} ({})",
            out::styled(out::NAME, self.next_state.as_deref().unwrap_or("none")),
            self.why
        ));
        if let Some(output) = &self.output {
            lines.push("  output".to_owned());
            lines.extend(indented(output));
        }
        lines
    }
}

/// Which `Catch` takes an error: the first one that names it or means it.
fn catch_of(state: &Value, error: &str) -> String {
    let catchers = state.get("Catch").and_then(Value::as_array);
    let matched = catchers
        .into_iter()
        .flatten()
        .enumerate()
        .find_map(|(n, catcher)| {
            let names = catcher.get("ErrorEquals")?.as_array()?;
            let is_meant = StateError {
                error: error.to_owned(),
                cause: String::new(),
            };
            let names: Vec<String> = names
                .iter()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect();
            is_meant
                .is_one_of(&names)
                .then(|| format!("Catch {} with {} matches {error}", n + 1, names.join(", ")))
        });
    matched.unwrap_or_else(|| format!("a Catch matches {error}"))
}
