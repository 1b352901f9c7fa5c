//! Rules from their JSON.

use super::estimate::read_estimate;
use super::read_shared::read_name;
use super::read_when::{Names, read_when};
use super::{Rule, SessionRule, Singleton, Then, keys};
use crate::cap::ResultCap;
use crate::expect::{self, Expectation};
use crate::section::{Findings, Section};
use crate::text::quoted;
use serde_json::Value;

/// A day, the longest that Redshift runs a statement or keeps a session.
const DAY_SECONDS: u32 = 86_400;

pub(super) fn read_rules<'v>(
    top: &Section<'v>,
    names: &Names<'_, 'v>,
    findings: &mut Findings,
) -> Vec<Rule> {
    top.list("rules", findings)
        .into_iter()
        .filter_map(|(path, value)| read_rule(path, value, names, findings))
        .collect()
}

/// One rule; none if it does nothing.
pub(super) fn read_rule<'v>(
    path: String,
    value: &'v Value,
    names: &Names<'_, 'v>,
    findings: &mut Findings,
) -> Option<Rule> {
    let section = Section::open(path, value, keys::RULE, findings)?;
    let name = read_name(&section, findings);
    let when = section
        .section("when", keys::WHEN, findings)
        .map(|when| read_when(&when, names, 0, findings))
        .unwrap_or_default();
    if section.value("then").is_none() {
        findings.add(
            &section.path,
            "This rule does nothing: it has no `then`.",
            "Add `then`, for instance {\"deny\": \"the reason\"}.",
        );
    }
    let then = section.section("then", keys::THEN, findings)?;
    let then = read_then(&then, findings);
    Some(Rule { name, when, then })
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
        help: read_help(section, findings),
        warn: section.text("warn", 1_000, findings).map(str::to_owned),
        allow: allow.unwrap_or(false),
        target: section.text("target", 256, findings).map(str::to_owned),
        singleton: read_singleton(section, findings),
        deadline_seconds: section.whole("deadlineSeconds", 1..=DAY_SECONDS, findings),
        session: read_session(section, findings),
        require_parameters: section.flag("requireParameters", findings).unwrap_or(false),
        result_cap: read_result_cap(section, findings),
        estimate: read_estimate(section, findings),
        expect: read_expect(section, findings),
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

fn read_result_cap(section: &Section<'_>, findings: &mut Findings) -> Option<ResultCap> {
    let cap = ResultCap {
        rows: section
            .whole("maxResultRows", 0..=u32::MAX, findings)
            .map(u64::from),
        bytes: section
            .whole("maxResultBytes", 1..=u32::MAX, findings)
            .map(u64::from),
        cut: section
            .word(
                "largeResult",
                &[("fail", false), ("truncate", true)],
                findings,
            )
            .unwrap_or(false),
    };
    if section.value("largeResult").is_some()
        && !section.has_any(&["maxResultRows", "maxResultBytes"])
    {
        findings.add(
            &section.at("largeResult"),
            "Nothing says what a large result is.",
            "Add `maxResultRows` or `maxResultBytes`.",
        );
    }
    (cap.rows.is_some() || cap.bytes.is_some()).then_some(cap)
}

/// The contracts of a rule. They have no parameters: what a payload calls them is not known.
fn read_expect(section: &Section<'_>, findings: &mut Findings) -> Vec<Expectation> {
    let Some(value) = section.value("expect") else {
        return Vec::new();
    };
    let path = section.at("expect");
    let expectations = expect::read(&path, value, findings);
    for expectation in &expectations {
        if let Some(name) = expectation.query().and_then(expect::parameter_of) {
            findings.add(
                &path,
                format!(
                    "The query of `{}` uses the parameter {}.",
                    expectation.name,
                    quoted(&format!(":{name}"))
                ),
                "A rule has no values for parameters: write the value into the query.",
            );
        }
    }
    expectations
}

/// A link for who is refused.
fn read_help(section: &Section<'_>, findings: &mut Findings) -> Option<String> {
    let help = section.text("help", 500, findings)?;
    let is_link = ["https://", "http://"]
        .iter()
        .any(|scheme| help.len() > scheme.len() && help.starts_with(scheme))
        && !help.chars().any(|c| c.is_whitespace() || c.is_control());
    if !is_link {
        findings.add(
            &section.at("help"),
            format!("{} is no link.", quoted(help)),
            "Write an address that begins with `https://`.",
        );
    }
    if section.value("deny").is_none() {
        findings.add(
            &section.at("help"),
            "This is shown with a refusal, and the rule refuses nothing.",
            "Add `deny`, or remove `help`.",
        );
    }
    Some(help.to_owned())
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
