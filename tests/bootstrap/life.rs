//! The life of a task that ends well or with its SQL.

use serde_json::{Value, json};
use signalbox_local::step_functions::{Outcome, machines};

use crate::support::{
    runtime_api::FUNCTION_ARN,
    stage::{Setting, Stage, batch, end, failure, failures},
};

#[tokio::test]
async fn a_task_of_the_originals_state_machine_succeeds_with_the_event() {
    let mut stage = Stage::original().await;
    let definition = machines::sql_step(FUNCTION_ARN, "select 'SECRET-LITERAL' as word", None)
        .expect("a definition");
    let execution = stage
        .states
        .start_execution("sql-step", &definition, json!({}));
    let event = stage.completion().await;
    assert_eq!(event["detail"]["state"], "FINISHED");
    assert!(execution.outcome().is_none(), "nobody answered yet");
    assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
    assert_eq!(end(&execution).await, Outcome::Succeeded { output: event });
    assert_eq!(
        (
            stage.calls("ExecuteStatement"),
            stage.calls("SendTaskSuccess")
        ),
        (1, 1)
    );
    stage.check(&["SECRET-LITERAL"]);
}

#[tokio::test]
async fn failing_sql_fails_the_task_with_the_event_and_the_reason() {
    let mut stage = Stage::original().await;
    let execution = stage.task(json!({"sqlStatement": "select get_date()"}));
    let event = stage.completion().await;
    assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
    let (error, cause) = failure(&execution).await;
    assert_eq!(error, "FAILED");
    let cause: Value = serde_json::from_str(&cause).expect("a cause in JSON");
    assert_eq!(
        cause["detail"]["statementId"],
        event["detail"]["statementId"]
    );
    let reason = cause["detail"]["error"].as_str().expect("the reason");
    assert!(reason.contains("get_date"), "{reason}");
    stage.check(&[]);
}

#[tokio::test]
async fn an_event_straight_from_eventbridge_answers_too() {
    let mut stage = Stage::original().await;
    let execution = stage.task(json!({"sqlStatement": "select 1"}));
    let event = stage.completion().await;
    assert_eq!(stage.invoke(event.clone()).await, Ok(Value::Null));
    assert_eq!(end(&execution).await, Outcome::Succeeded { output: event });
    stage.check(&[]);
}

#[tokio::test]
async fn without_a_token_the_reply_is_redshifts_and_the_statement_can_be_asked_about() {
    let stage = Stage::original().await;
    let started = stage
        .invoke(json!({"sqlStatement": "select 1 as one, 'a' as letter"}))
        .await
        .expect("started");
    let id = started["Id"].as_str().expect("an id");
    assert_eq!(
        (&started["ClusterIdentifier"], &started["DbUser"]),
        (&json!("analytics-1"), &json!("admin"))
    );
    let described = poll(&stage, id).await;
    assert_eq!(described["Status"], "FINISHED");
    assert_eq!(described["ResultRows"], 1);
    let page = stage
        .invoke(json!({"action": "getStatementResult", "statementId": id}))
        .await
        .expect("a page");
    assert_eq!(
        page["Records"],
        json!([[{"longValue": 1}, {"stringValue": "a"}]])
    );
    assert_eq!(stage.calls("SendTaskSuccess"), 0);
    stage.check(&[]);
}

#[tokio::test]
async fn a_long_result_is_read_page_by_page() {
    const ROWS: u64 = 2_500;
    let stage = Stage::original().await;
    let sql = format!(
        "with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < {ROWS}) select n from numbers"
    );
    let started = stage.invoke(json!({"sqlStatement": sql})).await;
    let started = started.expect("started");
    let id = started["Id"].as_str().expect("an id");
    poll(&stage, id).await;
    let mut ask = json!({"action": "getStatementResult", "statementId": id});
    let mut seen = Vec::new();
    let mut pages = 0;
    loop {
        let page = stage.invoke(ask.clone()).await.expect("a page");
        assert_eq!(page["TotalNumRows"], ROWS);
        let rows = page["Records"].as_array().expect("rows");
        seen.extend(rows.iter().filter_map(|row| row[0]["longValue"].as_u64()));
        pages += 1;
        match page["NextToken"].as_str() {
            Some(token) => ask["nextToken"] = json!(token),
            None => break,
        }
    }
    assert!(pages > 1, "one page has no next one");
    assert_eq!(seen, (1..=ROWS).collect::<Vec<_>>());
    stage.check(&[]);
}

#[tokio::test]
async fn latest_is_the_statement_of_the_execution() {
    let mut stage = Stage::original().await;
    let execution = stage.task(json!({"sqlStatement": "select 7 as seven"}));
    let event = stage.completion().await;
    stage.invoke(batch(&[&event])).await.expect("settled");
    end(&execution).await;
    let latest = json!({"action": "getStatementResult", "statementId": "LATEST", "executionArn": execution.arn()});
    assert_eq!(
        stage.invoke(latest).await.expect("a page")["Records"],
        json!([[{"longValue": 7}]])
    );
    stage.check(&[]);
}

