//! Bounds for what Redshift expects a statement to cost.

use super::{Verdict, keys};
use crate::section::{Findings, Section};
use serde_json::Value;

/// The longest that Redshift is waited for in one call.
const LONGEST_WAIT_SECONDS: u32 = 30;
const WAIT_SECONDS: u32 = 10;

/// What a statement's plan may cost, and what becomes of a statement whose plan costs more.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The highest cost, in the planner's unit.
    pub max_cost: Option<f64>,
    /// The most rows.
    pub max_rows: Option<f64>,
    /// What becomes of a statement above that.
    pub otherwise: Otherwise,
    /// What becomes of a statement without a plan; none was said, which is a refusal.
    pub unexplained: Option<Verdict>,
    /// How long the plan is waited for.
    pub wait_seconds: u32,
}

/// What becomes of a statement whose plan costs too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Otherwise {
    /// It is refused.
    Deny,
    /// It runs, and the log says so.
    Warn,
    /// It runs on this target.
    Target(String),
}

pub(super) fn read_estimate(then: &Section<'_>, findings: &mut Findings) -> Option<Estimate> {
    let section = then.section("estimate", keys::ESTIMATE, findings)?;
    let estimate = Estimate {
        max_cost: section.amount("maxCost", findings),
        max_rows: section.amount("maxRows", findings),
        otherwise: read_otherwise(&section, findings).unwrap_or(Otherwise::Deny),
        unexplained: section.word(
            "unexplained",
            &[("allow", Verdict::Allow), ("deny", Verdict::Deny)],
            findings,
        ),
        wait_seconds: section
            .whole("waitSeconds", 1..=LONGEST_WAIT_SECONDS, findings)
            .unwrap_or(WAIT_SECONDS),
    };
    if !section.has_any(&["maxCost", "maxRows"]) {
        findings.add(
            &section.path,
            "This bounds nothing.",
            "Add `maxCost` or `maxRows`.",
        );
    }
    Some(estimate)
}

fn read_otherwise(section: &Section<'_>, findings: &mut Findings) -> Option<Otherwise> {
    match section.value("otherwise")? {
        Value::Object(_) => {
            let inner = section.section("otherwise", keys::ESTIMATE_OTHERWISE, findings)?;
            if inner.value("target").is_none() {
                findings.add(
                    &inner.path,
                    "This has no `target`.",
                    "Add it, or write \"deny\" or \"warn\".",
                );
            }
            let target = inner.text("target", 256, findings)?;
            Some(Otherwise::Target(target.to_owned()))
        }
        Value::String(_) => section
            .word("otherwise", &[("deny", false), ("warn", true)], findings)
            .map(|warns| match warns {
                true => Otherwise::Warn,
                false => Otherwise::Deny,
            }),
        other => {
            findings.wrong_type(
                &section.at("otherwise"),
                other,
                "\"deny\", \"warn\" or {\"target\": \"…\"}",
            );
            None
        }
    }
}
