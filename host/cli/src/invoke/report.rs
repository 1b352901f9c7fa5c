//! What one invocation came to.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use signalbox_local::step_functions::StateError;
use signalbox_policy::{Answer, Decision, DecisionRecord, Limits, journal::HostCall};
use signalbox_tasker::{Raised, secrets::mask_literals};

use crate::out;

/// How many characters of a document are shown on one line; `--json` has all of it.
const WIDTH: usize = 400;

/// Something that happened, in the order in which it did.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A policy was asked.
    Evaluation(Box<DecisionRecord>),
    /// Redshift told that a statement has ended.
    Completion(Value),
    /// A statement for which no task waits has ended: DescribeStatement's reply.
    Ended(Value),
}

/// An invocation and what followed from it.
pub(crate) struct Report {
    pub(crate) happenings: Vec<Happening>,
    /// What Lambda would reply.
    pub(crate) reply: Result<Value, Raised>,
    /// How long the invocation took.
    pub(crate) time: Duration,
    /// What the waiting tasks were told; none if time was up before.
    pub(crate) tasks: Vec<Option<Result<Value, StateError>>>,
    /// What the policies may use, by name.
    pub(crate) limits: BTreeMap<String, Limits>,
}

impl Report {
    /// Whether the event was served, and every waiting task succeeded.
    pub(crate) fn is_good(&self) -> bool {
        let is_served = self.reply.as_ref().is_ok_and(|reply| {
            let failures = reply.get("batchItemFailures").and_then(Value::as_array);
            failures.is_none_or(Vec::is_empty)
        });
        is_served && self.tasks.iter().all(|task| matches!(task, Some(Ok(_))))
    }

    /// The document for programs.
    pub(crate) fn document(&self) -> Value {
        let happenings: Vec<_> = self
            .happenings
            .iter()
            .map(|happening| match happening {
                Happening::Evaluation(evaluation) => json!({
                    "evaluation": evaluation,
                    "limits": self.limits.get(&evaluation.policy.name),
                }),
                Happening::Completion(event) => json!({ "completion": event }),
                Happening::Ended(document) => json!({ "ended": document }),
            })
            .collect();
        let tasks: Vec<_> = self
            .tasks
            .iter()
            .map(|task| match task {
                Some(Ok(output)) => json!({ "output": output }),
                Some(Err(StateError { error, cause })) => json!({ "error": error, "cause": cause }),
                None => Value::Null,
            })
            .collect();
        let mut document = json!({
            "good": self.is_good(),
            "milliseconds": milliseconds(self.time),
            "happenings": happenings,
            "tasks": tasks,
        });
        let reply = match &self.reply {
            Ok(reply) => ("reply", reply.clone()),
            Err(Raised {
                error_type,
                message,
            }) => (
                "raised",
                json!({ "errorType": error_type, "errorMessage": message }),
            ),
        };
        if let Some(members) = document.as_object_mut() {
            members.insert(reply.0.to_owned(), reply.1);
        }
        document
    }

    /// The text for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for happening in &self.happenings {
            match happening {
                Happening::Evaluation(evaluation) => {
                    evaluated(
                        &mut lines,
                        evaluation,
                        self.limits.get(&evaluation.policy.name),
                    );
                }
                Happening::Completion(event) => lines.push(ended(
                    event,
                    ["/detail/statementId", "/detail/state", "/detail/error"],
                )),
                Happening::Ended(document) => {
                    lines.push(ended(document, ["/Id", "/Status", "/Error"]));
                }
            }
        }
        let time = milliseconds(self.time);
        lines.push(match &self.reply {
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
                raised.message
            ),
        });
        lines.extend(self.tasks.iter().map(|task| told(task.as_ref())));
        lines
    }
}

/// How a statement ended, by where a document has its id, its state and its error.
fn ended(document: &Value, places: [&str; 3]) -> String {
    let [id, state, error] = places.map(|at| document.pointer(at).and_then(Value::as_str));
    let error = error.map(|error| format!(": {}", shown(error)));
    format!(
        "{} statement {} is {}{}",
        head("redshift"),
        id.unwrap_or("?"),
        state.unwrap_or("in an unknown state"),
        error.unwrap_or_default()
    )
}

fn head(name: &str) -> String {
    out::styled(out::HEAD, format_args!("{name:<9}"))
}

fn evaluated(lines: &mut Vec<String>, evaluation: &DecisionRecord, limits: Option<&Limits>) {
    let policy = &evaluation.policy;
    lines.push(format!(
        "{} {} {}, SHA-256 {}",
        head(evaluation.asked.export()),
        out::styled(out::NAME, &policy.name),
        policy.version,
        policy.digest.get(..12).unwrap_or(&policy.digest)
    ));
    for (n, call) in evaluation.calls.iter().enumerate() {
        called(lines, n + 1, call);
    }
    lines.push(format!("  decided  {}", decided(&evaluation.decision)));
    lines.push(format!("  used     {}", used(evaluation, limits)));
}

