//! `signalbox replay`, and the records that it reads.

use serde_json::{Value, json};

use crate::{
    schema::faults,
    support::{Desk, Ended},
};

const CONFIG: &str = r#"
[targets.default]
cluster_identifier = "analytics-1"
database = "dev"
db_user = "etl"

[records]
directory = "records"
"#;

const STRICT: &str = r#"{"unparsed": "allow", "unqualified": "allow", "rules": [
    {"name": "no drops", "when": {"kinds": ["drop-table"]}, "then": {"deny": "Tables stay."}}
]}"#;

/// A desk on which these events were served, and their records kept.
fn recorded(config: &str, events: &[Value]) -> Desk {
    let desk = Desk::new();
    desk.file("signalbox.toml", config);
    desk.file("strict.json", STRICT);
    for event in events {
        desk.file("event.json", event.to_string());
        let invoked = desk.run(&["invoke", "event.json", "--config", "signalbox.toml"]);
        assert!(matches!(invoked.code, Some(0 | 1)), "{invoked:?}");
    }
    desk
}

fn waiting(sql: &str) -> Value {
    json!({"taskToken": "t", "executionArn": "arn:aws:states:eu-west-1:000000000000:execution:m:e", "sqlStatement": sql})
}

/// The texts of all records, in order.
fn texts(desk: &Desk) -> Vec<String> {
    let mut paths = Vec::new();
    for day in std::fs::read_dir(desk.path().join("records")).unwrap() {
        let files = std::fs::read_dir(day.unwrap().path()).unwrap();
        paths.extend(files.map(|file| file.unwrap().path()));
    }
    paths.sort();
    let read = |path: &std::path::PathBuf| std::fs::read_to_string(path).unwrap();
    paths.iter().map(read).collect()
}

fn replay(desk: &Desk, more: &[&str]) -> Ended {
    desk.run(&[&["replay", "records"], more].concat())
}

#[test]
fn the_same_policy_changes_nothing_and_a_stricter_one_says_what_it_would() {
    let desk = recorded(
        CONFIG,
        &[
            waiting("select 1 as one"),
            waiting("drop table if exists t"),
        ],
    );
    replay(&desk, &[]).coded(0).says("4 same");
    let ended = replay(&desk, &["--settings", "strict.json"]).coded(1);
    let ended = ended
        .says("3 same, 1 changed")
        .says("Tables stay.")
        .says("gone");
    assert!(
        !ended.out.contains("select 1 as one"),
        "what is the same is only counted: {}",
        ended.out
    );

    let document = replay(&desk, &["--settings", "strict.json", "--json"])
        .coded(1)
        .json();
    assert_eq!(document["good"], false);
    let changed = document["decisions"].as_array().unwrap().iter();
    let changed: Vec<_> = changed
        .filter(|one| one["replay"]["outcome"]["kind"] == "changed")
        .collect();
    assert_eq!(changed.len(), 1);
    assert_eq!(
        changed[0]["replay"]["decision"]["rejected"]["error"],
        "PolicyDenied"
    );
    assert!(changed[0]["replay"]["usage"]["fuel"].as_u64().unwrap() > 0);
}

