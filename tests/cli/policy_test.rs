//! `signalbox policy test`: cases in files and in sets.

use serde_json::{Value, json};

use crate::support::{Desk, Ended};

const SETTINGS: &str = r#"
unparsed = "deny"
unqualified = "deny"

[[rules]]
name = "no drops"
when = { kinds = "drop-*" }
then = { deny = "Tables are dropped by the platform team.", help = "https://wiki.example.com/drops" }

[[rules]]
name = "reports elsewhere"
when = { stateMachines = "report-*" }
then = { target = "adhoc", deadlineSeconds = 600 }

[[rules]]
name = "stars"
when = { selectStar = true }
then = { warn = "Name the columns." }

[[callbacks]]
name = "serialisation"
when = { states = "FAILED", codes = "1023" }
then = { error = "RetryLater" }
"#;

/// A project with these cases.
fn project(cases: &[(&str, &str)]) -> Desk {
    let desk = Desk::new();
    desk.file(
        "settings.toml",
        SETTINGS.replace("unqualified", "unknownTables = \"deny\"\nunqualified"),
    );
    std::fs::create_dir(desk.path().join("tests")).unwrap();
    for (name, text) in cases {
        desk.file(&format!("tests/{name}"), text);
    }
    desk
}

/// What is said, without times.
fn plain(ended: &Ended) -> String {
    let text = format!("{}{}", ended.out, ended.err);
    let lines = text
        .lines()
        .map(|line| match line.split_once("; finished in") {
            Some((line, _)) => line.to_owned(),
            None => line.to_owned(),
        });
    lines.collect::<Vec<_>>().join("\n")
}

const DROPS: &str = r#"
payload = { sqlStatement = "drop table sales.old" }

[expect]
error = "PolicyDenied"
message = "*by the platform team*https://wiki.example.com/drops"
rule = "no drops"
calls = []
"#;

const REPORT: &str = r#"
[payload]
sqlStatement = "select * from sales.facts"
executionArn = "arn:aws:states:eu-central-1:123456789012:execution:report-daily:1"

[statement]
Status = "FAILED"
Error = "ERROR: 1023 DETAIL: Serializable isolation violation on table"

[expect]
rule = "reports elsewhere"
warnings = ["*stars*Name the columns.*"]
task = { error = "RetryLater", cause = { detail = { state = "FAILED" } } }

[[expect.calls]]
call = "execute-statement"
sql = "select * from sales.facts"
target = "adhoc"
deadlineSeconds = 600
task = true
"#;

#[test]
fn a_case_sees_all_that_the_policy_does() {
    let desk = project(&[
        ("drops.toml", DROPS),
        ("report.toml", REPORT),
        (
            "finished.json",
            r#"{ "payload": { "sqlStatement": "select id from sales.facts" }, "statement": { "Status": "FINISHED", "ResultRows": 3 },
                "expect": { "task": { "output": { "detail": { "state": "FINISHED", "rows": 3 } } }, "target": "default" } }"#,
        ),
        (
            "stopped.json",
            r#"{ "payload": { "sqlStatement": "select id from sales.facts", "onStop": "leave" }, "closed": "aborted",
                "expect": { "onStop": "leave" } }"#,
        ),
        (
            "busy.json",
            r#"{ "payload": { "sqlStatement": "select id from sales.facts", "singletonKey": "load" },
                "services": [{ "call": "execute-statement", "fail": "concurrent-execution", "message": "Another one runs." }],
                "expect": { "error": "ConcurrentExecution", "message": "Another one runs.",
                    "calls": [{ "call": "execute-statement", "singleton": { "key": "load" }, "failed": "ConcurrentExecution" }] } }"#,
        ),
        (
            "latest.json",
            r#"{ "payload": { "action": "describeStatement", "statementId": "LATEST", "executionArn": "arn:x" },
                "services": [{ "call": "latest", "reply": { "statementId": "7" } },
                             { "call": "describe-statement", "reply": { "Id": "7", "Status": "STARTED" } }],
                "expect": { "reply": { "Id": "7", "Status": "STARTED" },
                    "calls": [{ "call": "latest", "executionArn": "arn:x" }, { "call": "describe-statement", "id": "7", "target": "default" }] } }"#,
        ),
    ]);
    let ended = desk.run(&["policy", "test"]).coded(0);
    insta::assert_snapshot!(plain(&ended));
    // Wherever one stands, and one alone.
    desk.run(&["policy", "test", "tests"])
        .coded(0)
        .says("6 passed");
    desk.run(&["policy", "test", "tests/drops.toml"])
        .coded(0)
        .says("1 passed");
    desk.run(&["policy", "test", "--filter", "o"])
        .coded(0)
        .says("3 passed; 0 failed; 3 filtered out");
}

