//! Errors as a state machine sees them.

use serde_json::{Value, json};

use crate::support::stage::{Setting, Stage, batch, failure, failures};

const ARN: &str = "arn:aws:states:us-east-1:000000000000:execution:machine:name";

/// Payloads that are refused: the error's name and a part of its message.
fn refused() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    let long = format!("select '{}'", "x".repeat(102_400));
    vec![
        (
            "nothing known",
            json!({"hello": "SECRET"}),
            "InvalidRequest",
            "Unsupported invocation event",
        ),
        (
            "no object",
            json!(["SECRET"]),
            "InvalidRequest",
            "a list, not an object",
        ),
        (
            "near miss of the main field",
            json!({"sqlStatment": "select 1"}),
            "InvalidRequest",
            "`sqlStatement`",
        ),
        (
            "near miss of a field",
            json!({"sqlStatement": "select 1", "taskTokn": "t"}),
            "InvalidRequest",
            "taskToken",
        ),
        (
            "unknown action",
            json!({"sqlStatement": "select 1", "action": "explode"}),
            "InvalidRequest",
            "explode",
        ),
        (
            "wrong type",
            json!({"sqlStatement": 3}),
            "InvalidRequest",
            "sqlStatement",
        ),
        (
            "empty SQL",
            json!({"sqlStatement": ""}),
            "InvalidRequest",
            "sqlStatement",
        ),
        (
            "only a comment",
            json!({"sqlStatement": "-- nothing"}),
            "InvalidRequest",
            "sqlStatement",
        ),
        (
            "long SQL",
            json!({"sqlStatement": long}),
            "InvalidRequest",
            "102",
        ),
        (
            "two statements",
            json!({"sqlStatement": "select ';'; select 2"}),
            "InvalidRequest",
            "statements",
        ),
        (
            "token alone",
            json!({"sqlStatement": "select 1", "taskToken": "SECRET"}),
            "InvalidRequest",
            "executionArn",
        ),
        (
            "empty value",
            json!({"sqlStatement": "select :colour", "parameters": {"colour": ""}}),
            "InvalidRequest",
            "colour",
        ),
        (
            "unused value",
            json!({"sqlStatement": "select 1", "parameters": {"colour": "1"}}),
            "InvalidRequest",
            "colour",
        ),
        (
            "missing value",
            json!({"sqlStatement": "select :colour, :shade", "parameters": {"colour": "1"}}),
            "InvalidRequest",
            "shade",
        ),
        (
            "LATEST of nobody",
            json!({"action": "describeStatement", "statementId": "LATEST"}),
            "InvalidRequest",
            "executionArn",
        ),
        (
            "LATEST of nothing",
            json!({"action": "describeStatement", "statementId": "LATEST", "executionArn": ARN}),
            "PreviousExecutionNotFound",
            "No statement was started",
        ),
        (
            "no statement's id",
            json!({"action": "cancelStatement", "statementId": "abc"}),
            "InvalidRequest",
            "statementId",
        ),
        (
            "a statement that is not there",
            json!({"action": "describeStatement", "statementId": "11111111-2222-3333-4444-555555555555"}),
            "ResourceNotFoundException",
            "",
        ),
        (
            "unknown target",
            json!({"sqlStatement": "select 1", "target": "elsewhere"}),
            "NotGranted",
            "elsewhere",
        ),
        (
            "unknown policy",
            json!({"sqlStatement": "select 1", "policy": "lax"}),
            "NotGranted",
            "lax",
        ),
        (
            "half a request of CloudFormation",
            json!({"RequestType": "Create", "ResponseURL": "https://SECRET", "sqlStatement": "select 1"}),
            "InvalidRequest",
            "`StackId`",
        ),
        (
            "a request of CloudFormation with an address of somebody else",
            json!({
                "RequestType": "Create", "ResponseURL": "https://SECRET.example/k", "StackId": "s", "RequestId": "r",
                "ResourceType": "t", "LogicalResourceId": "l", "sqlStatement": "select 1"
            }),
            "InvalidRequest",
            "`ResponseURL` is not CloudFormation's",
        ),
    ]
}

/// The payload as a state that waits for its token would send it. None where it cannot carry one.
fn waiting(payload: &Value, part: &str) -> Option<Value> {
    let mut waiting = payload.as_object()?.clone();
    // A token that is misspelt or alone stays so, with the task's own in it.
    let own = waiting
        .keys()
        .find(|name| name.starts_with("taskT"))
        .cloned();
    if let Some(name) = &own {
        waiting.remove(name);
    }
    let name = own.clone().unwrap_or_else(|| "taskToken".to_owned());
    waiting.insert(format!("{name}.$"), json!("$$.Task.Token"));
    if own.is_none() && part != "executionArn" && !waiting.contains_key("executionArn") {
        waiting.insert("executionArn.$".to_owned(), json!("$$.Execution.Id"));
    }
    Some(Value::Object(waiting))
}

