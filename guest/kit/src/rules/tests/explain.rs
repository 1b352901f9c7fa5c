//! Explanations of decisions.

use super::*;

fn explained(settings: &Value, payload: &Value) -> Vec<Value> {
    let mut settings = settings.clone();
    settings["explain"] = json!(true);
    let host = FakeHost::default();
    let _ = decide_for(
        &settings,
        payload,
        Some("arn:aws:states:eu-west-1:1:execution:nightly:1"),
        &host,
    );
    let lines = host.calls().into_iter().filter_map(|call| match call {
        Call::Log(line) => line
            .strip_prefix("Explanation of a decision. explanation=")
            .map(|json| serde_json::from_str(json).unwrap()),
        _ => None,
    });
    lines.collect()
}

fn finance() -> Value {
    rules(&json!([
        { "name": "slow", "when": { "kinds": "select" }, "then": { "deadlineSeconds": 600 } },
        { "name": "freeze", "when": { "tables": "finance.*", "access": "write", "time": { "zone": "UTC", "from": "18:00", "to": "06:00" } }, "then": { "deny": "No." } },
        { "name": "secret", "when": { "tables": "secret.*", "not": { "stateMachines": "night*" } }, "then": { "deny": "No." } },
        { "name": "no drops", "when": { "kinds": "drop-*" }, "then": { "deny": "No." } },
        { "name": "team", "when": { "labels": { "team": "fin*" }, "targets": "adhoc", "withoutWhere": true, "any": [{ "kinds": "delete" }, { "kinds": "update" }] }, "then": { "warn": "Oh." } },
        { "name": "rest", "then": { "allow": true } }
    ]))
}

#[test]
fn a_decision_says_which_rules_hold_and_which_came_closest() {
    for (name, payload) in [
        ("drop", json!({ "sqlStatement": "drop table finance.t" })),
        (
            "secret",
            json!({ "sqlStatement": "select f(a) from secret.t" }),
        ),
        (
            "batch",
            json!({ "sqlStatements": ["select 1", "delete from x.t"], "labels": { "team": "finance" } }),
        ),
    ] {
        let shown = explained(&finance(), &payload);
        insta::assert_json_snapshot!(name, shown);
    }
}

#[test]
fn a_setting_that_decides_is_named() {
    let mut settings =
        rules(&json!([{ "name": "a", "when": { "tables": "x.*" }, "then": { "warn": "Oh." } }]));
    settings["unparsed"] = json!("deny");
    settings["unknownTables"] = json!("deny");
    let decided = |text: &str| explained(&settings, &sql(text))[0]["decided"].clone();
    assert_eq!(decided("frobnicate"), json!({ "setting": "unparsed" }));
    assert_eq!(decided("call p()"), json!({ "setting": "unknownTables" }));
    assert_eq!(decided("select a from y.t"), json!(null));
    let mut qualified = settings.clone();
    qualified["unqualified"] = json!("deny");
    let decided = explained(&qualified, &sql("select a from t"))[0]["decided"].clone();
    assert_eq!(decided, json!({ "setting": "unqualified" }));
    assert!(
        explained(&json!({}), &sql("select 1"))[0]["closest"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn nothing_is_explained_unless_asked() {
    let host = FakeHost::default();
    decide_for(&finance(), &sql("select 1"), None, &host).unwrap();
    assert!(host.calls().is_empty());
}
