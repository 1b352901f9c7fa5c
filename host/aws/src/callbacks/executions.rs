//! Executions, as the domain sees them.

use std::error::Error as StdError;

use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::ExecutionStatus as Status;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use signalbox_tasker::ports::{Execution, ExecutionError, ExecutionStatus, SendError};

use crate::call::{Fault, Meaning, fault, meaning};

pub(super) fn execution(reply: &DescribeExecutionOutput) -> Execution {
    let status = match reply.status() {
        Status::Running => ExecutionStatus::Running,
        Status::Succeeded => ExecutionStatus::Succeeded,
        Status::Failed => ExecutionStatus::Failed,
        Status::TimedOut => ExecutionStatus::TimedOut,
        Status::Aborted => ExecutionStatus::Aborted,
        other => ExecutionStatus::Other(other.as_str().to_owned()),
    };
    Execution {
        status,
        stopped_at: reply.stop_date().and_then(|date| date.to_millis().ok()),
    }
}

pub(super) fn error<E>(error: &SdkError<E, HttpResponse>) -> ExecutionError
where
    E: StdError + ProvideErrorMetadata + 'static,
{
    match fault(error) {
        Fault::Refused {
            code,
            message,
            status,
            ..
        } => of_code(code, message, status),
        Fault::Unsent {
            code,
            message,
            passing: false,
        } => ExecutionError::Denied {
            code: code.to_owned(),
            message,
        },
        Fault::Unsent { code, message, .. } | Fault::Lost { code, message } => {
            ExecutionError::Passing {
                code: code.to_owned(),
                message,
            }
        }
    }
}

fn of_code(code: String, message: String, status: u16) -> ExecutionError {
    match code.as_str() {
        "ExecutionDoesNotExist" | "InvalidArn" => ExecutionError::Unknown { code },
        "KmsAccessDeniedException" | "KmsInvalidStateException" => {
            ExecutionError::Denied { code, message }
        }
        "KmsThrottlingException" => ExecutionError::Passing { code, message },
        name => match meaning(name, status) {
            Meaning::Denied => ExecutionError::Denied { code, message },
            // A text that can be no ARN.
            Meaning::NotFound | Meaning::Invalid => ExecutionError::Unknown { code },
            Meaning::Throttled | Meaning::Failed => ExecutionError::Passing { code, message },
        },
    }
}

/// No client could be made.
pub(super) fn no_client(error: SendError) -> ExecutionError {
    match error {
        SendError::Denied { code, message } => ExecutionError::Denied { code, message },
        other => ExecutionError::Passing {
            code: "ClientError".to_owned(),
            message: other.to_string(),
        },
    }
}
