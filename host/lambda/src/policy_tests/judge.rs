//! Whether what came is what was expected, and what is different.

use serde_json::{Value, json};
use signalbox_policy::{
    Answer,
    contract::{Level, OnStop},
};
use signalbox_tasker::{Pattern, dry_run::DryRun};

use super::{
    calls::flat,
    case::{Case, Expect, ExpectedTask},
};

/// The text that stands for what is not there, where a form has no word for it.
pub const NONE: &str = "<none>";

/// One thing that is otherwise than expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// What was expected: a key of the case, as `expect.calls[0].target`.
    pub key: String,
    /// What it says.
    pub expected: Value,
    /// What came; none if nothing did.
    pub found: Option<Value>,
}

impl Difference {
    fn new(key: impl Into<String>, expected: impl Into<Value>, found: Option<Value>) -> Self {
        Self {
            key: key.into(),
            expected: expected.into(),
            found,
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let found = self.found.as_ref().map_or_else(|| NONE.to_owned(), shown);
        write!(
            f,
            "{} is {}, but it is {found}",
            self.key,
            shown(&self.expected)
        )
    }
}

/// A value in one line: a text without quotes.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What a run came to, in a sentence.
#[must_use]
pub fn told(run: &DryRun) -> String {
    let starts: Vec<_> = run
        .starts
        .iter()
        .map(|start| format!("{:?} on `{}`", start.sql, start.target))
        .collect();
    match (&run.raised, starts.is_empty()) {
        (Some(raised), true) => format!("it was refused with {raised}"),
        (Some(raised), false) => {
            format!(
                "it started {} and ended with {raised}",
                starts.join(" and ")
            )
        }
        (None, true) => "it started nothing".to_owned(),
        (None, false) => format!("it started {}", starts.join(" and ")),
    }
}

/// What is otherwise than expected. `decided` says whether the expected rule decided.
pub(super) fn judge(case: &Case, run: &DryRun, decided: Option<bool>) -> Vec<Difference> {
    let expect = &case.expect;
    let mut found = Vec::new();
    match &expect.error {
        Some(error) => refused(expect, error, run, &mut found),
        None => served(case, run, &mut found),
    }
    if let Some(calls) = &expect.calls {
        let made: Vec<_> = run.calls.iter().map(flat).collect();
        if calls.len() == made.len() {
            for (number, (expected, made)) in calls.iter().zip(&made).enumerate() {
                part(
                    &format!("expect.calls[{number}]"),
                    expected,
                    Some(made),
                    &mut found,
                );
            }
        } else {
            found.push(Difference::new(
                "expect.calls",
                json!(calls),
                Some(json!(made)),
            ));
        }
    }
    if let Some(rule) = expect.rule.as_ref().filter(|_| decided == Some(false)) {
        let why = json!("without this rule the outcome is the same");
        found.push(Difference::new("expect.rule", rule.clone(), Some(why)));
    }
    if let Some(warnings) = &expect.warnings {
        let lines = run.log.iter().filter(|line| line.level == Level::Warn);
        let lines: Vec<&str> = lines.map(|line| line.text.as_str()).collect();
        let are_these = warnings.len() == lines.len()
            && warnings
                .iter()
                .zip(&lines)
                .all(|(pattern, line)| Pattern::new(pattern.clone()).matches(line));
        if !are_these {
            let came = Some(json!(lines));
            found.push(Difference::new("expect.warnings", json!(warnings), came));
        }
    }
    found
}

fn refused(expect: &Expect, error: &str, run: &DryRun, found: &mut Vec<Difference>) {
    let is_it = |raised: &&signalbox_tasker::Raised| raised.error_type == error;
    // Calls that are expected are compared by themselves.
    let nothing_started = run.starts.is_empty() || expect.calls.is_some();
    let Some(raised) = run
        .raised
        .as_ref()
        .filter(is_it)
        .filter(|_| nothing_started)
    else {
        found.push(Difference::new(
            "expect.error",
            error,
            Some(json!(told(run))),
        ));
        return;
    };
    if let Some(message) = &expect.message
        && !Pattern::new(message.clone()).matches(&raised.message)
    {
        let came = Some(json!(raised.message));
        found.push(Difference::new("expect.message", message.clone(), came));
    }
}

fn served(case: &Case, run: &DryRun, found: &mut Vec<Difference>) {
    let expect = &case.expect;
    if run.raised.is_some() {
        let came = Some(json!(told(run)));
        found.push(Difference::new("expect", "a payload that is served", came));
        return;
    }
    if expect.sql.is_some() || expect.target.is_some() {
        match run.starts.as_slice() {
            [start] => {
                for (key, expected, came) in [
                    ("expect.sql", &expect.sql, &start.sql),
                    ("expect.target", &expect.target, &start.target),
                ] {
                    if let Some(expected) = expected.as_ref().filter(|expected| *expected != came) {
                        found.push(Difference::new(key, expected.clone(), Some(json!(came))));
                    }
                }
            }
            _ => found.push(Difference::new(
                "expect",
                "one statement",
                Some(json!(told(run))),
            )),
        }
    }
    if (case.statement.is_some() || case.closed.is_some()) && run.starts.is_empty() {
        let why = "the statement of the test never ended: none was started";
        found.push(Difference::new(
            "statement",
            "the end of a statement",
            Some(json!(why)),
        ));
        return;
    }
    if let Some(reply) = &expect.reply {
        part("expect.reply", reply, run.reply.as_ref(), found);
    }
    if let Some(task) = &expect.task {
        task_told(task, run.answer.as_ref(), found);
    }
    if expect.on_stop.is_some() && expect.on_stop != run.on_stop {
        let word = |on_stop: OnStop| match on_stop {
            OnStop::Cancel => json!("cancel"),
            OnStop::Leave => json!("leave"),
        };
        let expected = expect.on_stop.map_or(Value::Null, word);
        found.push(Difference::new(
            "expect.onStop",
            expected,
            run.on_stop.map(word),
        ));
    }
}

/// An answer as cases write it.
#[must_use]
pub fn answer(answer: &Answer) -> Value {
    let document = |text: &str| match serde_json::from_str::<Value>(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => value,
        _ => json!(text),
    };
    match answer {
        Answer::Succeed { output } => {
            json!({ "output": serde_json::from_str::<Value>(output).unwrap_or_else(|_| json!(output)) })
        }
        Answer::Fail { error, cause } => json!({ "error": error, "cause": document(cause) }),
    }
}

fn task_told(expected: &ExpectedTask, came: Option<&Answer>, found: &mut Vec<Difference>) {
    match (expected, came) {
        (ExpectedTask::Output(output), Some(Answer::Succeed { output: told })) => {
            let told: Value = serde_json::from_str(told).unwrap_or_else(|_| json!(told));
            part("expect.task.output", output, Some(&told), found);
        }
        (
            ExpectedTask::Error { error, cause },
            Some(Answer::Fail {
                error: name,
                cause: told,
            }),
        ) => {
            if error != name {
                let name = Some(json!(name));
                found.push(Difference::new("expect.task.error", error.clone(), name));
            }
            match cause {
                None => {}
                Some(Value::String(pattern)) if Pattern::new(pattern.clone()).matches(told) => {}
                Some(Value::String(pattern)) => {
                    let told = Some(json!(told));
                    found.push(Difference::new("expect.task.cause", pattern.clone(), told));
                }
                Some(document) => {
                    let told: Value = serde_json::from_str(told).unwrap_or_else(|_| json!(told));
                    part("expect.task.cause", document, Some(&told), found);
                }
            }
        }
        (expected, came) => {
            let expected = match expected {
                ExpectedTask::Output(output) => json!({ "output": output }),
                ExpectedTask::Error { error, .. } => json!({ "error": error }),
            };
            found.push(Difference::new("expect.task", expected, came.map(answer)));
        }
    }
}

/// Compares what was expected with what came: of tables the keys that were expected, of lists all items.
fn part(key: &str, expected: &Value, came: Option<&Value>, found: &mut Vec<Difference>) {
    let came = came.filter(|came| !came.is_null());
    match (expected, came) {
        (Value::Null, None) => {}
        (Value::String(text), None) if text == NONE => {}
        (Value::Object(members), Some(came @ Value::Object(_))) => {
            for (name, expected) in members {
                part(&format!("{key}.{name}"), expected, came.get(name), found);
            }
        }
        (Value::Array(items), Some(Value::Array(came))) if items.len() == came.len() => {
            for (number, (expected, came)) in items.iter().zip(came).enumerate() {
                part(&format!("{key}[{number}]"), expected, Some(came), found);
            }
        }
        (Value::Number(expected), Some(Value::Number(came)))
            if expected.as_f64() == came.as_f64() => {}
        (expected, Some(came)) if expected == came => {}
        (expected, came) => {
            found.push(Difference::new(key, expected.clone(), came.cloned()));
        }
    }
}
