//! Sessions and batches on the Data API of this machine.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_local::step_functions::Outcome;

use crate::support::stage::{Stage, batch, end, failures};

/// Runs SQL to its end without a task; the reply to its start.
async fn run(stage: &Stage, sql: &str, options: Value) -> Value {
    let mut payload = json!({ "sqlStatement": sql, "waitSeconds": 30 });
    let (Some(payload_fields), Value::Object(options)) = (payload.as_object_mut(), options) else {
        panic!("objects")
    };
    payload_fields.extend(options);
    stage.invoke(payload).await.expect("started")
}

#[tokio::test]
async fn a_session_keeps_its_temporary_tables_for_its_own() {
    let stage = Stage::original().await;
    let made = "create temp table kept as select 7 as seven";
    let opened = run(&stage, made, json!({"sessionKeepAliveSeconds": 600})).await;
    let session = opened["SessionId"].as_str().expect("a session").to_owned();
    let read = run(
        &stage,
        "select seven from kept",
        json!({"sessionId": session}),
    )
    .await;
    let page = json!({"action": "getStatementResult", "statementId": read["Id"]});
    let page = stage.invoke(page).await.expect("a page");
    assert_eq!(page["Records"], json!([[{"longValue": 7}]]));

    let unknown = session.replace(|c: char| c.is_ascii_hexdigit(), "0");
    let failed = stage
        .invoke(json!({"sqlStatement": "select 1", "sessionId": unknown}))
        .await
        .expect_err("it is nobody's");
    assert_eq!(failed.error_type, "NotGranted");

    let slow = json!({"sqlStatement": "select pg_sleep(600)", "sessionId": session});
    let slow = stage.invoke(slow).await.expect("started");
    let failed = stage
        .invoke(json!({"sqlStatement": "select 1", "sessionId": session}))
        .await
        .expect_err("it is busy");
    assert_eq!(failed.error_type, "ConcurrentExecution");
    let id = slow["Id"].as_str().expect("an id");
    assert!(failed.message.contains(id), "{}", failed.message);
    let cancel = json!({"action": "cancelStatement", "statementId": id});
    stage.invoke(cancel).await.expect("cancelled");
    stage.check(&[]);
}

#[tokio::test]
async fn a_session_that_closed_is_replaced_on_request() {
    let stage = Stage::original().await;
    let opened = run(&stage, "select 1", json!({"sessionKeepAliveSeconds": 1})).await;
    let session = opened["SessionId"].as_str().expect("a session").to_owned();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let again = |n: u32, on_lost: &str| {
        stage.invoke(json!({
            "sqlStatement": format!("select {n}"), "sessionId": session, "onSessionLost": on_lost, "waitSeconds": 30
        }))
    };
    let failed = again(1, "fail").await.expect_err("it is closed");
    assert_eq!(failed.error_type, "SessionLost");
    let replaced = again(2, "replace").await.expect("in a new one");
    assert!(replaced["SessionId"].is_string());
    assert_ne!(replaced["SessionId"], session.as_str());
    stage.check(&[]);
}

#[tokio::test]
async fn a_batch_says_how_each_statement_ended() {
    let mut stage = Stage::original().await;
    let execution = stage.task(json!({
        "sqlStatements": ["select 1 as one", "create temp table t as select 2 as two", "select two from t"],
        "output": "rows"
    }));
    let event = stage.completion().await;
    assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
    let Outcome::Succeeded { output } = end(&execution).await else {
        panic!("it succeeded")
    };
    let parts = output["SubStatements"].as_array().expect("its parts");
    assert_eq!(parts.len(), 3);
    assert!(
        parts.iter().all(|part| part["Status"] == "FINISHED"),
        "{parts:?}"
    );
    assert_eq!(parts[2]["Records"], json!([[{"longValue": 2}]]));
    stage.check(&[]);
}
