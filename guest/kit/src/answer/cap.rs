//! How large a result may be: a larger one is refused or cut, and never in silence.

use super::Outcome;
use crate::cap::ResultCap;
use crate::contract::{ResultFormat, StatementStatus};
use serde_json::{Value, json};

/// Who asked for a bound, for messages, and the bound.
struct Noted<'n> {
    by: &'n str,
    cap: ResultCap,
}

fn read(noted: &Value) -> Vec<Noted<'_>> {
    let read = |one| {
        let number = |name: &str| Value::get(one, name).and_then(Value::as_u64);
        Some(Noted {
            by: one.get("by")?.as_str()?,
            cap: ResultCap {
                rows: number("rows"),
                bytes: number("bytes"),
                cut: one.get("cut")?.as_bool()?,
            },
        })
    };
    noted
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(read)
        .collect()
}

/// What is known of a result that is larger than it may be, if the task is to fail for it.
pub(super) fn too_large(noted: &Value, outcome: &Outcome<'_>) -> Option<Value> {
    if outcome.statement.status != StatementStatus::Finished {
        return None;
    }
    let statement = outcome.statement;
    let whole = (
        statement.has_result_set,
        statement.result_rows,
        statement.result_size,
    );
    let parts = &statement.sub_statements;
    let results: Vec<(u64, u64)> = match parts.is_empty() {
        true => vec![whole],
        false => {
            let sizes = |part: &crate::contract::SubStatement| {
                (part.has_result_set, part.result_rows, part.result_size)
            };
            parts.iter().map(sizes).collect()
        }
    }
    .into_iter()
    .filter(|(has_rows, ..)| *has_rows)
    // What is not known is as much as can be.
    .map(|(_, rows, bytes)| (rows.unwrap_or(u64::MAX), bytes.unwrap_or(u64::MAX)))
    .collect();
    // Lines of CSV cannot be told apart without reading their quotes.
    let can_be_cut = statement.result_format == ResultFormat::Json;
    read(noted)
        .iter()
        .filter(|one| !(one.cap.cut && can_be_cut))
        .find_map(|one| {
            let beyond = |most: Option<u64>, found: u64| most.is_some_and(|most| found > most);
            let (rows, bytes) = results.iter().find(|(rows, bytes)| {
                beyond(one.cap.rows, *rows) || beyond(one.cap.bytes, *bytes)
            })?;
            let known = |number: &u64| (*number != u64::MAX).then_some(*number);
            Some(json!({
                "message": format!("The result is larger than {} allows.", one.by),
                "rows": known(rows), "bytes": known(bytes),
                "maxResultRows": one.cap.rows, "maxResultBytes": one.cap.bytes,
            }))
        })
}

/// The most rows and bytes that an output may have.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cut {
    pub(super) rows: Option<u64>,
    pub(super) bytes: Option<u64>,
}

impl Cut {
    /// Whether one more row, of this size with those before it, is too much.
    pub(super) fn is_full(self, rows: usize, bytes: usize) -> bool {
        let beyond = |most: Option<u64>, number: usize| {
            most.is_some_and(|most| u64::try_from(number).unwrap_or(u64::MAX) > most)
        };
        beyond(self.rows, rows.saturating_add(1)) || beyond(self.bytes, bytes)
    }
}

/// Where rows are cut.
pub(super) fn cut(noted: Option<&Value>) -> Cut {
    let mut cut = Cut::default();
    let least = |one: Option<u64>, other: Option<u64>| match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    let cuts = noted.map(read).unwrap_or_default().into_iter();
    for one in cuts.filter(|one| one.cap.cut) {
        cut.rows = least(cut.rows, one.cap.rows);
        cut.bytes = least(cut.bytes, one.cap.bytes);
    }
    cut
}