#[test]
fn what_is_otherwise_than_expected_is_shown_side_by_side() {
    let desk = project(&[
        (
            "drops.toml",
            &DROPS.replace("by the platform team", "by nobody"),
        ),
        (
            "report.toml",
            &REPORT
                .replace("adhoc", "analytics")
                .replace("\"RetryLater\"", "\"Retry\"")
                .replace("1023 DETAIL", "1205 DETAIL")
                .replace("rule = \"reports elsewhere\"", "rule = \"serialisation\""),
        ),
        (
            "runs.json",
            r#"{ "payload": { "sqlStatement": "drop table sales.old" }, "expect": { "target": "default" } }"#,
        ),
        (
            "refused.json",
            r#"{ "payload": { "sqlStatement": "select 1" }, "expect": { "error": "PolicyDenied" } }"#,
        ),
        (
            "rule.json",
            r#"{ "payload": { "sqlStatement": "select 1" }, "expect": { "rule": "no drop" } }"#,
        ),
        (
            "nothing.json",
            r#"{ "payload": { "sqlStatement": "select 1" } }"#,
        ),
    ]);
    let ended = desk
        .run(&["policy", "test", "--junit", "junit.xml"])
        .coded(1);
    insta::assert_snapshot!(plain(&ended));
    let junit = std::fs::read_to_string(desk.path().join("junit.xml")).unwrap();
    assert!(junit.contains("tests=\"6\" failures=\"6\""), "{junit}");
    assert!(
        junit.contains("<testcase name=\"refused\" classname=\"tests/refused.json\""),
        "{junit}"
    );

    let document = desk.run(&["policy", "test", "--json"]).coded(1).json();
    assert_eq!(
        (&document["good"], &document["failed"]),
        (&json!(false), &json!(6))
    );
    let refused = document["tests"]
        .as_array()
        .unwrap()
        .iter()
        .find(|test| test["name"] == "refused");
    let difference = &refused.unwrap()["differences"][0];
    assert_eq!(
        (&difference["key"], &difference["expected"]),
        (&json!("expect.error"), &json!("PolicyDenied"))
    );
    assert!(refused.unwrap()["usage"][0]["usage"]["fuel"].as_u64() > Some(0));
}

#[test]
fn blessed_cases_pass_and_keep_the_rest_of_their_files() {
    let desk = project(&[
        (
            "drops.toml",
            &format!("# Drops are refused.{}", DROPS.replace("team", "teem")),
        ),
        (
            "report.toml",
            &REPORT
                .replace("adhoc", "analytics")
                .replace("RetryLater", "Retry"),
        ),
        (
            "nothing.json",
            r#"{ "payload": { "sqlStatement": "select 1" } }"#,
        ),
        (
            "new.toml",
            "payload = { sqlStatement = \"select 1\" }\nstatement = { Status = \"ABORTED\" }\n",
        ),
    ]);
    desk.run(&["policy", "test", "--bless"])
        .coded(1)
        .says("blessed tests/drops.toml");
    let read = |name: &str| std::fs::read_to_string(desk.path().join("tests").join(name)).unwrap();
    let all = ["drops.toml", "report.toml", "nothing.json", "new.toml"]
        .map(read)
        .join("----\n");
    insta::assert_snapshot!(all);
    desk.run(&["policy", "test", "--bless"]).coded(0);
}

