//! What happens while a statement runs: its deadline, its heartbeat, services that stop answering.

use std::{sync::atomic::Ordering, time::Duration};

use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::{Settling, record::Phase};

use crate::support::{Script, ScriptedPolicy, World, id, standard};

const TOKEN: &str = "token-of-a-task-0123456789";

fn hasty() -> ScriptedPolicy {
    ScriptedPolicy::new(Script {
        deadline_seconds: Some(30),
        ..Script::default()
    })
}

#[tokio::test(start_paused = true)]
async fn a_statement_is_cancelled_at_its_deadline_and_its_task_told_so() {
    let world = World::new(hasty());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.clock.push(Duration::from_secs(29));
    assert_eq!(world.sweep().await.examined, 0);
    world.clock.push(Duration::from_secs(2));
    world
        .warehouse
        .deaf_to_cancel
        .store(true, Ordering::Relaxed);
    assert_eq!(world.sweep().await.postponed, 1);
    assert_eq!(world.warehouse.started()[0].cancels, 1);
    assert!(
        world.callbacks.sent(TOKEN).is_empty(),
        "not before Redshift has reported the end"
    );
    world
        .warehouse
        .deaf_to_cancel
        .store(false, Ordering::Relaxed);
    world.clock.push(Duration::from_secs(61));
    assert_eq!(world.sweep().await.settled, 1);
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("DeadlineExceeded")
    );
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_finished_before_its_cancel_took_has_finished() {
    let world = World::new(hasty());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world
        .warehouse
        .deaf_to_cancel
        .store(true, Ordering::Relaxed);
    world.clock.push(Duration::from_secs(31));
    world.sweep().await;
    world.succeed(TOKEN).await;
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_failed_before_its_cancel_took_has_failed() {
    let world = World::new(hasty());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world
        .warehouse
        .deaf_to_cancel
        .store(true, Ordering::Relaxed);
    world.push(31);
    world.sweep().await;
    assert_eq!(world.warehouse.started()[0].cancels, 1);
    world.end(TOKEN, StatementStatus::Failed);
    world.push(61);
    assert_eq!(world.sweep().await.settled, 1);
    assert_eq!(world.callbacks.error_of(TOKEN).as_deref(), Some("FAILED"));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_holds_though_nobody_waits() {
    let world = World::new(hasty());
    let payload = serde_json::json!({"sqlStatement": "select 1"});
    world.tasker.invoke(&world.call(), payload).await.unwrap();
    world.push(31);
    assert_eq!(world.sweep().await.settled, 1);
    assert_eq!(world.warehouse.started()[0].cancels, 1);
    assert!(
        world
            .ledger
            .items()
            .iter()
            .all(|item| item.expires_at.is_some())
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancel_is_repeated_until_redshift_reports_the_end() {
    let world = World::new(hasty());
    world
        .warehouse
        .deaf_to_cancel
        .store(true, Ordering::Relaxed);
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    for _ in 0..3 {
        world.clock.push(Duration::from_secs(61));
        world.sweep().await;
    }
    assert_eq!(world.warehouse.started()[0].cancels, 3);
    assert!(world.callbacks.sent(TOKEN).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_is_sent_while_the_statement_runs_and_not_after() {
    let world = World::new(ScriptedPolicy::new(Script {
        heartbeat: true,
        ..Script::default()
    }));
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    for _ in 0..3 {
        world.clock.push(Duration::from_secs(61));
        world.sweep().await;
    }
    assert_eq!(world.callbacks.beats(TOKEN), 3);
    assert_eq!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Done
    );
    world.clock.push(Duration::from_secs(61));
    world.sweep().await;
    assert_eq!(world.callbacks.beats(TOKEN), 3);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_hangs_after_redshift_accepted_does_not_fail_the_task() {
    let world = World::new(standard());
    world.ledger.hang_from_write.store(3, Ordering::Relaxed);
    let reply = world.invoke_waiting(TOKEN, "select 1").await;
    assert!(
        reply.is_ok(),
        "a statement runs, so nothing is raised: {reply:?}"
    );
    world.ledger.hang_from_write.store(0, Ordering::Relaxed);
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Starting);
    world.clock.push(Duration::from_secs(121));
    assert_eq!(world.sweep().await.adopted, 1);
    assert_eq!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Done
    );
    assert_eq!(world.warehouse.started().len(), 1);
    assert_eq!(world.callbacks.told(TOKEN).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_keeps_no_other_waiting() {
    let world = World::new(standard());
    let broken = "token-of-a-broken-one-77777777";
    world.invoke_waiting(broken, "select 1").await.unwrap();
    world.ledger.spoil(&format!("task#{}", id(broken)));
    world.invoke_waiting(TOKEN, "select 2").await.unwrap();
    world.warehouse.end(
        &signalbox_tasker::ids::statement_name("test", &id(TOKEN)),
        StatementStatus::Finished,
    );
    world.clock.push(Duration::from_secs(121));
    assert_eq!(world.sweep().await.settled, 1);
    assert_eq!(world.callbacks.told(TOKEN).len(), 1);
}
