use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn completion() -> Value {
    json!({
        "version": "0", "id": "1", "source": "aws.redshift-data",
        "detail-type": "Redshift Data Statement Status Change",
        "detail": {"statementName": "sbx-d:1", "statementId": "2", "state": "FINISHED", "rows": 3}
    })
}

fn message(id: &str, body: &str) -> Value {
    json!({"messageId": id, "receiptHandle": "r", "body": body, "eventSource": "aws:sqs"})
}

fn refused(event: Value) -> String {
    let raised = Event::recognise(event).expect_err("should be refused");
    assert_eq!(raised.error_type, "InvalidRequest");
    raised.message
}

#[test]
fn payloads_of_the_original_and_of_ours() {
    for payload in [
        json!({"sqlStatement": "select 1", "taskToken": "t", "executionArn": "a"}),
        json!({"sqlStatement": "select 1", "action": "executeSingletonStatement"}),
        json!({"sqlStatements": ["select 1"], "action": "batchExecuteStatement"}),
        json!({"statementId": "LATEST", "action": "describeStatement", "executionArn": "a"}),
        json!({"statementId": "LATEST"}),
        json!({"action": "no such action"}),
        json!({"sqlStatement": 3}),
        json!({"sqlStatement": "select 1", "source": "aws.redshift-data", "detail-type": "x"}),
    ] {
        assert_eq!(
            Event::recognise(payload.clone()),
            Ok(Event::Payload(payload))
        );
    }
}

#[test]
fn events_of_eventbridge() {
    assert_eq!(
        Event::recognise(completion()),
        Ok(Event::Completion(completion()))
    );
    let stopped = json!({
        "source": "aws.states", "detail-type": "Step Functions Execution Status Change",
        "detail": {"executionArn": "arn", "status": "ABORTED", "stopDate": 1}
    });
    assert_eq!(
        Event::recognise(stopped.clone()),
        Ok(Event::ExecutionStatus(stopped))
    );
    for schedule in [
        json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}),
        json!({"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": "{}"}),
    ] {
        assert_eq!(Event::recognise(schedule), Ok(Event::Sweep));
    }
    let asked = json!({"action": "sweep"});
    assert_eq!(Event::recognise(asked), Ok(Event::SweepRequest));
}

#[test]
fn what_the_host_is_asked_itself_is_answered_at_once_and_to_no_token() {
    assert_eq!(
        Event::recognise(json!({"action": "status"})),
        Ok(Event::Status)
    );
    for action in ["sweep", "status"] {
        let without = json!({"action": action, "taskToken": null});
        assert!(!matches!(
            Event::recognise(without),
            Ok(Event::Payload(_)) | Err(_)
        ));
        let message = refused(json!({"action": action, "taskToken": "t"}));
        assert!(
            message.contains("`taskToken`") && message.contains(action),
            "{message}"
        );
    }
}

#[test]
fn requests_of_cloudformation() {
    let request = json!({
        "RequestType": "Create", "ResponseURL": "https://x", "StackId": "s", "RequestId": "r",
        "ResourceType": "t", "LogicalResourceId": "l", "sqlStatement": "select 1"
    });
    assert_eq!(
        Event::recognise(request.clone()),
        Ok(Event::CustomResource(request))
    );
    let half = json!({"ResponseURL": "https://x", "sqlStatement": "select 1"});
    assert_eq!(
        Event::recognise(half.clone()),
        Ok(Event::CustomResource(half)),
        "its URL is a secret too"
    );
}

