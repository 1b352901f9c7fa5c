//! What the errors of the Redshift Data API mean to the domain.

use std::error::Error as StdError;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::{Map, Value};
use signalbox_tasker::ports::{ServiceError, ServiceErrorKind as Kind};

use crate::call::{Fault, Meaning, Watch, fault, meaning, wrapped};

/// What was asked, as far as the meaning of an error depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Something to be run.
    Start {
        /// In a session that was opened before.
        in_session: bool,
    },
    /// Something to be stopped.
    Cancel,
    /// Something to be read.
    Read,
}

/// Errors with a server's status that are certain all the same: the statement does not run.
pub(super) fn without_effect(code: &str) -> bool {
    matches!(
        code,
        "ExecuteStatementException"
            | "BatchExecuteStatementException"
            | "DatabaseConnectionException"
            | "ThrottlingException"
    )
}

/// An error of a call and its tries.
pub(super) fn service_error<E>(
    error: &SdkError<E, HttpResponse>,
    watch: &Watch<E>,
    asked: Asked,
) -> ServiceError
where
    E: StdError + ProvideErrorMetadata + 'static,
{
    let fault = fault(error);
    let kind = kind(&fault, asked);
    // What refuses the repeat says nothing about the try before it, which may have started the statement.
    let kind = if watch.doubt() && matches!(asked, Asked::Start { .. }) {
        Kind::Unclear
    } else {
        kind
    };
    match fault {
        Fault::Refused {
            code,
            message,
            document,
            ..
        } => {
            let statement_id = document.as_deref().and_then(statement_id);
            // A session that is gone keeps the name that the service gave it.
            let code = match wrapped(&code, &message) {
                Some(inner) if kind != Kind::SessionLost => inner.to_owned(),
                _ => code,
            };
            let message = if message.is_empty() {
                "the service gave no message".to_owned()
            } else {
                message
            };
            ServiceError {
                kind,
                code,
                message,
                statement_id,
                document,
            }
        }
        Fault::Unsent { code, message, .. } | Fault::Lost { code, message } => ServiceError {
            kind,
            code: code.to_owned(),
            message,
            statement_id: None,
            document: None,
        },
    }
}

/// The error of a reply that came and cannot be understood: what was asked for may well have been done.
pub(super) fn unreadable(what: &str, asked: Asked) -> ServiceError {
    let call = match asked {
        Asked::Start { .. } => "the start",
        Asked::Cancel => "the cancel",
        Asked::Read => "the question",
    };
    ServiceError {
        kind: Kind::Unclear,
        code: "InvalidResponse".to_owned(),
        message: format!("Redshift's reply to {call} is not as its model says: {what}"),
        statement_id: None,
        document: None,
    }
}

fn kind(fault: &Fault, asked: Asked) -> Kind {
    match fault {
        Fault::Refused {
            code,
            message,
            status,
            ..
        } => of_code(code, message, *status, asked),
        Fault::Unsent { passing: true, .. } => Kind::Unavailable,
        Fault::Unsent {
            code: "CredentialsError",
            ..
        } => Kind::Denied,
        Fault::Unsent { .. } => Kind::Invalid,
        Fault::Lost { .. } => Kind::Unclear,
    }
}

fn of_code(code: &str, message: &str, status: u16, asked: Asked) -> Kind {
    let is_session_lost = matches!(code, "ValidationException" | "ResourceNotFoundException")
        && session_lost(message, asked);
    if is_session_lost {
        return Kind::SessionLost;
    }
    match wrapped(code, message).unwrap_or(code) {
        "ActiveStatementsExceededException"
        | "ActiveSessionsExceededException"
        | "ActiveWaitingRequestsExceededException" => Kind::Limit,
        "ExecuteStatementException" | "BatchExecuteStatementException" => Kind::ExecutionFailed,
        // Nothing says that a start that timed out had no effect; its repeat has the same ClientToken.
        "QueryTimeoutException" if matches!(asked, Asked::Start { .. }) => Kind::Unclear,
        "DatabaseConnectionException" | "QueryTimeoutException" => Kind::Unavailable,
        "InternalServerException" => Kind::Unclear,
        code => match meaning(code, status) {
            Meaning::Denied => Kind::Denied,
            Meaning::Throttled => Kind::Throttled,
            Meaning::NotFound => Kind::NotFound,
            Meaning::Invalid => Kind::Invalid,
            Meaning::Failed => Kind::Unclear,
        },
    }
}

/// The service has no error of its own for a session that is gone: it says `Session is not available` of one
/// that was closed and `Session with Id: … is invalid` of one that it does not know
/// (awslabs/mcp, issue 4587).
fn session_lost(message: &str, asked: Asked) -> bool {
    let message = message.to_ascii_lowercase();
    asked == Asked::Start { in_session: true }
        && message.contains("session")
        && [
            "not available",
            "is invalid",
            "not found",
            "does not exist",
            "expired",
            "closed",
        ]
        .iter()
        .any(|gone| message.contains(gone))
}

fn statement_id(document: &str) -> Option<String> {
    let reply: Map<String, Value> = serde_json::from_str(document).ok()?;
    let id = reply.get("StatementId")?.as_str()?;
    (!id.is_empty()).then(|| id.to_owned())
}
