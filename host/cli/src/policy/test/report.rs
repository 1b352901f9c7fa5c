//! What the tests came to, for people and programs.

use std::{path::PathBuf, time::Duration};

use serde_json::{Value, json};
use signalbox_lambda::policy_tests::{Difference, NONE, told};

use super::Ran;
use crate::out;

/// All tests that were run.
pub(super) struct Report {
    pub(super) ran: Vec<Ran>,
    /// How many were left out.
    pub(super) filtered: usize,
    /// The files whose expectations were written.
    pub(super) blessed: Vec<PathBuf>,
    pub(super) time: Duration,
}

impl Report {
    pub(super) fn is_good(&self) -> bool {
        self.ran.iter().all(Ran::passed)
    }

    fn count(&self) -> (usize, usize) {
        let passed = self.ran.iter().filter(|ran| ran.passed()).count();
        (passed, self.ran.len() - passed)
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![match self.ran.len() {
            1 => "running 1 test".to_owned(),
            count => format!("running {count} tests"),
        }];
        for ran in &self.ran {
            let end = match ran.passed() {
                true => out::styled(out::GOOD, "ok"),
                false => out::styled(out::BAD, "FAILED"),
            };
            lines.push(format!("test {} ... {end}", ran.test.name));
        }
        let (passed, failed) = self.count();
        if failed > 0 {
            lines.push(String::new());
            lines.push("failures:".to_owned());
        }
        for ran in self.ran.iter().filter(|ran| !ran.passed()) {
            lines.push(String::new());
            lines.push(format!(
                "---- {} ({}) ----",
                out::styled(out::NAME, &ran.test.name),
                ran.test.place
            ));
            lines.extend(failure(ran));
        }
        lines.push(String::new());
        for path in &self.blessed {
            lines.push(format!(
                "{} {}: look at the difference before you commit it",
                out::styled(out::NOTE, "blessed"),
                path.display()
            ));
        }
        lines.push(format!(
            "test result: {}. {passed} passed; {failed} failed; {} filtered out; finished in {:.2}s",
            match failed {
                0 => out::styled(out::GOOD, "ok"),
                _ => out::styled(out::BAD, "FAILED"),
            },
            self.filtered,
            self.time.as_secs_f64()
        ));
        lines
    }

    pub(super) fn document(&self) -> Value {
        let (passed, failed) = self.count();
        let tests: Vec<_> = self.ran.iter().map(of_test).collect();
        json!({
            "good": self.is_good(),
            "passed": passed,
            "failed": failed,
            "filtered": self.filtered,
            "blessed": self.blessed,
            "milliseconds": milliseconds(self.time),
            "tests": tests,
        })
    }
}

fn of_test(ran: &Ran) -> Value {
    let differences: Vec<_> = ran
        .verdict
        .differences
        .iter()
        .map(|one| json!({ "key": one.key, "expected": one.expected, "found": one.found }))
        .collect();
    let usage: Vec<_> = ran
        .verdict
        .run
        .usage
        .iter()
        .map(|(export, usage)| json!({ "export": export, "usage": usage }))
        .collect();
    json!({
        "name": ran.test.name,
        "place": ran.test.place,
        "passed": ran.passed(),
        "differences": differences,
        "outcome": told(&ran.verdict.run),
        "usage": usage,
        "milliseconds": milliseconds(ran.time),
    })
}

pub(super) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 100_000.0).round() / 100.0
}

/// Why a test failed: what was expected and what came, line below line.
pub(super) fn failure(ran: &Ran) -> Vec<String> {
    if ran.test.case.expect.is_empty() {
        return vec![
            format!("  nothing is expected: {}", told(&ran.verdict.run)),
            "  run it with --bless to write down what came, and look whether it is what should come".to_owned(),
        ];
    }
    ran.verdict
        .differences
        .iter()
        .flat_map(difference)
        .collect()
}

fn difference(one: &Difference) -> Vec<String> {
    let mut lines = vec![format!("  {}", one.key)];
    let mut side = |sign: &str, style, value: Option<&Value>| {
        for line in text_of(value).lines() {
            lines.push(format!(
                "    {}",
                out::styled(style, format_args!("{sign} {line}"))
            ));
        }
    };
    side("-", out::GOOD, Some(&one.expected));
    side("+", out::BAD, one.found.as_ref());
    lines
}

/// A text as it is, anything else as JSON that one can read.
fn text_of(value: Option<&Value>) -> String {
    match value {
        None => NONE.to_owned(),
        Some(Value::String(text)) if text.is_empty() => "\"\"".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}
