//! `signalbox invoke`.

use serde_json::{Value, json};

use crate::support::{Desk, Ended};

const TASK: &str = r#"{"taskToken": "mine", "executionArn": "arn:aws:states:eu-west-1:000000000000:execution:m:e",
                       "sqlStatement": "select 1 as one"}"#;

fn invoke(desk: &Desk, event: &str, more: &[&str]) -> Ended {
    desk.file("event.json", event);
    desk.run(&[&["invoke", "event.json"], more].concat())
}

/// The evaluations of a document, by their export.
fn evaluations(document: &Value) -> Vec<(&str, &Value)> {
    let happenings = document["happenings"].as_array().unwrap();
    happenings
        .iter()
        .filter_map(|happening| happening.get("evaluation"))
        .map(|evaluation| (evaluation["export"].as_str().unwrap(), evaluation))
        .collect()
}

#[test]
fn a_waiting_task_is_told_how_its_statement_ended() {
    let desk = Desk::new();
    let ended = invoke(&desk, TASK, &[]).coded(0);
    let at = |part: &str| {
        ended
            .out
            .find(part)
            .unwrap_or_else(|| panic!("{part}: {}", ended.out))
    };
    let order = [
        at("redshift-data/execute-statement"),
        at("is FINISHED"),
        at("settle"),
        at("SendTaskSuccess"),
    ];
    assert!(order.is_sorted(), "{}", ended.out);
    // A fast statement ends before the invocation has returned.
    assert!(order[0] < at("accepted"), "{}", ended.out);
    assert!(
        !ended.out.contains("mine"),
        "the token is nobody's business"
    );

    let document = invoke(&desk, TASK, &["--json"]).coded(0).json();
    assert_eq!(document["good"], true);
    assert_eq!(
        document["tasks"][0]["output"]["detail"]["state"],
        "FINISHED"
    );
    let evaluations = evaluations(&document);
    let exports: Vec<_> = evaluations.iter().map(|(export, _)| *export).collect();
    assert_eq!(exports, ["invoke", "settle"]);
    for (_, evaluation) in evaluations {
        assert!(evaluation["usage"]["fuel"].as_u64().unwrap() > 0);
        assert!(evaluation["usage"]["memory"].as_u64().unwrap() > 0);
    }
    let request = &document["happenings"][0]["evaluation"]["calls"][0]["arguments"];
    assert!(request.to_string().contains("select 1 as one"), "{request}");
    assert!(document["happenings"][0]["limits"]["memory"].is_u64());
}

#[test]
fn a_statement_that_nobody_waits_for_is_not_cut_off() {
    let desk = Desk::new();
    let data = desk.path().join("data");
    let with_data = ["--data-dir", data.to_str().unwrap()];
    let create = r#"{"sqlStatement": "create table public.t as select 7 as n"}"#;
    invoke(&desk, create, &with_data)
        .coded(0)
        .says("is FINISHED");
    let json = [&with_data[..], &["--json"]].concat();
    let read = r#"{"sqlStatement": "select n from public.t", "waitSeconds": 20}"#;
    let read = invoke(&desk, read, &json).coded(0).json();
    assert_eq!(read["reply"]["Status"], "FINISHED", "{read}");
    let result =
        serde_json::json!({"action": "getStatementResult", "statementId": read["reply"]["Id"]});
    let result = invoke(&desk, &result.to_string(), &json).coded(0).json();
    assert_eq!(
        result["reply"]["Records"],
        serde_json::json!([[{"longValue": 7}]])
    );
}

#[test]
fn what_is_not_seen_to_end_is_no_success() {
    let desk = Desk::new();
    let long = r#"{"sqlStatement": "select f_slow('x', 86000)"}"#;
    invoke(&desk, long, &["--wait", "1"])
        .coded(1)
        .says("had not ended before time was up");
}

