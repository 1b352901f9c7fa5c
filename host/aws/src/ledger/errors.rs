//! What DynamoDB's errors mean to the domain.

use serde::Deserialize;
use signalbox_tasker::ports::{LedgerError, WriteError};

use crate::call::{Fault, Meaning, meaning};

/// Why a write was not made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotWritten {
    /// Another transaction had its hands on the same item. Certainly not made; worth another try at once.
    Contended(String),
    /// What the port says.
    Said(WriteError),
}

impl From<LedgerError> for NotWritten {
    fn from(error: LedgerError) -> Self {
        Self::Said(error.into())
    }
}

/// The error of a read.
pub(super) fn read(fault: Fault, table: &str) -> LedgerError {
    ledger_error(fault, table)
}

/// The error of a write of one item.
pub(super) fn write(fault: Fault, table: &str) -> NotWritten {
    match fault {
        Fault::Refused { code, message, .. }
            if code == "TransactionConflictException"
                || code == "TransactionInProgressException" =>
        {
            NotWritten::Contended(message)
        }
        Fault::Refused { code, .. } if code == "ConditionalCheckFailedException" => {
            NotWritten::Said(WriteError::Conflict(vec![0]))
        }
        Fault::Refused { message, .. } if too_large(&message) => {
            NotWritten::Said(WriteError::TooLarge(message))
        }
        fault => ledger_error(fault, table).into(),
    }
}

/// Why a transaction was cancelled: a reason for each write, in order.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Cancelled {
    cancellation_reasons: Vec<Reason>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reason {
    code: Option<String>,
    message: Option<String>,
}

/// The error of a write of several items.
pub(super) fn transaction(fault: Fault, table: &str) -> NotWritten {
    let reasons = match &fault {
        Fault::Refused { code, document, .. } if code == "TransactionCanceledException" => {
            let document = document.as_deref().unwrap_or_default();
            serde_json::from_str(document).map_or_else(
                |_| Vec::new(),
                |cancelled: Cancelled| cancelled.cancellation_reasons,
            )
        }
        _ => return write(fault, table),
    };
    let with = |code: &'static str| {
        reasons
            .iter()
            .enumerate()
            .filter(move |(_, reason)| reason.code.as_deref() == Some(code))
            .map(|(at, _)| at)
    };
    let message = |code: &'static str| {
        with(code)
            .next()
            .and_then(|at| reasons.get(at)?.message.as_deref())
            .unwrap_or(code)
            .to_owned()
    };
    if with("ValidationError").next().is_some() {
        let message = message("ValidationError");
        return match too_large(&message) {
            true => NotWritten::Said(WriteError::TooLarge(message)),
            false => LedgerError::Refused(format!("{message} (table {table})")).into(),
        };
    }
    let failed: Vec<usize> = with("ConditionalCheckFailed").collect();
    if !failed.is_empty() {
        return NotWritten::Said(WriteError::Conflict(failed));
    }
    if with("TransactionConflict").next().is_some() {
        return NotWritten::Contended(message("TransactionConflict"));
    }
    let codes: Vec<_> = reasons
        .iter()
        .filter_map(|reason| reason.code.as_deref())
        .filter(|code| *code != "None")
        .collect();
    match codes.as_slice() {
        ["ItemCollectionSizeLimitExceeded", ..] => NotWritten::Said(WriteError::TooLarge(message(
            "ItemCollectionSizeLimitExceeded",
        ))),
        // ThrottlingError, ProvisionedThroughputExceeded, and what may be added.
        [] => LedgerError::Unavailable("the transaction was cancelled without a reason".to_owned())
            .into(),
        codes => LedgerError::Unavailable(format!(
            "the transaction was cancelled: {}",
            codes.join(", ")
        ))
        .into(),
    }
}

/// A write that met other transactions at every try. It was not made, and why is not known: the other one may
/// have failed as well. `Conflict` would claim that a condition did not hold, and a caller that then reads the
/// item may find it as it was; so this is `Unavailable`.
pub(super) fn still_contended(message: &str, tries: u32) -> WriteError {
    LedgerError::Unavailable(format!(
        "another transaction holds an item, {tries} tries long: {message}"
    ))
    .into()
}

fn ledger_error(fault: Fault, table: &str) -> LedgerError {
    match fault {
        Fault::Refused { code, .. } if code == "ResourceNotFoundException" => {
            LedgerError::Refused(format!(
                "there is no table `{table}` in this account and region: create it with `signalbox ledger create`"
            ))
        }
        Fault::Refused {
            code,
            message,
            status,
            ..
        } => {
            let text = format!("{code}: {message} (table {table})");
            match meaning(&code, status) {
                Meaning::Throttled | Meaning::Failed => LedgerError::Unavailable(text),
                Meaning::Invalid if passing(&code) => LedgerError::Unavailable(text),
                Meaning::Denied | Meaning::NotFound | Meaning::Invalid => {
                    LedgerError::Refused(text)
                }
            }
        }
        Fault::Unsent {
            message,
            passing: false,
            ..
        } => LedgerError::Refused(message),
        Fault::Unsent {
            code,
            message,
            passing: true,
        }
        | Fault::Lost { code, message } => LedgerError::Unavailable(format!("{code}: {message}")),
    }
}

/// Errors of DynamoDB that pass though their status says otherwise.
fn passing(code: &str) -> bool {
    matches!(
        code,
        "TransactionConflictException"
            | "TransactionInProgressException"
            | "ReplicatedWriteConflictException"
            | "LimitExceededException"
    )
}

/// There is no error of its own for an item over 400 KB or a transaction over 4 MB.
fn too_large(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("size") && (message.contains("exceed") || message.contains("larger"))
}
