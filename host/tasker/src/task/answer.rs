//! Answers that the host gives by itself.

use serde_json::json;
use signalbox_policy::{Answer, Fault, contract::StatementDescription};

use crate::{
    completion_event::status_name,
    raised::{Raised, names},
};

/// The most UTF-16 code units of a cause.
const CAUSE_MAX: usize = 32_768;
/// The most characters of an error's name.
const ERROR_MAX: usize = 256;
/// The most characters of a text inside a cause, so that two of them fit, escaped as badly as JSON may.
const TEXT_MAX: usize = 2_000;

/// A task of the queue that would have been raised.
pub(super) fn of_raised(raised: &Raised) -> Answer {
    Answer::Fail {
        error: raised.error_type.chars().take(ERROR_MAX).collect(),
        cause: within_utf16(&raised.message, CAUSE_MAX),
    }
}

/// A policy that faulted after its statement was started.
pub(super) fn of_fault(fault: &Fault) -> Answer {
    Answer::Fail {
        error: fault.error_name().to_owned(),
        cause: json!({"message": shorten(&fault.to_string())}).to_string(),
    }
}

/// A verdict that was made before the statement ended, with how it ended.
pub(super) fn with_outcome(verdict: Answer, statement: &StatementDescription) -> Answer {
    let Answer::Fail { error, cause } = verdict else {
        return verdict;
    };
    let message = serde_json::from_str::<serde_json::Value>(&cause)
        .ok()
        .and_then(|cause| Some(cause.get("message")?.as_str()?.to_owned()))
        .unwrap_or(cause);
    let cause = json!({
        "message": shorten(&message),
        "statement": {
            "Id": statement.id,
            "Status": status_name(statement.status),
            "Error": statement.error.as_deref().map(shorten),
        },
    });
    Answer::Fail {
        error,
        cause: cause.to_string(),
    }
}

/// An answer that Step Functions refused.
pub(super) fn of_refusal(code: &str, message: &str) -> Answer {
    let message = format!(
        "the answer that the policy decided was refused by Step Functions ({code}): {message}"
    );
    Answer::Fail {
        error: names::INVALID_OUTPUT.to_owned(),
        cause: json!({"message": shorten(&message)}).to_string(),
    }
}

/// A statement that was recorded and that Redshift never had.
pub(super) fn not_started(record_id: &str) -> Answer {
    let message = "the statement was recorded, and Redshift does not know it: it never ran. It is safe to retry the task";
    Answer::Fail {
        error: names::STATEMENT_NOT_STARTED.to_owned(),
        cause: json!({"message": message, "recordId": record_id}).to_string(),
    }
}

/// A statement that Redshift has forgotten.
pub(super) fn lost(statement_id: &str) -> Answer {
    let message = "Redshift no longer knows this statement, and no event told how it ended. Look at its effects before it is run again";
    Answer::Fail {
        error: names::STATEMENT_LOST.to_owned(),
        cause: json!({"message": message, "statementId": statement_id}).to_string(),
    }
}

/// A statement that this role may not ask about.
pub(super) fn not_described(statement_id: &str) -> Answer {
    let message = "Redshift does not let this function ask how the statement is, so nobody can tell how it ended, or whether it did. Look at its effects before it is run again";
    Answer::Fail {
        error: names::STATEMENT_LOST.to_owned(),
        cause: json!({"message": message, "statementId": statement_id}).to_string(),
    }
}

/// A statement that ran longer than it may.
pub(super) fn deadline_exceeded(seconds: u32) -> Answer {
    let message =
        format!("the statement was cancelled: it ran longer than its deadline of {seconds} s");
    Answer::Fail {
        error: names::DEADLINE_EXCEEDED.to_owned(),
        cause: json!({"message": message}).to_string(),
    }
}

/// Whether an answer says that.
pub(super) fn is_deadline_exceeded(answer: &Answer) -> bool {
    matches!(answer, Answer::Fail { error, .. } if error == names::DEADLINE_EXCEEDED)
}

fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(TEXT_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The longest prefix of at most so many UTF-16 code units.
fn within_utf16(text: &str, max: usize) -> String {
    let mut units = 0;
    text.chars()
        .take_while(|c| {
            units += c.len_utf16();
            units <= max
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use signalbox_policy::contract::StatementStatus;

    use super::*;

    #[test]
    fn whatever_the_texts_are_a_cause_fits() {
        for text in [
            "\u{1}".repeat(100_000),
            "😀".repeat(100_000),
            "\"\\".repeat(100_000),
        ] {
            let verdict = Answer::Fail {
                error: "PolicyFault".to_owned(),
                cause: json!({"message": text}).to_string(),
            };
            let statement = StatementDescription {
                id: "00000000-0000-0000-0000-000000000000".to_owned(),
                status: StatementStatus::Failed,
                error: Some(text.clone()),
                duration_ns: None,
                has_result_set: false,
                result_rows: None,
                result_size: None,
                result_format: signalbox_policy::contract::ResultFormat::Json,
                session_id: None,
                created_at: None,
                updated_at: None,
                sub_statements: Vec::new(),
                document: "{}".to_owned(),
            };
            let Answer::Fail { cause, .. } = with_outcome(verdict, &statement) else {
                panic!("it is a failure")
            };
            assert!(cause.encode_utf16().count() <= CAUSE_MAX, "{}", cause.len());
            let cause: serde_json::Value = serde_json::from_str(&cause).unwrap();
            assert_eq!(cause["statement"]["Status"], "FAILED");

            let Answer::Fail { cause, .. } = of_raised(&Raised::invalid(text)) else {
                panic!("it is a failure")
            };
            assert!(cause.encode_utf16().count() <= CAUSE_MAX);
        }
    }
}