#[test]
fn a_record_becomes_a_test_and_changes_have_a_kind() {
    let desk = recorded(
        CONFIG,
        &[
            waiting("drop table if exists t"),
            waiting("select 1 as one"),
        ],
    );
    let ended = replay(&desk, &["--settings", "strict.json"]).coded(1);
    ended
        .says("changes    1 allow → deny")
        .says("  sql      drop table if exists t")
        .says("  machine  m");
    let document = replay(&desk, &["--settings", "strict.json", "--json"])
        .coded(1)
        .json();
    assert_eq!(
        document["changes"],
        json!([{ "change": "allow → deny", "count": 1 }])
    );
    let changed = document["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["change"] == "allow → deny");
    let id = changed.unwrap()["subject"].as_str().unwrap().to_owned();

    // What the policy did then it does in the test, and what it would do now is seen there.
    std::fs::create_dir(desk.path().join("tests")).unwrap();
    replay(&desk, &["--to-test", &id, "-o", "tests/seen.toml"])
        .coded(0)
        .says("written: tests/seen.toml");
    desk.run(&["policy", "test"])
        .coded(0)
        .says("test seen ... ok");
    desk.run(&["policy", "test", "--settings", "strict.json"])
        .coded(1)
        .says("it was refused with PolicyDenied");
    replay(&desk, &["--to-test", &id, "-o", "tests/seen.toml"])
        .coded(2)
        .says("is not replaced");
    replay(&desk, &["--to-test", "nobody"])
        .coded(2)
        .says("there is no record of a request");

    // A set alone, which need be neither signed nor pass its tests.
    desk.file(
        "set.toml",
        r#"schema = 1
revision = 1
[policies.standard]
builtin = "standard"
grants = { targets = ["default"], actions = ["execute-statement"] }
settings = { unparsed = "allow", unqualified = "allow", rules = [{ name = "no drops", when = { kinds = "drop-*" }, then = { deny = "Tables stay." } }] }
[[routes]]
name = "all"
function = "*"
policies = ["standard"]
"#,
    );
    replay(&desk, &["--set", "set.toml"])
        .coded(1)
        .says("1 allow → deny");
}

#[test]
fn every_record_is_as_the_schema_says_and_a_decision_that_failed_too() {
    let desk = recorded(
        CONFIG,
        &[
            waiting("select 1 as one"),
            waiting("select no_such_column"),
            json!({"sqlStatement": "select 'a' as a", "output": "rows", "waitSeconds": 20, "parameters": []}),
            json!({"sqlStatements": ["select 1", "select 2"], "output": "describe"}),
            json!({"sqlStatement": "select 1", "sqlStatment": "near miss"}),
            json!({"action": "describeStatement", "statementId": "LATEST", "executionArn": "arn:x"}),
        ],
    );
    let schema = include_str!("../../docs/records.schema.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    let texts = texts(&desk);
    assert!(texts.len() >= 8, "{}", texts.len());
    for text in &texts {
        let record: Value = serde_json::from_str(text).unwrap();
        assert_eq!(faults(&schema, &record), [""; 0], "{record:#}");
    }
    // A schema that takes everything would be none.
    let mut record: Value = serde_json::from_str(&texts[0]).unwrap();
    record["calls"][0]["reply"] = json!({"ok": 1, "err": 2});
    assert_ne!(faults(&schema, &record), [""; 0]);
    record["calls"] = json!([]);
    assert_eq!(faults(&schema, &record), [""; 0]);
    record["event"]["invocation"]["token"] = json!("t");
    assert_ne!(faults(&schema, &record), [""; 0]);
    replay(&desk, &[]).coded(0);
}

#[test]
fn a_record_hides_passwords_and_replay_says_so() {
    let desk = recorded(
        CONFIG,
        &[json!({"sqlStatement": "create user u password 'HUNTER2'"})],
    );
    let texts = texts(&desk);
    assert!(
        texts.iter().all(|text| !text.contains("HUNTER2")),
        "{texts:?}"
    );
    assert!(
        texts[0].contains("/event/invocation/payload"),
        "{}",
        texts[0]
    );
    replay(&desk, &[]).coded(0).says("1 same");
    let strict = STRICT.replace("drop-table", "create-user");
    desk.file("strict.json", strict);
    replay(&desk, &["--settings", "strict.json"])
        .coded(1)
        .says("masked")
        .says("/event/invocation/payload");
}

#[test]
fn records_without_literals_are_made_again_too() {
    let config = format!("{CONFIG}mask = \"literals\"\n");
    let read = json!({"sqlStatement": "select 'MUELLER' as name, 471108154711 as n", "output": "rows", "waitSeconds": 20});
    let desk = recorded(&config, &[read, waiting("drop table if exists t")]);
    let all = texts(&desk).concat();
    assert!(
        !all.contains("MUELLER") && !all.contains("471108154711"),
        "{all}"
    );
    replay(&desk, &["--settings", "strict.json", "--only", "standard"])
        .coded(1)
        .says("1 changed");
}

#[test]
fn what_invoke_prints_and_what_logs_hold_is_read_too() {
    let desk = Desk::new();
    desk.file("event.json", waiting("select 1 as one").to_string());
    let invoked = desk.run(&["invoke", "event.json", "--json"]).coded(0);
    desk.file("invoked.json", &invoked.out);
    desk.run(&["replay", "invoked.json"])
        .coded(0)
        .says("2 same");
    // Redshift may be faster than the record of the policy's call.
    let document = invoked.json();
    let happenings = document["happenings"].as_array().unwrap();
    let record = happenings.iter().find_map(|one| one.get("evaluation"));
    let record = record.unwrap();
    let line =
        json!({"target": "signalbox::record", "shortened": false, "whole": {}, "record": record});
    let log = format!("START RequestId: 1\n2026-11-25T12:00:00 {line}\nEND\n");
    desk.run_with(&["replay", "-"], &log)
        .coded(0)
        .says("1 same");
    let mut short = line;
    short["shortened"] = json!(true);
    let log = format!("{log}{short}\n");
    desk.run_with(&["replay", "-"], &log)
        .coded(0)
        .says("1 same, 1 skipped");
}

#[test]
fn what_cannot_be_made_again_is_an_error_that_says_why() {
    let desk = Desk::new();
    desk.file("empty.json", "");
    desk.run(&["replay", "empty.json"])
        .coded(2)
        .says("no decision");
    desk.run(&["replay", "gone.json"])
        .coded(2)
        .says("gone.json cannot be read");
    desk.run(&["replay"]).coded(2);
    let desk = recorded(CONFIG, &[json!({"sqlStatement": "select 1"})]);
    replay(&desk, &["--only", "finance"])
        .coded(2)
        .says("`finance`");
    replay(&desk, &["--policy", "gone.wasm"])
        .coded(2)
        .says("gone.wasm");
    desk.file("wrong.json", r#"{"rule": []}"#);
    replay(&desk, &["--settings", "wrong.json"])
        .coded(2)
        .says("refused its settings");
}

/// The settings of a policy set are written as TOML there, and given to `--settings` as JSON.
const SET: &str = r#"schema = 1
revision = 3

[policies.finance]
builtin = "standard"
grants = { targets = ["default"], actions = ["execute-statement", "describe-statement"] }

[policies.finance.settings]
unparsed = "allow"
unqualified = "allow"

[[policies.finance.settings.rules]]
name = "no drops"
when = { kinds = ["drop-table"] }
then = { deny = "Tables stay." }

[[routes]]
name = "all"
function = "*"
policies = ["finance"]
"#;
const WITH_SET: &str = "[ledger]\ntable = \"t\"\n[policy_set]\nsource = \"set.toml\"\n";
const OTHER_SETTINGS: &str = "decisions were made under other settings";

#[test]
fn a_change_of_the_settings_is_not_taken_for_one_of_the_policy() {
    let desk = Desk::new();
    desk.file("set.toml", SET);
    desk.file("signalbox.toml", format!("{CONFIG}{WITH_SET}"));
    desk.file("event.json", waiting("drop table t").to_string());
    let invoke = ["invoke", "event.json", "--config", "signalbox.toml"];
    desk.run(&invoke).coded(1).says("PolicyDenied");

    // Without settings the same policy lets it run.
    replay(&desk, &[])
        .coded(1)
        .says("1 changed")
        .says(&format!("1 of 1 {OTHER_SETTINGS}"));
    let told = replay(&desk, &["--json"]).coded(1).json();
    assert_eq!(told["otherSettings"], 1);
    assert_eq!(told["decisions"][0]["otherSettings"], true);

    // Those of then are given by hand, or found by the policy's name.
    desk.file("strict.json", STRICT);
    for more in [
        ["--settings", "strict.json"],
        ["--config", "signalbox.toml"],
    ] {
        let ended = replay(&desk, &more).coded(0).says("1 same");
        assert!(!ended.out.contains(OTHER_SETTINGS), "{}", ended.out);
    }

    // So is a draft, which nobody has signed.
    let key = desk.run(&["policy", "keygen", "-o", "key.pem", "--json"]);
    let key = key.coded(0).json()["publicKey"].clone();
    desk.file("set.toml", SET.replace("\"drop-table\"", "\"select\""));
    let draft = format!("{CONFIG}{WITH_SET}trusted_keys = [{key}]\n");
    desk.file("draft.toml", draft);
    replay(&desk, &["--config", "draft.toml"])
        .coded(1)
        .says("by         finance ")
        .says("1 changed")
        .says(OTHER_SETTINGS);

    desk.file("set.toml", SET.replace("finance", "reports"));
    replay(&desk, &["--config", "signalbox.toml"])
        .coded(2)
        .says("the configuration has no policy `finance`");
    replay(
        &desk,
        &["--config", "signalbox.toml", "--policy", "standard"],
    )
    .coded(2);
}
