use super::*;
use crate::contract::{ExecutionMode, OnStop, OutputShape, ResultFormat};
use crate::testing::invocation;
use serde_json::json;

const ID: &str = "d9b6c0c9-0747-4bf4-b142-e8883122f766";

fn read_value(payload: &Value) -> Result<Request, String> {
    read(&invocation(&payload.to_string()))
        .map(|payload| payload.request)
        .map_err(|error| error.to_string())
}

fn start(payload: &Value) -> Start {
    match read_value(payload) {
        Ok(Request::Start(start)) => *start,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_originals_payload_starts_a_statement() {
    let start = start(&json!({
        "taskToken": "<taken>", "executionArn": "arn:aws:states:eu-west-1:1:execution:m:e",
        "sqlStatement": "select 1"
    }));
    assert_eq!(start.action, Action::ExecuteStatement);
    assert_eq!(start.sqls, ["select 1"]);
    assert_eq!(start.output, OutputShape::Event);
    assert!(!start.heartbeat && start.on_stop.is_none() && start.parameters.is_empty());
}

#[test]
fn every_option_is_read() {
    let start = start(&json!({
        "action": "batchExecuteStatement", "sqlStatements": ["select :a", "select :b::int"],
        "executionMode": "AUTO_COMMIT", "parameters": { "a": 1.5, "b": true },
        "target": "analytics", "sessionId": ID, "sessionKeepAliveSeconds": 0, "resultFormat": "CSV",
        "output": "rows", "singletonKey": "k", "idempotencyKey": "i", "step": "s", "deadlineSeconds": 60.0,
        "onStop": "leave", "heartbeat": true, "waitSeconds": 30, "policy": "ours"
    }));
    assert_eq!(start.execution_mode, ExecutionMode::AutoCommit);
    let parameters: Vec<(&str, &str)> = start
        .parameters
        .iter()
        .map(|p| (p.name.as_str(), p.value.as_str()))
        .collect();
    assert_eq!(parameters, [("a", "1.5"), ("b", "true")]);
    assert_eq!(start.target.as_deref(), Some("analytics"));
    assert_eq!(start.session_id.as_deref(), Some(ID));
    assert_eq!(start.session_keep_alive_seconds, Some(0));
    assert_eq!(start.result_format, ResultFormat::Csv);
    assert_eq!(start.output, OutputShape::Rows);
    assert_eq!(start.singleton_key.as_deref(), Some("k"));
    assert_eq!(start.idempotency_key.as_deref(), Some("i"));
    assert_eq!(start.step.as_deref(), Some("s"));
    assert_eq!(start.deadline_seconds, Some(60));
    assert_eq!(start.on_stop, Some(OnStop::Leave));
    assert!(start.heartbeat);
    assert_eq!(start.wait_seconds, Some(30));
}

#[test]
fn null_counts_as_absent_where_a_field_is_optional() {
    let start = start(&json!({
        "action": null, "sqlStatement": "select 1", "target": null, "parameters": null, "waitSeconds": null
    }));
    assert_eq!(start.target, None);
}

#[test]
fn lookups_are_read() {
    let latest = read_value(&json!({
        "action": "describeStatement", "statementId": "LATEST", "executionArn": "arn:x", "step": "load"
    }));
    let statement = StatementRef::Latest {
        execution_arn: "arn:x".into(),
        step: Some("load".into()),
    };
    assert_eq!(
        latest,
        Ok(Request::Describe(Lookup {
            statement,
            target: None,
            wait_seconds: None
        }))
    );
    let page = read_value(&json!({
        "action": "getStatementResult", "statementId": format!("{ID}:2"), "nextToken": "n"
    }));
    match page {
        Ok(Request::GetResult(page)) => {
            assert_eq!(page.next_token.as_deref(), Some("n"));
            assert_eq!(page.lookup.statement, StatementRef::Id(format!("{ID}:2")));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        read_value(&json!({ "action": "cancelStatement", "statementId": ID })),
        Ok(Request::Cancel(_))
    ));
}

#[test]
fn a_custom_resource_may_write_values_as_texts() {
    let payload = json!({
        "RequestType": "Create", "ResponseURL": "x", "StackId": "s", "RequestId": "r", "ResourceType": "t",
        "LogicalResourceId": "l", "PhysicalResourceId": "p", "ResourceProperties": {},
        "OldResourceProperties": {}, "ServiceToken": "s",
        "sqlStatement": "select 1", "heartbeat": "false", "deadlineSeconds": "60"
    });
    let mut event = invocation(&payload.to_string());
    assert!(read(&event).is_err());
    event.source = Source::CustomResource;
    match read(&event).unwrap().request {
        Request::Start(start) => {
            assert_eq!((start.heartbeat, start.deadline_seconds), (false, Some(60)))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_thousand_unknown_fields_are_taken_and_no_more() {
    let with = |count: usize| {
        let mut payload = json!({"sqlStatement": "select 1"});
        for n in 0..count {
            payload[format!("of my own {n}")] = json!(n);
        }
        read(&invocation(&payload.to_string())).map(|payload| payload.unknown_fields.len())
    };
    assert_eq!(with(1_000), Ok(1_000));
    let refused = with(1_001).unwrap_err();
    assert!(
        refused.to_string().contains("more than 1000 fields"),
        "{refused:?}"
    );
}

#[test]
fn unknown_fields_go_by_the_rule_and_near_misses_never_pass() {
    let payload = json!({ "sqlStatement": "select 1", "comment": "x", "Comment2": 1 }).to_string();
    for (rule, passes) in [
        (UnknownFields::Ignore, true),
        (UnknownFields::Warn, true),
        (UnknownFields::Refuse, false),
    ] {
        let mut event = invocation(&payload);
        event.unknown_fields = rule;
        assert_eq!(read(&event).is_ok(), passes);
    }
    assert_eq!(
        read(&invocation(&payload)).unwrap().unknown_fields,
        ["comment", "Comment2"]
    );
    for rule in [
        UnknownFields::Ignore,
        UnknownFields::Warn,
        UnknownFields::Refuse,
    ] {
        let mut event = invocation(r#"{"sqlstatement": "select 1", "action": "executeStatement"}"#);
        event.unknown_fields = rule;
        let message = read(&event).unwrap_err().to_string();
        assert!(
            message.contains("Did you mean `sqlStatement`?"),
            "{message}"
        );
    }
}

#[test]
fn no_known_field_is_a_near_miss_of_an_innocent_one() {
    for field in FIELDS {
        assert!(FIELDS.contains(&field));
        assert_eq!(nearest(field, FIELDS), Some(field));
    }
}

/// Bad payloads, and what the caller reads. The secret in them must never come back.
#[test]
fn bad_payloads_are_explained() {
    let long = "x".repeat(102_400);
    let cases: Vec<(&str, Value)> = vec![
        ("no object", json!(["s3cret"])),
        ("nothing asked", json!({ "comment": "s3cret" })),
        ("id without action", json!({ "statementId": ID })),
        (
            "unknown action",
            json!({ "action": "s3cret", "sqlStatement": "select 1" }),
        ),
        (
            "near action",
            json!({ "action": "executestatement", "sqlStatement": "select 1" }),
        ),
        (
            "near lookup action",
            json!({ "action": "describeStatment", "statementId": ID }),
        ),
        (
            "action of a wrong type",
            json!({ "action": 1, "sqlStatement": "select 1" }),
        ),
        (
            "lookup with SQL",
            json!({ "action": "describeStatement", "sqlStatement": "select 's3cret'", "statementId": ID }),
        ),
        ("near field", json!({ "SqlStatement": "select 's3cret'" })),
        (
            "near CloudFormation field",
            json!({ "sqlStatement": "select 1", "StackID": "s3cret" }),
        ),
        (
            "SQL of a wrong type",
            json!({ "sqlStatement": { "s3cret": 1 } }),
        ),
        ("null SQL", json!({ "sqlStatement": null })),
        ("empty SQL", json!({ "sqlStatement": " -- s3cret\n" })),
        (
            "SQL too long",
            json!({ "sqlStatement": format!("select '{long}'") }),
        ),
        (
            "several statements",
            json!({ "sqlStatement": "select 's3cret'; drop table t" }),
        ),
        ("SQL missing", json!({ "action": "executeStatement" })),
        (
            "batch in the wrong field",
            json!({ "action": "batchExecuteStatement", "sqlStatement": "select 1" }),
        ),
        (
            "single in the wrong field",
            json!({ "action": "executeStatement", "sqlStatements": ["select 1"] }),
        ),
        (
            "batch of a wrong type",
            json!({ "sqlStatements": "select 1" }),
        ),
        ("empty batch", json!({ "sqlStatements": [] })),
        (
            "batch too large",
            json!({ "sqlStatements": vec!["select 1"; 41] }),
        ),
        (
            "batch item of a wrong type",
            json!({ "sqlStatements": ["select 1", 2] }),
        ),
        (
            "batch item with several",
            json!({ "sqlStatements": ["select 1; select 2"] }),
        ),
        (
            "batch together too long",
            json!({ "sqlStatements": [format!("select '{}'", "x".repeat(60_000)), format!("select '{}'", "x".repeat(60_000))] }),
        ),
        (
            "execution mode",
            json!({ "sqlStatements": ["select 1"], "executionMode": "autocommit" }),
        ),
        (
            "parameters of a wrong type",
            json!({ "sqlStatement": "select :a", "parameters": "s3cret" }),
        ),
        (
            "parameter empty",
            json!({ "sqlStatement": "select :a", "parameters": { "a": "" } }),
        ),
        (
            "parameter null",
            json!({ "sqlStatement": "select :a", "parameters": { "a": null } }),
        ),
        (
            "parameter list",
            json!({ "sqlStatement": "select :a", "parameters": [{ "name": "a", "value": ["s3cret"] }] }),
        ),
        (
            "parameter without value",
            json!({ "sqlStatement": "select :a", "parameters": [{ "name": "a" }] }),
        ),
        (
            "parameter without name",
            json!({ "sqlStatement": "select :a", "parameters": [{ "value": "s3cret" }] }),
        ),
        (
            "parameter with another field",
            json!({ "sqlStatement": "select :a", "parameters": [{ "name": "a", "Value": "s3cret" }] }),
        ),
        (
            "parameter with a bad name",
            json!({ "sqlStatement": "select :a", "parameters": { "a-b": "s3cret" } }),
        ),
        (
            "parameter twice",
            json!({ "sqlStatement": "select :a", "parameters": [{ "name": "a", "value": 1 }, { "name": "a", "value": 2 }] }),
        ),
        (
            "parameter unused",
            json!({ "sqlStatement": "select ':a'", "parameters": { "a": "s3cret" } }),
        ),
        ("parameter missing", json!({ "sqlStatement": "select :a" })),
        (
            "parameter misspelt",
            json!({ "sqlStatement": "select :customer", "parameters": { "custmer": "s3cret" } }),
        ),
        (
            "number out of range",
            json!({ "sqlStatement": "select 1", "waitSeconds": 31 }),
        ),
        (
            "number of a wrong type",
            json!({ "sqlStatement": "select 1", "waitSeconds": "30" }),
        ),
        (
            "number with a fraction",
            json!({ "sqlStatement": "select 1", "deadlineSeconds": 1.5 }),
        ),
        (
            "keep alive too long",
            json!({ "sqlStatement": "select 1", "sessionKeepAliveSeconds": 86401 }),
        ),
        (
            "flag of a wrong type",
            json!({ "sqlStatement": "select 1", "heartbeat": "true" }),
        ),
        (
            "near word",
            json!({ "sqlStatement": "select 1", "output": "row" }),
        ),
        (
            "other word",
            json!({ "sqlStatement": "select 1", "onStop": "s3cret-and-more" }),
        ),
        (
            "session id",
            json!({ "sqlStatement": "select 1", "sessionId": "s3cret" }),
        ),
        (
            "empty step",
            json!({ "sqlStatement": "select 1", "step": "" }),
        ),
        (
            "key too long",
            json!({ "sqlStatement": "select 1", "singletonKey": "k".repeat(257) }),
        ),
        (
            "statement id",
            json!({ "action": "describeStatement", "statementId": "s3cret" }),
        ),
        (
            "statement id in upper case",
            json!({ "action": "describeStatement", "statementId": ID.to_uppercase() }),
        ),
        (
            "statement id with a long part",
            json!({ "action": "describeStatement", "statementId": format!("{ID}:123") }),
        ),
        (
            "statement id missing",
            json!({ "action": "describeStatement" }),
        ),
        (
            "latest in lower case",
            json!({ "action": "cancelStatement", "statementId": "latest", "executionArn": "arn:x" }),
        ),
        (
            "latest without an ARN",
            json!({ "action": "cancelStatement", "statementId": "LATEST" }),
        ),
        (
            "part of a batch cancelled",
            json!({ "action": "cancelStatement", "statementId": format!("{ID}:1") }),
        ),
    ];
    let mut text = String::new();
    for (name, payload) in &cases {
        let message = read_value(payload).expect_err(name);
        // Names of fields and words of a few choices are repeated, values and SQL are not.
        if !name.contains("action") && !name.contains("word") {
            assert!(!message.contains("s3cret"), "{name}: {message}");
        }
        assert!(message.chars().count() < 400, "{name}: {message}");
        text.push_str(&format!("{name}:\n    {message}\n"));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_no_json_is_said_so() {
    let message = read(&invocation("{\"sqlStatement\": "))
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with("The payload is not JSON: "),
        "{message}"
    );
}

proptest::proptest! {
    #[test]
    fn no_payload_breaks_the_reader(
        fields in proptest::collection::hash_map(
            proptest::sample::select(FIELDS.to_vec()),
            proptest::sample::select(vec![
                json!(null), json!(1), json!(-1.5), json!(true), json!(""), json!("LATEST"), json!("select :a"),
                json!([]), json!({}), json!([{ "name": "a", "value": 1 }]), json!({ "a": "b" }), json!(ID),
                json!(["select 1"]), json!("executeStatement"), json!("describeStatement"),
            ]),
            0..8,
        )
    ) {
        let payload: Map<String, Value> =
            fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if let Ok(Request::Start(start)) = read_value(&Value::Object(payload)) {
            proptest::prop_assert!(!start.sqls.is_empty());
        }
    }
}
