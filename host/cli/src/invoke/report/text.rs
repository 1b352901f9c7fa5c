//! The report for people.

use serde_json::Value;
use signalbox_local::step_functions::StateError;
use signalbox_policy::{Answer, Decision, DecisionRecord, Limits, journal::HostCall};

use super::{
    Happening, Report,
    brief::{brief, grouped, indented, shown},
    milliseconds, shadows,
};
use crate::{demo::narrator::reason, out};

impl Report {
    /// The text for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for happening in &self.happenings {
            match happening {
                Happening::Evaluation(evaluation) => self.evaluated(&mut lines, evaluation),
                Happening::Replied => lines.push(self.replied()),
                Happening::Completion(event) => lines.push(ended(
                    event,
                    [
                        "/detail/statementId",
                        "/detail/state",
                        "/detail/error",
                        "/detail/rows",
                    ],
                )),
                Happening::Ended(document) => {
                    lines.push(ended(document, ["/Id", "/Status", "/Error", "/ResultRows"]));
                }
                Happening::Unended(id) => lines.push(format!(
                    "{} statement {id} {}",
                    head("redshift"),
                    out::styled(out::BAD, "had not ended before time was up")
                )),
            }
        }
        for task in &self.tasks {
            told(&mut lines, task.as_ref());
        }
        shadows::tell(&mut lines, &self.shaded);
        lines
    }

    fn replied(&self) -> String {
        let time = milliseconds(self.time);
        match &self.reply {
            Ok(reply) => format!(
                "{} {} after {time} ms: {}",
                head("reply"),
                out::styled(out::GOOD, "answered"),
                shown(&reply.to_string())
            ),
            Err(raised) => format!(
                "{} {} after {time} ms with {}: {}",
                head("reply"),
                out::styled(out::BAD, "raised"),
                out::styled(out::NAME, &raised.error_type),
                shown(&raised.message)
            ),
        }
    }

    fn evaluated(&self, lines: &mut Vec<String>, evaluation: &DecisionRecord) {
        let policy = &evaluation.policy;
        lines.push(format!(
            "{} {} {} {}",
            head(evaluation.asked.export()),
            out::styled(out::NAME, &policy.name),
            policy.version,
            out::styled(
                out::FAINT,
                format_args!(
                    "(SHA-256 {})",
                    policy.digest.get(..12).unwrap_or(&policy.digest)
                )
            )
        ));
        for (n, call) in evaluation.calls.iter().enumerate() {
            called(lines, n + 1, call);
        }
        lines.push(format!(
            "  decided {}",
            decided(&evaluation.decision, self.reply.as_ref().ok())
        ));
        lines.push(format!(
            "  used    {}",
            used(evaluation, self.limits.get(&policy.name))
        ));
    }
}

/// A decision in a sentence. The invocation's own `reply` has a line of its own.
pub(crate) fn decided(decision: &Decision, shown_reply: Option<&Value>) -> String {
    match decision {
        Decision::Invoked {
            reply,
            answer,
            bound,
        } => {
            let reply = match shown_reply {
                Some(known) if known == reply => String::new(),
                _ => format!(", reply {}", shown(&reply.to_string())),
            };
            let task = match (answer, bound) {
                (Some(answer), _) => {
                    format!("; the task is told at once: {}", answered(answer))
                }
                (None, true) => "; the task waits for the statement".to_owned(),
                (None, false) => String::new(),
            };
            format!("{}{reply}{task}", out::styled(out::GOOD, "accepted"))
        }
        Decision::Rejected(rejection) => format!(
            "{} with {}: {}",
            out::styled(out::BAD, "rejected"),
            out::styled(out::NAME, &rejection.error),
            shown(&rejection.message)
        ),
        Decision::Settled { answer } => format!("the task is told: {}", answered(answer)),
        Decision::Closed { on_stop } => {
            format!("the statement whose task is gone: {on_stop:?}")
        }
        Decision::Fault { message, .. } => {
            format!("{}: {}", out::styled(out::BAD, "a fault"), shown(message))
        }
    }
}

