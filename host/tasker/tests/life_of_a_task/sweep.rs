//! Every accepted task ends, whatever got lost.

use std::{sync::Arc, time::Duration};

use crate::support::{StartFault, World, id, standard};
use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::{ports::ServiceErrorKind, record::Phase};

const TOKEN: &str = "token-of-a-task-0123456789";

#[tokio::test(start_paused = true)]
async fn a_start_that_stays_unclear_does_not_raise_and_the_sweep_finishes_the_task() {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() = vec![StartFault::Hang; 100];
    let reply = world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert_eq!(reply["Status"], "UNKNOWN");
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Starting);

    world.clock.push(Duration::from_secs(121));
    let summary = world.sweep().await;
    assert_eq!(
        (summary.adopted, summary.settled, summary.abandoned),
        (1, 0, 0),
        "{summary:?}"
    );
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Started);
    world.succeed(TOKEN).await;
    assert_eq!(world.warehouse.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_never_reached_redshift_is_given_up_only_after_the_longest_invocation() {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() =
        vec![StartFault::Before(ServiceErrorKind::Unclear, "ConnectionError"); 100];
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let starts = world.warehouse.count("start");

    world.clock.push(Duration::from_secs(121));
    assert_eq!(world.sweep().await.postponed, 1);
    assert!(world.callbacks.sent(TOKEN).is_empty());

    world.clock.push(Duration::from_secs(16 * 60));
    assert_eq!(world.sweep().await.abandoned, 1);
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("StatementNotStarted")
    );
    assert_eq!(
        world.warehouse.count("start"),
        starts,
        "the sweep never starts SQL"
    );
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_lost_event_is_made_good_by_the_sweep() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.warehouse.end(
        &signalbox_tasker::ids::statement_name("test", &id(TOKEN)),
        StatementStatus::Failed,
    );
    assert_eq!(world.sweep().await.examined, 0, "not before its time");
    world.clock.push(Duration::from_secs(121));
    assert_eq!(world.sweep().await.settled, 1);
    assert_eq!(world.callbacks.error_of(TOKEN).as_deref(), Some("FAILED"));
    assert_eq!(world.sweep().await.examined, 0, "nothing is left");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_the_sweep_gave_up_is_cancelled_when_it_turns_up() {
    let world = Arc::new(World::new(standard()));
    // The invocation stalls for longer than any invocation lives, before Redshift hears of the statement.
    let release = world.warehouse.stall_next_start();
    let stalled = tokio::spawn({
        let world = Arc::clone(&world);
        async move { world.invoke_waiting(TOKEN, "select 1").await }
    });
    world.warehouse.until_called("start").await;
    world.clock.push(Duration::from_secs(16 * 60));
    let summary = world.sweep().await;
    assert_eq!(summary.abandoned, 1, "{summary:?}");
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("StatementNotStarted")
    );

    release.notify_one();
    let raised = stalled.await.unwrap().unwrap_err();
    assert_eq!(raised.error_type, "StatementNotStarted");
    let started = world.warehouse.started();
    assert_eq!(
        started[0].cancels, 1,
        "nothing may run for a task that was told that nothing ran"
    );
    assert_eq!(world.callbacks.told(TOKEN).len(), 1);
}
