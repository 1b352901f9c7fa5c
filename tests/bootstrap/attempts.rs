//! A state that Step Functions tries again: each attempt has a fresh token, and a key says that it is the same work.

use serde_json::{Value, json};
use signalbox_local::step_functions::{Definition, ExecutionHandle, Outcome};

use crate::support::{
    runtime_api::FUNCTION_ARN,
    stage::{Stage, batch, end, failure, failures},
};

/// An execution whose only state is tried again after `error`, with its own name as the key.
fn start(stage: &Stage, sql: &str, timeout: u32, error: &str, retries: u32) -> ExecutionHandle {
    let definition = Definition::from_value(&json!({
        "StartAt": "Step",
        "States": { "Step": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": { "FunctionName": FUNCTION_ARN, "Payload": {
                "taskToken.$": "$$.Task.Token",
                "executionArn.$": "$$.Execution.Id",
                "idempotencyKey.$": "$$.Execution.Name",
                "sqlStatement": sql
            }},
            "TimeoutSeconds": timeout,
            "Retry": [{ "ErrorEquals": [error], "IntervalSeconds": 1, "BackoffRate": 1.0, "MaxAttempts": retries }],
            "End": true
        }}
    }));
    stage
        .states
        .start_execution("machine", &definition.expect("a definition"), json!({}))
}

#[tokio::test]
async fn a_state_that_timed_out_takes_over_the_statement_that_still_runs() {
    let mut stage = Stage::original().await;
    let execution = start(&stage, "select pg_sleep(5)", 2, "States.Timeout", 50);
    let event = stage.completion().await;
    assert!(stage.tokens() > 1, "it was tried again while the SQL ran");
    assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
    let Outcome::Succeeded { output } = end(&execution).await else {
        panic!("the execution should succeed")
    };
    assert_eq!(
        output["detail"]["statementId"],
        event["detail"]["statementId"]
    );
    assert_eq!(stage.calls("ExecuteStatement"), 1);
    // The next state finds it.
    let latest = json!({"action": "describeStatement", "statementId": "LATEST", "executionArn": execution.arn()});
    let latest: Value = stage.invoke(latest).await.expect("described");
    assert_eq!(latest["Id"], event["detail"]["statementId"]);
    stage.check(&[]);
}

#[tokio::test]
async fn a_state_whose_sql_failed_runs_it_again() {
    let mut stage = Stage::original().await;
    let execution = start(&stage, "select get_date()", 120, "FAILED", 1);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let event = stage.completion().await;
        ids.push(event["detail"]["statementId"].clone());
        assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
    }
    let (error, cause) = failure(&execution).await;
    assert_eq!(error, "FAILED");
    let cause: Value = serde_json::from_str(&cause).expect("a cause in JSON");
    assert_eq!(
        cause["detail"]["statementId"], ids[1],
        "the second one's end"
    );
    assert_ne!(ids[0], ids[1]);
    assert_eq!(stage.calls("ExecuteStatement"), 2);
    stage.check(&[]);
}
