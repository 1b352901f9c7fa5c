//! Requests of CloudFormation for custom resources.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_local::data_api::EventFault;

use crate::support::{
    response_bucket::{ResponseBucket, Turn},
    stage::{Setting, Stage, batch, failures},
};

const SIGNATURE: &str = "SIGNATURE0123456789abcdef";

/// A function and the bucket that it may answer to.
async fn stage() -> (Stage, ResponseBucket) {
    let bucket = ResponseBucket::start().await;
    let stage = Stage::set(Setting {
        variables: vec![
            ("SIGNALBOX_RESPONSE_ORIGINS", bucket.origin()),
            ("SIGNALBOX_SWEEP_AFTER_SECONDS", "1".to_owned()),
        ],
        ..Setting::default()
    });
    (stage.await, bucket)
}

fn request(bucket: &ResponseBucket, kind: &str, key: &str, sql: &str) -> Value {
    let mut request = json!({
        "RequestType": kind, "ServiceToken": "arn:aws:lambda:us-east-1:000000000000:function:manage",
        "ResponseURL": format!("{}/{key}?AWSAccessKeyId=k&Signature={SIGNATURE}", bucket.origin()),
        "StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/etl/1", "RequestId": key,
        "ResourceType": "Custom::Table", "LogicalResourceId": "Table",
        "ResourceProperties": { "create": "true" }, "sqlStatement": sql
    });
    if kind == "Update" {
        request["OldResourceProperties"] = json!({});
    }
    request
}

#[tokio::test]
async fn the_life_of_a_resource() {
    let (mut stage, bucket) = stage().await;
    let create = request(&bucket, "Create", "r-1", "create table made (id int)");
    stage.invoke(create.clone()).await.expect("started");
    stage.invoke(create).await.expect("a repeat");
    let event = stage.completion().await;
    assert_eq!(
        stage.invoke(batch(&[&event, &event])).await,
        Ok(failures(&[]))
    );
    let response = bucket.response("r-1");
    assert_eq!(response["Status"], "SUCCESS");
    assert_eq!(
        response["PhysicalResourceId"],
        event["detail"]["statementName"]
    );
    assert_eq!(response["Data"], event);

    for (kind, key, sql) in [
        ("Update", "r-2", "insert into made values (1)"),
        ("Delete", "r-3", "drop table made"),
    ] {
        let mut request = request(&bucket, kind, key, sql);
        request["PhysicalResourceId"] = response["PhysicalResourceId"].clone();
        stage.invoke(request).await.expect("started");
        let event = stage.completion().await;
        stage.invoke(event).await.expect("settled");
        let told = bucket.response(key);
        assert_eq!(told["Status"], "SUCCESS", "{kind}");
        assert_eq!(told["PhysicalResourceId"], response["PhysicalResourceId"]);
        assert_eq!(told["RequestId"], key);
    }
    assert_eq!(stage.calls("ExecuteStatement"), 3);
    stage.check(&[SIGNATURE]);
}

#[tokio::test]
async fn a_failed_create_is_rolled_back_without_sql() {
    let (mut stage, bucket) = stage().await;
    let create = request(&bucket, "Create", "r-1", "insert into nowhere values (1)");
    stage.invoke(create).await.expect("started");
    let event = stage.completion().await;
    stage.invoke(event).await.expect("settled");
    let failed = bucket.response("r-1");
    assert_eq!(failed["Status"], "FAILED");
    let reason = failed["Reason"].as_str().expect("a reason");
    assert!(reason.contains("nowhere"), "{reason}");

    // The other id is what the original's examples give where a request never reached the function.
    for (key, id) in [
        ("r-2", &failed["PhysicalResourceId"]),
        ("r-3", &json!("n/a")),
    ] {
        let mut delete = request(&bucket, "Delete", key, "drop table nowhere");
        delete["PhysicalResourceId"] = id.clone();
        stage.invoke(delete).await.expect("answered");
        let told = bucket.response(key);
        assert_eq!(
            (&told["Status"], &told["PhysicalResourceId"]),
            (&json!("SUCCESS"), id)
        );
    }
    assert_eq!(stage.calls("ExecuteStatement"), 1);
    stage.check(&[SIGNATURE]);
}

#[tokio::test]
async fn a_request_that_cannot_be_served_is_answered_failed_by_whichever_way_it_came() {
    let (stage, bucket) = stage().await;
    let no_sql = {
        let mut request = request(&bucket, "Create", "no-sql", "");
        request
            .as_object_mut()
            .expect("a request")
            .remove("sqlStatement");
        request
    };
    let bad = request(&bucket, "Create", "two", "select 1; select 2");
    let mut elsewhere = request(&bucket, "Create", "elsewhere", "select 1");
    elsewhere["target"] = json!("elsewhere");
    for request in [&no_sql, &bad] {
        stage.invoke(request.clone()).await.expect("answered");
    }
    assert_eq!(stage.invoke(batch(&[&elsewhere])).await, Ok(failures(&[])));
    for (key, error) in [
        ("no-sql", "InvalidRequest"),
        ("two", "InvalidRequest"),
        ("elsewhere", "NotGranted"),
    ] {
        let told = bucket.response(key);
        assert_eq!(told["Status"], "FAILED", "{key}");
        let reason = told["Reason"].as_str().expect("a reason");
        assert!(reason.starts_with(error), "{reason}");
    }
    assert_eq!(stage.calls("ExecuteStatement"), 0);
    stage.check(&[SIGNATURE]);
}

