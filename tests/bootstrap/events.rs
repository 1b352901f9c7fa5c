//! Events that are duplicated, foreign, forged, broken, or come by a queue.

use serde_json::{Value, json};
use signalbox_local::step_functions::Outcome;

use crate::support::stage::{Stage, batch, end, failure, failures, record};

#[tokio::test]
async fn duplicates_of_an_event_are_one_answer() {
    let mut stage = Stage::original().await;
    let execution = stage.task(json!({"sqlStatement": "select 1"}));
    let event = stage.completion().await;
    assert_eq!(
        stage.invoke(batch(&[&event, &event, &event])).await,
        Ok(failures(&[]))
    );
    assert_eq!(stage.invoke(event.clone()).await, Ok(Value::Null));
    assert_eq!(end(&execution).await, Outcome::Succeeded { output: event });
    assert_eq!(stage.calls("SendTaskSuccess"), 1);
    stage.check(&[]);
}

#[tokio::test]
async fn foreign_events_are_ignored_without_an_error() {
    let mut stage = Stage::original().await;
    let execution = stage.task(json!({"sqlStatement": "select 1"}));
    let event = stage.completion().await;
    let foreign: Vec<Value> = [
        "".to_owned(),
        "my_query".to_owned(),
        "test.testtable".to_owned(),
        "arn:aws:states:eu-west-1:1:execution:m:e:1630000000.5".to_owned(),
        format!("sbx-tasker:{}", "0".repeat(64)),
        event["detail"]["statementName"]
            .as_str()
            .expect("a name")
            .replace("sbx-tasker:", "sbx-other:"),
    ]
    .into_iter()
    .map(|name| {
        let mut foreign = event.clone();
        foreign["detail"]["statementName"] = json!(name);
        foreign
    })
    .collect();
    assert_eq!(
        stage
            .invoke(batch(&foreign.iter().collect::<Vec<_>>()))
            .await,
        Ok(failures(&[]))
    );
    for event in foreign {
        assert_eq!(stage.invoke(event).await, Ok(Value::Null));
    }
    assert!(execution.outcome().is_none());
    assert_eq!(
        stage.invoke(batch(&[&event])).await,
        Ok(failures(&[])),
        "the real one still counts"
    );
    assert_eq!(end(&execution).await, Outcome::Succeeded { output: event });
    stage.check(&[]);
}

#[tokio::test]
async fn a_forged_event_changes_nothing() {
    let mut stage = Stage::original().await;
    let execution = stage.task(json!({"sqlStatement": "select f_slow('done', 600)"}));
    stage.called("ExecuteStatement", 1).await;
    let name = stage.statement_names().concat();
    let latest = |action: &str| json!({"action": action, "statementId": "LATEST", "executionArn": execution.arn()});
    let described = loop {
        // The statement is recorded a moment before it can be described.
        if let Ok(described) = stage.invoke(latest("describeStatement")).await {
            break described;
        }
    };
    let forged = |state: &str, id: &Value| {
        json!({
            "source": "aws.redshift-data", "detail-type": "Redshift Data Statement Status Change",
            "detail": {"statementName": name, "statementId": id, "state": state, "rows": 99}
        })
    };
    let finished = forged("FINISHED", &described["Id"]);
    assert_eq!(
        stage.invoke(batch(&[&finished])).await,
        Ok(failures(&["1"])),
        "it still runs"
    );
    let raised = stage.invoke(finished).await.expect_err("it still runs");
    assert_eq!(raised.error_type, "TryAgain");
    let other = forged("FAILED", &json!("11111111-2222-3333-4444-555555555555"));
    assert_eq!(
        stage.invoke(batch(&[&other])).await,
        Ok(failures(&[])),
        "not the recorded statement"
    );
    assert!(execution.outcome().is_none());

    assert_eq!(
        stage
            .invoke(latest("cancelStatement"))
            .await
            .expect("cancelled")["Status"],
        true
    );
    let event = stage.completion().await;
    let mut lie = event.clone();
    lie["detail"]["state"] = json!("FINISHED");
    assert_eq!(stage.invoke(batch(&[&lie])).await, Ok(failures(&[])));
    assert_eq!(
        failure(&execution).await.0,
        "FAILED",
        "what counts is what Redshift says"
    );
    assert_eq!(stage.calls("SendTaskSuccess"), 0);
    stage.check(&[]);
}

#[tokio::test]
async fn of_a_batch_only_what_is_broken_stays() {
    let mut stage = Stage::original().await;
    let execution = stage.task(json!({"sqlStatement": "select 1"}));
    let event = stage.completion().await;
    let mut no_name = event.clone();
    no_name["detail"]
        .as_object_mut()
        .expect("detail")
        .remove("statementName");
    let answer = stage
        .invoke(json!({"Records": [
            record("not-json", "{\"SECRET-IN-BODY"),
            record("good", &event.to_string()),
            record("no-object", "[1]"),
            record("no-name", &no_name.to_string()),
            record("other", "{\"source\": \"aws.s3\", \"detail-type\": \"Object Created\", \"detail\": {}}"),
        ]}))
        .await;
    assert_eq!(
        answer,
        Ok(failures(&["not-json", "no-object", "no-name", "other"]))
    );
    assert_eq!(end(&execution).await, Outcome::Succeeded { output: event });
    stage.check(&["SECRET-IN-BODY"]);
}

#[tokio::test]
async fn a_payload_from_a_queue_is_served_and_its_error_goes_to_the_token() {
    let mut stage = Stage::original().await;
    // Tasks that put their payload into a queue: here the function of the task is never asked.
    let token = |name: &str| format!("TOKEN-{name}");
    let payload = |sql: &str, name: &str| {
        json!({
            "sqlStatement": sql, "taskToken": token(name),
            "executionArn": format!("arn:aws:states:us-east-1:000000000000:execution:machine:{name}")
        })
    };
    let answer = stage
        .invoke(batch(&[&payload("select 1", "good"), &payload("", "bad")]))
        .await;
    assert_eq!(
        answer,
        Ok(failures(&[])),
        "the task is told, so the message is done"
    );
    assert_eq!(
        (
            stage.calls("ExecuteStatement"),
            stage.calls("SendTaskFailure")
        ),
        (1, 1)
    );
    let event = stage.completion().await;
    stage.invoke(batch(&[&event])).await.expect("settled");
    assert_eq!(stage.calls("SendTaskSuccess"), 1);

    let answer = stage.invoke(batch(&[&json!({"sqlStatement": ""})])).await;
    assert_eq!(answer, Ok(failures(&["1"])), "nobody could be told");
    stage.check(&["TOKEN-good", "TOKEN-bad"]);
}

#[tokio::test]
async fn a_message_that_comes_again_starts_nothing() {
    let stage = Stage::original().await;
    let batch = batch(&[&json!({"sqlStatement": "select 1"})]);
    assert_eq!(stage.invoke(batch.clone()).await, Ok(failures(&[])));
    assert_eq!(stage.invoke(batch).await, Ok(failures(&[])));
    assert_eq!(stage.calls("ExecuteStatement"), 1);
    stage.check(&[]);
}
