//! State machine definitions in Amazon States Language, as far as they can be run here.
//!
//! What a definition uses and this runner does not know is refused when it is read, with the place and the reason,
//! never ignored.

mod check;
mod choice;
mod fields;
mod read;
mod results;
mod single;
mod task;

pub(crate) use choice::Choice;
pub use single::SingleState;

use super::query::{Language, Path, Query, Template};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a definition cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct DefinitionError {
    /// Where: the states' names from the outside in.
    pub place: String,
    /// What is wrong there.
    pub reason: String,
}

/// A definition that can be run.
#[derive(Debug, Clone)]
pub struct Definition(pub(crate) Arc<Machine>);

impl Definition {
    /// Reads and checks a definition.
    pub fn parse(text: &str) -> Result<Self, DefinitionError> {
        let value: Value = serde_json::from_str(text).map_err(|error| DefinitionError {
            place: "the definition".to_owned(),
            reason: format!("is not JSON: {error}"),
        })?;
        Self::from_value(&value)
    }

    /// Reads and checks a definition that was read as JSON.
    pub fn from_value(value: &Value) -> Result<Self, DefinitionError> {
        read::machine(value, "the definition", Language::JsonPath)
            .map(|machine| Self(Arc::new(machine)))
    }

    /// The names of its states, those of branches not among them.
    pub fn states(&self) -> impl Iterator<Item = &str> {
        self.0.states.keys().map(String::as_str)
    }
}

/// A machine, or a branch of a parallel state.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) start_at: String,
    pub(crate) states: BTreeMap<String, State>,
    pub(crate) timeout_seconds: Option<u32>,
}

/// A state.
#[derive(Debug)]
pub(crate) struct State {
    /// Its type's name.
    pub(crate) type_name: &'static str,
    /// `InputPath`; the whole in JSONata.
    pub(crate) input: Selector,
    /// `OutputPath`; the whole in JSONata.
    pub(crate) output: Selector,
    pub(crate) shape: Shape,
    pub(crate) kind: Kind,
}

/// A part of the data: none is `{}`.
pub(crate) type Selector = Option<Path>;

/// `Output` and `Assign` of JSONata; JSONPath has neither here.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    pub(crate) output: Option<Template>,
    pub(crate) assign: Option<Template>,
}

/// What follows a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum After {
    Next(String),
    End,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Task(Box<Task>),
    Parallel(Parallel),
    Pass {
        result: Option<Value>,
        parameters: Option<Template>,
        result_path: Selector,
        after: After,
    },
    Choice(Choice),
    Wait {
        time: WaitTime,
        after: After,
    },
    Succeed,
    Fail {
        error: Text,
        cause: Text,
    },
}

/// A number of seconds, written or found in the data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Seconds {
    Fixed(u32),
    At(Query),
}

/// A text, written or found in the data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Text {
    Fixed(Option<String>),
    At(Query),
}

/// How long a Wait state waits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum WaitTime {
    For(Seconds),
    Until(Text),
}

/// What a task invokes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    /// `arn:aws:states:::lambda:invoke`
    Invoke,
    /// `arn:aws:states:::lambda:invoke.waitForTaskToken`
    InvokeAndWait,
    /// A function by its ARN: the arguments are its payload, and its reply is the result.
    Function(String),
    /// `arn:aws:states:::sqs:sendMessage.waitForTaskToken`: the function stands behind the queue.
    SendMessageAndWait,
}

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) resource: Resource,
    /// `Parameters` or `Arguments`; without them it is the state's input.
    pub(crate) arguments: Option<Template>,
    pub(crate) timeout: Option<Seconds>,
    pub(crate) heartbeat: Option<Seconds>,
    pub(crate) results: Results,
}

#[derive(Debug)]
pub(crate) struct Parallel {
    pub(crate) branches: Vec<Arc<Machine>>,
    pub(crate) arguments: Option<Template>,
    pub(crate) results: Results,
}

/// What becomes of a task's result or error.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) selector: Option<Template>,
    /// None: the result is dropped.
    pub(crate) path: Selector,
    pub(crate) retry: Vec<Retrier>,
    pub(crate) catch: Vec<Catcher>,
    pub(crate) after: After,
}

/// When to try again.
#[derive(Debug, Clone)]
pub(crate) struct Retrier {
    pub(crate) errors: Vec<String>,
    pub(crate) interval_seconds: u32,
    pub(crate) max_attempts: u32,
    pub(crate) backoff_rate: f64,
    pub(crate) max_delay_seconds: Option<u32>,
    /// Whether a wait is any time up to its length (`JitterStrategy: FULL`).
    pub(crate) jitter: bool,
}

/// Where to go on after an error.
#[derive(Debug)]
pub(crate) struct Catcher {
    pub(crate) errors: Vec<String>,
    pub(crate) next: String,
    pub(crate) result_path: Selector,
    pub(crate) shape: Shape,
}