#[tokio::test]
async fn a_bucket_that_is_busy_is_asked_again_with_the_same_bytes() {
    let (mut stage, bucket) = stage().await;
    stage
        .invoke(request(&bucket, "Create", "r-1", "select 1"))
        .await
        .expect("started");
    let event = stage.completion().await;
    bucket.next(&[Turn::Status(503), Turn::Status(429), Turn::Hang]);
    assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
    let mut put = bucket.put("r-1");
    assert_eq!(put.len(), 4);
    put.dedup();
    assert_eq!(put.len(), 1);
    stage.check(&[SIGNATURE]);
}

#[tokio::test]
async fn a_response_that_is_refused_or_redirected_is_an_alarm_and_never_a_loop() {
    for turn in [Turn::Status(403), Turn::Redirect] {
        let (mut stage, bucket) = stage().await;
        stage
            .invoke(request(&bucket, "Create", "r-1", "select 1"))
            .await
            .expect("started");
        let event = stage.completion().await;
        bucket.next(&[turn]);
        for _ in 0..2 {
            assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
        }
        assert_eq!(bucket.put("r-1").len(), 1);
        assert!(bucket.put("elsewhere").is_empty());
        assert!(
            stage
                .lambda
                .log()
                .iter()
                .any(|line| line.contains("ResponseRefused"))
        );
        stage.check(&[SIGNATURE]);
    }
}

#[tokio::test]
async fn the_same_resource_of_two_stacks_is_two() {
    let (mut stage, bucket) = stage().await;
    let mut ids = Vec::new();
    for stack in ["one", "two"] {
        let mut create = request(&bucket, "Create", stack, "select 1");
        create["StackId"] = json!(format!(
            "arn:aws:cloudformation:us-east-1:000000000000:stack/{stack}/1"
        ));
        create["RequestId"] = json!("the same");
        stage.invoke(create).await.expect("started");
        let event = stage.completion().await;
        stage.invoke(batch(&[&event])).await.expect("settled");
        let told = bucket.response(stack);
        assert!(
            told["StackId"]
                .as_str()
                .is_some_and(|id| id.contains(stack)),
            "{told}"
        );
        ids.push(told["PhysicalResourceId"].clone());
    }
    assert_ne!(ids[0], ids[1]);
    assert_eq!(stage.calls("ExecuteStatement"), 2);
    stage.check(&[SIGNATURE]);
}

#[tokio::test]
async fn a_long_error_of_the_engine_is_told_as_far_as_it_fits() {
    let (mut stage, bucket) = stage().await;
    let sql = format!("select \"{}\" from nowhere", "ü😀".repeat(5_000));
    let create = request(&bucket, "Create", "r-1", &sql);
    stage.invoke(create).await.expect("started");
    let event = stage.completion().await;
    stage.invoke(batch(&[&event])).await.expect("settled");
    // That it has at most 4,096 bytes is checked with every response.
    let told = bucket.response("r-1");
    assert_eq!(told["Status"], "FAILED");
    assert!(
        told["Reason"]
            .as_str()
            .is_some_and(|reason| !reason.is_empty()),
        "{told}"
    );
    for (name, value) in [("RequestId", "r-1"), ("LogicalResourceId", "Table")] {
        assert_eq!(told[name], value, "an id is never shortened");
    }
    stage.check(&[SIGNATURE]);
}

#[tokio::test]
async fn a_stack_whose_event_is_lost_is_told_by_the_sweep() {
    let (stage, bucket) = stage().await;
    stage.event_faults.next(EventFault::Drop);
    let create = request(&bucket, "Create", "r-1", "select 1");
    stage.invoke(create).await.expect("started");
    let told = tokio::time::timeout(Duration::from_secs(60), async {
        while bucket.put("r-1").is_empty() {
            stage
                .invoke(json!({"action": "sweep"}))
                .await
                .expect("swept");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    told.await.expect("in time");
    assert_eq!(bucket.response("r-1")["Status"], "SUCCESS");
    stage.check(&[SIGNATURE]);
}

#[tokio::test]
async fn an_address_that_is_not_cloudformations_gets_nothing() {
    let (stage, _bucket) = stage().await;
    let elsewhere = ResponseBucket::start().await;
    let create = request(&elsewhere, "Create", "r-1", "select 1");
    let raised = stage.invoke(create).await.expect_err("nobody can be told");
    assert_eq!(raised.error_type, "InvalidRequest", "{raised:?}");
    assert!(elsewhere.put("r-1").is_empty());
    assert_eq!(stage.calls("ExecuteStatement"), 0);
    stage.check(&[SIGNATURE]);
}
