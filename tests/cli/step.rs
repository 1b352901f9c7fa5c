//! `signalbox step`.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Desk, Ended};

const SQL_STEP: &str = include_str!("../../host/local/definitions/sql_step.asl.json");

fn step(desk: &Desk, definition: &str, more: &[&str]) -> Ended {
    desk.file("state.json", definition);
    desk.run(&[&["step", "state.json"], more].concat())
}

#[test]
fn the_originals_state_goes_where_its_statement_sends_it() {
    let desk = Desk::new();
    let state = ["--state", "SqlStep", "--sql"];
    step(&desk, SQL_STEP, &[&state[..], &["select 1"]].concat())
        .coded(0)
        .says("SqlStep SUCCEEDED after 1 attempt")
        .says("next    SUCCESS (the task succeeded, and this is its Next)");
    let failed = step(
        &desk,
        SQL_STEP,
        &[&state[..], &["select nothing", "--json"]].concat(),
    )
    .coded(1)
    .json();
    assert_eq!(failed["status"], "CAUGHT_ERROR");
    assert_eq!(failed["nextState"], "SQL_FAILURE");
    assert_eq!(failed["why"], "Catch 2 with FAILED matches FAILED");
    assert_eq!(failed["error"], "FAILED");
    assert_eq!(failed["output"]["Error"], "FAILED");
}

#[test]
fn silence_ends_a_state_as_it_says() {
    let desk = Desk::new();
    let definition = SQL_STEP.replace("3600", "60");
    let sql = "select public.f_slow('still here', 86000)";
    let ended = step(
        &desk,
        &definition,
        &["--sql", sql, "--speed", "60", "--json"],
    )
    .coded(1);
    let report = ended.json();
    assert_eq!(report["nextState"], "TIMEOUT", "{report}");
    assert_eq!(report["error"], "States.HeartbeatTimeout");
}

#[test]
fn a_token_that_nobody_can_answer_is_not_waited_for_without_end() {
    let desk = Desk::new();
    let definition = SQL_STEP.replace("\"taskToken.$\"", "\"token.$\"");
    step(&desk, &definition, &["--sql", "select 1", "--wait", "1"])
        .coded(1)
        .says("has no `taskToken`")
        .says("(--wait)");
}

#[test]
fn attempts_are_made_anew() {
    let desk = Desk::new();
    desk.file(
        "rules.json",
        r#"{"rules": [{"name": "no", "when": {"kinds": "select"}, "then": {"deny": "no"}}],
            "unparsed": "deny", "unqualified": "allow"}"#,
    );
    let mut definition: Value = serde_json::from_str(SQL_STEP).unwrap();
    definition["States"]["SqlStep"]["Retry"] = json!([
        {"ErrorEquals": ["PolicyDenied"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1, "JitterStrategy": "FULL"}
    ]);
    let more = [
        "--sql",
        "select 1",
        "--settings",
        "rules.json",
        "--speed",
        "20",
    ];
    let ended = step(&desk, &definition.to_string(), &more).coded(1);
    ended
        .says("is tried again after PolicyDenied")
        .says("CAUGHT_ERROR after 3 attempts")
        .says("next    FAILURE (Catch 3 with States.ALL matches PolicyDenied)");
}

#[test]
fn the_documented_state_in_jsonata_runs() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/payload.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, block) = page.split_once("```json jsonata\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let desk = Desk::new();
    desk.file("input.json", r#"{"day": "2027-01-31"}"#);
    step(
        &desk,
        block,
        &["--input", "input.json", "--sql", "select :day as day"],
    )
    .coded(0)
    .says("SUCCEEDED")
    .says("next    none (the task succeeded, and the state is an End)");
    step(&desk, block, &["--sql", "select :day as day"])
        .coded(1)
        .says("States.QueryEvaluationError")
        .says("$states.input.day");
}

#[test]
fn a_queue_may_stand_in_between() {
    let desk = Desk::new();
    let state = json!({
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Next": "Done",
        "Parameters": {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/000000000000/q", "MessageBody": {
            "taskToken.$": "$$.Task.Token", "executionArn.$": "$$.Execution.Id",
            "sqlStatement.$": "States.Format('select {} as n', $.n)"
        }},
        "ResultSelector": {"state.$": "$.detail.state"}, "ResultPath": "$.sql"
    });
    desk.file("input.json", r#"{"n": 3}"#);
    let ended = step(
        &desk,
        &state.to_string(),
        &["--input", "input.json", "--json"],
    )
    .coded(0);
    let report = ended.json();
    assert_eq!(
        report["output"],
        json!({"n": 3, "sql": {"state": "FINISHED"}})
    );
    assert_eq!(report["nextState"], "Done");
}

#[test]
fn what_cannot_be_run_is_refused_with_the_reason() {
    let desk = Desk::new();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut definition: Value = serde_json::from_str(SQL_STEP).unwrap();
        change(&mut definition["States"]["SqlStep"]);
        definition.to_string()
    };
    let sql = ["--sql", "select 1"];
    for (definition, more, part) in [
        (
            SQL_STEP.to_owned(),
            vec!["--state", "Nothing", "--sql", "select 1"],
            "there is no state 'Nothing'; its Task states are SqlStep",
        ),
        (
            SQL_STEP.to_owned(),
            vec!["--state", "SUCCESS"],
            "state 'SUCCESS': is a Succeed; only a Task can be run by itself",
        ),
        (
            SQL_STEP.to_owned(),
            vec![],
            "its SQL is the placeholder SQL_STATEMENT; give the SQL with --sql",
        ),
        (
            with(&|state| state["Resource"] = json!("arn:aws:states:::glue:startJobRun.sync")),
            sql.to_vec(),
            "state 'SqlStep': the resource 'arn:aws:states:::glue:startJobRun.sync' is not supported here",
        ),
        (
            with(&|state| state["Parameters"]["Payload"]["step.$"] = json!("States.Frmat('a')")),
            sql.to_vec(),
            "there is no intrinsic function 'States.Frmat'",
        ),
        (
            with(&|state| state["Sesame"] = json!(1)),
            sql.to_vec(),
            "state 'SqlStep': a Task state with the field 'Sesame' is not supported here",
        ),
        (
            "{".to_owned(),
            vec![],
            "the definition state.json is not JSON: line 1, column 1",
        ),
        ("[]".to_owned(), vec![], "the definition: is no object"),
    ] {
        step(&desk, &definition, &more).coded(2).says(part);
    }
    let large = format!(r#"{{"Comment": "{}"}}"#, "x".repeat(2 << 20));
    step(&desk, &large, &[])
        .coded(2)
        .says("more than 1048576 bytes, which is the most that Step Functions takes");
    desk.run(&["step", "none.json"])
        .coded(2)
        .says("the definition none.json cannot be read");
    step(
        &desk,
        SQL_STEP,
        &["--sql", "select 1", "--input", "none.json"],
    )
    .coded(2)
    .says("the input none.json cannot be read");
}

#[test]
fn a_heartbeat_that_comes_too_late_is_warned_of() {
    let desk = Desk::new();
    let mut definition: Value = serde_json::from_str(SQL_STEP).unwrap();
    let state = &mut definition["States"]["SqlStep"];
    state["HeartbeatSeconds"] = json!(90);
    state["Parameters"]["Payload"]["heartbeat"] = json!(true);
    step(&desk, &definition.to_string(), &["--sql", "select 1"])
        .coded(0)
        .says("note: state 'SqlStep': HeartbeatSeconds is 90");
}
