//! Payloads that may tell settings from others: made of what the settings name.

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use serde_json::{Map, Value, json};
use signalbox_lambda::policy_tests::Case;

/// How many tables, and how many of anything else, are tried.
const TABLES: usize = 6;
const OTHERS: usize = 12;

/// What can be varied of a case.
pub(in crate::policy) struct Pools {
    pub(in crate::policy) sqls: Vec<String>,
    pub(in crate::policy) arns: Vec<Option<String>>,
    pub(in crate::policy) targets: Vec<Option<String>>,
    pub(in crate::policy) labels: Vec<Option<Value>>,
    pub(in crate::policy) statements: Vec<Value>,
    pub(in crate::policy) times: Vec<i64>,
    pub(in crate::policy) closings: Vec<&'static str>,
}

/// The statements of each kind, with `T` for a table. What they have beside their kind differs: rows without a condition,
/// all columns, no limit.
const STATEMENTS: [&str; 42] = [
    "select id from T limit 1",
    "select id from T",
    "select * from T limit 1",
    "select a.id from T a, T b limit 1",
    "insert into T values (1)",
    "insert into T select id from T",
    "update T set a = 1 where id = 5",
    "update T set a = 1",
    "delete from T where id = 5",
    "delete from T",
    "truncate T",
    "drop table T",
    "create table T (id int)",
    "create table T as select 1 as id",
    "alter table T add column b int",
    "drop view T",
    "create view T as select 1 as id",
    "grant select on T to u",
    "revoke select on T from u",
    "copy T from 's3://bucket/folder/file' iam_role default",
    "unload ('select id from T limit 1') to 's3://bucket/folder/' iam_role default",
    "analyze T",
    "vacuum T",
    "select id from T where name = 'a' limit 1",
    "select f_own(id) from T limit 1",
    "call s.p()",
    "frobnicate T",
    "drop schema s",
    "create schema s",
    "drop database d",
    "drop function f(int)",
    "drop procedure s.p()",
    "drop user u",
    "create user u password disable",
    "set query_group to 'a'",
    "show tables",
    "begin",
    "explain select id from T",
    "comment on table T is 'a'",
    "lock T",
    "refresh materialized view T",
    "alter table T append from T2",
];

impl Pools {
    pub(super) fn of(settings: &Value, cases: &[Case]) -> Self {
        Self::bounded(settings, cases, TABLES, OTHERS)
    }

