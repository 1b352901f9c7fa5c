//! What one invocation came to.

mod brief;
mod shadows;
mod text;

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use signalbox_local::step_functions::StateError;
use signalbox_policy::{DecisionRecord, Limits, shadow::Shaded};
use signalbox_tasker::Raised;

pub(crate) use brief::{brief, grouped, indented};
pub(crate) use text::decided;

/// Something that happened, in the order in which it did.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A policy was asked.
    Evaluation(Box<DecisionRecord>),
    /// The invocation returned, or raised.
    Replied,
    /// Redshift told that a statement has ended.
    Completion(Value),
    /// A statement for which no task waits has ended: DescribeStatement's reply.
    Ended(Value),
    /// One was not seen to end, as long as was waited: its id.
    Unended(String),
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
    /// What the policies would have done that were compared with those that acted.
    pub(crate) shaded: Shaded,
}

impl Report {
    /// Whether the event was served, every waiting task succeeded, and so did the SQL for which none waits.
    pub(crate) fn is_good(&self) -> bool {
        let is_served = self.reply.as_ref().is_ok_and(|reply| {
            let failures = reply.get("batchItemFailures").and_then(Value::as_array);
            failures.is_none_or(Vec::is_empty)
        });
        let ended_well = self.happenings.iter().all(|happening| match happening {
            Happening::Ended(document) => {
                document.get("Status").and_then(Value::as_str) == Some("FINISHED")
            }
            Happening::Unended(_) => false,
            _ => true,
        });
        is_served && ended_well && self.tasks.iter().all(|task| matches!(task, Some(Ok(_))))
    }

    /// The document for programs.
    pub(crate) fn document(&self) -> Value {
        let happenings: Vec<_> = self
            .happenings
            .iter()
            .filter_map(|happening| match happening {
                Happening::Evaluation(evaluation) => Some(json!({
                    "evaluation": evaluation,
                    "limits": self.limits.get(&evaluation.policy.name),
                })),
                // `reply` or `raised` has it.
                Happening::Replied => None,
                Happening::Completion(event) => Some(json!({ "completion": event })),
                Happening::Ended(document) => Some(json!({ "ended": document })),
                Happening::Unended(id) => Some(json!({ "unended": id })),
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
            "shadows": { "compared": self.shaded.compared, "skipped": self.shaded.skipped },
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
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use signalbox_policy::{
        Answer, Decision, FaultKind, Identity, Usage, journal::HostCall, record::FORMAT,
    };

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
            arguments: json!({"request": {"options": {"step": null, "output": "Event"}, "sql": "select 1"}, "task": true}),
            reply: json!({"ok": {"document": "{\"Id\":\"11\"}", "id": "11", "session_id": null}}),
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
                Happening::Replied,
                Happening::Completion(
                    json!({"detail": {"state": "FINISHED", "statementId": "11", "rows": 1}}),
                ),
                evaluation(
                    "settle",
                    Decision::Settled {
                        answer: Answer::Succeed {
                            output: "{\"a\":1}".to_owned(),
                        },
                    },
                    Vec::new(),
                    999,
                ),
            ],
            reply: Ok(json!({"Id": "11"})),
            time: Duration::from_millis(20),
            tasks: vec![Some(Ok(json!({"a": 1})))],
            limits: limits(),
            shaded: Shaded::default(),
        };
        assert!(report.is_good());
        insta::assert_snapshot!(plain(&report), @r#"
        invoke    standard 0.1.0 (SHA-256 0123456789ab)
          call 1  redshift-data/execute-statement, 12.3 ms, ok
                  output Event, sql "select 1", task true
               -> id 11
          decided accepted; the task waits for the statement
          used    guest 1.2 ms of 1000 ms, memory 1152 KiB of 65536 KiB, host calls 1 of 200, fuel 1,234,567 of no limit
        reply     answered after 20 ms: {"Id":"11"}
        redshift  statement 11 is FINISHED, 1 row
        settle    standard 0.1.0 (SHA-256 0123456789ab)
          decided the task is told: success
          used    guest 1.2 ms of 1000 ms, memory 1152 KiB of 65536 KiB, host calls 0 of 200, fuel 999 of no limit
        task      SendTaskSuccess
          {
            "a": 1
          }
        "#);
    }

    #[test]
    fn a_fault_and_a_task_that_was_never_told() {
        let report = Report {
            happenings: vec![
                evaluation(
                    "invoke",
                    Decision::Fault {
                        kind: FaultKind::Trap,
                        message: "`invoke`: it gave up; in `mine::rules`".to_owned(),
                    },
                    Vec::new(),
                    7,
                ),
                Happening::Replied,
            ],
            reply: Err(Raised::new("PolicyFault", "policy `standard`: it gave up")),
            time: Duration::from_millis(20),
            tasks: vec![None],
            limits: BTreeMap::new(),
            shaded: Shaded::default(),
        };
        assert!(!report.is_good());
        insta::assert_snapshot!(plain(&report), @"
        invoke    standard 0.1.0 (SHA-256 0123456789ab)
          decided a fault: `invoke`: it gave up; in `mine::rules`
          used    guest 1.2 ms, memory 1152 KiB, host calls 0, fuel 7
        reply     raised after 20 ms with PolicyFault: policy `standard`: it gave up
        task      not told anything before time was up
        ");
    }

    #[test]
    fn sql_that_failed_is_no_success_though_nobody_waits() {
        let report = |status: &str| Report {
            happenings: vec![Happening::Ended(
                json!({"Id": "11", "Status": status, "Error": "ERROR: no such table"}),
            )],
            reply: Ok(json!({"Id": "11"})),
            time: Duration::ZERO,
            tasks: Vec::new(),
            limits: BTreeMap::new(),
            shaded: Shaded::default(),
        };
        assert!(report("FINISHED").is_good());
        assert!(!report("FAILED").is_good());
        assert!(plain(&report("FAILED")).contains("11 is FAILED: ERROR: no such table"));
    }

    #[test]
    fn a_batch_is_good_if_nothing_stays_in_the_queue() {
        let report = |reply: Value| Report {
            happenings: Vec::new(),
            reply: Ok(reply),
            time: Duration::ZERO,
            tasks: Vec::new(),
            limits: BTreeMap::new(),
            shaded: Shaded::default(),
        };
        assert!(report(json!({"batchItemFailures": []})).is_good());
        assert!(!report(json!({"batchItemFailures": [{"itemIdentifier": "1"}]})).is_good());
    }
}
