//! Singleton means one.

use crate::support::{Script, ScriptedPolicy, World, event, id};
use serde_json::json;
use signalbox_policy::contract::{Exclusivity, StatementStatus};
use signalbox_tasker::Settling;

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
    world.clock.push(std::time::Duration::from_millis(1));
    world.invoke_waiting(OTHER, "select 2").await.unwrap();
    assert_ne!(
        lock_revision(&world),
        seen,
        "a take-over of the first one must not hit the second one"
    );
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
