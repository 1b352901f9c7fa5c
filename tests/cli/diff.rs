//! `signalbox policy diff`.

use serde_json::{Value, json};

use crate::support::Desk;

/// The rules of a finance team: a freeze at the end of the month, a name for conflicts, no change of all rows, reports elsewhere,
/// and tables of one state machine.
const FINANCE: &str = r#"{
    "rules": [
        { "name": "freeze",
          "when": { "tables": "finance.*", "access": "write", "time": { "zone": "Europe/Berlin", "from": "18:00", "to": "06:00", "daysOfMonth": [-2, -1] } },
          "then": { "deny": "The books are closed." } },
        { "name": "all-rows", "when": { "kinds": ["delete", "update"], "withoutWhere": true }, "then": { "deny": "Say which rows." } },
        { "name": "secret", "when": { "tables": "secret.*", "not": { "stateMachines": "payroll" } }, "then": { "deny": "Payroll only." } },
        { "name": "monthly", "when": { "stateMachines": "monthly-*" }, "then": { "target": "adhoc", "deadlineSeconds": 1800 } }
    ],
    "unparsed": "allow", "unqualified": "allow", "unknownTables": "allow",
    "callbacks": [ { "name": "conflict", "when": { "codes": "1023" }, "then": { "error": "RetryLater" } } ]
}"#;

fn events(found: &Value, group: &str) -> Vec<Value> {
    found[group].as_array().unwrap().clone()
}

#[test]
fn the_rules_of_a_finance_team_are_compared_with_none() {
    let desk = Desk::new();
    desk.file("old.json", "{}");
    desk.file("new.json", FINANCE);
    let shown = desk
        .run(&["policy", "diff", "old.json", "new.json"])
        .coded(1);
    insta::assert_snapshot!(shown.out);
    let forth = desk
        .run(&["policy", "diff", "old.json", "new.json", "--json"])
        .coded(1)
        .json();
    let back = desk
        .run(&["policy", "diff", "new.json", "old.json", "--json"])
        .coded(1)
        .json();
    assert_eq!(events(&forth, "newlyDenied").len(), 3);
    assert_eq!(events(&back, "newlyAllowed").len(), 3);
    assert_eq!(events(&back, "newlyDenied"), Vec::<Value>::new());
    for group in ["rerouted", "renamed"] {
        assert!(!events(&forth, group).is_empty(), "{group}: {forth}");
    }
    assert_eq!(forth["exact"], json!(false));
    desk.run(&["policy", "diff", "new.json", "new.json"])
        .coded(0);
}

#[test]
fn what_an_earlier_rule_decides_in_both_is_no_difference() {
    let desk = Desk::new();
    let rules = |more: &str| {
        format!(
            r#"{{ "rules": [ {{ "name": "all", "then": {{ "deny": "No." }} }}{more} ], "unparsed": "allow", "unqualified": "allow", "unknownTables": "allow" }}"#
        )
    };
    desk.file("old.json", rules(""));
    desk.file(
        "new.json",
        rules(r#", { "name": "late", "when": { "tables": "a.*" }, "then": { "deny": "Never reached." } }"#),
    );
    let found = desk
        .run(&["policy", "diff", "old.json", "new.json", "--json"])
        .coded(0)
        .json();
    assert_eq!(found["same"], json!(true));
}

#[test]
fn a_difference_behind_other_rules_is_found() {
    let desk = Desk::new();
    let of = |labels: &str| {
        format!(
            r#"{{ "rules": [
                {{ "name": "first", "when": {{ "tables": "a.*" }}, "then": {{ "allow": true }} }},
                {{ "name": "close", "when": {{ "tables": "*.a", "kinds": "delete", "labels": {{ "team": "{labels}" }}, "stateMachines": "m" }}, "then": {{ "deny": "No." }} }}
            ], "unparsed": "allow", "unqualified": "allow", "unknownTables": "allow" }}"#
        )
    };
    desk.file("old.json", of("finance"));
    desk.file("new.json", of("fin*"));
    let found = desk
        .run(&["policy", "diff", "old.json", "new.json", "--json"])
        .coded(1)
        .json();
    assert_eq!(events(&found, "newlyDenied").len(), 1, "{found}");
    assert_eq!(events(&found, "newlyAllowed").len(), 0, "{found}");
}

#[test]
fn what_cannot_be_compared_is_named() {
    let desk = Desk::new();
    desk.file("good.json", "{}");
    desk.file("wrong.json", r#"{ "rulez": [] }"#);
    desk.file("set.toml", "schema = 1");
    desk.run(&["policy", "diff", "good.json", "wrong.json"])
        .coded(2)
        .says("/rulez");
    desk.run(&["policy", "diff", "set.toml", "good.json"])
        .coded(2)
        .says("is the manifest of a policy set");
    desk.run(&["policy", "diff", "good.json", "none.json"])
        .coded(2)
        .says("cannot be read");
}

/// Nobody waits for hours: what is not looked at is said.
#[test]
fn of_very_many_rules_not_all_are_looked_at() {
    let desk = Desk::new();
    let settings = |word: &str| {
        let rule = |n| json!({ "name": format!("r{n}"), "when": { "labels": { "team": format!("t{n}") } }, "then": { "deny": word } });
        json!({ "rules": (0..150).map(rule).collect::<Vec<_>>() }).to_string()
    };
    desk.file("old.json", settings("old"));
    desk.file("new.json", settings("new"));
    let found = desk
        .run(&["policy", "diff", "old.json", "new.json", "--json"])
        .coded(1)
        .json();
    assert_eq!(found["rulesLeftOut"], 100, "{found}");
    assert_eq!(found["allCombinations"], false);
}
