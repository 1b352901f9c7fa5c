//! The Step Functions side of a waiting task.

use std::fmt;

use async_trait::async_trait;

use super::executions::{Execution, ExecutionError};

/// The token of a waiting task: whoever has it can answer the task. 1 to 2,048 characters.
///
/// It has no `Display`, and its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct TaskToken(String);

impl TaskToken {
    /// Wraps a token.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token itself: for the call that answers and for the ledger, never for a log.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TaskToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskToken(…)")
    }
}

/// Answers waiting tasks.
#[async_trait]
pub trait Callbacks: Send + Sync {
    /// SendTaskSuccess. `output` is a JSON text of at most 262,144 bytes.
    ///
    /// # Errors
    /// See [`SendError`].
    async fn succeed(&self, token: &TaskToken, output: &str) -> Result<(), SendError>;

    /// SendTaskFailure. `error` has at most 256 characters, `cause` 32,768. Without both the call needs no
    /// permission on the state machine's key.
    ///
    /// # Errors
    /// See [`SendError`].
    async fn fail(
        &self,
        token: &TaskToken,
        error: Option<&str>,
        cause: Option<&str>,
    ) -> Result<(), SendError>;

    /// SendTaskHeartbeat.
    ///
    /// # Errors
    /// See [`SendError`].
    async fn heartbeat(&self, token: &TaskToken) -> Result<(), SendError>;

    /// DescribeExecution. What it says may lag behind by moments.
    ///
    /// # Errors
    /// See [`ExecutionError`].
    async fn describe_execution(&self, arn: &str) -> Result<Execution, ExecutionError>;
}

/// Why an answer was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Nobody waits under this token (`TaskTimedOut`, `TaskDoesNotExist`, `InvalidToken`): answered
    /// already, timed out, or stopped. It will never be taken.
    #[error("nobody waits under this token ({code})")]
    Closed {
        /// The service's error name.
        code: String,
    },
    /// The service refuses this output or its size (`InvalidOutput`, `ValidationException`). Another
    /// answer may be taken.
    #[error("the answer was refused ({code}): {message}")]
    Refused {
        /// The service's error name.
        code: String,
        /// Its message.
        message: String,
    },
    /// The state machine's key may not be used (`KmsAccessDeniedException`, `KmsInvalidStateException`).
    /// A failure without error and cause needs no key.
    #[error("the key of the state machine is not to be used ({code}): {message}")]
    KeyDenied {
        /// The service's error name.
        code: String,
        /// Its message.
        message: String,
    },
    /// This role may not answer tasks. An operator has to act; the answer is kept.
    #[error("not allowed to answer tasks ({code}): {message}")]
    Denied {
        /// The service's error name.
        code: String,
        /// Its message.
        message: String,
    },
    /// Throttled, unreachable, or failed inside. The same answer is worth sending again; it may have
    /// been taken.
    #[error("the answer was not acknowledged ({code}): {message}")]
    Passing {
        /// The service's error name, or the kind of the connection's fault.
        code: String,
        /// Its message.
        message: String,
    },
}
