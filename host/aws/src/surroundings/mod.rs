//! What is around a function in AWS: the rules, queues, mappings and schedules without which nothing reaches it.
//!
//! [`Surroundings`] looks and changes nothing. It is for people's tools (`signalbox doctor`): the host itself needs none of it.

mod events;
mod functions;
mod queues;
mod schedules;
#[cfg(test)]
mod tests;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::OnceCell;

use crate::call::{Fault, Meaning, fault, meaning};
use crate::session::{Limits, Session};

pub use events::{Rule, RuleTarget};
pub use functions::{Function, Mapping};
pub use queues::Queue;
pub use schedules::{Schedule, ScheduleName};

/// How long one try of a call may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long all tries of a call together may take.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);

/// Looks at what is around a function, in the host's own account and region.
#[derive(Debug)]
pub struct Surroundings {
    session: Arc<Session>,
    events: OnceCell<aws_sdk_eventbridge::Client>,
    functions: OnceCell<aws_sdk_lambda::Client>,
    queues: OnceCell<aws_sdk_sqs::Client>,
    schedules: OnceCell<aws_sdk_scheduler::Client>,
}

impl Surroundings {
    /// Makes no client yet.
    #[must_use]
    pub fn new(session: Arc<Session>) -> Self {
        Self {
            session,
            events: OnceCell::new(),
            functions: OnceCell::new(),
            queues: OnceCell::new(),
            schedules: OnceCell::new(),
        }
    }

    async fn base(&self) -> Result<&SdkConfig, LookError> {
        self.session
            .home()
            .await
            .map_err(|error| LookError::Failed {
                code: "MissingRegion".to_owned(),
                message: error.to_string(),
            })
    }
}

fn limits() -> TimeoutConfig {
    Limits {
        attempt: ATTEMPT_TIMEOUT,
        operation: OPERATION_TIMEOUT,
    }
    .config()
}

/// Something could not be looked at. What does not exist is no error where it can be missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookError {
    /// Whoever asks may not.
    #[error("{action} is not allowed ({code}): {message}")]
    Denied {
        /// The action that would have to be allowed.
        action: &'static str,
        /// The service's error name.
        code: String,
        /// Its message.
        message: String,
    },
    /// There is no such thing.
    #[error("there is no such thing ({code}): {message}")]
    Missing {
        /// The service's error name.
        code: String,
        /// Its message.
        message: String,
    },
    /// The service did not answer, or not as it should.
    #[error("{code}: {message}")]
    Failed {
        /// The service's error name, or the kind of the connection's fault.
        code: String,
        /// Its message.
        message: String,
    },
}

impl LookError {
    fn of<E>(action: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: StdError + ProvideErrorMetadata + 'static,
    {
        match fault(error) {
            Fault::Refused {
                code,
                message,
                status,
                ..
            } => match meaning(&code, status) {
                Meaning::Denied => Self::Denied {
                    action,
                    code,
                    message,
                },
                Meaning::NotFound => Self::Missing { code, message },
                Meaning::Invalid if says_missing(&code) => Self::Missing { code, message },
                Meaning::Throttled | Meaning::Invalid | Meaning::Failed => {
                    Self::Failed { code, message }
                }
            },
            Fault::Unsent { code, message, .. } | Fault::Lost { code, message } => Self::Failed {
                code: code.to_owned(),
                message,
            },
        }
    }
}

/// SQS says it with status 400, under its own old name or a newer one.
fn says_missing(code: &str) -> bool {
    code.ends_with("NonExistentQueue") || code == "QueueDoesNotExist"
}

/// What was found; nothing if it does not exist.
fn found<T>(looked: Result<T, LookError>) -> Result<Option<T>, LookError> {
    match looked {
        Ok(thing) => Ok(Some(thing)),
        Err(LookError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