    /// With at most so many tables, and so many executions.
    pub(in crate::policy) fn bounded(
        settings: &Value,
        cases: &[Case],
        most_tables: usize,
        most_arns: usize,
    ) -> Self {
        let mut names = Names::default();
        names.collect(settings, "");
        let mut tables: Vec<String> = Vec::new();
        for pattern in &names.tables {
            // What it means, and what it only looks like.
            let near = concrete(pattern, "z").replacen('.', "z.", 1);
            for table in [concrete(pattern, "a"), concrete(pattern, "_a"), near] {
                let table = if table.contains('.') {
                    table
                } else {
                    format!("public.{table}")
                };
                push(&mut tables, table);
            }
        }
        for schema in &names.schemas {
            push(&mut tables, format!("{}.a", concrete(schema, "a")));
        }
        tables.truncate(most_tables);
        for table in ["elsewhere.a", "a"] {
            push(&mut tables, table.to_owned());
        }
        let mut sqls = Vec::new();
        for case in cases {
            if let Some(sql) = case.payload.get("sqlStatement").and_then(Value::as_str) {
                push(&mut sqls, sql.to_owned());
            }
        }
        for table in &tables {
            for statement in STATEMENTS {
                push(&mut sqls, filled(statement, table));
            }
        }
        for function in &names.functions {
            push(&mut sqls, format!("select {}(1)", concrete(function, "a")));
            push(&mut sqls, format!("select {}z(1)", concrete(function, "a")));
        }
        for location in &names.locations {
            for place in [
                concrete(location, "a"),
                format!("{}z", concrete(location, "")),
            ] {
                for statement in STATEMENTS.iter().filter(|sql| sql.contains("s3://")) {
                    let sql = filled(statement, "elsewhere.a");
                    let (before, rest) = sql.split_once("s3://").unwrap_or((&sql, ""));
                    let behind = rest.split_once('\'').map_or("", |(_, behind)| behind);
                    push(&mut sqls, format!("{before}{place}'{behind}"));
                }
            }
        }
        for longest in &names.lengths {
            for length in [*longest, longest + 1, longest.saturating_sub(1)] {
                let sql = "select id from elsewhere.a limit 1 --";
                let rest = usize::try_from(length)
                    .unwrap_or(0)
                    .saturating_sub(sql.len());
                if rest > 0 {
                    push(&mut sqls, format!("{sql}{}", "x".repeat(rest)));
                }
            }
        }
        let mut arns = vec![None];
        for machine in &names.machines {
            for name in [
                concrete(machine, "a"),
                concrete(machine, "_a"),
                format!("{}z", concrete(machine, "")),
            ] {
                push(
                    &mut arns,
                    Some(format!(
                        "arn:aws:states:eu-central-1:123456789012:execution:{name}:1"
                    )),
                );
            }
        }
        for arn in &names.arns {
            push(&mut arns, Some(concrete(arn, "a")));
            push(&mut arns, Some(concrete(arn, "_a")));
        }
        push(
            &mut arns,
            Some("arn:aws:states:eu-central-1:123456789012:execution:other:1".to_owned()),
        );
        arns.truncate(most_arns);
        let mut targets = vec![None];
        for target in &names.targets {
            push(&mut targets, Some(concrete(target, "a")));
        }
        let mut labels = vec![None];
        for (label, pattern) in &names.labels {
            for value in [
                concrete(pattern, "a"),
                format!("{}z", concrete(pattern, "")),
            ] {
                push(&mut labels, Some(json!({ label: value })));
            }
        }
        Self {
            sqls,
            arns,
            targets,
            labels,
            statements: statements(&names),
            times: times(&names, cases),
            closings: vec!["aborted", "timedOut", "failed", "taskClosed"],
        }
    }

    /// Cases in which one thing is another than in this one: first what there is least of.
    pub(super) fn around(&self, case: &Value, about: About) -> Vec<Value> {
        let mut found = Vec::new();
        let mut vary = |pointer: &str, values: Vec<Option<Value>>| {
            for value in values {
                let mut new = case.clone();
                set(&mut new, pointer, value);
                found.push(new);
            }
        };
        let texts = |values: &[Option<String>]| {
            values
                .iter()
                .map(|value| value.clone().map(Value::from))
                .collect()
        };
        if about == About::Outcome {
            vary(
                "/statement",
                self.statements.iter().cloned().map(Some).collect(),
            );
            vary(
                "/closed",
                self.closings
                    .iter()
                    .map(|reason| Some(json!(reason)))
                    .collect(),
            );
            return found;
        }
        vary("/payload/executionArn", texts(&self.arns));
        vary("/payload/labels", self.labels.clone());
        vary("/payload/target", texts(&self.targets));
        if about == About::Time {
            let times = self.times.iter().filter_map(|at| at_text(*at));
            vary("/at", times.map(|at| Some(json!(at))).collect());
        }
        vary(
            "/payload/sqlStatement",
            self.sqls.iter().map(|sql| Some(json!(sql))).collect(),
        );
        found
    }

    /// Cases to begin with, the simplest first.
    pub(super) fn first(&self) -> Vec<Value> {
        let mut found = Vec::new();
        for sql in &self.sqls {
            found.push(json!({ "payload": { "sqlStatement": sql } }));
        }
        for arn in self.arns.iter().flatten() {
            for sql in self.sqls.iter().take(4 * OTHERS) {
                found.push(json!({ "payload": { "sqlStatement": sql, "executionArn": arn } }));
            }
        }
        for labels in self.labels.iter().flatten() {
            for sql in self.sqls.iter().take(4 * OTHERS) {
                found.push(json!({ "payload": { "sqlStatement": sql, "labels": labels } }));
            }
        }
        found
    }
}

