use insta::assert_snapshot;
use serde_json::{Value, json};
use signalbox_policy::contract::Failure;

use super::*;

fn good() -> Value {
    json!({
        "name": "a serialisation failure is tried again",
        "at": "2026-11-30T18:00:00+01:00",
        "payload": { "sqlStatement": "select 1" },
        "services": [
            { "call": "latest", "reply": { "statementId": "7", "target": "adhoc" } },
            { "call": "execute-statement", "fail": "throttled" },
        ],
        "statement": { "at": "2026-11-30T18:05:00+01:00", "Status": "FAILED", "Error": "ERROR: 1023", "ResultRows": 3 },
        "expect": { "task": { "error": "RetryLater", "cause": "*1023*" }, "calls": [{ "call": "execute-statement" }] },
    })
}

/// What is wrong with the good case after a change.
fn refused(change: impl FnOnce(&mut Value)) -> String {
    let mut case = good();
    change(&mut case);
    let notes = Case::read(&case, SET_KEYS).expect_err("it is wrong");
    let lines = notes
        .iter()
        .map(|note| format!("{}: {}", note.path, note.message));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_case_is_read_whole() {
    let case = Case::read(&good(), SET_KEYS).expect("a good case");
    assert_eq!(case.at, 1_796_058_000_000);
    let statement = case.statement.expect("it ends");
    assert_eq!(statement.now - case.at, 300_000);
    assert_eq!(statement.statement.error.as_deref(), Some("ERROR: 1023"));
    assert_eq!(statement.statement.result_rows, Some(3));
    assert_eq!(statement.statement.updated_at, Some(statement.now));
    let failure = case.services.get(1).map(|answer| answer.reply.clone());
    let Some(Err(Failure::Throttled(detail))) = failure else {
        panic!("{failure:?}")
    };
    assert_eq!(
        (detail.code.as_str(), detail.retryable),
        ("ThrottlingException", true)
    );
}

#[test]
fn every_slip_of_the_pen_has_its_place_and_its_remedy() {
    let set = |path: &'static str, value: Value| {
        move |case: &mut Value| {
            let (parent, key) = path.rsplit_once('/').expect("a path");
            let parent = case.pointer_mut(parent).expect("the parent");
            match parent {
                Value::Object(members) => drop(members.insert(key.to_owned(), value)),
                _ => panic!("{path}"),
            }
        }
    };
    let all = [
        refused(set("/expekt", json!({}))),
        refused(set("/expect/tsk", json!(1))),
        refused(set(
            "/expect/calls",
            json!([{ "call": "execute-statment", "targt": 1 }]),
        )),
        refused(set("/expect/calls", json!({}))),
        refused(set("/expect/task", json!({ "output": 1, "error": "x" }))),
        refused(set("/expect/error", json!("PolicyDenied"))),
        refused(set("/expect/message", json!("x"))),
        refused(set("/expect/onStop", json!("cancel"))),
        refused(set("/at", json!("2026-11-30"))),
        refused(set("/at", json!(7))),
        refused(set("/payload", json!("select 1"))),
        refused(set("/services", json!([{ "call": "latest" }]))),
        refused(set(
            "/services",
            json!([{ "call": "describe-statement", "reply": 7 }]),
        )),
        refused(set(
            "/services",
            json!([{ "call": "execute-statement", "fail": "throttle" }]),
        )),
        refused(set("/services", json!([{ "fail": "throttled" }]))),
        refused(set("/statement", json!({ "Status": "STARTED" }))),
        refused(set("/statement", json!({ "status": "FINISHED" }))),
        refused(set("/closed", json!("timeout"))),
        refused(|case| drop(case.as_object_mut().map(|it| it.remove("statement")))),
        refused(|case| *case = json!({ "payload": {} })),
        refused(|case| *case = json!([])),
    ];
    assert_snapshot!(all.join("\n"));
}

#[test]
fn a_rule_is_taken_out_by_its_name() {
    let settings =
        json!({ "rules": [{ "name": "a" }, { "name": "b" }], "callbacks": [{ "name": "c" }] })
            .to_string();
    let without = |name| without_rule(&settings, name);
    assert_eq!(
        without("b").as_deref(),
        Some(r#"{"rules":[{"name":"a"}],"callbacks":[{"name":"c"}]}"#)
    );
    assert_eq!(
        without("c").as_deref(),
        Some(r#"{"rules":[{"name":"a"},{"name":"b"}],"callbacks":[]}"#)
    );
    assert_eq!(without("d"), None);
    assert_eq!(rule_names(&settings), ["a", "b", "c"]);
}

#[test]
fn the_schemas_have_the_keys_that_are_read() {
    let case: Value = serde_json::from_str(CASE_SCHEMA).expect("JSON");
    let set: Value = serde_json::from_str(&crate::set::set_schema("{}")).expect("JSON");
    let keys = |schema: &Value, pointer: &str| {
        let members = schema.pointer(pointer).and_then(Value::as_object);
        let mut keys: Vec<_> = members.expect("a list of keys").keys().cloned().collect();
        keys.sort();
        keys
    };
    let sorted = |keys: &[&str]| {
        let mut keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
        keys.sort();
        keys
    };
    let of_file: Vec<_> = case::FILE_KEYS.iter().copied().chain(["$schema"]).collect();
    assert_eq!(keys(&case, "/properties"), sorted(&of_file));
    let of_set = "/properties/policies/additionalProperties/properties/tests/items/properties";
    assert_eq!(keys(&set, of_set), sorted(SET_KEYS));
    for (schema, root) in [(&case, "/properties"), (&set, of_set)] {
        for (place, expected) in [
            ("expect/properties", case::EXPECT_KEYS),
            (
                "expect/properties/calls/items/properties",
                calls::CALL_FIELDS,
            ),
            ("services/items/properties", answers::ANSWER_KEYS),
            ("statement/properties", case::STATEMENT_KEYS),
        ] {
            assert_eq!(
                keys(schema, &format!("{root}/{place}")),
                sorted(expected),
                "{place}"
            );
        }
    }
}
