//! A second start on the same data directory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_sdk_redshiftdata::{
    Client,
    types::{Field, ResultFormatString, StatusString},
};
use serde_json::json;

use signalbox_local::step_functions::{
    Definition, Observation, Outcome, StepFunctions, StepFunctionsOptions, What,
};

use crate::{
    function::{ByHttp, until},
    support::{PATIENCE, Serve, command},
};

async fn execute(client: &Client, sql: &str, token: &str) -> String {
    let call = client.execute_statement().sql(sql).client_token(token);
    let call = call
        .cluster_identifier("local")
        .database("dev")
        .db_user("admin");
    call.send().await.unwrap().id.unwrap()
}

async fn ended(client: &Client, id: &str) -> StatusString {
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            let described = client.describe_statement().id(id).send().await.unwrap();
            match described.status.unwrap() {
                end @ (StatusString::Finished | StatusString::Failed | StatusString::Aborted) => {
                    return end;
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    });
    waited.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_found_again_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let serve = Serve::in_directory(folder.path(), &[]);
    let client = serve.redshift().await;
    let made = execute(&client, "create table t (n int, name varchar)", "make").await;
    assert_eq!(ended(&client, &made).await, StatusString::Finished);
    let filled = execute(
        &client,
        "insert into t values (1, 'one'), (2, null)",
        "fill",
    )
    .await;
    assert_eq!(ended(&client, &filled).await, StatusString::Finished);
    let read = execute(&client, "select n, name from t order by n", "read").await;
    assert_eq!(ended(&client, &read).await, StatusString::Finished);
    let call = client
        .execute_statement()
        .sql("select n from t order by n")
        .result_format(ResultFormatString::Csv);
    let call = call.workgroup_name("adhoc").database("dev");
    let csv = call.send().await.unwrap().id.unwrap();
    assert_eq!(ended(&client, &csv).await, StatusString::Finished);
    let sleeping = execute(&client, "select f_slow('x', 3600)", "sleep").await;
    let (arn, payload) = (
        "arn:aws:states:us-east-1:000000000000:execution:m:1",
        "select f_slow('y', 3600)",
    );
    let invoked = serve.invoke(
        "tasker",
        "",
        json!({"sqlStatement": payload, "executionArn": arn})
            .to_string()
            .as_bytes(),
    );
    assert_eq!(invoked.header("x-amz-function-error"), None, "{invoked:?}");
    let running = invoked.json()["Id"].as_str().unwrap().to_owned();
    // Dropped, it is killed without a word.
    drop(serve);

    let serve = Serve::in_directory(folder.path(), &[]);
    let client = serve.redshift().await;
    for id in [&sleeping, &running] {
        let cut = client.describe_statement().id(id).send().await.unwrap();
        assert_eq!(cut.status, Some(StatusString::Failed));
        let error = cut.error.unwrap();
        assert!(error.contains("the server ended"), "{error}");
    }
    let rows = client
        .get_statement_result()
        .id(&read)
        .send()
        .await
        .unwrap();
    assert_eq!(rows.total_num_rows, 2);
    assert_eq!(
        rows.records[0],
        [Field::LongValue(1), Field::StringValue("one".to_owned())]
    );
    assert_eq!(rows.records[1][1], Field::IsNull(true));
    let text = client
        .get_statement_result_v2()
        .id(&csv)
        .send()
        .await
        .unwrap();
    assert_eq!(
        text.records[0].as_csv_records().unwrap().replace('\r', ""),
        "1\n2\n"
    );
    // Every statement has one id for its token, before the crash and after it.
    assert_eq!(
        execute(&client, "select n, name from t order by n", "read").await,
        read
    );
    let other = client
        .execute_statement()
        .sql("select 2")
        .client_token("read");
    let other = other
        .cluster_identifier("local")
        .database("dev")
        .send()
        .await;
    assert!(
        other
            .unwrap_err()
            .into_service_error()
            .is_validation_exception()
    );
    let listed = client.list_statements().send().await.unwrap();
    let ids: Vec<_> = listed.statements.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, [&csv, &read, &filled, &made]);
    let latest = serve.invoke(
        "tasker",
        "",
        json!({"action": "describeStatement", "statementId": "LATEST", "executionArn": arn})
            .to_string()
            .as_bytes(),
    );
    assert_eq!(latest.json()["Id"], running, "{latest:?}");
    // What was written is written once.
    let count = execute(&client, "select count(*) from t", "count").await;
    assert_eq!(ended(&client, &count).await, StatusString::Finished);
    let rows = client
        .get_statement_result()
        .id(&count)
        .send()
        .await
        .unwrap();
    assert_eq!(rows.records[0], [Field::LongValue(2)]);
}