#[tokio::test]
async fn every_bad_payload_is_refused_by_name_the_task_is_told_and_the_next_event_is_served() {
    let stage = Stage::original().await;
    for (served, (case, payload, error_type, part)) in (0..).zip(refused()) {
        let failed = stage.invoke(payload.clone()).await.expect_err(case);
        assert_eq!(failed.error_type, error_type, "{case}: {}", failed.message);
        assert!(failed.message.contains(part), "{case}: {}", failed.message);
        assert!(
            !failed.message.contains("SECRET"),
            "{case}: {}",
            failed.message
        );
        if let Some(payload) = waiting(&payload, part) {
            let (error, cause) = failure(&stage.execution(payload)).await;
            assert_eq!(error, error_type, "{case}, with a task: {cause}");
            assert!(cause.contains(part), "{case}, with a task: {cause}");
            assert!(!cause.contains("SECRET"), "{case}, with a task: {cause}");
        }
        assert_eq!(
            stage.calls("ExecuteStatement"),
            served,
            "{case}: nothing was started"
        );
        let next = stage.invoke(json!({"sqlStatement": "select 1"})).await;
        assert!(
            next.as_ref().is_ok_and(|reply| reply["Id"].is_string()),
            "after {case}: {next:?}"
        );
    }
    stage.check(&["SECRET"]);
}

#[tokio::test]
async fn fields_that_nobody_knows_go_by_the_setting() {
    for (rule, serves, says) in [
        (None, true, true),
        (Some("warn"), true, true),
        (Some("ignore"), true, false),
        (Some("refuse"), false, true),
    ] {
        let mut setting = Setting::default();
        if let Some(rule) = rule {
            setting
                .variables
                .push(("SIGNALBOX_UNKNOWN_FIELDS", rule.to_owned()));
        }
        let stage = Stage::set(setting).await;
        let payload = json!({"sqlStatement": "select 1", "colourOfTheSky": "SECRET"});
        let answer = stage.invoke(payload.clone()).await;
        assert_eq!(answer.is_ok(), serves, "{rule:?}: {answer:?}");
        if let Err(failed) = answer {
            assert_eq!(failed.error_type, "InvalidRequest");
            assert!(
                failed.message.contains("colourOfTheSky"),
                "{}",
                failed.message
            );
            assert_eq!(failure(&stage.task(payload)).await.0, "InvalidRequest");
        }
        // The decision record has the payload, with the field's name, in any case.
        let told = stage
            .lambda
            .log()
            .iter()
            .any(|line| line.contains("colourOfTheSky") && !line.contains("signalbox::record"));
        assert_eq!(told, says, "{rule:?}");
        let near = stage
            .invoke(json!({"sqlStatement": "select 1", "targt": "x"}))
            .await;
        let near = near.expect_err("a near miss is refused under every rule");
        assert_eq!(near.error_type, "InvalidRequest");
        assert!(near.message.contains("`target`"), "{}", near.message);
        stage.check(&["SECRET"]);
    }
}

#[tokio::test]
async fn an_event_that_is_nested_too_deeply_is_refused_by_name() {
    let stage = Stage::original().await;
    let deep = format!(
        "{{\"sqlStatement\": {}1{}}}",
        "[".repeat(2_000),
        "]".repeat(2_000)
    );
    let failed = stage
        .lambda
        .api
        .invoke_text(&deep, crate::support::runtime_api::FUNCTION_TIME)
        .await;
    assert_eq!(failed.expect_err("refused").error_type, "InvalidRequest");
    assert!(
        stage
            .invoke(json!({"sqlStatement": "select 1"}))
            .await
            .is_ok()
    );
    stage.check(&[]);
}

#[tokio::test]
async fn a_refusal_ends_the_waiting_task_with_its_name() {
    let stage = Stage::original().await;
    for (payload, name) in [
        (
            json!({"sqlStatement": "select 1; select 2"}),
            "InvalidRequest",
        ),
        (
            json!({"sqlStatement": "select 1", "target": "elsewhere"}),
            "NotGranted",
        ),
    ] {
        let execution = stage.task(payload);
        assert_eq!(failure(&execution).await.0, name);
    }
    assert_eq!(stage.calls("ExecuteStatement"), 0);
    stage.check(&[]);
}

#[tokio::test]
async fn a_second_singleton_is_refused_while_the_first_runs() {
    let mut stage = Stage::original().await;
    let payload = json!({"sqlStatement": "select f_slow('once', 600)", "action": "executeSingletonStatement"});
    let first = stage.task(payload.clone());
    stage.called("ExecuteStatement", 1).await;
    let second = stage.task(payload.clone());
    assert_eq!(failure(&second).await.0, "ConcurrentExecution");

    let cancel =
        json!({"action": "cancelStatement", "statementId": "LATEST", "executionArn": first.arn()});
    while stage.invoke(cancel.clone()).await.is_err() {}
    let event = stage.completion().await;
    assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
    assert_eq!(failure(&first).await.0, "FAILED");
    assert!(stage.invoke(payload).await.expect("free again")["Id"].is_string());
    stage.check(&[]);
}

#[tokio::test]
async fn an_error_of_redshift_keeps_its_name() {
    use signalbox_local::{CallFault, ServiceFault};
    let stage = Stage::original().await;
    let fault = |code: &str| {
        CallFault::FailBefore(ServiceFault {
            code: code.to_owned(),
            message: "said so".to_owned(),
            status: 400,
        })
    };
    for code in ["ValidationException", "ActiveStatementsExceededException"] {
        stage
            .redshift_faults
            .next_call("ExecuteStatement", fault(code));
        let execution = stage.task(json!({"sqlStatement": "select 1"}));
        assert_eq!(failure(&execution).await.0, code);
    }
    stage.check(&[]);
}
