//! Decisions of real components, recorded and made again.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use signalbox_policy::{
    ComponentPolicy, Decision, DecisionRecord, FaultKind, Limits, Policy, Services, Witnessed,
    contract::{Invocation, Waiter},
    replay::{Outcome, Plain, Replay, replay},
    shadow::{Shadowed, Shadows},
    share::Share,
};
use tokio::time::{Duration, Instant};

use crate::common::{
    Fake, Start, asks, closing, context, engine, hostile, loading, payload, settlement,
};

/// Rules that deny what the tests below call denied.
const RULES: &str = r#"{
    "rules": [{ "name": "no drops", "when": { "kinds": ["drop-*"] }, "then": { "deny": "No." } }],
    "unparsed": "allow",
    "unqualified": "allow"
}"#;

async fn standard(settings: &str) -> Arc<ComponentPolicy> {
    let limits = Limits {
        guest_time_ms: 60_000,
        ..Limits::default()
    };
    let engine = engine();
    let policy = engine.load(loading(signalbox_guests::STANDARD, settings, limits));
    Arc::new(policy.await.unwrap())
}

/// The policy with somebody who collects its records.
fn watched(policy: Arc<dyn Policy>) -> (Witnessed, Arc<Mutex<Vec<DecisionRecord>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let witness = {
        let seen = Arc::clone(&seen);
        move |record: DecisionRecord| seen.lock().unwrap().push(record)
    };
    (Witnessed::new(policy, Arc::new(witness)), seen)
}

/// The records, as they are read from files.
fn read(seen: &Mutex<Vec<DecisionRecord>>) -> Vec<DecisionRecord> {
    let records = std::mem::take(&mut *seen.lock().unwrap());
    let text = serde_json::to_string(&records).unwrap();
    serde_json::from_str(&text).unwrap()
}

async fn again(policy: &dyn Policy, record: &DecisionRecord) -> Replay {
    let deadline = Instant::now() + Duration::from_secs(120);
    replay(policy, record, deadline, Arc::new(Plain)).await
}

/// Payloads of all actions and options, good and bad.
fn payloads() -> Vec<Value> {
    let mut payloads = vec![
        json!({}),
        json!({"sqlStatement": ""}),
        json!({"sqlStatement": 1}),
        json!({"sqlStatement": "select 1", "sqlstatement": "near miss"}),
        json!({"sqlStatement": "select 1", "comment": "unknown"}),
        json!({"sqlStatement": "select 1; select 2"}),
        json!({"sqlStatement": "select 'unterminated"}),
        json!({"sqlStatement": "drop table secret.t"}),
        json!({"sqlStatement": "select :a + :b", "parameters": {"a": 1, "b": true}}),
        json!({"sqlStatement": "select :a", "parameters": [{"name": "a", "value": "x"}]}),
        json!({"sqlStatements": ["select 1", "select 2"]}),
        json!({"sqlStatements": ["select 1", "drop table t"], "executionMode": "autoCommit"}),
        json!({"sqlStatements": []}),
        json!({"action": "unheardOf"}),
        json!({"action": "executeSingletonStatement", "sqlStatement": "select 1"}),
        json!({"action": "describeStatement", "statementId": "LATEST", "executionArn": "arn:x"}),
        json!({"action": "describeStatement", "statementId": "d9b6c0c9-0747-4bf4-b142-e8883122f766"}),
        json!({"action": "cancelStatement", "statementId": "d9b6c0c9-0747-4bf4-b142-e8883122f766"}),
        json!({"action": "getStatementResult", "statementId": "d9b6c0c9-0747-4bf4-b142-e8883122f766"}),
    ];
    for (field, value) in [
        ("target", json!("default")),
        ("target", json!("elsewhere")),
        ("output", json!("rows")),
        ("output", json!("describe")),
        ("waitSeconds", json!(20)),
        ("singletonKey", json!("k")),
        ("deadlineSeconds", json!(60)),
        ("onStop", json!("leave")),
        ("heartbeat", json!(true)),
        ("step", json!("load")),
        ("resultFormat", json!("CSV")),
        ("sessionKeepAliveSeconds", json!(60)),
        ("idempotencyKey", json!("work-1")),
    ] {
        let mut payload = json!({"sqlStatement": "select 1"});
        payload[field] = value;
        payloads.push(payload);
    }
    payloads
}

