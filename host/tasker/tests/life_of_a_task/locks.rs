//! Singleton means one.

use crate::support::{Script, ScriptedPolicy, World, event, id};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde_json::json;
use signalbox_policy::{
    Answer,
    contract::{Exclusivity, StatementStatus},
};
use signalbox_tasker::{PolicySet, Settling, record::Phase};

const TOKEN: &str = "token-of-a-task-0123456789";
const OTHER: &str = "token-of-another-9876543210";

#[tokio::test(start_paused = true)]
async fn a_lock_admits_one() {
    let script = Script {
        exclusive: Some(Exclusivity::Statement),
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let raised = world.invoke_waiting(OTHER, "select 1").await.unwrap_err();
    assert_eq!(raised.error_type, "ConcurrentExecution");
    assert!(
        raised
            .message
            .contains("00000000-0000-4000-8000-000000000001"),
        "{raised}"
    );
    assert!(
        world.record(OTHER).await.is_none(),
        "a refused contender leaves nothing"
    );
    world.invoke_waiting(OTHER, "select 2").await.unwrap();
    // The owner's own repeat is no contender.
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert_eq!(world.warehouse.started().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lock_whose_owner_has_ended_is_taken_over_though_no_event_came() {
    let script = Script {
        exclusive: Some(Exclusivity::Key("nightly".to_owned())),
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.warehouse.end(
        &signalbox_tasker::ids::statement_name("test", &id(TOKEN)),
        StatementStatus::Finished,
    );
    world.invoke_waiting(OTHER, "select 2").await.unwrap();
    assert_eq!(world.warehouse.started().len(), 2);

    // The first one's event comes late; it must not free the lock that is the second one's now.
    assert_eq!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Done
    );
    let third = "token-of-a-third-5555555555";
    assert_eq!(
        world
            .invoke_waiting(third, "select 3")
            .await
            .unwrap_err()
            .error_type,
        "ConcurrentExecution"
    );
    assert_eq!(
        world.finish(OTHER, StatementStatus::Finished).await,
        Settling::Done
    );
    world.invoke_waiting(third, "select 3").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lock_without_a_callback_is_freed_by_the_event() {
    let script = Script {
        exclusive: Some(Exclusivity::Statement),
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    world
        .tasker
        .invoke(&world.call(), json!({"sqlStatement": "select 1"}))
        .await
        .unwrap();
    let running = world.warehouse.started().pop().unwrap();
    assert!(running.with_event, "somebody has to hear of the end");
    world
        .warehouse
        .end(&running.name, StatementStatus::Finished);
    let done = event(&running.name, &running.id, "FINISHED");
    assert_eq!(
        world.tasker.settle(&world.call(), done).await,
        Settling::Done
    );
    assert!(
        !world
            .ledger
            .keys()
            .iter()
            .any(|key| key.starts_with("lock#"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_was_freed_and_taken_again_is_not_the_one_that_was_seen() {
    let script = Script {
        exclusive: Some(Exclusivity::Key("nightly".to_owned())),
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let seen = lock_revision(&world);
    assert_eq!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Done
    );
    world.clock.push(Duration::from_millis(1));
    world.invoke_waiting(OTHER, "select 2").await.unwrap();
    assert_ne!(
        lock_revision(&world),
        seen,
        "a take-over of the first one must not hit the second one"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_decided_before_the_end_frees_nothing() {
    let script = Script {
        exclusive: Some(Exclusivity::Statement),
        answer_after_start: Some(Answer::Succeed {
            output: "{}".to_owned(),
        }),
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let owner = world.record(TOKEN).await.unwrap();
    assert_eq!(owner.phase(), Phase::Closed, "its task was told already");
    let raised = world.invoke_waiting(OTHER, "select 1").await.unwrap_err();
    assert_eq!(raised.error_type, "ConcurrentExecution");
    assert!(raised.message.contains(owner.statement_id().unwrap()));

    let name = owner.statement_name();
    world.warehouse.end(&name, StatementStatus::Finished);
    world.invoke_waiting(OTHER, "select 1").await.unwrap();
    assert_eq!(world.warehouse.started().len(), 2);
    world.clock.push(Duration::from_secs(25 * 60 * 60));
    assert!(
        world
            .ledger
            .items()
            .iter()
            .all(|item| { !item.key.id.starts_with("lock#") || item.expires_at.is_some() })
    );
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_decided_what_is_told_frees_nothing_before_the_end() {
    let script = Script {
        exclusive: Some(Exclusivity::Statement),
        fault_after: Some(signalbox_policy::FaultKind::Trap),
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    world
        .warehouse
        .deaf_to_cancel
        .store(true, Ordering::Relaxed);
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert!(world.record(TOKEN).await.unwrap().verdict.is_some());
    let sound = Script {
        exclusive: Some(Exclusivity::Statement),
        ..Script::default()
    };
    let sound = PolicySet::single(Arc::new(ScriptedPolicy::new(sound)));
    world.tasker.swap(sound);
    let raised = world.invoke_waiting(OTHER, "select 1").await.unwrap_err();
    assert_eq!(raised.error_type, "ConcurrentExecution");
    assert_eq!(world.warehouse.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_contender_asks_once_and_a_day_frees_the_lock_of_what_redshift_forgot() {
    let script = Script {
        exclusive: Some(Exclusivity::Statement),
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let asked = world.warehouse.count("describe");
    world.invoke_waiting(OTHER, "select 1").await.unwrap_err();
    assert_eq!(world.warehouse.count("describe"), asked + 1);
    world.warehouse.forget_all();
    world.clock.push(Duration::from_secs(25 * 60 * 60));
    world.invoke_waiting(OTHER, "select 1").await.unwrap_err();
    world.clock.push(Duration::from_secs(1));
    world.invoke_waiting(OTHER, "select 1").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_reservation_holds_its_lock_until_it_is_given_up() {
    let script = Script {
        exclusive: Some(Exclusivity::Statement),
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    // The process dies between its reservation and the next write.
    world.ledger.hang_from_write.store(3, Ordering::Relaxed);
    world.invoke_waiting(TOKEN, "select 1").await.unwrap_err();
    world.ledger.hang_from_write.store(0, Ordering::Relaxed);
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Reserved);
    let raised = world.invoke_waiting(OTHER, "select 1").await.unwrap_err();
    assert_eq!(raised.error_type, "ConcurrentExecution", "it may start yet");
    world.clock.push(Duration::from_secs(20 * 60));
    world.sweep().await;
    world.invoke_waiting(OTHER, "select 1").await.unwrap();
    assert_eq!(world.warehouse.started().len(), 1);
}

fn lock_revision(world: &World) -> u64 {
    world
        .ledger
        .items()
        .into_iter()
        .find(|item| item.key.id.starts_with("lock#"))
        .unwrap()
        .revision
}
