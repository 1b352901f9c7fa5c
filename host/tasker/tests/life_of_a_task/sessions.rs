//! A session is of the policy and target that opened it, and runs one statement at a time.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};
use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::Raised;

use crate::support::{ARN, World, id, policies, standard};

const TOKEN: &str = "token-of-a-task-0123456789";
const OTHER: &str = "token-of-another-9876543210";
const UNKNOWN: &str = "99999999-0000-4000-8000-0000000000ff";

async fn ask(world: &World, token: &str, mut payload: Value) -> Result<Value, Raised> {
    payload["taskToken"] = json!(token);
    payload["executionArn"] = json!(ARN);
    payload["sqlStatement"] = json!("select 1");
    world.callbacks.open(token);
    world.tasker.invoke(&world.another_call(), payload).await
}

/// Opens a session by a statement that has ended since.
async fn open(world: &World) -> String {
    let reply = ask(world, TOKEN, json!({"sessionKeepAliveSeconds": 600})).await;
    let session = reply.unwrap()["SessionId"].as_str().unwrap().to_owned();
    world.finish(TOKEN, StatementStatus::Finished).await;
    session
}

#[tokio::test(start_paused = true)]
async fn a_session_is_used_by_who_opened_it() {
    let world = World::new(standard());
    let session = open(&world).await;
    let reply = ask(&world, OTHER, json!({"sessionId": session}))
        .await
        .unwrap();
    assert_eq!(reply["SessionId"], session);
    world.finish(OTHER, StatementStatus::Finished).await;
    // Its item goes when Redshift has closed it for certain.
    world.clock.push(Duration::from_secs(24 * 60 * 60 + 601));
    let raised = ask(
        &world,
        "token-of-a-late-one-1",
        json!({"sessionId": session}),
    )
    .await;
    assert_eq!(raised.unwrap_err().error_type, "NotGranted");
}

#[tokio::test(start_paused = true)]
async fn any_other_is_told_that_there_is_none() {
    let world = World::new(standard());
    world.tasker.swap(policies(&["standard", "finance"]));
    let session = open(&world).await;
    let before = world.ledger.keys();
    let unknown = ask(&world, OTHER, json!({"sessionId": UNKNOWN}))
        .await
        .unwrap_err();
    for (payload, policy, target) in [
        (
            json!({"sessionId": session, "policy": "finance"}),
            "finance",
            "default",
        ),
        (
            json!({"sessionId": session, "target": "other"}),
            "standard",
            "other",
        ),
    ] {
        let raised = ask(&world, OTHER, payload).await.unwrap_err();
        assert_eq!(raised.error_type, "NotGranted");
        let as_unknown = raised
            .message
            .replace(&session, UNKNOWN)
            .replace(policy, "standard")
            .replace(&format!("`{target}`"), "`default`");
        assert_eq!(as_unknown, unknown.message, "worded as for an unknown one");
    }
    assert_eq!(world.ledger.keys(), before, "nothing is left");
    assert_eq!(world.warehouse.count("start"), 1);
}

#[tokio::test(start_paused = true)]
async fn one_statement_at_a_time() {
    let world = Arc::new(World::new(standard()));
    let session = open(&world).await;
    let calls: Vec<_> = (0..8)
        .map(|n| {
            let (world, session) = (Arc::clone(&world), session.clone());
            let token = format!("token-of-contender-number-{n}");
            tokio::spawn(async move { ask(&world, &token, json!({"sessionId": session})).await })
        })
        .collect();
    let mut refused = Vec::new();
    for call in calls {
        refused.extend(call.await.unwrap().err());
    }
    assert_eq!(refused.len(), 7);
    assert!(
        refused
            .iter()
            .all(|raised| raised.error_type == "ConcurrentExecution")
    );
    assert_eq!(world.warehouse.started().len(), 2);

    let mut started = world.warehouse.started().into_iter();
    let running = started.find(|statement| statement.status == StatementStatus::Submitted);
    let running = running.unwrap();
    let raised = ask(&world, OTHER, json!({"sessionId": session}))
        .await
        .unwrap_err();
    assert!(raised.message.ends_with(&running.id), "{raised}");
    // It has ended, and no event has come yet.
    world.warehouse.end(&running.name, StatementStatus::Failed);
    ask(&world, OTHER, json!({"sessionId": session}))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_nobody_waits_for_keeps_its_session_busy() {
    let world = World::new(standard());
    let direct = json!({"sqlStatement": "select 1", "sessionKeepAliveSeconds": 60});
    let reply = world.tasker.invoke(&world.call(), direct).await.unwrap();
    let next = json!({"sessionId": reply["SessionId"]});
    let raised = ask(&world, TOKEN, next.clone()).await.unwrap_err();
    assert_eq!(raised.error_type, "ConcurrentExecution");
    let running = world.warehouse.started().pop().unwrap();
    world
        .warehouse
        .end(&running.name, StatementStatus::Finished);
    ask(&world, OTHER, next).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_gone_is_replaced_only_on_request() {
    let world = World::new(standard());
    let session = open(&world).await;
    world.warehouse.sessions.lock().unwrap().clear();
    let lost = "token-of-the-lost-one-1234";
    let raised = ask(&world, lost, json!({"sessionId": session})).await;
    assert_eq!(raised.unwrap_err().error_type, "SessionLost");
    assert_eq!(world.warehouse.started().len(), 1);

    let replace = json!({"sessionId": session, "onSessionLost": "replace"});
    let reply = ask(&world, OTHER, replace.clone()).await.unwrap();
    let new = reply["SessionId"].as_str().unwrap().to_owned();
    assert_ne!(new, session);
    assert_eq!(
        ask(&world, OTHER, replace).await.unwrap(),
        reply,
        "a repeat"
    );
    assert_eq!(world.warehouse.started().len(), 2);
    world.finish(OTHER, StatementStatus::Finished).await;
    let third = "token-of-the-third-one-123";
    ask(&world, third, json!({"sessionId": new})).await.unwrap();
    // Replacing is for one's own.
    let foreign = json!({"sessionId": UNKNOWN, "onSessionLost": "replace"});
    let raised = ask(&world, "token-of-a-stranger-12345", foreign).await;
    assert_eq!(raised.unwrap_err().error_type, "NotGranted");
}

#[tokio::test(start_paused = true)]
async fn a_session_is_known_though_the_start_was_not_recorded_to_its_end() {
    let world = World::new(standard());
    // The record, by execution, `starting`; then the statement's id.
    world.ledger.hang_from_write.store(4, Ordering::Relaxed);
    let _ = ask(&world, TOKEN, json!({"sessionKeepAliveSeconds": 60})).await;
    world.ledger.hang_from_write.store(0, Ordering::Relaxed);
    assert!(world.record(TOKEN).await.unwrap().statement_id().is_none());
    let running = world.warehouse.started().pop().unwrap();
    assert_eq!(
        running.name,
        world.record(TOKEN).await.unwrap().statement_name()
    );
    world
        .warehouse
        .end(&running.name, StatementStatus::Finished);
    world.clock.push(Duration::from_secs(20 * 60));
    world.sweep().await;
    assert_eq!(world.callbacks.told(TOKEN).len(), 1, "{}", id(TOKEN));
    let next = json!({"sessionId": running.session_id.unwrap()});
    ask(&world, OTHER, next).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_a_session_there_is_no_trace_of_one() {
    let world = World::new(standard());
    ask(&world, TOKEN, json!({})).await.unwrap();
    ask(&world, OTHER, json!({"sessionKeepAliveSeconds": 0}))
        .await
        .unwrap();
    assert!(!world.ledger.dump().contains("session"));
}
