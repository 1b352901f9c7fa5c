//! What the errors of the SendTask calls mean to the domain.

use std::error::Error as StdError;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use signalbox_tasker::ports::{SendError, TaskToken};

use crate::call::{Fault, Meaning, fault, meaning};

/// An error of a call. Should the service repeat the token in its message, it does not get into ours.
pub(super) fn send_error<E>(error: &SdkError<E, HttpResponse>, token: &TaskToken) -> SendError
where
    E: StdError + ProvideErrorMetadata + 'static,
{
    match fault(error) {
        Fault::Refused {
            code,
            message,
            status,
            ..
        } => of_code(code, without(&message, token), status),
        Fault::Unsent {
            code,
            message,
            passing: true,
        }
        | Fault::Lost { code, message } => SendError::Passing {
            code: code.to_owned(),
            message: without(&message, token),
        },
        // No credentials, no region: an operator has to act, as for a missing permission.
        Fault::Unsent {
            code,
            message,
            passing: false,
        } => SendError::Denied {
            code: code.to_owned(),
            message: without(&message, token),
        },
    }
}

fn of_code(code: String, message: String, status: u16) -> SendError {
    match code.as_str() {
        "TaskTimedOut" | "TaskDoesNotExist" | "InvalidToken" => SendError::Closed { code },
        // A text that cannot be a token at all: nobody will ever wait under it.
        "ValidationException" if message.contains("at 'taskToken'") => SendError::Closed { code },
        "InvalidOutput" | "ValidationException" => SendError::Refused { code, message },
        "KmsAccessDeniedException" | "KmsInvalidStateException" => {
            SendError::KeyDenied { code, message }
        }
        "KmsThrottlingException" => SendError::Passing { code, message },
        name => match meaning(name, status) {
            Meaning::Denied => SendError::Denied { code, message },
            Meaning::Throttled | Meaning::Failed => SendError::Passing { code, message },
            Meaning::NotFound | Meaning::Invalid => SendError::Refused { code, message },
        },
    }
}

fn without(message: &str, token: &TaskToken) -> String {
    match token.reveal() {
        "" => message.to_owned(),
        token => message.replace(token, "…"),
    }
}