fn called(lines: &mut Vec<String>, number: usize, call: &HostCall) {
    let failure = call.reply.get("err");
    let outcome = match failure {
        None => out::styled(out::GOOD, "ok"),
        Some(_) => out::styled(out::BAD, "failed"),
    };
    let micros = call.duration_us;
    lines.push(format!(
        "  call {number:<3} {} {}.{} ms, {outcome}",
        out::styled(out::NAME, &call.function),
        micros / 1_000,
        micros % 1_000 / 100,
    ));
    lines.push(format!("           {}", shown(&call.arguments.to_string())));
    let reply = failure
        .or_else(|| call.reply.get("ok"))
        .unwrap_or(&call.reply);
    lines.push(format!("        -> {}", shown(&reply.to_string())));
}

/// A decision in a sentence.
pub(crate) fn decided(decision: &Decision) -> String {
    match decision {
        Decision::Invoked {
            reply,
            answer,
            bound,
        } => {
            let task = match (answer, bound) {
                (Some(answer), _) => format!("; the task is told at once: {}", answered(answer)),
                (None, true) => "; the task waits for the statement".to_owned(),
                (None, false) => String::new(),
            };
            format!(
                "{}, reply {}{task}",
                out::styled(out::GOOD, "accepted"),
                shown(&reply.to_string())
            )
        }
        Decision::Rejected(rejection) => format!(
            "{} with {}: {}",
            out::styled(out::BAD, "rejected"),
            out::styled(out::NAME, &rejection.error),
            rejection.message
        ),
        Decision::Settled { answer } => format!("the task is told: {}", answered(answer)),
        Decision::Closed { on_stop } => format!("the statement whose task is gone: {on_stop:?}"),
        Decision::Fault { message, .. } => {
            format!("{}: {message}", out::styled(out::BAD, "a fault"))
        }
    }
}

