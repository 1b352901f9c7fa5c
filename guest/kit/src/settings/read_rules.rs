//! Rules from their JSON.

use super::glob::TablePattern;
use super::read_shared::{globs, read_kinds, read_name};
use super::section::{Findings, Section, word};
use super::window::{DAYS, Window, time_of_day, zone, zone_names};
use super::{Access, Rule, SessionRule, Singleton, Then, When, keys};
use crate::sql::MAX_SQL_BYTES;
use crate::text::{nearest, quoted};
use serde_json::Value;

/// A day, the longest that Redshift runs a statement or keeps a session.
const DAY_SECONDS: u32 = 86_400;

pub(super) fn read_rules(top: &Section<'_>, findings: &mut Findings) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (path, value) in top.list("rules", findings) {
        let Some(section) = Section::open(path, value, keys::RULE, findings) else {
            continue;
        };
        let name = read_name(&section, findings);
        let when = section
            .section("when", keys::WHEN, findings)
            .map(|when| read_when(&when, findings))
            .unwrap_or_default();
        let then = match section.section("then", keys::THEN, findings) {
            Some(then) => read_then(&then, findings),
            None => {
                if section.value("then").is_none() {
                    findings.add(
                        &section.path,
                        "This rule does nothing: it has no `then`.",
                        "Add `then`, for instance {\"deny\": \"the reason\"}.",
                    );
                }
                continue;
            }
        };
        rules.push(Rule { name, when, then });
    }
    rules
}

fn read_when(section: &Section<'_>, findings: &mut Findings) -> When {
    let mut tables = Vec::new();
    for (path, text) in section.texts("tables", findings) {
        match TablePattern::new(text) {
            Some(pattern) => tables.push(pattern),
            None => findings.add(
                &path,
                format!("{} is no pattern for tables.", quoted(text)),
                "Write `table`, `schema.table` or `database.schema.table`; `*` and `?` are wildcards.",
            ),
        }
    }
    When {
        kinds: read_kinds(section, findings),
        tables,
        schemas: globs(section, "schemas", findings),
        functions: globs(section, "functions", findings),
        access: section.word(
            "access",
            &[("read", Access::Read), ("write", Access::Write)],
            findings,
        ),
        targets: globs(section, "targets", findings),
        execution_arns: globs(section, "executionArns", findings),
        time: section
            .section("time", keys::TIME, findings)
            .and_then(|time| read_time(&time, findings)),
        longer_than: section
            .whole(
                "longerThan",
                1..=u32::try_from(MAX_SQL_BYTES).unwrap_or(u32::MAX),
                findings,
            )
            .and_then(|bytes| usize::try_from(bytes).ok()),
        unparsed: section.flag("unparsed", findings),
        unqualified: section.flag("unqualified", findings),
    }
}

fn read_time(section: &Section<'_>, findings: &mut Findings) -> Option<Window> {
    let time = |key: &str, findings: &mut Findings| {
        if section.value(key).is_none() {
            findings.add(
                &section.path,
                format!("This has no `{key}`."),
                "Add it, such as \"22:00\".",
            );
        }
        let text = section.text(key, 5, findings)?;
        let time = time_of_day(text);
        if time.is_none() {
            findings.add(
                &section.at(key),
                format!("{} is no time of the day.", quoted(text)),
                "Write hour and minute with two digits each, such as \"06:00\".",
            );
        }
        time
    };
    let from = time("from", findings);
    let to = time("to", findings);
    if from.is_some() && from == to {
        findings.add(
            &section.path,
            "`from` and `to` are the same time.",
            "Leave `time` out if any time will do.",
        );
    }
    let mut days = Vec::new();
    for (path, text) in section.texts("days", findings) {
        days.extend(word(&path, text, &DAYS, findings));
    }
    Some(Window {
        zone: read_zone(section, findings)?,
        from: from?,
        to: to?,
        days,
        outside: section.flag("outside", findings).unwrap_or(false),
    })
}

fn read_zone(section: &Section<'_>, findings: &mut Findings) -> Option<jiff::tz::TimeZone> {
    if section.value("zone").is_none() {
        let help = "Add it, such as \"UTC\" or \"Europe/Berlin\".";
        findings.add(&section.path, "This has no `zone`.", help);
    }
    let name = section.text("zone", 64, findings)?;
    let zone = zone(name);
    if zone.is_none() {
        let names = zone_names();
        let help = match nearest(name, names.iter().map(String::as_str)) {
            Some(meant) => format!("Did you mean `{meant}`?"),
            None => "Use a name of the time zone database, such as \"UTC\" or \"Europe/Berlin\"."
                .to_owned(),
        };
        findings.add(
            &section.at("zone"),
            format!("{} is no time zone.", quoted(name)),
            help,
        );
    }
    zone
}

fn read_then(section: &Section<'_>, findings: &mut Findings) -> Then {
    let faults_before = findings.0.len();
    let allow = section.flag("allow", findings);
    if allow == Some(false) {
        findings.add(
            &section.at("allow"),
            "`allow` is true or left out.",
            "To refuse, use {\"deny\": \"the reason\"}.",
        );
    }
    let then = Then {
        deny: section.text("deny", 1_000, findings).map(str::to_owned),
        allow: allow.unwrap_or(false),
        target: section.text("target", 256, findings).map(str::to_owned),
        singleton: read_singleton(section, findings),
        deadline_seconds: section.whole("deadlineSeconds", 1..=DAY_SECONDS, findings),
        session: read_session(section, findings),
        require_parameters: section.flag("requireParameters", findings).unwrap_or(false),
    };
    if then == Then::default() && findings.0.len() == faults_before {
        findings.add(
            &section.path,
            "This rule does nothing.",
            "Say what it does, for instance {\"deny\": \"the reason\"}.",
        );
    }
    then
}

fn read_singleton(section: &Section<'_>, findings: &mut Findings) -> Option<Singleton> {
    match section.value("singleton")? {
        Value::Bool(true) => Some(Singleton::Statement),
        Value::Object(_) => section
            .section("singleton", keys::SINGLETON, findings)
            .and_then(|inner| {
                if inner.value("key").is_none() {
                    findings.add(&inner.path, "This has no `key`.", "Add it, or write true.");
                }
                inner.text("key", 256, findings).map(str::to_owned)
            })
            .map(Singleton::Key),
        other => {
            findings.wrong_type(&section.at("singleton"), other, "true or {\"key\": \"…\"}");
            None
        }
    }
}

fn read_session(section: &Section<'_>, findings: &mut Findings) -> Option<SessionRule> {
    match section.value("session")? {
        Value::Object(_) => section
            .section("session", keys::SESSION, findings)
            .and_then(|inner| inner.whole("keepAliveSeconds", 0..=DAY_SECONDS, findings))
            .map(SessionRule::KeepAlive),
        _ => section.word("session", &[("refuse", SessionRule::Refuse)], findings),
    }
}
