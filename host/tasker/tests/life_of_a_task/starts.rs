//! A statement starts at most once, and an invocation raises only when none runs.

use std::{sync::Arc, sync::atomic::Ordering};

use crate::support::{StartFault, World, standard};
use serde_json::json;
use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::{
    Call,
    ports::ServiceErrorKind,
    record::{Ending, Phase},
};

const TOKEN: &str = "token-of-a-task-0123456789";

#[tokio::test(start_paused = true)]
async fn a_repeated_invocation_gets_the_recorded_reply_and_starts_nothing() {
    let world = World::new(standard());
    let first = world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let again = world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert_eq!(first, again);
    assert_eq!(world.warehouse.count("start"), 1);
    world.finish(TOKEN, StatementStatus::Finished).await;
    assert_eq!(
        world.invoke_waiting(TOKEN, "select 1").await.unwrap(),
        first,
        "also after the end"
    );
    assert_eq!(world.warehouse.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn invocations_of_one_task_at_once_start_one_statement() {
    let world = Arc::new(World::new(standard()));
    let release = world.warehouse.stall_next_start();
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.invoke_waiting(TOKEN, "select 1").await.unwrap() })
        })
        .collect();
    world.warehouse.until_called("start").await;
    release.notify_one();
    let mut replies = Vec::new();
    for call in calls {
        replies.push(call.await.unwrap());
    }
    replies.dedup();
    assert_eq!(replies.len(), 1, "{replies:?}");
    assert_eq!(world.warehouse.count("start"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_statement_is_raised_and_its_record_closed_first() {
    let world = World::new(standard());
    world
        .warehouse
        .start_faults
        .lock()
        .unwrap()
        .push(StartFault::Before(
            ServiceErrorKind::Invalid,
            "ValidationException",
        ));
    let raised = world.invoke_waiting(TOKEN, "select 1").await.unwrap_err();
    assert_eq!(raised.error_type, "ValidationException");
    let record = world.record(TOKEN).await.unwrap();
    assert_eq!(
        (record.phase(), record.life.ending()),
        (Phase::Closed, Some(Ending::Refused))
    );
    // The raised error was the answer; nothing is sent to the token.
    assert!(world.callbacks.sent(TOKEN).is_empty());
    let again = world.invoke_waiting(TOKEN, "select 1").await.unwrap_err();
    assert_eq!(
        again.error_type, "ValidationException",
        "a repeat gets what the first got"
    );
    assert_eq!(world.warehouse.count("start"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unclear_start_is_repeated_with_the_same_client_token() {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() = vec![
        StartFault::After(ServiceErrorKind::Unclear, "RequestTimeout"),
        StartFault::Before(ServiceErrorKind::Unclear, "ConnectionError"),
    ];
    let reply = world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert!(reply["Id"].is_string());
    assert_eq!(world.warehouse.count("start"), 3);
    assert_eq!(world.warehouse.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_a_repeat_says_nothing_of_the_unclear_try_before() {
    for kind in [
        ServiceErrorKind::Throttled,
        ServiceErrorKind::Denied,
        ServiceErrorKind::Limit,
    ] {
        let world = World::new(standard());
        *world.warehouse.start_faults.lock().unwrap() = vec![
            StartFault::After(ServiceErrorKind::Unclear, "RequestTimeout"),
            StartFault::Before(kind, "Refused"),
        ];
        let reply = world.invoke_waiting(TOKEN, "select 1").await;
        assert!(reply.is_ok(), "its statement runs: {reply:?}");
        assert_eq!(world.warehouse.started().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_key_is_the_same_work_and_another_request_under_it_is_refused() {
    let world = World::new(standard());
    let payload = |sql: &str| json!({"sqlStatement": sql, "idempotencyKey": "load-2027-01-01"});
    let call = |n: u32| Call {
        request_id: format!("request-{n}"),
        ..world.call()
    };
    let first = world
        .tasker
        .invoke(&call(1), payload("select 1"))
        .await
        .unwrap();
    let again = world
        .tasker
        .invoke(&call(2), payload("select 1"))
        .await
        .unwrap();
    assert_eq!(first, again);
    let raised = world
        .tasker
        .invoke(&call(3), payload("select 2"))
        .await
        .unwrap_err();
    assert_eq!(raised.error_type, "InvalidRequest");
    assert_eq!(world.warehouse.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn work_that_redshift_refused_can_be_asked_for_again_under_its_key() {
    let world = World::new(standard());
    let payload = json!({"sqlStatement": "select 1", "idempotencyKey": "k"});
    world
        .warehouse
        .start_faults
        .lock()
        .unwrap()
        .push(StartFault::Before(
            ServiceErrorKind::Limit,
            "ActiveStatementsExceededException",
        ));
    let raised = world
        .tasker
        .invoke(&world.call(), payload.clone())
        .await
        .unwrap_err();
    assert_eq!(raised.error_type, "ActiveStatementsExceededException");
    world.tasker.invoke(&world.call(), payload).await.unwrap();
    assert_eq!(world.warehouse.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_is_down_starts_nothing() {
    let world = World::new(standard());
    world.ledger.down.store(true, Ordering::Relaxed);
    let raised = world.invoke_waiting(TOKEN, "select 1").await.unwrap_err();
    assert_eq!(raised.error_type, "LedgerUnavailable");
    assert_eq!(world.warehouse.count("start"), 0);
}
