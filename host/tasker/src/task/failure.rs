//! Errors of the services, as a policy sees them.

use signalbox_policy::contract::{Failure, FailureDetail};

use super::services::clean_document;
use crate::{
    ports::{LedgerError, SendError, ServiceError, ServiceErrorKind, WriteError},
    raised::{detail, names},
    secrets::{Secrets, mask_literals},
};

/// A failure of the Redshift Data API. Texts pass the filter of secrets.
pub(super) fn of_service(error: &ServiceError, secrets: &Secrets) -> Failure {
    let clean = |text: &str| mask_literals(&secrets.scrubbed(text));
    let code = match error.kind {
        // The service has no name for it.
        ServiceErrorKind::SessionLost => names::SESSION_LOST,
        _ => &error.code,
    };
    let detail = FailureDetail {
        code: code.to_owned(),
        message: clean(&error.message),
        retryable: matches!(
            error.kind,
            ServiceErrorKind::Limit
                | ServiceErrorKind::Throttled
                | ServiceErrorKind::Unavailable
                | ServiceErrorKind::Unclear
        ),
        statement_id: error.statement_id.clone(),
        document: error
            .document
            .as_deref()
            .map(|document| clean_document(document, secrets)),
    };
    match error.kind {
        ServiceErrorKind::Invalid => Failure::InvalidRequest(detail),
        ServiceErrorKind::Denied => Failure::Other(detail),
        ServiceErrorKind::NotFound => Failure::NotFound(detail),
        ServiceErrorKind::Limit => Failure::LimitExceeded(detail),
        ServiceErrorKind::Throttled => Failure::Throttled(detail),
        ServiceErrorKind::ExecutionFailed => Failure::ExecutionFailed(detail),
        ServiceErrorKind::Unavailable => Failure::Unavailable(detail),
        ServiceErrorKind::Unclear => Failure::Uncertain(detail),
        ServiceErrorKind::SessionLost => Failure::SessionLost(detail),
    }
}

/// A failure of the ledger before anything was started.
pub(super) fn of_ledger(error: &LedgerError) -> Failure {
    let retryable = matches!(error, LedgerError::Unavailable(_));
    Failure::Unavailable(detail(
        names::LEDGER_UNAVAILABLE,
        error.to_string(),
        retryable,
    ))
}

/// A failed write of the ledger before anything was started.
pub(super) fn of_write(error: &WriteError) -> Failure {
    match error {
        WriteError::Conflict(_) => {
            Failure::Unavailable(detail(names::LEDGER_UNAVAILABLE, error.to_string(), true))
        }
        WriteError::TooLarge(_) => Failure::InvalidRequest(detail(
            names::INVALID_REQUEST,
            "what has to be recorded for this statement is larger than the ledger takes (400 KB); shorten `memo` or `step`",
            false,
        )),
        WriteError::Ledger(error) => of_ledger(error),
    }
}

/// A failure of a heartbeat.
pub(super) fn of_send(error: &SendError) -> Failure {
    match error {
        SendError::Closed { code } => Failure::NotFound(detail(code, error.to_string(), false)),
        SendError::Refused { code, .. }
        | SendError::KeyDenied { code, .. }
        | SendError::Denied { code, .. } => Failure::Other(detail(code, error.to_string(), false)),
        SendError::Passing { code, .. } => {
            Failure::Unavailable(detail(code, error.to_string(), true))
        }
    }
}
