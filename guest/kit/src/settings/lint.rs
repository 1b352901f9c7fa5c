//! What rules do to each other: looked for when somebody asks, for it compares each pair.

use super::covers::{implies, intersects};
use super::{Otherwise, Rule, Settings, TablePattern, Then, When};
use crate::contract::Finding;
use crate::sql::TableName;
use crate::text::quoted;

/// The most rules that are compared with each other.
pub const MOST_RULES: usize = 2_000;

/// What is odd about rules beside and behind each other: rules and effects that never count, and pairs whose order decides.
#[must_use]
pub fn lint(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let rules: Vec<&Rule> = settings.rules.iter().take(MOST_RULES).collect();
    if settings.rules.len() > MOST_RULES {
        findings.push(finding(
            "/rules",
            format!("Only the first {MOST_RULES} rules were compared with each other."),
            "Lint them in parts.",
        ));
    }
    for (position, rule) in rules.iter().enumerate() {
        let before = rules.get(..position).unwrap_or_default();
        let path = format!("/rules/{position}");
        if let Some(by) = before.iter().find(|before| hides(before, rule)) {
            let opposite = match (by.then.allow, rule.then.allow) {
                (false, true) => ", and allows what that one denies",
                (true, false) if rule.then.deny.is_some() => ", and denies what that one allows",
                _ => "",
            };
            findings.push(finding(
                &path,
                format!(
                    "Rule {} never counts{opposite}: rule {} before it ends for all that it looks for.",
                    quoted(&rule.name),
                    quoted(&by.name)
                ),
                "Move it up, or remove it.",
            ));
            continue;
        }
        for (key, sets) in EFFECTS {
            let by = before.iter().find(|before| {
                sets(&before.then) && sets(&rule.then) && always_holds_with(before, rule)
            });
            if let Some(by) = by.filter(|_| !ends_by_refusal(&rule.then)) {
                findings.push(finding(
                    &format!("{path}/then/{key}"),
                    format!(
                        "`{key}` of rule {} never counts: rule {} before it sets one for all that it looks for.",
                        quoted(&rule.name),
                        quoted(&by.name)
                    ),
                    "Move the rule up, or remove the effect.",
                ));
            }
        }
        for before in before.iter().filter(|before| !before.when.is_always()) {
            if let Some(what) = differs(&before.then, &rule.then)
                && !rule.when.is_always()
                && !implies(&rule.when, &before.when)
                && !implies(&before.when, &rule.when)
                && intersects(&before.when, &rule.when)
            {
                findings.push(finding(
                    &path,
                    format!(
                        "Rules {} and {} can hold for the same statement: the first {what}.",
                        quoted(&before.name),
                        quoted(&rule.name)
                    ),
                    "Check that this order is meant, or make their conditions exclude each other.",
                ));
            }
        }
    }
    findings
}

/// The patterns for tables that match none of a catalogue.
#[must_use]
pub fn lint_tables(settings: &Settings, catalogue: &[TableName]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut look = |path: String, patterns: &[TablePattern]| {
        for pattern in patterns {
            if !catalogue.iter().any(|table| pattern.may_match(table)) {
                findings.push(finding(
                    &path,
                    format!(
                        "{} matches no table of the catalogue.",
                        quoted(&pattern.text())
                    ),
                    "Correct it, or remove it.",
                ));
            }
        }
    };
    for (position, rule) in settings.rules.iter().enumerate() {
        let mut work = vec![(format!("/rules/{position}/when"), &rule.when)];
        while let Some((path, when)) = work.pop() {
            look(format!("{path}/tables"), &when.tables);
            if let Some(structure) = when.structure.as_deref() {
                // What is created is not there yet.
                look(format!("{path}/drops"), &structure.drops);
                look(format!("{path}/grants"), &structure.grants);
            }
            work.extend(when.not.iter().map(|not| (format!("{path}/not"), &**not)));
            let any = when.any.iter().enumerate();
            work.extend(any.map(|(number, one)| (format!("{path}/any/{number}"), one)));
        }
    }
    findings
}

type Sets = fn(&Then) -> bool;

/// Effects of which the first setter wins.
const EFFECTS: [(&str, Sets); 5] = [
    ("target", |then| then.target.is_some()),
    ("singleton", |then| then.singleton.is_some()),
    ("deadlineSeconds", |then| then.deadline_seconds.is_some()),
    ("session", |then| then.session.is_some()),
    ("maxResultRows", |then| then.result_cap.is_some()),
];

/// Whether the second never comes to its turn: the first ends wherever it holds.
fn hides(before: &Rule, rule: &Rule) -> bool {
    (before.then.deny.is_some() || before.then.allow) && always_holds_with(before, rule)
}

/// Whether the first holds wherever the second does. One that allows needs more certainty than another: what the text of
/// SQL says is then no proof.
fn always_holds_with(before: &Rule, rule: &Rule) -> bool {
    let same_certainty = !before.then.allow || rule.then.allow;
    (same_certainty || !before.when.anywhere(&When::looks_at_sql))
        && implies(&rule.when, &before.when)
}

fn ends_by_refusal(then: &Then) -> bool {
    then.deny.is_some()
}

/// What the first does that the second would do otherwise.
fn differs(before: &Then, rule: &Then) -> Option<&'static str> {
    let moves = |then: &Then| match then.estimate.as_ref().map(|estimate| &estimate.otherwise) {
        Some(Otherwise::Target(target)) => Some(target.clone()),
        _ => None,
    };
    match (before, rule) {
        (before, rule) if matches!((moves(before), moves(rule)), (Some(one), Some(other)) if one != other) => {
            Some("decides about the target of what costs too much")
        }
        (before, rule) if before.deny.is_some() && rule.allow && rule.deny.is_none() => {
            Some("denies, the second would allow")
        }
        (before, rule) if before.allow && before.deny.is_none() && rule.deny.is_some() => {
            Some("allows, the second would deny")
        }
        (
            Then {
                target: Some(one), ..
            },
            Then {
                target: Some(other),
                ..
            },
        ) if one != other => Some("decides about the target"),
        _ => None,
    }
}

fn finding(path: &str, message: String, help: &str) -> Finding {
    Finding {
        path: path.to_owned(),
        message,
        help: Some(help.to_owned()),
    }
}