/// A task waits elsewhere for SQL that had not ended when everything here was killed.
#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_waits_is_told_after_a_crash() {
    let returned = Arc::new(AtomicBool::new(false));
    let has_returned = Arc::clone(&returned);
    let states = StepFunctions::start(StepFunctionsOptions {
        observer: Some(Arc::new(move |seen: &Observation| {
            if matches!(seen.what, What::FunctionReturned { .. }) {
                has_returned.store(true, Ordering::SeqCst);
            }
        })),
        ..StepFunctionsOptions::default()
    })
    .await
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = states.url();
    let serve = Serve::in_directory(folder.path(), &["--sfn-endpoint", &url]);
    states.set_function(Arc::new(ByHttp(serve.url("lambdaUrl").to_owned())));
    let definition = Definition::from_value(&json!({"StartAt": "Load", "States": {"Load": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": true,
        "Parameters": {"FunctionName": "tasker", "Payload": {
            "taskToken.$": "$$.Task.Token", "executionArn.$": "$$.Execution.Id",
            "sqlStatement": "select f_slow('x', 86000)"
        }}
    }}}));
    let execution = states.start_execution("machine", definition.as_ref().unwrap(), json!({}));
    until(|| returned.load(Ordering::SeqCst)).await;
    // Dropped, it is killed without a word.
    drop(serve);

    let serve = Serve::in_directory(folder.path(), &["--sfn-endpoint", &url]);
    let outcome = tokio::time::timeout(PATIENCE, execution.end()).await;
    match outcome.expect("the task is told") {
        Outcome::Failed { error } => {
            assert_eq!(error.error, "FAILED");
            assert!(error.cause.contains("the server ended"), "{error:?}");
        }
        other => panic!("{other:?}"),
    }
    // The SQL was not started again.
    let all = serve
        .call("ListStatements", b"{\"Status\": \"ALL\"}")
        .json();
    assert_eq!(all["Statements"].as_array().unwrap().len(), 1, "{all}");
    states.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_aborts_what_runs_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let serve = Serve::in_directory(folder.path(), &[]);
    let client = serve.redshift().await;
    let id = execute(&client, "select f_slow('x', 3600)", "sleep").await;
    until(|| {
        let body = format!(r#"{{"Id": "{id}"}}"#);
        serve.call("DescribeStatement", body.as_bytes()).json()["Status"] == "STARTED"
    })
    .await;
    assert_eq!(serve.signal("TERM"), Some(0));

    let serve = Serve::in_directory(folder.path(), &[]);
    let client = serve.redshift().await;
    let aborted = client.describe_statement().id(&id).send().await.unwrap();
    assert_eq!(aborted.status, Some(StatusString::Aborted));
    assert!(aborted.error.unwrap().contains("the server was stopped"));
}

#[test]
fn a_directory_has_one_server_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let serve = Serve::in_directory(folder.path(), &[]);
    let second = command(&["--data-dir", path]).output().unwrap();
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(2), "{text}");
    assert!(text.contains("in use by another process"), "{text}");
    assert_eq!(serve.signal("TERM"), Some(0));
    drop(Serve::in_directory(folder.path(), &[]));
}