#[test]
fn a_set_has_tests_of_its_own_and_beside_it() {
    let desk = Desk::new();
    let set = |drop: &str| {
        format!(
            r#"schema = 1
revision = 1
deployments = ["*"]

[policies.a]
builtin = "standard"
grants = {{ targets = ["default"], actions = ["execute-statement"] }}
settings = {{ unparsed = "deny", unqualified = "allow", rules = [{{ name = "no drops", when = {{ kinds = "drop-*" }}, then = {{ deny = "No." }} }}] }}

[[policies.a.tests]]
name = "a drop is refused"
payload = {{ sqlStatement = "{drop}" }}
expect = {{ error = "PolicyDenied", rule = "no drops" }}

[[policies.a.tests]]
name = "a failure is told"
payload = {{ sqlStatement = "select 1" }}
statement = {{ Status = "FAILED", Error = "ERROR: no" }}
expect = {{ task = {{ error = "FAILED" }}, target = "default" }}

[policies.b]
builtin = "standard"
grants = {{ targets = ["default"], actions = ["execute-statement"] }}

[[routes]]
name = "all"
function = "*"
policies = ["a", "b"]
"#
        )
    };
    desk.file("set.toml", set("drop table t"));
    std::fs::create_dir(desk.path().join("tests")).unwrap();
    desk.file("tests/other.json", r#"{ "policy": "b", "payload": { "sqlStatement": "drop table t" }, "expect": { "target": "default" } }"#);
    // What it may not do it may not do in a test.
    desk.file(
        "tests/grants.json",
        r#"{ "policy": "b", "payload": { "action": "cancelStatement", "statementId": "11111111-2222-3333-4444-555555555555" },
            "expect": { "error": "NotGranted", "calls": [{ "call": "cancel-statement", "failed": "NotGranted" }] } }"#,
    );
    let ended = desk.run(&["policy", "test"]).coded(0);
    insta::assert_snapshot!(plain(&ended));
    desk.run(&["policy", "test", "set.toml"])
        .coded(0)
        .says("2 passed");
    desk.run(&["policy", "check", "set.toml"])
        .coded(0)
        .says("2 tests passed");

    // The same test fails in the same way where the set is loaded.
    desk.file("set.toml", set("delete from t"));
    desk.run(&["policy", "test"]).coded(1).says("expect.error");
    desk.run(&["policy", "check", "set.toml"])
        .coded(1)
        .says("set.toml, line 10, policies.a.tests[0]: test \"a drop is refused\": expect.error is PolicyDenied, but it is it started");

    // One that does not say which of the policies it is about.
    desk.file(
        "tests/other.json",
        r#"{ "payload": { "sqlStatement": "select 1" } }"#,
    );
    desk.run(&["policy", "test"])
        .coded(2)
        .says("say with `policy` which one is tested: a, b");
    desk.file(
        "tests/other.json",
        r#"{ "policy": "bb", "payload": { "sqlStatement": "select 1" } }"#,
    );
    desk.run(&["policy", "test"])
        .coded(2)
        .says("the set has no policy `bb`; did you mean `b`?");
}

#[test]
fn what_cannot_be_tested_says_what_to_do() {
    let desk = Desk::new();
    let said = |args: &[&str]| desk.run(&[&["policy", "test"], args].concat()).coded(2).err;
    let mut all = vec![said(&[]), said(&["nowhere"])];
    std::fs::create_dir(desk.path().join("tests")).unwrap();
    desk.file(
        "tests/a.toml",
        "paylod = 1\nat = \"today\"\n[expect]\nerrors = \"PolicyDenied\"\n",
    );
    desk.file("tests/b.json", "{ \"payload\": ");
    desk.file(
        "tests/c.toml",
        "payload = { sqlStatement = \"x\" }\npolicy = \"gone.wasm\"\n",
    );
    desk.file("tests/d.json", r#"{ "event": "gone.json" }"#);
    desk.file(
        "tests/e.json",
        r#"{ "payload": {}, "settings": { "rule": [] } }"#,
    );
    all.push(said(&[]));
    for name in ["a.toml", "b.json", "c.toml", "d.json", "e.json"] {
        std::fs::remove_file(desk.path().join("tests").join(name)).unwrap();
    }
    desk.file(
        "tests/good.json",
        r#"{ "payload": {}, "expect": { "error": "InvalidRequest" } }"#,
    );
    all.push(said(&["--filter", "goods"]));
    all.push(said(&["--settings", "gone.json"]));
    desk.run(&["policy", "test"]).coded(0);
    insta::assert_snapshot!(all.join("\n"));
    let document: Value = desk
        .run(&["policy", "test", "nowhere", "--json"])
        .coded(2)
        .json();
    assert!(
        document["error"].as_str().unwrap().contains("nowhere"),
        "{document}"
    );
}
