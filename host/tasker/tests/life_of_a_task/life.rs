//! The life of a task from its payload to its end.

use std::{sync::atomic::Ordering, time::Duration};

use crate::support::{Script, ScriptedPolicy, StartFault, World, event, id, standard};
use serde_json::json;
use signalbox_policy::contract::{Exclusivity, StatementStatus};
use signalbox_tasker::{
    Settling,
    ports::ServiceErrorKind,
    record::{Ending, Phase},
};

const TOKEN: &str = "token-of-a-task-0123456789";
const OTHER: &str = "token-of-another-9876543210";

#[tokio::test(start_paused = true)]
async fn a_task_is_started_settled_answered_and_marked() {
    let world = World::new(standard());
    let reply = world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert_eq!(reply["Id"], "00000000-0000-4000-8000-000000000001");
    let record = world.record(TOKEN).await.unwrap();
    assert_eq!(record.phase(), Phase::Started);
    assert!(record.due_at.is_some());

    world.succeed(TOKEN).await;
    let record = world.record(TOKEN).await.unwrap();
    assert_eq!(
        (record.phase(), record.life.ending()),
        (Phase::Closed, Some(Ending::Answered))
    );
    assert!(
        !world.ledger.dump().contains(TOKEN),
        "the token is removed once it is used"
    );
}

#[tokio::test(start_paused = true)]
async fn no_open_record_expires_and_every_closed_one_does() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    // What leads to it stays longer than any statement runs.
    for item in world.ledger.items() {
        let is_index = !item.key.id.starts_with("task#") && !item.key.id.starts_with("due#");
        assert_eq!(item.expires_at.is_some(), is_index, "{item:?}");
        let until = item.expires_at.map(|at| at - 1_800_000_000);
        assert!(until.is_none_or(|until| until >= 48 * 60 * 60), "{until:?}");
    }
    world.finish(TOKEN, StatementStatus::Finished).await;
    assert!(
        world
            .ledger
            .items()
            .iter()
            .all(|item| item.expires_at.is_some()),
        "{:?}",
        world.ledger.keys()
    );
    assert!(
        !world
            .ledger
            .keys()
            .iter()
            .any(|key| key.starts_with("due#"))
    );
    world.clock.push(Duration::from_secs(25 * 60 * 60));
    assert!(
        world.record(TOKEN).await.is_none(),
        "an expired row counts as gone though it is still there"
    );
}

#[tokio::test(start_paused = true)]
async fn events_are_hints() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let call = world.call();

    // It says FINISHED, and the statement runs.
    let forged = world.event(TOKEN, "FINISHED").await;
    assert!(matches!(
        world.tasker.settle(&call, forged).await,
        Settling::Again { .. }
    ));
    // Another statement's id under our name.
    let name = signalbox_tasker::ids::statement_name("test", &id(TOKEN));
    let crossed = event(&name, "99999999-0000-4000-8000-000000000000", "FINISHED");
    assert!(matches!(
        world.tasker.settle(&call, crossed).await,
        Settling::Ignored { .. }
    ));
    // Foreign ones of every sort.
    for name in [
        "",
        "my_query",
        "sbx-other:00",
        &format!("sbx-other:{}", id(TOKEN)),
        &format!("sbx-test:{}", id(OTHER)),
    ] {
        assert!(
            matches!(
                world
                    .tasker
                    .settle(&call, event(name, "x", "FINISHED"))
                    .await,
                Settling::Ignored { .. }
            ),
            "{name}"
        );
    }
    for odd in [
        json!(null),
        json!({}),
        json!({"detail": []}),
        json!({"detail": {"statementName": 7}}),
    ] {
        assert!(matches!(
            world.tasker.settle(&call, odd).await,
            Settling::Ignored { .. }
        ));
    }
    assert!(world.callbacks.sent(TOKEN).is_empty());

    // It says FINISHED, and the statement failed.
    assert_eq!(
        world.finish(TOKEN, StatementStatus::Failed).await,
        Settling::Done
    );
    assert_eq!(world.callbacks.error_of(TOKEN).as_deref(), Some("FAILED"));
}

#[tokio::test(start_paused = true)]
async fn an_event_before_the_id_is_stored_is_tried_again() {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() = vec![StartFault::Hang; 100];
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let early = world.event(TOKEN, "FINISHED").await;
    assert!(matches!(
        world.tasker.settle(&world.call(), early).await,
        Settling::Again { .. }
    ));
    assert!(world.callbacks.sent(TOKEN).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_nobody_waits_for_asks_for_no_event_and_expires() {
    let world = World::new(standard());
    world
        .tasker
        .invoke(&world.call(), json!({"sqlStatement": "select 1"}))
        .await
        .unwrap();
    assert!(!world.warehouse.started()[0].with_event);
    assert!(
        world
            .ledger
            .items()
            .iter()
            .all(|item| item.expires_at.is_some())
    );
}

#[tokio::test(start_paused = true)]
async fn writes_that_are_lost_or_not_acknowledged_change_nothing_for_the_task() {
    for (lost, silent) in [(1, 0), (0, 1), (2, 1), (0, 3)] {
        let world = World::new(ScriptedPolicy::new(Script {
            exclusive: Some(Exclusivity::Statement),
            ..Script::default()
        }));
        world.ledger.lose_writes.store(lost, Ordering::Relaxed);
        world.ledger.lose_replies.store(silent, Ordering::Relaxed);
        world.invoke_waiting(TOKEN, "select 1").await.unwrap();
        world.ledger.lose_writes.store(lost, Ordering::Relaxed);
        world.ledger.lose_replies.store(silent, Ordering::Relaxed);
        assert_eq!(
            world.finish(TOKEN, StatementStatus::Finished).await,
            Settling::Done
        );
        assert_eq!(world.warehouse.started().len(), 1);
        assert_eq!(world.callbacks.told(TOKEN).len(), 1);
        assert!(
            !world
                .ledger
                .keys()
                .iter()
                .any(|key| key.starts_with("lock#") || key.starts_with("due#"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_latest_statement_is_found_by_execution_and_by_step() {
    let world = World::new(ScriptedPolicy::new(Script {
        step: Some("left".to_owned()),
        ..Script::default()
    }));
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.clock.push(Duration::from_millis(5));
    world.invoke_waiting(OTHER, "select 2").await.unwrap();
    let latest = world
        .store
        .latest(crate::support::ARN, None)
        .await
        .unwrap()
        .and_then(signalbox_tasker::record::Latest::into_record)
        .unwrap();
    assert_eq!(latest.record.record_id, id(OTHER));
    assert!(
        world
            .store
            .latest(crate::support::ARN, Some("left"))
            .await
            .unwrap()
            .and_then(signalbox_tasker::record::Latest::into_record)
            .is_some()
    );
    assert!(
        world
            .store
            .latest(crate::support::ARN, Some("right"))
            .await
            .unwrap()
            .and_then(signalbox_tasker::record::Latest::into_record)
            .is_none()
    );

    // One that Redshift refused is nobody's latest.
    let third = "token-of-a-third-5555555555";
    world.clock.push(Duration::from_millis(5));
    world
        .warehouse
        .start_faults
        .lock()
        .unwrap()
        .push(StartFault::Before(
            ServiceErrorKind::Invalid,
            "ValidationException",
        ));
    world.invoke_waiting(third, "select 3").await.unwrap_err();
    let latest = world
        .store
        .latest(crate::support::ARN, None)
        .await
        .unwrap()
        .and_then(signalbox_tasker::record::Latest::into_record)
        .unwrap();
    assert_eq!(latest.record.record_id, id(OTHER));
}
