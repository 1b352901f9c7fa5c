//! Errors as the caller of the function sees them.

use signalbox_policy::{
    Fault,
    contract::{Failure, FailureDetail, Rejection},
};

/// Documented error names (`docs/reference/errors.md`). They are part of the interface: a state machine's `Catch` and
/// `Retry` match them.
pub mod names {
    /// The payload cannot be served as it is.
    pub const INVALID_REQUEST: &str = "InvalidRequest";
    /// Another statement of the same scope runs.
    pub const CONCURRENT_EXECUTION: &str = "ConcurrentExecution";
    /// The policy, target, statement or session is not for this caller.
    pub const NOT_GRANTED: &str = "NotGranted";
    /// The policy trapped, took too much, or broke the contract.
    pub const POLICY_FAULT: &str = "PolicyFault";
    /// The policy used up its time.
    pub const POLICY_TIMEOUT: &str = "PolicyTimeout";
    /// There is no policy to ask.
    pub const POLICY_UNAVAILABLE: &str = "PolicyUnavailable";
    /// The statement was recorded, and Redshift never had it.
    pub const STATEMENT_NOT_STARTED: &str = "StatementNotStarted";
    /// The statement ran longer than it may and was cancelled.
    pub const DEADLINE_EXCEEDED: &str = "DeadlineExceeded";
    /// Redshift no longer knows the statement.
    pub const STATEMENT_LOST: &str = "StatementLost";
    /// The session is gone.
    pub const SESSION_LOST: &str = "SessionLost";
    /// The durable record could not be read or written; no statement of the task was started.
    pub const LEDGER_UNAVAILABLE: &str = "LedgerUnavailable";
    /// The answer of the policy was refused by Step Functions.
    pub const INVALID_OUTPUT: &str = "InvalidOutput";
}

/// An invocation that fails: what Lambda reports as `errorType` and `errorMessage`.
///
/// Under `.waitForTaskToken` this *is* the answer, so it is made only when no statement of the task runs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error_type}: {message}")]
pub struct Raised {
    /// The error's name.
    pub error_type: String,
    /// What was wrong and what to do.
    pub message: String,
}

impl Raised {
    /// An error of a documented name.
    #[must_use]
    pub fn new(error_type: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            error_type: error_type.into(),
            message: message.into(),
        }
    }

    /// The payload cannot be served as it is.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(names::INVALID_REQUEST, message)
    }
}

impl From<&Failure> for Raised {
    fn from(failure: &Failure) -> Self {
        let told = detail_of(failure);
        Self::new(&told.code, &told.message)
    }
}

impl From<Rejection> for Raised {
    fn from(rejection: Rejection) -> Self {
        Self::new(rejection.error, rejection.message)
    }
}

impl From<&Fault> for Raised {
    fn from(fault: &Fault) -> Self {
        Self::new(fault.error_name(), fault.to_string())
    }
}

/// The particulars of a failure that the host itself finds.
#[must_use]
pub fn detail(code: &str, message: impl Into<String>, retryable: bool) -> FailureDetail {
    FailureDetail {
        code: code.to_owned(),
        message: message.into(),
        retryable,
        statement_id: None,
        document: None,
    }
}

/// The particulars of any failure.
#[must_use]
pub fn detail_of(failure: &Failure) -> &FailureDetail {
    match failure {
        Failure::NotGranted(d)
        | Failure::InvalidRequest(d)
        | Failure::ConcurrentExecution(d)
        | Failure::NotFound(d)
        | Failure::SessionLost(d)
        | Failure::LimitExceeded(d)
        | Failure::Throttled(d)
        | Failure::ExecutionFailed(d)
        | Failure::Unavailable(d)
        | Failure::Uncertain(d)
        | Failure::Other(d) => d,
    }
}
