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

fn recognise(event: Value) -> Result<Event, Raised> {
    Event::read(&event.to_string())
}

fn refused(event: Value) -> String {
    let raised = recognise(event).expect_err("should be refused");
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
        assert_eq!(recognise(payload.clone()), Ok(Event::Payload(payload)));
    }
}

#[test]
fn events_of_eventbridge() {
    assert_eq!(recognise(completion()), Ok(Event::Completion(completion())));
    let stopped = json!({
        "source": "aws.states", "detail-type": "Step Functions Execution Status Change",
        "detail": {"executionArn": "arn", "status": "ABORTED", "stopDate": 1}
    });
    assert_eq!(
        recognise(stopped.clone()),
        Ok(Event::ExecutionStatus(stopped))
    );
    for schedule in [
        json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}),
        json!({"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": "{}"}),
    ] {
        assert_eq!(recognise(schedule), Ok(Event::Sweep));
    }
    let asked = json!({"action": "sweep"});
    assert_eq!(recognise(asked), Ok(Event::SweepRequest));
}

#[test]
fn what_the_host_is_asked_itself_is_answered_at_once_and_to_no_token() {
    assert_eq!(recognise(json!({"action": "status"})), Ok(Event::Status));
    for action in ["sweep", "status"] {
        let without = json!({"action": action, "taskToken": null});
        assert!(!matches!(
            recognise(without),
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
        recognise(request.clone()),
        Ok(Event::CustomResource(request))
    );
    let half = json!({"ResponseURL": "https://x", "sqlStatement": "select 1"});
    assert_eq!(
        recognise(half.clone()),
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
        assert_eq!(recognise(event.clone()), Ok(Event::Completion(event)));
    }
}

/// The statement that a message is read for alone is the one that the whole message reports.
#[test]
fn the_statement_of_a_message_is_known_without_its_tree() {
    let statement = |body: &str| {
        let record = Record {
            message_id: "1".to_owned(),
            body: Ok(body.to_owned()),
        };
        let whole = match record.message() {
            Message::Completion(event) => event["detail"]["statementName"]
                .as_str()
                .map(ToOwned::to_owned),
            _ => None,
        };
        let alone = record.completed_statement();
        assert_eq!(alone, whole, "{body}");
        alone
    };
    let mut event = completion();
    event["detail"]["statementName"] = json!("sbx-\u{e9}\n\"x\":1");
    event["detail"]["detail"] = json!({"statementName": "another"});
    let text = event.to_string();
    assert_eq!(statement(&text).as_deref(), Some("sbx-\u{e9}\n\"x\":1"));
    // As another writer may escape the same texts.
    let escaped = text.replace("aws.redshift-data", "aws\\u002eredshift-data");
    assert!(statement(&escaped).is_some());
    for (field, value) in [
        ("source", json!("aws.states")),
        ("source", json!(1)),
        ("detail-type", json!("Scheduled Event")),
        ("detail", json!(null)),
        ("detail", json!({"state": "FINISHED"})),
        ("detail", json!({"state": "FINISHED", "statementName": 1})),
    ] {
        let mut event = completion();
        event[field] = value;
        assert_eq!(statement(&event.to_string()), None);
    }
    for text in ["", "[]", "{", "1", &format!("{text}}}")] {
        assert_eq!(statement(text), None);
    }
    event["detail"]["rows"] = vec![json!(0); 60_000].into();
    assert_eq!(statement(&event.to_string()), None, "more than is read");
    let unread = Record {
        message_id: "1".to_owned(),
        body: Err("`body` is missing".to_owned()),
    };
    assert_eq!(unread.completed_statement(), None);
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
    let Ok(Event::Queue(records)) = recognise(batch) else {
        panic!("a batch")
    };
    let ids: Vec<_> = records
        .iter()
        .map(|record| record.message_id.as_str())
        .collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5", "6", "7", "8"]);
    assert_eq!(records[0].message(), Message::Completion(completion()));
    assert_eq!(records[2].message(), Message::Payload(payload));
    assert_eq!(
        records[7].message(),
        Message::CustomResource(json!({"ResponseURL": "https://x"})),
        "whatever is wrong with it, a stack waits and can be told"
    );
    let malformed: Vec<_> = [1, 3, 4, 5, 6]
        .map(|n: usize| match records[n].message() {
            Message::Malformed(why) => why,
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
        recognise(json!({"Records": []})),
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
        if let Err(raised) = recognise(event) {
            prop_assert_eq!(raised.error_type, "InvalidRequest");
            prop_assert!(!raised.message.contains("VALUE-OF-SOMEBODY"));
        }
    }
}

/// What costs more than its size as a tree.
fn bombs() -> Vec<(String, &'static str)> {
    vec![
        (format!("[{}[]]", "[],".repeat(2_000_000)), "values"),
        (
            format!("{{\"sqlStatement\": [{}0]}}", "0,".repeat(60_000)),
            "values",
        ),
        (format!("[{}0]", "{\"\":0},".repeat(30_000)), "values"),
        ("[".repeat(6_000_000), "nested"),
        (format!("{{\"a\":{}", "{\"a\":".repeat(1_000_000)), "nested"),
        (
            format!("{{\"sqlStatement\":\"{}\"}}", "x".repeat(1_100_000)),
            "bytes",
        ),
        (format!("\"{}\"", "x".repeat(6_400_000)), "bytes"),
    ]
}

#[test]
fn what_would_cost_more_than_its_size_is_refused_before_it_is_read() {
    for (text, why) in bombs() {
        let raised = match Event::read(&text) {
            Err(raised) => raised,
            Ok(Event::Unread(unread)) => unread.raised,
            Ok(other) => panic!("{other:?}"),
        };
        assert_eq!(raised.error_type, "InvalidRequest");
        assert!(raised.message.contains("is too large: it"), "{raised}");
        assert!(raised.message.contains(why), "{raised}");
    }
}

#[test]
fn who_waits_for_a_payload_that_is_not_read_is_known() {
    let text = format!(
        "{{\"taskToken\": \"T\", \"executionArn\": \"arn:e\", \"sqlStatement\": [{}0], \"StackId\": [1]}}",
        "[],".repeat(60_000)
    );
    let Ok(Event::Unread(unread)) = Event::read(&text) else {
        panic!("not read")
    };
    assert_eq!(
        unread.caller,
        json!({"taskToken": "T", "executionArn": "arn:e"})
    );
    assert!(
        unread.raised.message.contains("in `sqlStatement`"),
        "{}",
        unread.raised
    );
}

#[test]
fn one_message_that_is_too_large_leaves_the_others_of_its_batch() {
    let bomb = format!(
        "{{\"taskToken\": \"T\", \"x\": [{}0]}}",
        "[],".repeat(60_000)
    );
    let nobody = format!("{{\"x\": {}", "[".repeat(70));
    let batch = json!({"Records": [
        message("1", &bomb),
        message("2", &nobody),
        message("3", &completion().to_string()),
    ]});
    let Ok(Event::Queue(records)) = recognise(batch) else {
        panic!("a batch")
    };
    let Message::Unread(unread) = records[0].message() else {
        panic!("{:?}", records[0].message())
    };
    assert_eq!(unread.caller, json!({"taskToken": "T"}));
    assert!(
        matches!(records[1].message(), Message::Malformed(why) if why.contains("nested more than 64 deep"))
    );
    assert_eq!(records[2].message(), Message::Completion(completion()));
}

#[test]
fn a_batch_of_many_records_is_a_list_of_texts() {
    let records = format!("{{\"Records\":[{}1]}}", "[],".repeat(100_000));
    let raised = Event::read(&records).expect_err("no records of SQS");
    assert!(
        raised.message.contains("record 1 of `Records` is a list"),
        "{raised}"
    );
    let too_many = format!("{{\"Records\":[{}1]}}", "[],".repeat(200_000));
    let raised = Event::read(&too_many).expect_err("too many");
    assert!(
        raised.message.contains("the event is too large"),
        "{raised}"
    );
}
