//! Events about executions, as EventBridge would deliver them.

use super::execution::{Execution, error_members};
use super::observe::Outcome;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The event of an execution that ended.
pub(crate) fn ended(execution: &Execution, at: Timestamp, outcome: &Outcome) -> Value {
    let core = &execution.core;
    let (error, cause) = error_members(outcome);
    let output = match outcome {
        Outcome::Succeeded { output } => Some(output.to_string()),
        _ => None,
    };
    json!({
        "version": "0",
        "id": uuid::Uuid::new_v4().to_string(),
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": core.account,
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": core.region,
        "resources": [execution.arn],
        "detail": {
            "executionArn": execution.arn,
            "stateMachineArn": core.machine_arn(&execution.machine_name),
            "name": execution.name,
            "status": outcome.status(),
            "startDate": execution.started_at.as_millisecond(),
            "stopDate": at.as_millisecond(),
            "input": execution.input.to_string(),
            "inputDetails": { "included": true },
            "output": output,
            "outputDetails": output.as_ref().map(|_| json!({ "included": true })),
            "error": error,
            "cause": cause,
        },
    })
}