/// How a statement ended, by where a document has its id, its state, its error and its rows.
fn ended(document: &Value, places: [&str; 4]) -> String {
    let [id, state, error, rows] = places.map(|at| document.pointer(at));
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let state = text(state).unwrap_or_else(|| "in an unknown state".to_owned());
    let style = if state == "FINISHED" {
        out::GOOD
    } else {
        out::BAD
    };
    let rows = match rows.and_then(Value::as_u64) {
        None => String::new(),
        Some(1) => ", 1 row".to_owned(),
        Some(rows) => format!(", {} rows", grouped(rows)),
    };
    let error = text(error).map(|error| format!(": {}", shown(&error)));
    format!(
        "{} statement {} is {}{rows}{}",
        head("redshift"),
        text(id).as_deref().unwrap_or("?"),
        out::styled(style, state),
        error.unwrap_or_default()
    )
}

pub(super) fn head(name: &str) -> String {
    out::styled(out::HEAD, format_args!("{name:<9}"))
}

fn called(lines: &mut Vec<String>, number: usize, call: &HostCall) {
    let failure = call.reply.get("err");
    let outcome = match failure {
        None => out::styled(out::GOOD, "ok"),
        Some(_) => out::styled(out::BAD, "failed"),
    };
    let micros = call.duration_us;
    lines.push(format!(
        "  call {number:<2} {}, {}.{} ms, {outcome}",
        out::styled(out::NAME, &call.function),
        micros / 1_000,
        micros % 1_000 / 100,
    ));
    let reply = failure
        .or_else(|| call.reply.get("ok"))
        .unwrap_or(&call.reply);
    for (mark, document) in [("  ", &call.arguments), ("->", reply)] {
        let text = brief(document);
        if !text.is_empty() {
            lines.push(format!("       {mark} {text}"));
        }
    }
}

fn answered(answer: &Answer) -> String {
    match answer {
        // What it is told stands at the task.
        Answer::Succeed { .. } => out::styled(out::GOOD, "success"),
        Answer::Fail { error, .. } => format!("{} with {error}", out::styled(out::BAD, "failure")),
    }
}

/// What a call took, against what it may take.
fn used(evaluation: &DecisionRecord, limits: Option<&Limits>) -> String {
    let usage = &evaluation.usage;
    let of = |limit: Option<String>| {
        limit
            .map(|limit| format!(" of {limit}"))
            .unwrap_or_default()
    };
    let fuel = usage.fuel.map(|fuel| {
        let most = limits.map(|limits| limits.fuel.map_or("no limit".to_owned(), grouped));
        format!(", fuel {}{}", grouped(fuel), of(most))
    });
    format!(
        "guest {} ms{}, memory {} KiB{}, host calls {}{}{}",
        milliseconds(usage.guest_time),
        of(limits.map(|limits| format!("{} ms", limits.guest_time_ms))),
        usage.memory / 1024,
        of(limits.map(|limits| format!("{} KiB", limits.memory / 1024))),
        usage.host_calls,
        of(limits.map(|limits| limits.host_calls.to_string())),
        fuel.unwrap_or_default(),
    )
}

fn told(lines: &mut Vec<String>, task: Option<&Result<Value, StateError>>) {
    match task {
        Some(Ok(output)) => {
            lines.push(format!(
                "{} {}",
                head("task"),
                out::styled(out::GOOD, "SendTaskSuccess")
            ));
            lines.extend(indented(output));
        }
        Some(Err(StateError { error, cause })) => lines.push(format!(
            "{} {} {}: {}",
            head("task"),
            out::styled(out::BAD, "SendTaskFailure"),
            out::styled(out::NAME, error),
            shown(&reason(cause))
        )),
        None => lines.push(format!(
            "{} {}",
            head("task"),
            out::styled(out::BAD, "not told anything before time was up")
        )),
    }
}
