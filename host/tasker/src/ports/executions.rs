//! Executions of state machines.

/// How an execution is, as DescribeExecution says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Its status.
    pub status: ExecutionStatus,
    /// When it stopped, in milliseconds since the Unix epoch.
    pub stopped_at: Option<i64>,
}

/// The status of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutionStatus {
    /// It runs.
    Running,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// Its time was over.
    TimedOut,
    /// It was stopped.
    Aborted,
    /// Another one, such as `PENDING_REDRIVE`: it may run on.
    Other(String),
}

/// Why an execution was not described.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecutionError {
    /// There is no such execution, or no longer (`ExecutionDoesNotExist`, `InvalidArn`).
    #[error("there is no such execution ({code})")]
    Unknown {
        /// The service's error name.
        code: String,
    },
    /// This role may not describe executions. An operator has to act.
    #[error("not allowed to describe executions ({code}): {message}")]
    Denied {
        /// The service's error name.
        code: String,
        /// Its message.
        message: String,
    },
    /// Throttled, unreachable, or failed inside. Worth asking again.
    #[error("the execution was not described ({code}): {message}")]
    Passing {
        /// The service's error name, or the kind of the connection's fault.
        code: String,
        /// Its message.
        message: String,
    },
}
