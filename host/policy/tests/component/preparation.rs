//! Settings that the policy prepares when it is loaded.

use std::path::Path;

use signalbox_policy::{
    ComponentPolicy, EngineOptions, Limits, Metering, Policy as _, PolicyEngine,
    contract::Invocation,
};

use crate::common::{Fake, context, loading, payload};

/// Rules of teams, each about tables, executions or labels of its own.
fn settings(rules: usize) -> String {
    let rules: Vec<_> = (0..rules)
        .map(|n| {
            let (when, then) = match n % 4 {
                0 => (
                    serde_json::json!({
                        "tables": [format!("team_{n}.*"), format!("mart.t_{n}_*")],
                        "access": "write",
                        "not": { "stateMachines": format!("team-{n}-*") }
                    }),
                    serde_json::json!({ "deny": "only the team's own state machine changes these tables" }),
                ),
                1 => (
                    serde_json::json!({
                        "kinds": ["insert", "copy", "update"],
                        "tables": format!("finance_{n}.*"),
                        "time": { "zone": "Europe/Berlin", "from": "18:00", "to": "06:00", "daysOfMonth": [-2, -1] }
                    }),
                    serde_json::json!({ "deny": "the month is closed", "help": "https://wiki.example.com/month-end" }),
                ),
                2 => (
                    serde_json::json!({ "stateMachines": format!("report-{n}-*"), "kinds": "select" }),
                    serde_json::json!({ "target": "adhoc", "deadlineSeconds": 1800 }),
                ),
                _ => (
                    serde_json::json!({ "labels": { "team": format!("team-{n}") }, "withoutWhere": true }),
                    serde_json::json!({ "warn": "no condition" }),
                ),
            };
            serde_json::json!({ "name": format!("rule {n}"), "when": when, "then": then })
        })
        .collect();
    serde_json::json!({
        "rules": rules, "unparsed": "deny", "unqualified": { "schema": "public" }, "unknownTables": "allow"
    })
    .to_string()
}

/// What its guests burn is counted.
fn metered() -> PolicyEngine {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("policies");
    PolicyEngine::new(EngineOptions {
        cache: Some(cache),
        metering: Metering::Fuel,
        ..EngineOptions::default()
    })
    .unwrap()
}

async fn standard(engine: &PolicyEngine, settings: &str) -> ComponentPolicy {
    let limits = Limits {
        guest_time_ms: 60_000,
        ..Limits::default()
    };
    let loading = loading(signalbox_guests::STANDARD, settings, limits);
    engine.load(loading).await.unwrap()
}

async fn fuel(policy: &ComponentPolicy, event: Invocation) -> u64 {
    let services = Fake::new();
    let invoked = policy
        .invoke(context(&services), event, None)
        .await
        .unwrap();
    assert!(invoked.reply.is_ok(), "{:?}", invoked.reply);
    invoked.usage.fuel.unwrap()
}

/// A statement that the rule `team_{n}.*` forbids.
fn forbidden(n: usize) -> Invocation {
    payload(
        &serde_json::json!({ "sqlStatement": format!("delete from team_{n}.t where id = 1") })
            .to_string(),
    )
}

#[tokio::test]
async fn ten_thousand_rules_cost_an_event_as_much_as_ten() {
    let engine = metered();
    let event = || {
        payload(
            r#"{"sqlStatement": "SELECT region, sum(amount) FROM sales.orders WHERE day BETWEEN '2024-01-01' AND '2024-01-31' GROUP BY region ORDER BY 2 DESC LIMIT 10", "labels": {"team": "team-3"}}"#,
        )
    };
    let mut burnt = Vec::new();
    for rules in [10, 100, 1_000, 10_000] {
        let policy = standard(&engine, &settings(rules)).await;
        burnt.push(fuel(&policy, event()).await);
        let refused = rules / 8 * 4;
        let services = Fake::new();
        let invoked = policy
            .invoke(context(&services), forbidden(refused), None)
            .await
            .unwrap();
        let message = invoked.reply.unwrap_err().message;
        assert!(
            message.contains(&format!("Rule `rule {refused}`")),
            "{message}"
        );
    }
    println!("fuel of an event with 10, 100, 1,000, 10,000 rules: {burnt:?}");
    assert!(burnt[3] * 10 <= burnt[0] * 13, "{burnt:?}");
}