/// What a mutant is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// A time.
    Time,
    /// How a statement ended, or its task.
    Outcome,
    /// Anything else of the payload.
    Payload,
}

/// What the settings name.
#[derive(Default)]
struct Names {
    tables: Vec<String>,
    schemas: Vec<String>,
    functions: Vec<String>,
    locations: Vec<String>,
    machines: Vec<String>,
    arns: Vec<String>,
    targets: Vec<String>,
    labels: Vec<(String, String)>,
    lengths: Vec<u64>,
    codes: Vec<String>,
    texts: Vec<String>,
    hours: Vec<String>,
    dates: Vec<String>,
    zones: Vec<String>,
    days: Vec<i64>,
}

impl Names {
    fn collect(&mut self, value: &Value, key: &str) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match (key, value) {
                        ("labels", Value::String(pattern)) => {
                            push(&mut self.labels, (name.clone(), pattern.clone()));
                        }
                        ("sets", value) => self.collect(value, "tables"),
                        ("then", _) if name != "target" => {}
                        ("then", value) => self.collect(value, "targets"),
                        _ => self.collect(value, name),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, key)),
            Value::Number(number) => match key {
                "longerThan" => self.lengths.extend(number.as_u64()),
                "daysOfMonth" => self.days.extend(number.as_i64()),
                _ => {}
            },
            Value::String(text) => self.text(text, key),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, key: &str) {
        if text.starts_with('@') {
            return;
        }
        let list = match key {
            "tables" | "creates" | "drops" | "grants" => &mut self.tables,
            "schemas" => &mut self.schemas,
            "functions" | "knownFunctions" => &mut self.functions,
            "locations" => &mut self.locations,
            "stateMachines" => &mut self.machines,
            "executionArns" => &mut self.arns,
            "targets" => &mut self.targets,
            "codes" => &mut self.codes,
            "texts" => &mut self.texts,
            "from" | "to" if text.contains(':') => &mut self.hours,
            "from" | "to" | "dates" | "holidays" => &mut self.dates,
            "zone" => &mut self.zones,
            _ => return,
        };
        push(list, text.to_owned());
    }
}

fn push<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}

/// A name that a pattern means.
fn concrete(pattern: &str, star: &str) -> String {
    pattern.replace('*', star).replace('?', "q")
}

fn filled(statement: &str, table: &str) -> String {
    statement.replace("T2", "elsewhere.a2").replace('T', table)
}

/// Sets a member of a case, or takes it out.
fn set(case: &mut Value, pointer: &str, value: Option<Value>) {
    let Some((parent, key)) = pointer.rsplit_once('/') else {
        return;
    };
    if let Some(members) = case.pointer_mut(parent).and_then(Value::as_object_mut) {
        match value {
            Some(value) => drop(members.insert(key.to_owned(), value)),
            None => drop(members.shift_remove(key)),
        }
    }
}

