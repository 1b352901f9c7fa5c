//! Expectations from their JSON.

use super::{Bounds, Check, Expectation, MAX_EXPECTATIONS, query};
use crate::section::{Findings, Section};
use serde_json::Value;

/// The members of an expectation, and of its `rows`.
pub(crate) const EXPECTATION: &[&str] = &["name", "isTrue", "noRows", "rows"];
pub(crate) const ROWS: &[&str] = &["of", "min", "max"];

/// The expectations in a list, or the one in its place, with what is wrong with them.
pub(crate) fn read(path: &str, value: &Value, findings: &mut Findings) -> Vec<Expectation> {
    let items: Vec<(String, &Value)> = match value {
        Value::Array(items) => {
            if items.is_empty() {
                findings.add(
                    path,
                    "This list is empty.",
                    "Leave it out, or expect something.",
                );
            }
            let places = items.iter().enumerate();
            places
                .map(|(position, item)| (format!("{path}/{position}"), item))
                .collect()
        }
        Value::Object(_) => vec![(path.to_owned(), value)],
        other => {
            findings.wrong_type(path, other, "an expectation or a list of them");
            return Vec::new();
        }
    };
    if items.len() > MAX_EXPECTATIONS {
        let message = format!("There are {} expectations.", items.len());
        let help = format!("At most {MAX_EXPECTATIONS} are allowed. Join some by UNION ALL.");
        findings.add(path, message, help);
        return Vec::new();
    }
    items
        .into_iter()
        .filter_map(|(path, item)| read_one(path, item, findings))
        .collect()
}

fn read_one(path: String, value: &Value, findings: &mut Findings) -> Option<Expectation> {
    let section = Section::open(path, value, EXPECTATION, findings)?;
    if section.value("name").is_none() {
        findings.add(
            &section.path,
            "This expectation has no name.",
            "Add `name`: who is told that it is broken reads it.",
        );
    }
    let name = section.text("name", 100, findings).map(str::to_owned);
    let is_true = section.value("isTrue").map(|_| {
        let query = read_query(&section, "isTrue", findings)?;
        Some(Check::IsTrue(query))
    });
    let no_rows = section.value("noRows").map(|_| {
        let query = read_query(&section, "noRows", findings)?;
        Some(Check::NoRows(query))
    });
    let rows = section.value("rows").map(|_| read_rows(&section, findings));
    let mut checks = [is_true, no_rows, rows].into_iter().flatten();
    let check = checks.next();
    if check.is_none() || checks.next().is_some() {
        findings.add(
            &section.path,
            "It must be said what is expected, and one thing only.",
            "Give one of `isTrue` (a query), `noRows` (a query) and `rows` (bounds).",
        );
        return None;
    }
    Some(Expectation {
        name: name?,
        check: check??,
    })
}

fn read_query(section: &Section<'_>, key: &str, findings: &mut Findings) -> Option<String> {
    let text = section.text(key, 20_000, findings)?;
    match query::fault(text) {
        None => Some(text.to_owned()),
        Some((message, help)) => {
            findings.add(&section.at(key), message, help);
            None
        }
    }
}

fn read_rows(section: &Section<'_>, findings: &mut Findings) -> Option<Check> {
    let rows = section.section("rows", ROWS, findings)?;
    let faults = findings.0.len();
    let bounds = Bounds {
        min: rows.whole("min", 0..=u32::MAX, findings).map(u64::from),
        max: rows.whole("max", 0..=u32::MAX, findings).map(u64::from),
    };
    let query = rows.value("of").map(|_| read_query(&rows, "of", findings));
    if findings.0.len() > faults {
        return None;
    }
    match (bounds.min, bounds.max) {
        (None | Some(0), None) => {
            findings.add(
                &rows.path,
                "Any number of rows is in these bounds.",
                "Give `min`, at least 1, or `max`.",
            );
            None
        }
        (Some(min), Some(max)) if min > max => {
            findings.add(
                &rows.path,
                "No number of rows is in these bounds: `min` is above `max`.",
                "Exchange them. Both belong to the range.",
            );
            None
        }
        _ => match query {
            Some(query) => Some(Check::Rows(query?, bounds)),
            None => Some(Check::OwnRows(bounds)),
        },
    }
}
