//! `signalbox policy lint` and `explain`.

use serde_json::json;

use crate::support::Desk;

const RULES: &str = r#"{
    "rules": [
        { "name": "freeze", "when": { "tables": ["finance.*", "ledgr.*"] }, "then": { "deny": "The books are closed." } },
        { "name": "close", "when": { "tables": "finance.entries", "stateMachines": "close" }, "then": { "allow": true } },
        { "name": "reports", "when": { "kinds": "select" }, "then": { "target": "adhoc" } }
    ],
    "unparsed": "deny", "unqualified": "deny", "unknownTables": "deny"
}"#;

#[test]
fn rules_that_never_count_and_what_is_refused_are_shown() {
    let desk = Desk::new();
    desk.file("rules.json", RULES);
    desk.file(
        "tables.txt",
        "# from svv_tables\nfinance.entries\n\ndev.public.t\n",
    );
    let shown = desk
        .run(&["policy", "lint", "rules.json", "--catalogue", "tables.txt"])
        .coded(1);
    insta::assert_snapshot!(shown.out);
    let json = desk
        .run(&["policy", "lint", "rules.json", "--json"])
        .coded(1)
        .json();
    assert_eq!(
        (&json["good"], &json["findings"][0]["path"]),
        (&json!(false), &json!("/rules/1"))
    );
    assert_eq!(
        json["opaque"][0],
        json!({
            "sql": "CALL etl()", "runs": false,
            "reason": "Not all tables that this SQL (`call`) touches can be told from it, and the settings deny such SQL (`unknownTables`)."
        })
    );
}

#[test]
fn each_policy_of_a_set_is_looked_at() {
    let desk = Desk::new();
    let set = r#"
schema = 1
revision = 1
deployments = ["*"]

[policies.plain]
builtin = "standard"

[policies.strict]
builtin = "standard"
[[policies.strict.settings.rules]]
name = "all"
then = { deny = "No." }
[[policies.strict.settings.rules]]
name = "late"
when = { targets = "x" }
then = { warn = "Oh." }

[[routes]]
name = "all"
function = "*"
policies = ["plain", "strict"]
"#;
    desk.file("set.toml", set);
    let json = desk
        .run(&["policy", "lint", "set.toml", "--json"])
        .coded(1)
        .json();
    assert_eq!(json["policies"]["plain"]["good"], true);
    assert_eq!(
        json["policies"]["strict"]["findings"]
            .as_array()
            .unwrap()
            .len(),
        1,
        "{json}"
    );
    desk.file("set.toml", "schema = 1\nrevison = 1\n");
    desk.run(&["policy", "lint", "set.toml"])
        .coded(1)
        .says("revison");
}

#[test]
fn what_cannot_be_linted_says_what_to_do() {
    let desk = Desk::new();
    desk.file("rules.json", "{\"rule\": []}");
    desk.file(
        "good.json",
        r#"{"rules": [{"name": "a", "when": {"targets": "x"}, "then": {"warn": "Oh."}}]}"#,
    );
    desk.file("tables.txt", "a..b\n");
    desk.run(&["policy", "lint", "rules.json"])
        .coded(1)
        .says("Did you mean `rules`?");
    desk.run(&["policy", "lint", "good.json"])
        .coded(0)
        .says("nothing is odd");
    desk.run(&["policy", "lint", "missing.json"])
        .coded(2)
        .says("cannot be read");
    desk.run(&["policy", "lint", "good.json", "--catalogue", "tables.txt"])
        .coded(2)
        .says("line 1 of tables.txt");
}

#[test]
fn a_decision_is_explained() {
    let desk = Desk::new();
    desk.file("rules.json", r#"{
    "rules": [
        { "name": "nights", "when": { "kinds": "copy", "time": { "zone": "Europe/Berlin", "from": "07:00", "to": "19:00" } }, "then": { "deny": "Loads run at night." } },
        { "name": "reports", "when": { "kinds": "select", "stateMachines": "monthly-*" }, "then": { "target": "adhoc" } }
    ],
    "unparsed": "deny", "unqualified": "allow", "unknownTables": "allow"
}"#);
    let copy = "copy sales from 's3://bucket/day' iam_role default";
    let explain = |more: &[&str]| {
        let args = ["policy", "explain", "rules.json"];
        desk.run(&[&args[..], more].concat())
    };
    let day = explain(&["--sql", copy, "--at", "2026-11-30T17:00:00Z"]).coded(1);
    let night = explain(&["--sql", copy, "--at", "2026-11-30T18:00:00Z"]).coded(0);
    desk.file(
        "batch.json",
        json!({ "sqlStatements": ["select own.f(a)\nfrom t", "frobnicate all of it"] }).to_string(),
    );
    let batch = explain(&[
        "batch.json",
        "--execution",
        "arn:aws:states:eu-west-1:1:execution:monthly-sales:1",
        "--at",
        "2026-11-30T17:00:00Z",
    ])
    .coded(1);
    insta::assert_snapshot!(format!(
        "{}\n---\n{}\n---\n{}",
        day.out, night.out, batch.out
    ));
    let json = explain(&["--sql", copy, "--at", "2026-11-30T17:00:00Z", "--json"])
        .coded(1)
        .json();
    assert_eq!(
        (&json["runs"], &json["statements"][0]["decided"]["rule"]),
        (&json!(false), &json!("nights"))
    );
    explain(&["--sql", "select 1", "--at", "noon"])
        .coded(2)
        .says("is no time");
    explain(&["none.json"]).coded(2).says("cannot be read");
    explain(&[]).coded(2);
}
