//! The standard policy as it ships.

use std::time::{Duration, Instant};

use crate::common::{Fake, context, engine, loading, payload};
use signalbox_policy::{Limits, Policy, inspect::Interfaces};

/// Rules that look at everything, so that all SQL is taken apart.
const STRICT: &str = r#"{
    "rules": [
        { "name": "secrets", "when": { "tables": ["secret.*"], "schemas": "hidden" }, "then": { "deny": "No." } },
        { "name": "no drops", "when": { "kinds": ["drop-*"] }, "then": { "deny": "No." } }
    ],
    "unparsed": "allow",
    "unqualified": "allow",
    "unknownTables": "allow"
}"#;

#[test]
fn it_imports_nothing_but_the_contract() {
    let found = Interfaces::of("standard", signalbox_guests::STANDARD).unwrap();
    let contract = [
        "callbacks",
        "clock",
        "ledger",
        "log",
        "redshift-data",
        "types",
    ];
    for import in &found.imports {
        let known = contract
            .iter()
            .any(|name| *import == format!("signalbox:policy/{name}@0.1.0"));
        assert!(known, "{import} is no part of the contract");
    }
    assert_eq!(
        found.exports,
        [
            "signalbox:policy/handler@0.1.0",
            "signalbox:policy/preparation@0.1.0"
        ]
    );
}

#[tokio::test]
async fn without_settings_it_runs_what_it_is_given() {
    let policy = engine()
        .load(loading(signalbox_guests::STANDARD, "{}", Limits::default()))
        .await
        .unwrap();
    assert_eq!(policy.identity().version, env!("CARGO_PKG_VERSION"));
    let services = Fake::new();
    let sql = payload(r#"{"sqlStatement":"DROP TABLE secret.t"}"#);
    let invoked = policy.invoke(context(&services), sql, None).await.unwrap();
    assert!(invoked.reply.is_ok(), "{:?}", invoked.reply);
    assert_eq!(services.starts(), 1);
}

#[tokio::test]
async fn its_rules_hold() {
    let policy = engine()
        .load(loading(
            signalbox_guests::STANDARD,
            STRICT,
            Limits::default(),
        ))
        .await
        .unwrap();
    let services = Fake::new();
    let sql = payload(r#"{"sqlStatement":"DROP TABLE t"}"#);
    let invoked = policy.invoke(context(&services), sql, None).await.unwrap();
    assert_eq!(invoked.reply.unwrap_err().error, "PolicyDenied");
    assert_eq!(services.starts(), 0);
}

#[tokio::test]
async fn settings_that_it_does_not_know_do_not_load() {
    let error = engine()
        .load(loading(
            signalbox_guests::STANDARD,
            r#"{"rule":[]}"#,
            Limits::default(),
        ))
        .await
        .err();
    let error = error.expect("unknown settings were accepted").to_string();
    assert!(
        error.contains("refused its settings") && error.contains("rules"),
        "{error}"
    );
}

/// The deepest SQL that Redshift takes, through the component as it ships, on its own stack.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_sql_traps_it() {
    let engine = engine();
    // The test is about the stack, not the time of a loaded machine.
    let limits = Limits {
        guest_time_ms: 20_000,
        ..Limits::default()
    };
    let policy = engine
        .load(loading(signalbox_guests::STANDARD, STRICT, limits))
        .await
        .unwrap();
    let mut slowest = (Duration::ZERO, String::new());
    let mut largest = (0, String::new());
    let mut faults = Vec::new();
    for (name, sql) in signalbox_kit::sql::deep_sql_cases() {
        let services = Fake::new();
        let event = payload(&serde_json::json!({ "sqlStatement": sql }).to_string());
        let begun = Instant::now();
        // What it says of the SQL is tested in the kit. Here it says something.
        match policy.invoke(context(&services), event, None).await {
            Ok(invoked) => largest = largest.max((invoked.usage.memory, name.clone())),
            Err(fault) => faults.push(format!("{name}: {fault}")),
        }
        slowest = slowest.max((begun.elapsed(), name));
    }
    println!("largest: {} with {} bytes", largest.1, largest.0);
    println!("slowest: {} in {:?}", slowest.1, slowest.0);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
