//! Statements that nobody is told about: no task waits for them, so Redshift sends no event.

use std::time::Duration;

use serde_json::Value;
use signalbox_policy::{DecisionRecord, functions};
use signalbox_tasker::ports::Warehouse;

use super::report::Happening;

/// How long one DescribeStatement waits for the end.
const WAIT_SECONDS: u32 = 20;
/// How often it is asked where it does not wait.
const PAUSE: Duration = Duration::from_millis(50);

/// A statement and the target that it runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Started {
    pub(super) target: String,
    pub(super) id: String,
}

/// The statements that policies started, without those that are known to have ended. What a faulting policy started is
/// the host's business: it is cancelled.
pub(super) fn started(happenings: &[Happening]) -> Vec<Started> {
    let ended: Vec<&str> = happenings
        .iter()
        .filter_map(|happening| match happening {
            Happening::Completion(event) => event.pointer("/detail/statementId")?.as_str(),
            _ => None,
        })
        .collect();
    happenings
        .iter()
        .filter_map(|happening| match happening {
            Happening::Evaluation(evaluation) if !evaluation.decision.is_fault() => {
                Some(evaluation.as_ref())
            }
            _ => None,
        })
        .flat_map(started_by)
        .filter(|started| !ended.contains(&started.id.as_str()))
        .collect()
}

/// Where an evaluation belongs among what has happened: it is known when the policy is done, and a fast statement of it may
/// have ended before.
pub(super) fn place(happenings: &[Happening], evaluation: &DecisionRecord) -> usize {
    let started: Vec<Started> = started_by(evaluation).collect();
    let is_its_end = |happening: &Happening| match happening {
        Happening::Completion(event) => event
            .pointer("/detail/statementId")
            .and_then(Value::as_str)
            .is_some_and(|id| started.iter().any(|started| started.id == id)),
        _ => false,
    };
    let end = happenings.iter().position(is_its_end);
    end.unwrap_or(happenings.len())
}

fn started_by(evaluation: &DecisionRecord) -> impl Iterator<Item = Started> {
    let calls = evaluation.calls.iter();
    calls
        .filter(|call| {
            matches!(
                call.function.as_str(),
                functions::EXECUTE_STATEMENT | functions::BATCH_EXECUTE_STATEMENT
            )
        })
        .filter_map(|call| {
            let text = |at: &str| call.reply.pointer(at)?.as_str().map(str::to_owned);
            Some(Started {
                target: text("/ok/target")?,
                id: text("/ok/id")?,
            })
        })
}

/// Waits for the end of a statement: DescribeStatement's reply then. None if it cannot be asked.
pub(super) async fn end_of(warehouse: &impl Warehouse, started: &Started) -> Option<Value> {
    loop {
        let described = warehouse
            .describe(&started.target, &started.id, Some(WAIT_SECONDS))
            .await
            .ok()?;
        let document: Value = serde_json::from_str(&described.document).ok()?;
        let status = document.get("Status").and_then(Value::as_str);
        if matches!(status, Some("FINISHED" | "FAILED" | "ABORTED")) {
            return Some(document);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_evaluation_comes_before_the_ends_of_its_statements() {
        let evaluation: DecisionRecord = serde_json::from_value(json!({
            "format": 1, "host": "0.1.0", "at": 0, "durationUs": 0,
            "policy": {"name": "p", "version": "1", "digest": "d", "settings_digest": "s"},
            "export": "invoke", "event": {"waiter": null, "invocation": {
                "request_id": "r", "source": "Invocation", "payload": "{}", "execution_arn": null,
                "function_arn": null, "targets": [], "unknown_fields": "Warn"
            }},
            "calls": [{
                "function": functions::EXECUTE_STATEMENT, "durationUs": 1, "arguments": {},
                "reply": {"ok": {"id": "mine", "target": "default", "document": "{}"}}
            }],
            "decision": {"invoked": {"reply": {}, "answer": null, "bound": true}},
            "usage": {"guestTimeUs": 0, "hostTimeUs": 0, "hostCalls": 0, "memory": 0, "fuel": null}
        }))
        .expect("a record");
        let ended = |id: &str| Happening::Completion(json!({"detail": {"statementId": id}}));
        assert_eq!(place(&[], &evaluation), 0);
        assert_eq!(place(&[ended("other")], &evaluation), 1);
        assert_eq!(
            place(
                &[ended("other"), ended("mine"), Happening::Replied],
                &evaluation
            ),
            1
        );
    }
}
