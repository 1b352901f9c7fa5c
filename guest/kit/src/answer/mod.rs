//! What a waiting task is told about a statement that ended.

mod cap;
mod event;
mod rows;
mod shorten;
mod transient;

pub use rows::page_pointer;
pub use shorten::{shorten, shorten_text, utf16_length};
pub use transient::is_transient;

use crate::contract::{OutputShape, StatementDescription, StatementFacts, StatementStatus};
use crate::expect::{Verdict, judge};
use crate::host::Host;
use crate::memo::{memo_kinds, noted};
use crate::settings::{CallbackEffect, CallbackSubject, Settings};
use serde_json::{Value, json};

/// The longest output that Step Functions takes, in bytes of UTF-8.
pub const MAX_OUTPUT_BYTES: usize = 262_144;
/// The longest cause that Step Functions takes, in UTF-16 code units.
pub const MAX_CAUSE_UNITS: usize = 32_768;
/// The longest error name that Step Functions takes, in UTF-16 code units.
pub const MAX_ERROR_UNITS: usize = 256;

/// A statement that ended.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// What the host recorded of it.
    pub facts: &'a StatementFacts,
    /// How it ended.
    pub statement: &'a StatementDescription,
    /// The completion event, if one came. Nothing in it is evidence.
    pub event: Option<&'a str>,
}

impl Outcome<'_> {
    /// How it ended, as Redshift names it.
    #[must_use]
    pub fn state(&self) -> &'static str {
        event::state_name(self.statement.status)
    }

    /// The engine's message; of a batch, if it has none of its own, that of the first part that failed.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        if let Some(error) = &self.statement.error {
            return Some(error.clone());
        }
        let parts = &self.statement.sub_statements;
        parts.iter().enumerate().find_map(|(position, part)| {
            let error = part.error.as_ref()?;
            Some(format!(
                "Statement {} of {}: {error}",
                position + 1,
                parts.len()
            ))
        })
    }
}

/// What the task is told. JSON that is too long is shortened inside its longest texts when it is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It succeeded, with this output.
    Succeed(Value),
    /// It failed.
    Fail {
        /// The name that `Catch` and `Retry` match: 1 to 256 characters, not beginning with `States.`.
        error: String,
        /// Why. A text is sent as it is, anything else as JSON.
        cause: Value,
    },
}

/// The standard answer.
pub(crate) fn decide(outcome: &Outcome<'_>, settings: &Settings, host: &dyn Host) -> Answer {
    let contracts = noted(&outcome.facts.memo, "expect");
    if let Some(contracts) = &contracts
        && let Some(Verdict { error, contract }) = judge(contracts, outcome.statement)
    {
        return explained(outcome, error, "contract", contract);
    }
    // What checked the contracts is no part of what the task asked for.
    let own = contracts
        .as_ref()
        .and_then(|contracts| contracts.get("own")?.as_u64());
    let own_parts;
    let outcome = match own.and_then(|own| usize::try_from(own).ok()) {
        Some(own) if outcome.statement.sub_statements.len() > own => {
            let mut statement = outcome.statement.clone();
            statement.sub_statements.truncate(own);
            own_parts = statement;
            &Outcome {
                statement: &own_parts,
                ..*outcome
            }
        }
        _ => outcome,
    };
    if let Some(result) = noted(&outcome.facts.memo, "caps")
        .as_ref()
        .and_then(|caps| cap::too_large(caps, outcome))
    {
        return explained(outcome, "ResultTooLarge", "result", result);
    }
    let error = outcome.error();
    let kinds = memo_kinds(&outcome.facts.memo);
    let transient = is_worth_a_retry(outcome, error.as_deref());
    let subject = CallbackSubject {
        state: outcome.state(),
        error: error.as_deref(),
        kinds: &kinds,
        target: &outcome.facts.target,
        step: outcome.facts.step.as_deref(),
        transient,
    };
    match settings.callback(&subject) {
        // Nobody has looked at what was expected.
        Some(CallbackEffect::Succeed)
            if contracts.is_some() && outcome.statement.status != StatementStatus::Finished =>
        {
            explained(
                outcome,
                "ContractNotChecked",
                "contract",
                unchecked(error.as_deref()),
            )
        }
        Some(CallbackEffect::Succeed) => Answer::Succeed(output(outcome, error.as_deref(), host)),
        Some(CallbackEffect::Fail { error: name, cause }) => Answer::Fail {
            error: name.clone(),
            cause: match cause {
                Some(text) => Value::String(text.clone()),
                None => event::of(outcome, error.as_deref()),
            },
        },
        None => match &settings.transient_error {
            Some(name) if transient => Answer::Fail {
                error: name.clone(),
                cause: event::of(outcome, error.as_deref()),
            },
            _ => as_the_original(outcome, settings, error.as_deref(), host),
        },
    }
}

/// A failure that the database does not know of: the event, with what is known of the failure under a name of its own.
fn explained(outcome: &Outcome<'_>, error: &str, name: &str, known: Value) -> Answer {
    let message = outcome.error();
    let mut cause = event::of(outcome, message.as_deref());
    if let Some(cause) = cause.as_object_mut() {
        cause.shift_insert(0, name.to_owned(), known);
    }
    Answer::Fail {
        error: error.to_owned(),
        cause,
    }
}

/// What is said where a rule takes a failure for a success, and the request has expectations.
fn unchecked(error: Option<&str>) -> Value {
    let message = format!(
        "The contracts were not checked, because the statements did not finish: {}",
        error.unwrap_or("Redshift gives no reason")
    );
    json!({ "message": message })
}

/// Whether it failed, may succeed another time, and nothing of it stands.
fn is_worth_a_retry(outcome: &Outcome<'_>, error: Option<&str>) -> bool {
    let only_reads = noted(&outcome.facts.memo, "onlyReads").is_some();
    let stands = || {
        let parts = outcome.statement.sub_statements.iter();
        let commits = noted(&outcome.facts.memo, "autoCommit").is_some();
        let mut ended = parts.filter(|part| part.status == StatementStatus::Finished);
        commits && ended.next().is_some()
    };
    outcome.statement.status == StatementStatus::Failed
        && error.is_some_and(|message| is_transient(message, only_reads))
        && !stands()
}

fn as_the_original(
    outcome: &Outcome<'_>,
    settings: &Settings,
    error: Option<&str>,
    host: &dyn Host,
) -> Answer {
    let name = match outcome.statement.status {
        StatementStatus::Finished => return Answer::Succeed(output(outcome, error, host)),
        StatementStatus::Aborted => settings.aborted_error.as_deref().unwrap_or("FAILED"),
        _ => "FAILED",
    };
    Answer::Fail {
        error: name.to_owned(),
        cause: event::of(outcome, error),
    }
}

/// The output in the shape that the payload asked for.
fn output(outcome: &Outcome<'_>, error: Option<&str>, host: &dyn Host) -> Value {
    match outcome.facts.output {
        OutputShape::Event => event::of(outcome, error),
        OutputShape::Describe => described(outcome),
        OutputShape::Rows => rows::of(outcome, host),
    }
}

fn described(outcome: &Outcome<'_>) -> Value {
    match serde_json::from_str(&outcome.statement.document) {
        Ok(Value::Object(document)) => Value::Object(document),
        // The host promises an object; without one the essentials still go out.
        _ => json!({
            "Id": outcome.facts.statement_id,
            "Status": outcome.state(),
            "Error": outcome.error(),
        }),
    }
}

#[cfg(test)]
mod batch_tests;
#[cfg(test)]
mod tests;