fn invocation(text: &Value) -> Invocation {
    Invocation {
        execution_arn: Some("arn:aws:states:eu-west-1:1:execution:m:e".to_owned()),
        ..payload(&text.to_string())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_policy_with_the_same_settings_decides_the_same() {
    for settings in ["{}", RULES] {
        let policy = standard(settings).await;
        let (watched, seen) = watched(policy.clone());
        for start in [Start::Accepted, Start::Refused, Start::Uncertain] {
            let services = Arc::new(Fake {
                start,
                ..Fake::default()
            });
            for waiter in [
                None,
                Some(Waiter::StepFunctions),
                Some(Waiter::Cloudformation),
            ] {
                for payload in payloads() {
                    let _ = watched
                        .invoke(context(&services), invocation(&payload), waiter)
                        .await;
                }
            }
            let settled = watched
                .settle(context(&services), settlement(), Waiter::StepFunctions)
                .await;
            assert!(settled.is_ok(), "{settled:?}");
            let _ = watched.closed(context(&services), closing()).await;
        }
        let records = read(&seen);
        assert_eq!(records.len(), 3 * (3 * payloads().len() + 2));
        let calls: usize = records.iter().map(|record| record.calls.len()).sum();
        assert!(calls > records.len() / 2, "{calls} calls");
        for record in &records {
            let replay = again(&*policy, record).await;
            assert!(replay.is_same(), "{record:#?}\n{replay:#?}");
            assert_eq!(replay.decision.as_ref(), Some(&record.decision));
        }
    }
}

/// All the SQL that the kit's own tests call deep: the largest records there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_does_for_sql_at_every_limit() {
    let policy = standard(RULES).await;
    let (watched, seen) = watched(policy.clone());
    let services = Fake::new();
    for (_, sql) in signalbox_kit::sql::deep_sql_cases() {
        let event = invocation(&json!({ "sqlStatement": sql }));
        let _ = watched.invoke(context(&services), event, None).await;
    }
    for record in read(&seen) {
        let replay = again(&*policy, &record).await;
        assert!(replay.is_same(), "{replay:?}");
    }
}

#[tokio::test]
async fn other_settings_change_what_they_deny_and_nothing_else() {
    let (watched, seen) = watched(standard("{}").await);
    let services = Fake::new();
    for sql in ["drop table t", "select 1"] {
        let event = invocation(&json!({ "sqlStatement": sql }));
        watched
            .invoke(context(&services), event, None)
            .await
            .unwrap();
    }
    let strict = standard(RULES).await;
    let records = read(&seen);
    let replays = [
        again(&*strict, &records[0]).await,
        again(&*strict, &records[1]).await,
    ];
    assert_eq!(replays[0].outcome, Outcome::Changed);
    let Some(Decision::Rejected(rejection)) = &replays[0].decision else {
        panic!("{replays:?}");
    };
    assert_eq!(rejection.error, "PolicyDenied");
    let gone = &replays[0].effects[0];
    assert_eq!(gone.function, "redshift-data/execute-statement");
    assert!(gone.recorded.is_some() && gone.replayed.is_none());
    assert!(replays[1].is_same(), "{replays:?}");
}

/// The other way round: what was denied is now a new effect, and succeeds without any service.
#[tokio::test]
async fn what_was_denied_succeeds_when_the_rule_is_gone() {
    let (watched, seen) = watched(standard(RULES).await);
    let services = Fake::new();
    let event = invocation(&json!({"sqlStatement": "drop table t"}));
    let refused = watched
        .invoke(context(&services), event, Some(Waiter::StepFunctions))
        .await;
    assert!(refused.unwrap().reply.is_err());
    let replay = again(&*standard("{}").await, &read(&seen)[0]).await;
    assert_eq!(replay.outcome, Outcome::Changed);
    assert!(replay.effects[0].recorded.is_none() && replay.effects[0].replayed.is_some());
    let Some(Decision::Invoked { bound, reply, .. }) = replay.decision else {
        panic!("{replay:?}");
    };
    assert!(bound && reply["Id"] == "replayed-1", "{reply}");
    assert_eq!(services.starts(), 0);
}

#[tokio::test]
async fn faults_are_recorded_with_what_was_done_before() {
    let engine = engine();
    let limits = Limits {
        guest_time_ms: 200,
        memory: 32 * 1024 * 1024,
        host_calls: 20,
        ..Limits::default()
    };
    let policy = Arc::new(hostile(&engine, "{}", limits).await);
    let (watched, seen) = watched(policy.clone());
    let services = Fake::new();
    for (deed, kind) in [
        ("trap", FaultKind::Trap),
        ("loop", FaultKind::Timeout),
        ("allocate", FaultKind::Memory),
        ("junk", FaultKind::Output),
    ] {
        let fault = watched.invoke(context(&services), asks(deed), None).await;
        assert_eq!(fault.unwrap_err().kind, kind, "{deed}");
        let record = read(&seen).remove(0);
        let Decision::Fault {
            kind: recorded,
            message,
        } = &record.decision
        else {
            panic!("{record:?}");
        };
        assert_eq!(*recorded, kind);
        assert!(message.starts_with("`invoke`: "), "{message}");
        let replay = again(&*policy, &record).await;
        assert!(replay.is_same(), "{deed}: {replay:?}");
    }
}

#[tokio::test]
async fn a_real_component_runs_as_the_shadow_of_another() {
    let shadows = Arc::new(Shadows::default());
    let everything = Share::percent(100.0).unwrap();
    let policy = Shadowed::new(
        standard("{}").await,
        standard(RULES).await,
        everything,
        Arc::clone(&shadows),
    );
    let services = Fake::new();
    for sql in ["drop table t", "select 1"] {
        let event = invocation(&json!({ "sqlStatement": sql }));
        let invoked = policy.invoke(context(&services), event, None).await;
        assert!(invoked.unwrap().reply.is_ok(), "the acting policy acts");
    }
    policy
        .settle(context(&services), settlement(), Waiter::StepFunctions)
        .await
        .unwrap();
    assert_eq!(services.starts(), 2);
    let before = services.describes();
    let shaded = shadows.run(Duration::from_secs(120)).await;
    let same: Vec<_> = shaded
        .compared
        .iter()
        .map(|one| (one.export, one.replay.is_same()))
        .collect();
    assert_eq!(
        same,
        [("invoke", false), ("invoke", true), ("settle", true)]
    );
    assert_eq!((services.starts(), services.describes()), (2, before));
    let _: Arc<dyn Services> = services;
}