#[tokio::test]
async fn a_branch_reads_and_cancels_its_own_statement() {
    let stage = Stage::original().await;
    let arn = "arn:aws:states:us-east-1:000000000000:execution:machine:branches";
    let mut ids = Vec::new();
    for step in ["left", "right"] {
        let sql = format!("select pg_sleep(600) as {step}");
        let start = json!({"sqlStatement": sql, "executionArn": arn, "step": step});
        ids.push(stage.invoke(start).await.expect("started")["Id"].clone());
    }
    let ask = |action: &str, step: Option<&str>| {
        let mut ask = json!({"action": action, "statementId": "LATEST", "executionArn": arn});
        if let Some(step) = step {
            ask["step"] = json!(step);
        }
        stage.invoke(ask)
    };
    for (step, id) in [
        (Some("left"), &ids[0]),
        (Some("right"), &ids[1]),
        (None, &ids[1]),
    ] {
        let described = ask("describeStatement", step).await.expect("described");
        assert_eq!(described["Id"], *id, "{step:?}");
    }
    for action in ["describeStatement", "getStatementResult", "cancelStatement"] {
        let failed = ask(action, Some("middle")).await.expect_err("no such step");
        assert_eq!(failed.error_type, "PreviousExecutionNotFound", "{action}");
    }
    ask("cancelStatement", Some("left"))
        .await
        .expect("cancelled");
    let left = poll(&stage, ids[0].as_str().expect("an id")).await;
    assert_eq!(left["Status"], "ABORTED");
    let right = ask("describeStatement", Some("right"))
        .await
        .expect("described");
    assert_ne!(right["Status"], "ABORTED", "the sibling's goes on");
    ask("cancelStatement", None).await.expect("cancelled");
    stage.check(&[]);
}

#[tokio::test]
async fn an_execution_without_a_token_is_tracked_too() {
    let stage = Stage::original().await;
    let arn = "arn:aws:states:us-east-1:000000000000:execution:machine:tracked";
    let started = stage
        .invoke(json!({"sqlStatement": "select 1", "executionArn": arn}))
        .await
        .expect("started");
    let latest =
        json!({"action": "describeStatement", "statementId": "LATEST", "executionArn": arn});
    assert_eq!(
        stage.invoke(latest).await.expect("described")["Id"],
        started["Id"]
    );
    stage.check(&[]);
}

#[tokio::test]
async fn the_same_task_invoked_again_starts_nothing() {
    let stage = Stage::original().await;
    let payload = json!({
        "sqlStatement": "select 1", "taskToken": "TOKEN-OF-A-TASK",
        "executionArn": "arn:aws:states:us-east-1:000000000000:execution:machine:again"
    });
    let first = stage.invoke(payload.clone()).await.expect("started");
    let second = stage.invoke(payload).await.expect("known");
    assert_eq!(first["Id"], second["Id"]);
    assert_eq!(stage.calls("ExecuteStatement"), 1);
    stage.check(&["TOKEN-OF-A-TASK"]);
}

#[tokio::test]
async fn a_request_that_lambda_repeats_starts_nothing() {
    let stage = Stage::original().await;
    let event = json!({"sqlStatement": "select 1"}).to_string();
    let time = crate::support::runtime_api::FUNCTION_TIME;
    let first = stage
        .lambda
        .api
        .invoke_again("same-request", &event, time)
        .await
        .expect("started");
    let second = stage
        .lambda
        .api
        .invoke_again("same-request", &event, time)
        .await
        .expect("known");
    assert_eq!(first["Id"], second["Id"]);
    assert_eq!(stage.calls("ExecuteStatement"), 1);
    stage.check(&[]);
}

#[tokio::test]
async fn a_lost_event_is_found_by_the_sweep() {
    let mut setting = Setting::default();
    setting
        .variables
        .push(("SIGNALBOX_SWEEP_AFTER_SECONDS", "1".to_owned()));
    let stage = Stage::set(setting).await;
    stage
        .event_faults
        .next(signalbox_local::data_api::EventFault::Drop);
    let execution = stage.task(json!({"sqlStatement": "select 1"}));
    stage.called("ExecuteStatement", 1).await;
    let swept = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        while execution.outcome().is_none() {
            let summary = stage
                .invoke(json!({"source": "aws.events", "detail-type": "Scheduled Event"}))
                .await;
            assert!(summary.expect("a summary")["examined"].is_u64());
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    swept.await.expect("the sweep answers");
    let Outcome::Succeeded { output } = end(&execution).await else {
        panic!("it succeeded")
    };
    assert_eq!(
        output["detail"]["state"], "FINISHED",
        "the output has the shape of an event"
    );
    assert_eq!(stage.calls("SendTaskSuccess"), 1);
    stage.check(&[]);
}

async fn poll(stage: &Stage, id: &str) -> Value {
    let describe = json!({"action": "describeStatement", "statementId": id});
    for _ in 0..600 {
        let described = stage.invoke(describe.clone()).await.expect("described");
        if matches!(
            described["Status"].as_str(),
            Some("FINISHED" | "FAILED" | "ABORTED")
        ) {
            return described;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the statement did not end");
}
