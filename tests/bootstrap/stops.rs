//! Executions that are stopped while their SQL runs.

use serde_json::{Value, json};
use signalbox_local::step_functions::{ExecutionHandle, Outcome};

use crate::support::stage::{Setting, Stage, batch, end, failures};

const SLOW: &str = "select f_slow('done', 600)";

/// A task whose statement runs.
async fn running(stage: &Stage, payload: Value) -> (ExecutionHandle, String) {
    let before = stage.calls("ExecuteStatement");
    let execution = stage.task(payload);
    stage.called("ExecuteStatement", before + 1).await;
    let described = described(stage, &execution).await;
    let id = described["Id"].as_str().expect("an id").to_owned();
    (execution, id)
}

/// The execution's latest statement. It is recorded a moment before it can be described.
async fn described(stage: &Stage, execution: &ExecutionHandle) -> Value {
    let latest = json!({"action": "describeStatement", "statementId": "LATEST", "executionArn": execution.arn()});
    for _ in 0..600 {
        if let Ok(described) = stage.invoke(latest.clone()).await {
            return described;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the statement is not described")
}

async fn runs(stage: &Stage, id: &str) -> bool {
    let describe = json!({"action": "describeStatement", "statementId": id});
    let described = stage.invoke(describe).await.expect("described");
    let status = described["Status"].as_str();
    matches!(status, Some("SUBMITTED" | "PICKED" | "STARTED"))
}

/// Stops an execution, and takes its event.
async fn stop(stage: &mut Stage, execution: &ExecutionHandle) -> Value {
    execution.stop(Some("Enough"), None);
    assert!(matches!(end(execution).await, Outcome::Aborted { .. }));
    let event = stage.execution_ended().await;
    assert_eq!(event["detail"]["executionArn"], execution.arn());
    event
}

#[tokio::test]
async fn the_statement_of_a_stopped_execution_is_cancelled() {
    let mut stage = Stage::original().await;
    let (execution, _) = running(&stage, json!({"sqlStatement": SLOW})).await;
    let stopped = stop(&mut stage, &execution).await;
    assert_eq!(stage.invoke(batch(&[&stopped])).await, Ok(failures(&[])));
    assert_eq!(stage.calls("CancelStatement"), 1);
    let completion = stage.completion().await;
    assert_eq!(completion["detail"]["state"], "ABORTED");
    assert_eq!(stage.invoke(batch(&[&completion])).await, Ok(failures(&[])));
    assert_eq!(stage.calls("SendTaskFailure"), 1, "nobody took it");
    assert_eq!(
        stage.invoke(stopped).await,
        Ok(Value::Null),
        "once more, directly"
    );
    assert_eq!(stage.calls("CancelStatement"), 1);
    stage.check(&[]);
}

#[tokio::test]
async fn a_payload_or_a_setting_can_leave_it_to_run() {
    let config = r#"
        [policies.standard]
        builtin = "standard"
        settings = { onStop = { aborted = "leave" } }
    "#;
    let set = |config: Option<&str>| {
        Stage::set(Setting {
            config: config.map(str::to_owned),
            ..Setting::default()
        })
    };
    for (config, payload, cancels) in [
        (None, json!({"sqlStatement": SLOW, "onStop": "leave"}), 0),
        (Some(config), json!({"sqlStatement": SLOW}), 0),
        (
            Some(config),
            json!({"sqlStatement": SLOW, "onStop": "cancel"}),
            1,
        ),
    ] {
        let mut stage = set(config).await;
        let (execution, id) = running(&stage, payload.clone()).await;
        let stopped = stop(&mut stage, &execution).await;
        assert_eq!(stage.invoke(stopped).await, Ok(Value::Null));
        assert_eq!(stage.calls("CancelStatement"), cancels, "{payload}");
        if cancels == 0 {
            assert!(runs(&stage, &id).await, "{payload}");
        }
        stage.check(&[]);
    }
}

#[tokio::test]
async fn an_execution_that_runs_and_statements_of_others_are_not_touched() {
    let mut stage = Stage::original().await;
    let (stays, stays_id) = running(&stage, json!({"sqlStatement": SLOW})).await;
    let (stops, stops_id) = running(&stage, json!({"sqlStatement": SLOW})).await;
    let stopped = stop(&mut stage, &stops).await;
    // Somebody says that the one which runs has stopped too.
    let mut forged = stopped.clone();
    forged["detail"]["executionArn"] = json!(stays.arn());
    let raised = stage
        .invoke(forged.clone())
        .await
        .expect_err("it still runs");
    assert_eq!(raised.error_type, "TryAgain");
    forged["detail"]["stopDate"] = json!(1_000_000_000_000_i64);
    assert_eq!(
        stage.invoke(forged).await,
        Ok(Value::Null),
        "long ago: it was redriven"
    );
    assert_eq!(stage.calls("CancelStatement"), 0);

    assert_eq!(stage.invoke(stopped).await, Ok(Value::Null));
    assert_eq!(stage.calls("CancelStatement"), 1);
    assert_eq!(
        stage.completion().await["detail"]["statementId"],
        json!(stops_id)
    );
    assert!(runs(&stage, &stays_id).await);
    assert!(stays.outcome().is_none());
    stage.check(&[]);
}

#[tokio::test]
async fn a_statement_that_was_recorded_after_the_stop_is_not_touched() {
    let mut stage = Stage::original().await;
    let (execution, _) = running(&stage, json!({"sqlStatement": SLOW})).await;
    let stopped = stop(&mut stage, &execution).await;
    // As a redriven execution would: the same ARN, another token.
    let redriven = json!({"sqlStatement": SLOW, "taskToken": "TOKEN-AFTER-THE-STOP", "executionArn": execution.arn()});
    let started = stage.invoke(redriven).await.expect("started");
    assert_eq!(stage.invoke(stopped).await, Ok(Value::Null));
    assert_eq!(stage.calls("CancelStatement"), 1);
    let aborted = stage.completion().await;
    assert_ne!(aborted["detail"]["statementId"], started["Id"]);
    let id = started["Id"].as_str().expect("an id");
    assert!(runs(&stage, id).await);
    stage.check(&["TOKEN-AFTER-THE-STOP"]);
}