#[test]
fn what_goes_wrong_is_told_and_coded() {
    let desk = Desk::new();
    invoke(
        &desk,
        &TASK.replace("select 1 as one", "select nothing"),
        &[],
    )
    .coded(1)
    .says("is FAILED")
    .says("SendTaskFailure FAILED");
    // Nobody waits for it, and it failed.
    invoke(&desk, r#"{"sqlStatement": "select nothing"}"#, &[])
        .coded(1)
        .says("is FAILED: ERROR: ");
    desk.file(
        "rules.json",
        r#"{"rules": [{"name": "no reads", "when": {"kinds": "select"}, "then": {"deny": "not today"}}],
            "unparsed": "deny", "unqualified": "allow"}"#,
    );
    invoke(&desk, TASK, &["--settings", "rules.json"])
        .coded(1)
        .says("rejected with PolicyDenied")
        .says("not today")
        .says("SendTaskFailure PolicyDenied");
    let document = invoke(&desk, r#"{"action": "executeStatement"}"#, &["--json"])
        .coded(1)
        .json();
    assert_eq!(document["raised"]["errorType"], "InvalidRequest");
}

#[test]
fn a_trap_shows_the_function() {
    let desk = Desk::new();
    desk.file("hostile.wasm", signalbox_test_guests::HOSTILE);
    let event = r#"{"action": "executeStatement", "do": "panic"}"#;
    invoke(&desk, event, &["--policy", "hostile.wasm"])
        .coded(1)
        .says("a fault: `invoke`: it gave up")
        .says("; in `<signalbox_hostile::policy::")
        .says("raised after")
        .says("PolicyFault");
}

#[test]
fn every_kind_of_event_can_be_tried() {
    let desk = Desk::new();
    let swept = desk.run_with(&["invoke", "-"], r#"{"action": "sweep"}"#);
    swept.coded(0).says("answered");

    let batch = json!({"Records": [
        {"messageId": "1", "eventSource": "aws:sqs", "body": TASK},
        {"messageId": "2", "eventSource": "aws:sqs", "body": "{"},
    ]});
    let document = invoke(&desk, &batch.to_string(), &["--json"])
        .coded(1)
        .json();
    assert_eq!(
        document["reply"]["batchItemFailures"],
        json!([{"itemIdentifier": "2"}])
    );
    assert_eq!(
        document["tasks"][0]["output"]["detail"]["state"],
        "FINISHED"
    );

    let completion = json!({
        "source": "aws.redshift-data", "detail-type": "Redshift Data Statement Status Change",
        "detail": {"statementId": "11111111-2222-3333-4444-555555555555", "statementName": "sbx-other:1", "state": "FINISHED"}
    });
    invoke(&desk, &completion.to_string(), &[])
        .coded(0)
        .says("answered");
}

#[test]
fn what_cannot_be_used_is_named() {
    let desk = Desk::new();
    desk.run(&["invoke", "none.json"])
        .coded(2)
        .says("the event none.json cannot be read");
    invoke(&desk, "{\n  \"sqlStatement\": select 1\n}", &[])
        .coded(2)
        .says("the event event.json is not JSON: line 2, column 19");
    let large = format!(r#"{{"sqlStatement": "{}"}}"#, "x".repeat(7 << 20));
    invoke(&desk, &large, &[])
        .coded(2)
        .says("more than 6291456 bytes");
    desk.run_with(&["invoke", "-"], "")
        .coded(2)
        .says("the event on standard input is empty");
    invoke(&desk, TASK, &["--policy", "none.wasm"])
        .coded(2)
        .says("none.wasm");
    // A component that keeps another contract.
    desk.file("other.wasm", b"\0asm\x0d\0\x01\0");
    invoke(&desk, TASK, &["--policy", "other.wasm"])
        .coded(2)
        .says("error: other.wasm: ")
        .says("signalbox:policy");
    let ended = invoke(&desk, TASK, &["--policy", "other.wasm", "--json"]).coded(2);
    assert!(
        ended.json()["error"]
            .as_str()
            .unwrap()
            .contains("signalbox:policy")
    );
}

#[test]
fn records_that_are_kept_nowhere_are_told() {
    let desk = Desk::new();
    let config = "[targets.default]\ncluster_identifier = \"local\"\ndatabase = \"dev\"\ndb_user = \"u\"\n\
                  [records]\ndirectory = ";
    desk.file("s3.toml", format!("{config}\"s3://records/etl\"\n"));
    let ended = invoke(&desk, TASK, &["--config", "s3.toml"]).coded(0);
    assert!(
        ended
            .err
            .contains("note: 2 decision records are not kept: s3://records/etl/")
            && ended.err.contains("no region is known: set AWS_REGION"),
        "{}",
        ended.err
    );
    let definition = include_str!("../../host/local/definitions/sql_step.asl.json");
    desk.file("state.json", definition);
    let step = ["step", "state.json", "--sql", "select 1"];
    desk.run(&[&step[..], &["--config", "s3.toml"]].concat())
        .coded(0)
        .says("decision records are not kept");
    // What is kept is no news.
    desk.file("folder.toml", format!("{config}\"records\"\n"));
    let ended = invoke(&desk, TASK, &["--config", "folder.toml"]).coded(0);
    assert!(!ended.err.contains("not kept"), "{}", ended.err);
}

#[test]
fn what_a_policy_would_decide_is_asked_without_a_machine() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path().join("events")).unwrap();
    desk.file("events/a.json", r#"{ "sqlStatement": "select 1" }"#);
    desk.file(
        "events/b.json",
        r#"{ "sqlStatement": "drop table t", "taskToken": "t", "executionArn": "arn:aws:states:eu-west-1:000000000000:execution:m:e" }"#,
    );
    desk.file("events/notes.txt", "no event");
    desk.file(
        "rules.json",
        r#"{ "unparsed": "deny", "unqualified": "allow", "rules": [
            { "name": "days", "when": { "kinds": "drop-*", "time": { "zone": "UTC", "from": "06:00", "to": "22:00" } }, "then": { "deny": "At night." } }
        ] }"#,
    );
    let decide = |at: &str, more: &[&str]| {
        let decide = [
            "invoke",
            "events",
            "--decide-only",
            "--settings",
            "rules.json",
            "--at",
            at,
        ];
        desk.run(&[&decide[..], more].concat())
    };
    decide("2026-11-30T12:00:00Z", &[])
        .coded(1)
        .says("served events/a.json by standard: it started \"select 1\" on `default`")
        .says("refused events/b.json by standard: it was refused with PolicyDenied: Rule `days` denies this: At night.");
    let night = decide("2026-11-30T23:00:00Z", &["--json"]).coded(0).json();
    assert_eq!(night["events"][1]["calls"][0]["sql"], "drop table t");
    assert_eq!(night["events"][1]["calls"][0]["task"], true);
    decide("yesterday", &[])
        .coded(2)
        .says("is no date and time with an offset");
    desk.run(&["invoke", "events/a.json", "--at", "2026-11-30T23:00:00Z"])
        .coded(2)
        .says("--decide-only");

    // Several are served one after another.
    let both = desk.run(&["invoke", "events", "--json"]).coded(1).json();
    assert_eq!(both["events"].as_array().unwrap().len(), 2);
    std::fs::create_dir(desk.path().join("none")).unwrap();
    desk.run(&["invoke", "none"])
        .coded(2)
        .says("none has no events");
}