#[test]
fn what_is_nothing_known_is_named_by_its_keys_and_never_by_its_values() {
    assert_snapshot!(refused(json!({"taskToken": "SECRET", "executionArn": "SECRET", "sqlStatment": "SECRET"})), @r#"Unsupported invocation event: `sqlStatment` is not known, but much like `sqlStatement`. The function takes a payload with `sqlStatement`, `sqlStatements` or `action`; an SQS batch of such payloads or of completion events; an EventBridge event `Redshift Data Statement Status Change` or `Step Functions Execution Status Change`; a scheduled event, `{"action": "sweep"}` or `{"action": "status"}`."#);
    assert_snapshot!(refused(json!({"taskToken": "SECRET", "comment": {"a": "SECRET"}})), @r#"Unsupported invocation event: found only `taskToken`, `comment`. The function takes a payload with `sqlStatement`, `sqlStatements` or `action`; an SQS batch of such payloads or of completion events; an EventBridge event `Redshift Data Statement Status Change` or `Step Functions Execution Status Change`; a scheduled event, `{"action": "sweep"}` or `{"action": "status"}`."#);
    assert_snapshot!(refused(json!({})), @r#"Unsupported invocation event: it is empty. The function takes a payload with `sqlStatement`, `sqlStatements` or `action`; an SQS batch of such payloads or of completion events; an EventBridge event `Redshift Data Statement Status Change` or `Step Functions Execution Status Change`; a scheduled event, `{"action": "sweep"}` or `{"action": "status"}`."#);
    assert_snapshot!(refused(json!(["SECRET"])), @r#"Unsupported invocation event: it is a list, not an object. The function takes a payload with `sqlStatement`, `sqlStatements` or `action`; an SQS batch of such payloads or of completion events; an EventBridge event `Redshift Data Statement Status Change` or `Step Functions Execution Status Change`; a scheduled event, `{"action": "sweep"}` or `{"action": "status"}`."#);
    assert_snapshot!(refused(json!({"source": "aws.s3", "detail-type": "Object Created", "detail": {}})), @r#"Unsupported invocation event: it is an event of `aws.s3` of another kind. The function takes a payload with `sqlStatement`, `sqlStatements` or `action`; an SQS batch of such payloads or of completion events; an EventBridge event `Redshift Data Statement Status Change` or `Step Functions Execution Status Change`; a scheduled event, `{"action": "sweep"}` or `{"action": "status"}`."#);
    let many: Map<String, Value> = (0..30)
        .map(|n| (format!("key{n}{}", "x".repeat(100)), json!(1)))
        .collect();
    assert!(refused(Value::Object(many)).contains("10 more"));
}

#[test]
fn a_broken_completion_event_is_no_completion_event() {
    for (broken, why) in [
        (json!(null), "`detail` is null"),
        (
            json!({"state": "FINISHED"}),
            "`detail.statementName` is missing",
        ),
        (
            json!({"state": 1, "statementName": "n"}),
            "`detail.state` is a number",
        ),
    ] {
        let mut event = completion();
        event["detail"] = broken;
        assert!(refused(event).contains(why), "{why}");
    }
    let mut event = completion();
    event.as_object_mut().expect("object").remove("detail");
    assert!(refused(event).contains("`detail` is missing"));
}

/// The shapes that AWS has published, and what an endpoint without a cluster may send: what they have in common is
/// enough.
#[test]
fn completion_events_of_every_shape_are_taken() {
    let details = [
        json!({
            "principal": "arn:aws:sts::123456789012:assumed-role/r/s", "statementName": "n", "statementId": "s",
            "redshiftQueryId": 1, "state": "FINISHED", "rows": 1, "expireAt": 1_700_000_000
        }),
        json!({
            "principal": "p", "statementName": "n", "clusterIdentifier": "c", "statementId": "s",
            "redshiftQueryId": "1", "state": "FAILED", "rows": "-1", "expireAt": "1", "error": "x"
        }),
        json!({"workgroupName": "w", "statementName": "n", "statementId": "s", "state": "ABORTED"}),
        json!({"statementName": "n", "state": "SOMETHING_NEW", "rows": null, "statementId": null}),
        json!({"statementName": "", "state": ""}),
        json!({"statementName": "x".repeat(500), "state": "FINISHED", "error": "é😀".repeat(50_000)}),
    ];
    for detail in details {
        let mut event = completion();
        event["detail"] = detail;
        assert_eq!(
            Event::recognise(event.clone()),
            Ok(Event::Completion(event))
        );
    }
}

#[test]
fn a_completion_event_with_retyped_fields_is_refused_by_name() {
    for (field, value, why) in [
        ("state", json!(7), "`detail.state` is a number"),
        ("state", json!(["FINISHED"]), "`detail.state` is a list"),
        (
            "statementName",
            json!(null),
            "`detail.statementName` is null",
        ),
        (
            "statementName",
            json!({"SECRET": 1}),
            "`detail.statementName` is an object",
        ),
    ] {
        let mut event = completion();
        event["detail"][field] = value;
        let message = refused(event);
        assert!(message.contains(why), "{message}");
        assert!(!message.contains("SECRET"), "{message}");
    }
}

#[test]
fn a_batch_of_sqs_is_read_record_by_record() {
    let payload = json!({"sqlStatement": "select 1", "taskToken": "t", "executionArn": "a"});
    let batch = json!({"Records": [
        message("1", &completion().to_string()),
        message("2", "{\"SECRET"),
        message("3", &payload.to_string()),
        message("4", "{\"source\": \"aws.s3\", \"detail-type\": \"x\"}"),
        {"messageId": "5", "eventSource": "aws:sqs"},
        message("6", &json!({"Records": []}).to_string()),
        message("7", "{\"action\": \"sweep\"}"),
        message("8", "{\"ResponseURL\": \"https://x\"}"),
    ]});
    let Ok(Event::Queue(records)) = Event::recognise(batch) else {
        panic!("a batch")
    };
    let ids: Vec<_> = records
        .iter()
        .map(|record| record.message_id.as_str())
        .collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5", "6", "7", "8"]);
    assert_eq!(records[0].message, Message::Completion(completion()));
    assert_eq!(records[2].message, Message::Payload(payload));
    assert_eq!(
        records[7].message,
        Message::CustomResource(json!({"ResponseURL": "https://x"})),
        "whatever is wrong with it, a stack waits and can be told"
    );
    let malformed: Vec<_> = [1, 3, 4, 5, 6]
        .map(|n: usize| match &records[n].message {
            Message::Malformed(why) => why.clone(),
            other => panic!("{other:?}"),
        })
        .into();
    assert!(malformed[3].contains("a batch within a message"));
    assert!(!malformed.concat().contains("SECRET"));
    assert_snapshot!(malformed[0], @"`body` is no JSON: it ends too early at line 1, column 8");
}

#[test]
fn what_is_no_batch_of_sqs_is_refused_as_a_whole() {
    for (event, why) in [
        (json!({"Records": {}}), "`Records` is an object"),
        (json!({"Records": [1]}), "record 1 of `Records` is a number"),
        (
            json!({"Records": [{"eventSource": "aws:s3", "s3": {}}]}),
            "is not from SQS",
        ),
        (
            json!({"Records": [{"EventSource": "aws:sns"}]}),
            "is not from SQS",
        ),
        (
            json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}),
            "has no `messageId`",
        ),
        (
            json!({"Records": [{"eventSource": "aws:sqs", "messageId": "", "body": "{}"}]}),
            "has no `messageId`",
        ),
    ] {
        let message = refused(event);
        assert!(message.contains(why), "{message}");
    }
    assert_eq!(
        Event::recognise(json!({"Records": []})),
        Ok(Event::Queue(Vec::new()))
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("Records".to_owned()),
        Just("body".to_owned()),
        Just("eventSource".to_owned()),
        Just("messageId".to_owned()),
        Just("sqlStatement".to_owned()),
        Just("action".to_owned()),
        Just("source".to_owned()),
        Just("detail-type".to_owned()),
        Just("detail".to_owned()),
        "[a-z]{0,4}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(json!("aws:sqs")),
        Just(json!("sweep")),
        Just(json!("aws.redshift-data")),
        Just(json!("Redshift Data Statement Status Change")),
        Just(json!("VALUE-OF-SOMEBODY")),
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Every event is something or is refused by name, and a refusal shows no value.
    #[test]
    fn any_event_is_recognised_or_refused(event in any_json()) {
        if let Err(raised) = Event::recognise(event) {
            prop_assert_eq!(raised.error_type, "InvalidRequest");
            prop_assert!(!raised.message.contains("VALUE-OF-SOMEBODY"));
        }
    }
}
