//! Statements that nobody is told about: no task waits for them, so Redshift sends no event.

use std::time::Duration;

use serde_json::Value;
use signalbox_policy::functions;
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
                Some(&evaluation.calls)
            }
            _ => None,
        })
        .flatten()
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
        .filter(|started| !ended.contains(&started.id.as_str()))
        .collect()
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
