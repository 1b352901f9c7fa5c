//! What happens in executions, as it happens.

use super::error::StateError;
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// Who is told. A closure is one.
pub trait Observer: Send + Sync {
    /// Is told. Executions wait while it runs, so it should hand on and return.
    fn observe(&self, observation: &Observation);
}

impl<F: Fn(&Observation) + Send + Sync> Observer for F {
    fn observe(&self, observation: &Observation) {
        self(observation);
    }
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Observation {
    /// When.
    pub at: Timestamp,
    /// The ARN of the execution.
    pub execution: String,
    /// In which branch: the places of branches from the outermost parallel state in; empty for none.
    pub branch: Vec<usize>,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// The execution began.
    ExecutionStarted {
        /// Its input.
        input: Value,
    },
    /// A state began.
    StateEntered {
        /// The state's name.
        state: String,
        /// The state's type, such as `Task`.
        type_name: &'static str,
    },
    /// A task invoked its function.
    FunctionInvoked {
        /// The state's name.
        state: String,
        /// Which attempt this is, counting from 1.
        attempt: u32,
        /// Whether it waits for an answer to its token, which was issued for this attempt.
        waits_for_token: bool,
    },
    /// The function returned. Under a token this ends nothing.
    FunctionReturned {
        /// The state's name.
        state: String,
    },
    /// A task showed that it lives (SendTaskHeartbeat).
    Heartbeat {
        /// The state's name.
        state: String,
    },
    /// A task succeeded.
    TaskSucceeded {
        /// The state's name.
        state: String,
        /// Its result, before any path or selector.
        result: Value,
    },
    /// A task failed or timed out.
    TaskFailed {
        /// The state's name.
        state: String,
        /// Its error; `States.HeartbeatTimeout` and `States.Timeout` say that time was up.
        error: StateError,
    },
    /// A state is tried again.
    Retried {
        /// The state's name.
        state: String,
        /// The error that was matched.
        error: String,
        /// How long it waits first, in the time of the story.
        wait: Duration,
    },
    /// A `Catch` matched.
    Caught {
        /// The state's name.
        state: String,
        /// The error that was matched.
        error: String,
        /// The state it goes on with.
        next: String,
    },
    /// A state ended and another follows.
    Next {
        /// The state's name.
        state: String,
        /// The state it goes on with.
        next: String,
    },
    /// The execution ended.
    ExecutionEnded {
        /// How.
        outcome: Outcome,
    },
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It succeeded.
    Succeeded {
        /// Its output.
        output: Value,
    },
    /// It failed.
    Failed {
        /// With this error.
        error: StateError,
    },
    /// Its own time was up.
    TimedOut,
    /// It was stopped.
    Aborted {
        /// The error that was given.
        error: Option<String>,
        /// The cause that was given.
        cause: Option<String>,
    },
}

impl Outcome {
    /// The status, as DescribeExecution has it.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Succeeded { .. } => "SUCCEEDED",
            Self::Failed { .. } => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted { .. } => "ABORTED",
        }
    }
}
