//! Whether contracts were kept, once the statements have ended.

use super::{Bounds, Load};
use crate::contract::{StatementDescription, StatementStatus, SubStatement};
use serde_json::{Value, json};

/// What the message of a broken contract has before its number. No number begins with it, and no other message has it.
pub(super) const MARK: &str = "!signalbox contract ";
/// How Redshift words that the mark is no number, where it does not show all of it.
const NO_NUMBER: &str = "value '!'";

/// What is not told as a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The error's name.
    pub(crate) error: &'static str,
    /// What is known of the contract, for the cause.
    pub(crate) contract: Value,
}

/// A contract as it was noted.
struct Noted<'n> {
    name: &'n str,
    expected: &'n str,
    is_query: bool,
    bounds: Bounds,
}

/// Whether a contract was broken, or could not be checked. None if all were kept, and if the request's own statements failed:
/// then nobody is told of a success anyway.
pub(crate) fn judge(noted: &Value, statement: &StatementDescription) -> Option<Verdict> {
    let list: Vec<Noted<'_>> = noted
        .get("list")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(read)
        .collect();
    let load = Load::by_word(noted.get("load").and_then(Value::as_str));
    let own = noted.get("own").and_then(Value::as_u64).unwrap_or(0);
    let own = usize::try_from(own).unwrap_or(usize::MAX);
    let parts = &statement.sub_statements;
    let own_parts = parts.get(..own).unwrap_or(parts);
    let checks = parts.get(own..).unwrap_or_default();
    // Where a transaction is taken back, parts that had ended well are told as aborted.
    let is_failed =
        |part: &SubStatement| part.error.is_some() || part.status == StatementStatus::Failed;
    let has_finished = statement.status == StatementStatus::Finished;
    // A message that names a contract is sure, whatever became of the other parts.
    let messages = checks.iter().filter_map(|part| part.error.as_deref());
    for message in messages.chain(statement.error.as_deref()) {
        let mut named = list.iter().enumerate().filter(|_| message.contains(MARK));
        let broken =
            named.find_map(|(position, contract)| Some((contract, found(message, position + 1)?)));
        if let Some((contract, found)) = broken {
            return Some(contract.broken(&found, load));
        }
    }
    if !has_finished
        && (own_parts.iter().any(is_failed) || statement.status != StatementStatus::Failed)
    {
        return None;
    }
    let load_if_failed = if has_finished { Load::Stands } else { load };
    let queries = list.iter().enumerate().filter(|(_, one)| one.is_query);
    for (query, (position, contract)) in queries.enumerate() {
        let part = checks.get(query);
        let message = part.and_then(|part| part.error.as_deref());
        match message {
            Some(message) => {
                return Some(match found(message, position + 1) {
                    Some(found) => contract.broken(&found, load_if_failed),
                    None => contract.not_checked(message, load_if_failed),
                });
            }
            None if has_finished
                && part.is_none_or(|part| part.status != StatementStatus::Finished) =>
            {
                let why = "Redshift does not say how its query ended.";
                return Some(contract.not_checked(why, Load::MayStand));
            }
            None => {}
        }
    }
    if !has_finished {
        return None;
    }
    let counted: Option<u64> = match own_parts {
        [] => statement.result_rows,
        parts => {
            let counts: Vec<u64> = parts.iter().filter_map(|part| part.result_rows).collect();
            (!counts.is_empty()).then(|| counts.iter().sum())
        }
    };
    list.iter()
        .filter(|one| !one.is_query)
        .find_map(|contract| match counted {
            None => {
                let why = "Redshift gives no number of rows for these statements.";
                Some(contract.not_checked(why, Load::Stands))
            }
            Some(rows) if contract.bounds.contain(rows) => None,
            Some(rows) => Some(contract.broken(&rows_of(&rows.to_string()), Load::Stands)),
        })
}

fn read(noted: &Value) -> Noted<'_> {
    let text = |name: &str| noted.get(name).and_then(Value::as_str).unwrap_or_default();
    Noted {
        name: text("name"),
        expected: text("expected"),
        is_query: noted.get("query").is_some(),
        bounds: Bounds {
            min: noted.get("min").and_then(Value::as_u64),
            max: noted.get("max").and_then(Value::as_u64),
        },
    }
}

impl Noted<'_> {
    fn broken(&self, found: &str, load: Load) -> Verdict {
        let message = format!(
            "The contract `{}` is broken: expected {}, found {found}. {}",
            self.name,
            self.expected,
            load.sentence()
        );
        Verdict {
            error: "ContractViolated",
            contract: json!({
                "message": message, "name": self.name, "expected": self.expected, "found": found, "load": load.word()
            }),
        }
    }

    fn not_checked(&self, why: &str, load: Load) -> Verdict {
        let message = format!(
            "The contract `{}` could not be checked: {why} {}",
            self.name,
            load.sentence()
        );
        Verdict {
            error: "ContractNotChecked",
            contract: json!({
                "message": message, "name": self.name, "expected": self.expected, "load": load.word()
            }),
        }
    }
}

/// What a message says was found of the contract with this number; none if it is of something else.
fn found(message: &str, number: usize) -> Option<String> {
    let Some((_, rest)) = message.split_once(MARK) else {
        let hidden = message.to_ascii_lowercase().contains(NO_NUMBER);
        return hidden.then(|| "something else".to_owned());
    };
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (named, rest) = rest.split_at_checked(digits)?;
    if named.parse() != Ok(number) {
        return None;
    }
    let found: String = rest
        .trim_start_matches([':', ' '])
        .chars()
        .take_while(|c| c.is_ascii_digit() || matches!(c, ' ' | 'o' | 'f'))
        .collect();
    Some(match found.trim().split_once(" of ") {
        Some((_, "0")) => rows_of("0"),
        Some((not_true, rows)) => format!("{not_true} of {rows} rows not true"),
        None if found.trim().is_empty() => "something else".to_owned(),
        None => rows_of(found.trim()),
    })
}

/// So many rows, in words.
pub(super) fn rows_of(number: &str) -> String {
    match number {
        "0" => "no rows".to_owned(),
        "1" => "1 row".to_owned(),
        number => format!("{number} rows"),
    }
}
