//! The function behind Lambda's Invoke API, and how its tasks end.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use signalbox_local::step_functions::{
    Definition, FunctionError, InvokeFunction, Outcome, StepFunctions, StepFunctionsOptions,
};

use crate::support::{PATIENCE, Serve, command, post};

#[tokio::test(flavor = "multi_thread")]
async fn the_invoke_api_speaks_as_lambda_does() {
    let serve = Serve::start(&["--function", "etl"]);
    let arn = "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Aetl";
    let payload = br#"{"sqlStatement": "select 1 as n", "waitSeconds": 20}"#;
    for name in [
        "etl",
        "etl:live",
        "123456789012:function:etl",
        arn,
        &format!("{arn}:7"),
    ] {
        let reply = serve.invoke(name, "", payload);
        assert_eq!(reply.status, 200, "{name}: {reply:?}");
        assert_eq!(reply.header("x-amz-function-error"), None, "{reply:?}");
        assert_eq!(reply.json()["Status"], "FINISHED", "{reply:?}");
        let version = if name.ends_with(":7") { "7" } else { "$LATEST" };
        assert_eq!(reply.header("x-amz-executed-version"), Some(version));
    }
    let tail = serve.invoke("etl", "X-Amz-Log-Type: Tail\r\n", payload);
    assert!(tail.header("x-amz-log-result").is_some(), "{tail:?}");

    let refused = serve.invoke("etl", "", b"{\"sqlStatemen\": 1}");
    assert_eq!(refused.status, 200);
    assert_eq!(refused.header("x-amz-function-error"), Some("Unhandled"));
    assert_eq!(refused.json()["errorType"], "InvalidRequest", "{refused:?}");

    let error = |name: &str, headers: &str, body: &[u8]| {
        let reply = serve.invoke(name, headers, body);
        assert!(reply.json()["Message"].is_string(), "{reply:?}");
        let code = reply.header("x-amzn-errortype").expect("a name").to_owned();
        (reply.status, code)
    };
    let large = vec![b' '; 7 * 1024 * 1024];
    let event = "X-Amz-Invocation-Type: Event\r\n";
    for (found, status, code) in [
        (error("other", "", b"{}"), 404, "ResourceNotFoundException"),
        (error("a%2Fb", "", b"{}"), 400, "ValidationException"),
        (
            error("etl", "", b"{"),
            400,
            "InvalidRequestContentException",
        ),
        (
            error("etl", "X-Amz-Invocation-Type: Often\r\n", b"{}"),
            400,
            "ValidationException",
        ),
        (
            error("etl", "", &large),
            413,
            "RequestEntityTooLargeException",
        ),
        (
            error("etl", event, &large[..2 * 1024 * 1024]),
            413,
            "RequestEntityTooLargeException",
        ),
    ] {
        assert_eq!(found, (status, code.to_owned()));
    }
    let dry = serve.invoke("etl", "X-Amz-Invocation-Type: DryRun\r\n", b"{}");
    assert_eq!(dry.status, 204);
    let other = post(serve.url("lambdaUrl"), "/2015-03-31/functions", "", b"");
    assert_eq!(other.status, 404);

    let later = serve.invoke(
        "etl",
        event,
        b"{\"sqlStatement\": \"create table came (n int)\"}",
    );
    assert_eq!((later.status, later.body.as_str()), (202, ""));
    until(|| {
        let listed = serve.call("ListStatements", b"{}").json();
        listed["Statements"]
            .as_array()
            .unwrap()
            .iter()
            .any(|statement| statement["QueryString"] == "create table came (n int)")
    })
    .await;
    assert_eq!(serve.signal("INT"), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_of_another_step_functions_end_by_either_kind_of_event() {
    for events in ["sqs", "eventbridge"] {
        let states = StepFunctions::start(StepFunctionsOptions::default())
            .await
            .unwrap();
        let serve = Serve::start(&["--events", events, "--sfn-endpoint", &states.url()]);
        assert_eq!(serve.url("answersAt"), states.url());
        states.set_function(Arc::new(ByHttp(serve.url("lambdaUrl").to_owned())));
        let run = async |sql: &str| {
            let definition = Definition::from_value(&json!({
                "StartAt": "Step",
                "States": { "Step": {
                    "Type": "Task",
                    "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                    "Parameters": { "FunctionName": "tasker", "Payload": {
                        "taskToken.$": "$$.Task.Token",
                        "executionArn.$": "$$.Execution.Id",
                        "sqlStatement": sql
                    }},
                    "End": true
                }}
            }));
            let run = states.run("machine", definition.as_ref().unwrap(), json!({}));
            tokio::time::timeout(PATIENCE, run).await.unwrap()
        };
        let outcome = run("select 1").await;
        assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
        match run("select no_such_function()").await {
            Outcome::Failed { error } => assert_eq!(error.error, "FAILED"),
            other => panic!("{other:?}"),
        }
        states.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_and_its_settings_can_be_given() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.json");
    std::fs::write(
        &rules,
        r#"{"rules": [{"name": "keep", "when": {"kinds": "drop-*"}, "then": {"deny": "keep it"}}], "unparsed": "deny", "unqualified": "allow"}"#,
    )
    .unwrap();
    let serve = Serve::start(&[
        "--policy",
        "standard",
        "--settings",
        rules.to_str().unwrap(),
    ]);
    let reply = serve.invoke("tasker", "", b"{\"sqlStatement\": \"drop table t\"}");
    assert_eq!(reply.json()["errorType"], "PolicyDenied", "{reply:?}");
}

#[test]
fn what_cannot_be_served_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (args, words) in [
        (["--port-redshift-data", port.as_str()], "is in use"),
        (["--port-lambda", &port], "is in use"),
        (["--port-step-functions", &port], "is in use"),
        (["--sfn-endpoint", "localhost"], "is no endpoint"),
        (["--settings", "/does/not/exist"], "cannot be read"),
        (["--policy", "/does/not/exist"], "/does/not/exist"),
        (["--config", "/does/not/exist"], "cannot read"),
    ] {
        let output = command(&args).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(text.contains(words), "{args:?}: {text}");
    }
}

/// Waits until something is so.
pub async fn until(mut is_so: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !is_so() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    waited.await.expect("in time");
}

/// The function, as another program's Step Functions invokes it.
pub struct ByHttp(pub String);

#[async_trait]
impl InvokeFunction for ByHttp {
    async fn invoke(&self, name: &str, payload: Value) -> Result<Value, FunctionError> {
        let (url, target) = (
            self.0.clone(),
            format!("/2015-03-31/functions/{name}/invocations"),
        );
        let body = payload.to_string();
        let reply = tokio::task::spawn_blocking(move || post(&url, &target, "", body.as_bytes()));
        let reply = reply.await.unwrap();
        if reply.header("x-amz-function-error").is_none() {
            return Ok(reply.json());
        }
        let error = reply.json();
        Err(FunctionError {
            error_type: error["errorType"].as_str().unwrap().to_owned(),
            message: error["errorMessage"].as_str().unwrap().to_owned(),
        })
    }
}
