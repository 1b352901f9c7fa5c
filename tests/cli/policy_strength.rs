//! What tests of policies are worth, and what policies cost.

use serde_json::json;

use crate::support::Desk;

const SETTINGS: &str = r#"{
  "unparsed": "deny",
  "unqualified": "allow",
  "unknownTables": "deny",
  "rules": [
    { "name": "books", "when": { "tables": ["ledger.*", "books"], "access": "write" }, "then": { "deny": "The books are closed." } },
    { "name": "nights", "when": { "kinds": "copy", "time": { "zone": "UTC", "from": "07:00", "to": "19:00" } }, "then": { "deny": "Loads run at night." } },
    { "name": "reports", "when": { "stateMachines": "report-*" }, "then": { "target": "adhoc" } },
    { "name": "once more", "when": { "stateMachines": "report-daily" }, "then": { "target": "adhoc" } }
  ],
  "callbacks": [{ "name": "again", "when": { "states": "FAILED", "codes": "1023" }, "then": { "error": "RetryLater" } }]
}"#;

fn project(cases: &[(&str, &str)]) -> Desk {
    let desk = Desk::new();
    desk.file("settings.json", SETTINGS);
    std::fs::create_dir(desk.path().join("tests")).unwrap();
    for (name, text) in cases {
        desk.file(&format!("tests/{name}"), text);
    }
    desk
}

const BOOKS: (&str, &str) = (
    "books.json",
    r#"{ "payload": { "sqlStatement": "delete from ledger.entries" }, "expect": { "error": "PolicyDenied" } }"#,
);
const REPORT: (&str, &str) = (
    "report.json",
    r#"{ "payload": { "sqlStatement": "select 1", "executionArn": "arn:aws:states:eu-central-1:123456789012:execution:report-daily:1" },
        "expect": { "target": "adhoc" } }"#,
);
/// Refused by a rule, and without it by `unknownTables`.
const VACUOUS: (&str, &str) = (
    "vacuous.json",
    r#"{ "payload": { "sqlStatement": "delete from books where f_own(id)" }, "expect": { "error": "PolicyDenied" } }"#,
);

#[test]
fn rules_that_no_test_sees_are_named() {
    let desk = project(&[BOOKS, REPORT, VACUOUS]);
    let ended = desk.run(&["policy", "test", "--coverage"]).coded(0);
    let (_, coverage) = ended.out.split_once("\n\ncoverage").unwrap();
    insta::assert_snapshot!(format!("coverage{coverage}"));
    desk.run(&["policy", "test", "--coverage=50"])
        .coded(1)
        .says("of the rules and branches decide in a test, and 50 % are wanted");
    // A test that fails says nothing of what tests are worth.
    desk.file(
        "tests/wrong.json",
        r#"{ "payload": { "sqlStatement": "select 1" }, "expect": { "error": "PolicyDenied" } }"#,
    );
    let ended = desk
        .run(&["policy", "test", "--coverage"])
        .coded(1)
        .says("are looked at when all tests pass");
    assert!(!ended.out.contains("coverage of"), "{}", ended.out);
}

#[test]
fn suggested_tests_kill_what_lives() {
    let desk = project(&[BOOKS, REPORT]);
    let before = desk
        .run(&[
            "policy",
            "test",
            "--mutate=90",
            "--suggest",
            "tests/more",
            "--json",
        ])
        .coded(1)
        .json();
    let strength = &before["strength"][0];
    let count = |strength: &serde_json::Value, key: &str| strength[key].as_u64().unwrap();
    assert!(
        count(strength, "killed") * 2 < count(strength, "mutants"),
        "{strength}"
    );
    let written = std::fs::read_dir(desk.path().join("tests/more"))
        .unwrap()
        .count();
    assert!((3..=16).contains(&written), "{written}");
    let first = std::fs::read_to_string(desk.path().join("tests/more/suggested-1.toml")).unwrap();
    assert!(
        first.starts_with("# Without this test nobody would notice:\n# - "),
        "{first}"
    );
    // They pass, and kill most of what lived.
    let after = desk
        .run(&["policy", "test", "--mutate=80", "--coverage", "--json"])
        .coded(0)
        .json();
    let strength = &after["strength"][0];
    assert!(
        count(strength, "killed") * 5 >= count(strength, "mutants") * 4,
        "{strength}"
    );
    // Of two rules that do the same one is in vain, and no test can show it.
    let same = strength["same"].to_string();
    assert!(same.contains("once more"), "{same}");
}

#[test]
fn what_a_policy_costs_is_measured_against_its_limits() {
    let desk = project(&[BOOKS, REPORT]);
    let bench = |more: &[&str]| {
        desk.run(&[&["policy", "bench", ".", "--runs", "3", "--json"], more].concat())
    };
    let (one, other) = (
        bench(&[]).coded(0).json(),
        bench(&["--against", "."]).coded(0).json(),
    );
    let events = |document: &serde_json::Value, pointer: &str| {
        let events = document
            .pointer(pointer)
            .unwrap()
            .as_array()
            .unwrap()
            .clone();
        events
            .into_iter()
            .map(|event| (event["event"].clone(), event["fuel"].clone()))
            .collect::<Vec<_>>()
    };
    // Fuel repeats exactly.
    assert_eq!(
        events(&one, "/policies/0/events"),
        events(&other, "/policies/0/against/events")
    );
    assert_eq!(events(&one, "/policies/0/events")[0].0, json!("books"));
    assert!(one["policies"][0]["events"][0]["memory"].as_u64() > Some(100_000));
    bench(&["--max-fuel", "1000"])
        .coded(1)
        .says("the fuel of \"books\" is");
    let text = desk
        .run(&[
            "policy",
            "bench",
            "standard",
            "--runs",
            "2",
            "--max-size",
            "1",
            "--against",
            "standard",
        ])
        .coded(1);
    text.says("against standard")
        .says("the component is")
        .says("  select\n");
    desk.run(&["policy", "bench", "gone.wasm"])
        .coded(2)
        .says("gone.wasm cannot be read");
}

#[test]
fn the_tests_of_the_finance_example_notice_what_is_changed() {
    let desk = Desk::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/guest/examples/finance");
    let ended = desk
        .run(&["policy", "test", example, "--coverage=80", "--mutate=95"])
        .coded(0);
    ended.says("29 passed; 0 failed");
}
