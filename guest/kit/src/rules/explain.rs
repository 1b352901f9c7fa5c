//! Says which rule decided, which others hold, and which came closest: for people, in the log.

use super::matching::{Subject, Sure, state_machine, when_holds};
use crate::contract::Level;
use crate::settings::{Rule, StructureWhen, When};
use crate::sql::{Kind, Statement, TableName, Unparsed};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Rules that do not hold, and are shown all the same.
const CLOSEST: usize = 3;
/// Names of a list that are shown.
const NAMES: usize = 20;

/// Write to the log what the rules make of one statement.
pub(super) fn explain(
    rules: &[(usize, Cow<'_, Rule>)],
    subject: &Subject<'_>,
    refused: Option<&str>,
    position: &str,
) {
    let mut holding = Vec::new();
    let mut ended = None;
    let mut closest: Vec<(&str, Vec<Failing>)> = Vec::new();
    for (_, rule) in rules {
        let sure = Sure::of(rule);
        let (holds, fails) = conditions(&rule.when, subject, sure);
        if fails.is_empty() {
            if ended.is_none() && ends(rule, subject) {
                ended = Some(rule.name.as_str());
            } else {
                holding.push(rule.name.as_str());
            }
        } else if holds > 0 {
            closest.push((&rule.name, fails));
        }
    }
    closest.sort_by_key(|(_, failing)| failing.len());
    let closest: Value = closest
        .into_iter()
        .take(CLOSEST)
        .map(|(rule, fails)| {
            let fails = fails.into_iter();
            let fails: Value = fails
                .map(|(key, found)| json!({ "when": key, "found": found }))
                .collect();
            json!({ "rule": rule, "fails": fails })
        })
        .collect();
    let decided = match (ended, refused) {
        (Some(rule), _) => json!({ "rule": rule }),
        (None, Some(refusal)) => json!({ "setting": setting(refusal) }),
        (None, None) => json!(null),
    };
    let explained = json!({
        "statement": position, "runs": refused.is_none(), "decided": decided, "alsoHold": holding, "closest": closest,
        "sql": subject.statement.map(facts),
    });
    subject.now.log(
        Level::Info,
        "Explanation of a decision.",
        &[("explanation", &explained.to_string())],
    );
}

/// Whether a rule that holds decides.
fn ends(rule: &Rule, subject: &Subject<'_>) -> bool {
    rule.then.deny.is_some()
        || rule.then.allow
        || (rule.then.require_parameters && crate::sql::has_text_literal(subject.sql))
}

/// The setting that refuses what no rule ended, which the refusal names.
fn setting(refusal: &str) -> Option<&'static str> {
    ["unparsed", "unqualified", "unknownTables"]
        .into_iter()
        .find(|setting| refusal.contains(&format!("(`{setting}`)")))
}

/// A condition that does not hold, and what was found in its place.
type Failing = (String, String);

/// How many conditions hold, and those that do not, each with what was found instead.
fn conditions(when: &When, subject: &Subject<'_>, sure: Sure) -> (usize, Vec<Failing>) {
    let mut holds = 0;
    let mut fails = Vec::new();
    for (key, one) in parts(when) {
        match when_holds(&one, subject, sure) {
            true => holds += 1,
            false => fails.push((found(&key, subject), key)),
        }
    }
    let fails = fails.into_iter().map(|(found, key)| (key, found)).collect();
    (holds, fails)
}

/// Each condition of a rule as a rule's condition of its own. `tables`, `schemas` and `access` are about the same table.
fn parts(when: &When) -> Vec<(String, When)> {
    let mut parts = Vec::new();
    let mut add = |key: &str, is_there: bool, part: When| {
        if is_there {
            parts.push((key.to_owned(), part));
        }
    };
    macro_rules! list {
        ($($field:ident $key:literal),*) => {$(
            add($key, !when.$field.is_empty(), When { $field: when.$field.clone(), ..When::default() });
        )*};
    }
    list!(targets "targets", execution_arns "executionArns", state_machines "stateMachines", time "time",
        kinds "kinds", functions "functions", any "any");
    for label in &when.labels {
        let part = When {
            labels: vec![label.clone()],
            ..When::default()
        };
        add(&format!("labels.{}", label.0), true, part);
    }
    macro_rules! option {
        ($($field:ident $key:literal),*) => {$(
            add($key, when.$field.is_some(), When { $field: when.$field.clone(), ..When::default() });
        )*};
    }
    option!(longer_than "longerThan", functions_with_effects "functionsWithEffects", unparsed "unparsed", unqualified "unqualified", not "not");
    let tables = When {
        tables: when.tables.clone(),
        schemas: when.schemas.clone(),
        access: when.access,
        ..When::default()
    };
    let key = match (when.tables.is_empty(), when.schemas.is_empty()) {
        (false, _) => "tables",
        (true, false) => "schemas",
        (true, true) => "access",
    };
    add(key, when.looks_at_tables(), tables);
    if let Some(structure) = when.structure.as_deref() {
        let mut add = |key: &str, is_there: bool, part: StructureWhen| {
            let part = When {
                structure: Some(Box::new(part)),
                ..When::default()
            };
            add(key, is_there, part);
        };
        macro_rules! structure {
            ($($field:ident $key:literal),*) => {$(
                let part = StructureWhen { $field: structure.$field.clone(), ..StructureWhen::default() };
                add($key, part != StructureWhen::default(), part);
            )*};
        }
        structure!(without_where "withoutWhere", select_star "selectStar", without_limit "withoutLimit",
            cross_join "crossJoin", locations "locations", iam_roles "iamRoles", options "options",
            creates "creates", drops "drops", grants "grants");
    }
    parts
}

/// What there is where a condition looks.
fn found(key: &str, subject: &Subject<'_>) -> String {
    let text = |text: Option<&str>| text.unwrap_or("none").to_owned();
    let sql = |of: &dyn Fn(&Statement) -> String| {
        subject
            .statement
            .map_or_else(|| "not looked at".to_owned(), of)
    };
    match key {
        "targets" => text(subject.target),
        "executionArns" => text(subject.execution_arn),
        "stateMachines" => text(subject.execution_arn.and_then(state_machine)),
        "time" => {
            let milliseconds = i64::try_from(subject.now.now()).unwrap_or_default();
            jiff::Timestamp::from_millisecond(milliseconds)
                .map(|time| time.to_string())
                .unwrap_or_default()
        }
        "longerThan" => format!("{} bytes", subject.sql.len()),
        "kinds" => sql(&|statement| {
            let kinds: Vec<&str> = statement.kinds().map(Kind::name).collect();
            if kinds.is_empty() {
                "not understood".to_owned()
            } else {
                kinds.join(", ")
            }
        }),
        "unparsed" => sql(&|statement| match statement.unparsed_part() {
            Some(_) => "not understood".to_owned(),
            None => "understood".to_owned(),
        }),
        "tables" | "schemas" | "access" | "unqualified" | "creates" | "drops" | "grants" => {
            sql(&|statement| {
                let list = |tables: &[TableName]| names(tables.iter()).join(", ");
                format!(
                    "reads {}; writes {}",
                    list(&statement.reads),
                    list(&statement.writes)
                )
            })
        }
        "functions" | "functionsWithEffects" => {
            sql(&|statement| names(statement.functions.iter()).join(", "))
        }
        "locations" => sql(&|statement| statement.structure.locations.found.join(", ")),
        "iamRoles" => sql(&|statement| statement.structure.iam_roles.found.join(", ")),
        "options" => sql(&|statement| statement.structure.options.found.join(", ")),
        "not" => "what must not hold holds, or may".to_owned(),
        "any" => "none of it holds".to_owned(),
        "withoutWhere" | "selectStar" | "withoutLimit" | "crossJoin" => "otherwise".to_owned(),
        _ => match key.strip_prefix("labels.") {
            Some(label) => text(subject.labels.get(label).map(String::as_str)),
            None => String::new(),
        },
    }
}

fn facts(statement: &Statement) -> Value {
    let kinds: Vec<&str> = statement.kinds().map(Kind::name).collect();
    json!({
        "kinds": kinds, "understood": statement.unparsed_part().is_none(), "complete": statement.complete,
        "reads": names(statement.reads.iter()), "writes": names(statement.writes.iter()),
        "functions": names(statement.functions.iter()), "notUnderstood": not_understood(statement), "unaccounted": names(statement.unaccounted.iter()),
    })
}

/// The words at which a statement stops to be understood.
fn not_understood(statement: &Statement) -> Vec<&str> {
    match statement.unparsed_part() {
        Some(Unparsed::Syntax { near, leading_word }) => near
            .as_deref()
            .or(leading_word.as_deref())
            .into_iter()
            .collect(),
        Some(Unparsed::Ambiguous(doubtful)) => vec![&doubtful.words],
        _ => Vec::new(),
    }
}

fn names<T: ToString>(names: impl Iterator<Item = T>) -> Vec<String> {
    names.take(NAMES).map(|name| name.to_string()).collect()
}