fn answered(answer: &Answer) -> String {
    match answer {
        Answer::Succeed { output } => {
            format!("{} {}", out::styled(out::GOOD, "success"), shown(output))
        }
        Answer::Fail { error, cause } => format!(
            "{} {error}: {}",
            out::styled(out::BAD, "failure"),
            shown(cause)
        ),
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
        let most = limits.and_then(|limits| limits.fuel);
        format!(", fuel {}{}", grouped(fuel), of(most.map(grouped)))
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

fn told(task: Option<&Result<Value, StateError>>) -> String {
    let what = match task {
        Some(Ok(output)) => format!(
            "{} {}",
            out::styled(out::GOOD, "SendTaskSuccess"),
            shown(&output.to_string())
        ),
        Some(Err(StateError { error, cause })) => format!(
            "{} {}: {}",
            out::styled(out::BAD, "SendTaskFailure"),
            out::styled(out::NAME, error),
            shown(cause)
        ),
        None => out::styled(out::BAD, "not told anything before time was up"),
    };
    format!("{} {what}", head("task"))
}

/// A document on one line, without passwords, and cut where it is long.
pub(crate) fn shown(text: &str) -> String {
    let mut text = mask_literals(text);
    let characters = text.chars().count();
    if let Some((at, _)) = text.char_indices().nth(WIDTH) {
        text.truncate(at);
        text.push_str(&format!("… ({characters} characters)"));
    }
    text
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

/// A number in groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use signalbox_policy::{FaultKind, Identity, Usage, record::FORMAT};

    use super::*;

    fn evaluation(export: &str, decision: Decision, calls: Vec<HostCall>, fuel: u64) -> Happening {
        let facts = json!({
            "record_id": "r", "statement_id": "11", "statement_name": "n", "target": "t", "action": "a", "output": "Event",
            "step": null, "on_stop": null, "memo": "", "execution_arn": null, "recorded_at": 0
        });
        let event = match export {
            "settle" => {
                json!({"waiter": "StepFunctions", "settlement": {"facts": facts, "event": null, "statement": {
                    "id": "11", "status": "Finished", "error": null, "duration_ns": null, "has_result_set": false,
                    "result_rows": null, "result_size": null, "result_format": "Json", "session_id": null,
                    "created_at": null, "updated_at": null, "sub_statements": [], "document": "{}"
                }}})
            }
            _ => json!({"waiter": "StepFunctions", "invocation": {
                "request_id": "r", "source": "Invocation", "payload": "{}", "execution_arn": null, "function_arn": null,
                "targets": [], "unknown_fields": "Warn"
            }}),
        };
        Happening::Evaluation(Box::new(DecisionRecord {
            format: FORMAT,
            host: "0.1.0".to_owned(),
            revision: None,
            at: 0,
            asked: serde_json::from_value(json!({"export": export, "event": event})).unwrap(),
            duration_us: 0,
            masked: None,
            policy: Identity {
                name: "standard".to_owned(),
                version: "0.1.0".to_owned(),
                digest: "0123456789abcdef".to_owned(),
                settings_digest: String::new(),
            },
            usage: Usage {
                guest_time: Duration::from_micros(1_240),
                host_calls: u32::try_from(calls.len()).unwrap(),
                memory: 1_179_648,
                fuel: Some(fuel),
                ..Usage::default()
            },
            calls,
            decision,
        }))
    }

    fn plain(report: &Report) -> String {
        anstream::adapter::strip_str(&report.lines().join("\n")).to_string()
    }

    fn limits() -> BTreeMap<String, Limits> {
        BTreeMap::from([("standard".to_owned(), Limits::default())])
    }

    #[test]
    fn a_task_from_its_start_to_its_answer() {
        let call = HostCall {
            function: "redshift-data/execute-statement".to_owned(),
            arguments: json!({"task": true}),
            reply: json!({"ok": {"statement_id": "11"}}),
            duration_us: 12_340,
            omitted: false,
        };
        let report = Report {
            happenings: vec![
                evaluation(
                    "invoke",
                    Decision::Invoked {
                        reply: json!({"Id": "11"}),
                        answer: None,
                        bound: true,
                    },
                    vec![call],
                    1_234_567,
                ),
                Happening::Completion(
                    json!({"detail": {"state": "FINISHED", "statementId": "11"}}),
                ),
                evaluation(
                    "settle",
                    Decision::Settled {
                        answer: Answer::Succeed {
                            output: "{}".to_owned(),
                        },
                    },
                    Vec::new(),
                    999,
                ),
            ],
            reply: Ok(json!({"Id": "11"})),
            time: Duration::from_millis(20),
            tasks: vec![Some(Ok(json!({})))],
            limits: limits(),
        };
        assert!(report.is_good());
        insta::assert_snapshot!(plain(&report), @r#"
        invoke    standard 0.1.0, SHA-256 0123456789ab
          call 1   redshift-data/execute-statement 12.3 ms, ok
                   {"task":true}
                -> {"statement_id":"11"}
          decided  accepted, reply {"Id":"11"}; the task waits for the statement
          used     guest 1.2 ms of 1000 ms, memory 1152 KiB of 65536 KiB, host calls 1 of 200, fuel 1,234,567
        redshift  statement 11 is FINISHED
        settle    standard 0.1.0, SHA-256 0123456789ab
          decided  the task is told: success {}
          used     guest 1.2 ms of 1000 ms, memory 1152 KiB of 65536 KiB, host calls 0 of 200, fuel 999
        reply     answered after 20 ms: {"Id":"11"}
        task      SendTaskSuccess {}
        "#);
    }

    #[test]
    fn a_fault_and_a_task_that_was_never_told() {
        let report = Report {
            happenings: vec![evaluation(
                "invoke",
                Decision::Fault {
                    kind: FaultKind::Trap,
                    message: "`invoke`: it gave up; in `mine::rules`".to_owned(),
                },
                Vec::new(),
                7,
            )],
            reply: Err(Raised::new("PolicyFault", "policy `standard`: it gave up")),
            time: Duration::from_millis(20),
            tasks: vec![None],
            limits: BTreeMap::new(),
        };
        assert!(!report.is_good());
        insta::assert_snapshot!(plain(&report), @"
        invoke    standard 0.1.0, SHA-256 0123456789ab
          decided  a fault: `invoke`: it gave up; in `mine::rules`
          used     guest 1.2 ms, memory 1152 KiB, host calls 0, fuel 7
        reply     raised after 20 ms with PolicyFault: policy `standard`: it gave up
        task      not told anything before time was up
        ");
    }

    #[test]
    fn a_batch_is_good_if_nothing_stays_in_the_queue() {
        let report = |reply: Value| Report {
            happenings: Vec::new(),
            reply: Ok(reply),
            time: Duration::ZERO,
            tasks: Vec::new(),
            limits: BTreeMap::new(),
        };
        assert!(report(json!({"batchItemFailures": []})).is_good());
        assert!(!report(json!({"batchItemFailures": [{"itemIdentifier": "1"}]})).is_good());
    }

    #[test]
    fn long_documents_are_cut_and_passwords_hidden() {
        let text = shown(&"x".repeat(1_000));
        assert!(text.ends_with("… (1000 characters)"), "{text}");
        assert!(!shown("alter user u password 'secret'").contains("secret"));
    }
}
