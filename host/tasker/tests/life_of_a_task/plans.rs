//! A policy asks for the plan of SQL before it decides.

use serde_json::json;
use signalbox_tasker::ports::{ServiceErrorKind, Sql};

use crate::support::{Running, Script, ScriptedPolicy, StartFault, World};

const TOKEN: &str = "token-of-a-task-0123456789";

fn asks(sql: &'static str, refuses: bool) -> World {
    World::new(ScriptedPolicy::new(Script {
        explains: Some((sql, refuses)),
        ..Script::default()
    }))
}

/// Whether this is the statement of the payload.
fn is_own(one: &Running) -> bool {
    one.sql == Sql::One("select 1".to_owned())
}

const EXPLAIN: &str = "EXPLAIN select 1";

#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_plan_is_a_refusal_and_nothing_is_recorded() {
    let world = asks(EXPLAIN, true);
    world.callbacks.open(TOKEN);
    let raised = world.invoke_waiting(TOKEN, "select 1").await.unwrap_err();
    assert_eq!(raised.error_type, "EstimateExceeded");
    assert!(world.record(TOKEN).await.is_none());
    assert_eq!(world.ledger.keys(), Vec::<String>::new());
    // The same event again is decided again.
    let raised = world.invoke_waiting(TOKEN, "select 1").await.unwrap_err();
    assert_eq!(raised.error_type, "EstimateExceeded");
    assert_eq!(world.warehouse.started().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_no_start_of_the_task() {
    let world = asks(EXPLAIN, false);
    world.callbacks.open(TOKEN);
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let started = world.warehouse.started();
    assert_eq!(started.len(), 2);
    assert_eq!(started.iter().filter(|one| is_own(one)).count(), 1);
    assert_ne!(started[0].name, started[1].name);
    world.succeed(TOKEN).await;
    assert_eq!(world.callbacks.told(TOKEN).len(), 1);
    // A repeat gets the reply that is recorded: nothing is asked again.
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert_eq!(world.warehouse.started().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_task_the_event_is_about_its_own_statement() {
    let world = asks(EXPLAIN, false);
    let payload = || json!({ "sqlStatement": "select 1", "idempotencyKey": "k" });
    let call = world.call();
    let first = world.tasker.invoke(&call, payload()).await.unwrap();
    let started = world.warehouse.started();
    let own = started.iter().find(|one| is_own(one)).unwrap().id.clone();
    assert_eq!(first["Id"], own.as_str());
    let again = world
        .tasker
        .invoke(&world.another_call(), payload())
        .await
        .unwrap();
    assert_eq!(again["Id"], own.as_str());
    let runs = world.warehouse.started();
    let runs = runs
        .iter()
        .filter(|one| format!("{:?}", one.sql) == "One(\"select 1\")");
    assert_eq!(runs.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_throttled_is_asked_again_and_not_for_ever() {
    let throttled = || StartFault::Before(ServiceErrorKind::Throttled, "ThrottlingException");
    let world = asks(EXPLAIN, false);
    world
        .warehouse
        .start_faults
        .lock()
        .unwrap()
        .push(throttled());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert_eq!(world.warehouse.started().len(), 2);

    let world = asks(EXPLAIN, false);
    for _ in 0..10 {
        world
            .warehouse
            .start_faults
            .lock()
            .unwrap()
            .push(throttled());
    }
    let raised = world.invoke_waiting(TOKEN, "select 1").await.unwrap_err();
    assert_eq!(raised.error_type, "ThrottlingException");
    assert_eq!(world.warehouse.started().len(), 0);
    assert!(world.record(TOKEN).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_would_run_is_no_question() {
    for sql in [
        "delete from t",
        "EXPLAIN ANALYZE delete from t",
        "EXPLAIN select 1; delete from t",
    ] {
        let world = asks(sql, false);
        let raised = world.invoke_waiting(TOKEN, "select 1").await.unwrap_err();
        assert_eq!(raised.error_type, "InvalidRequest", "{sql}");
        assert_eq!(world.warehouse.started().len(), 0, "{sql}");
    }
}