fn statements(names: &Names) -> Vec<Value> {
    let failed = |error: String| json!({ "Status": "FAILED", "Error": error });
    let mut all = vec![
        json!({ "Status": "FINISHED", "ResultRows": 1 }),
        failed("ERROR: something else".to_owned()),
        json!({ "Status": "ABORTED" }),
    ];
    for code in &names.codes {
        for code in [concrete(code, "0"), format!("{}9", concrete(code, ""))] {
            all.push(failed(format!("ERROR: {code} DETAIL: it failed")));
            all.push(json!({ "Status": "ABORTED", "Error": format!("ERROR: {code} DETAIL: it was stopped") }));
        }
    }
    for text in &names.texts {
        all.push(failed(concrete(text, "a")));
        all.push(json!({ "Status": "ABORTED", "Error": concrete(text, "a") }));
    }
    all
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Moments around the bounds of windows, on days around those that settings and cases name.
fn times(names: &Names, cases: &[Case]) -> Vec<i64> {
    if names.zones.is_empty() {
        return Vec::new();
    }
    let mut days: Vec<Date> = Vec::new();
    // Ends and beginnings of months, and what lies between them where days are counted.
    let counted = names.days.iter().map(|day| day.abs()).max().unwrap_or(0);
    let width = if counted > 4 { 31 } else { 5 };
    for case in cases {
        let at = i64::try_from(case.at).unwrap_or_default();
        let Ok(at) = Timestamp::from_millisecond(at) else {
            continue;
        };
        let day = at.to_zoned(TimeZone::UTC).date();
        days.push(day);
        for (bound, from, to) in [
            (day.first_of_month(), -1, width),
            (day.last_of_month(), -width, 2),
        ] {
            days.extend((from..to).filter_map(|by| bound.checked_add(by.days()).ok()));
        }
    }
    for date in &names.dates {
        if let Ok(date) = date.parse::<Date>() {
            days.extend((-1..=1).filter_map(|by| date.checked_add(by.days()).ok()));
        }
    }
    days.sort_unstable();
    days.dedup();
    let mut clocks: Vec<i64> = vec![12 * 60, 0];
    for hour in &names.hours {
        let Some((hours, minutes)) = hour.split_once(':') else {
            continue;
        };
        let (Ok(hours), Ok(minutes)) = (hours.parse::<i64>(), minutes.parse::<i64>()) else {
            continue;
        };
        for by in [-1, 0, 1, -2] {
            push(&mut clocks, hours * 60 + minutes + by);
        }
    }
    let mut times = Vec::new();
    for day in days {
        let Ok(midnight) = day.to_zoned(TimeZone::UTC) else {
            continue;
        };
        let midnight = midnight.timestamp().as_millisecond();
        for clock in &clocks {
            for offset in offsets(&names.zones) {
                times.push(midnight + clock * MINUTE - offset * HOUR / 2);
            }
        }
    }
    times.retain(|at| *at >= 0);
    times.sort_unstable();
    times.dedup();
    times
}

/// How far the clocks of zones are from UTC, in half hours, as far as their names tell.
fn offsets(zones: &[String]) -> Vec<i64> {
    let mut all = vec![0];
    for zone in zones {
        let part = zone.split('/').next().unwrap_or_default();
        let (from, to) = match part {
            "UTC" | "Etc" | "GMT" => (0, 0),
            "Europe" => (0, 6),
            "Africa" => (-2, 8),
            "America" | "US" | "Canada" => (-20, -4),
            "Asia" => (4, 24),
            "Australia" | "Pacific" => (16, 28),
            _ => (-24, 28),
        };
        for offset in from..=to {
            // Whole hours, but for the places that have another clock.
            if offset % 2 == 0 || matches!(part, "Asia" | "Australia") {
                push(&mut all, offset);
            }
        }
    }
    all
}

/// A moment as cases write it.
pub(in crate::policy) fn at_text(at: i64) -> Option<String> {
    Some(Timestamp::from_millisecond(at).ok()?.to_string())
}

/// A case as a document, to be varied.
pub(super) fn document(case: &Case) -> Value {
    let mut document = Map::new();
    document.insert("payload".to_owned(), case.payload.clone());
    let at = i64::try_from(case.at).unwrap_or_default();
    document.extend(at_text(at).map(|at| ("at".to_owned(), json!(at))));
    if let Some(ended) = &case.statement {
        let statement =
            serde_json::from_str::<Value>(&ended.statement.document).unwrap_or_default();
        let mut kept = Map::new();
        for key in ["Status", "Error", "ResultRows"] {
            kept.extend(
                statement
                    .get(key)
                    .map(|value| (key.to_owned(), value.clone())),
            );
        }
        document.insert("statement".to_owned(), Value::Object(kept));
    }
    Value::Object(document)
}
