//! Work that failed, never ran, or is being stopped.

use std::sync::atomic::Ordering;
use std::time::Duration;

use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::{
    ports::{SendError, ServiceErrorKind},
    record::Phase,
};

use super::{FIRST, SECOND, THIRD, assert_at_rest, attempt, retry};
use crate::support::{Script, ScriptedPolicy, StartFault, Told, World, standard};

#[tokio::test(start_paused = true)]
async fn after_a_failure_the_work_is_started_again_once() {
    for status in [StatementStatus::Failed, StatementStatus::Aborted] {
        let world = World::new(standard());
        attempt(&world, FIRST).await.unwrap();
        world.finish(FIRST, status).await;
        assert_eq!(world.callbacks.error_of(FIRST).as_deref(), Some("FAILED"));
        attempt(&world, SECOND).await.unwrap();
        assert_eq!(world.warehouse.started().len(), 2);
        // The next attempt waits for the second statement, not the first.
        retry(&world, SECOND, THIRD).await.unwrap();
        assert_eq!(world.warehouse.started().len(), 2);
        world.finish(SECOND, StatementStatus::Finished).await;
        assert!(matches!(
            world.callbacks.told(THIRD).as_slice(),
            [Told::Succeeded(_)]
        ));
        assert_at_rest(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_nobody_was_told_of_yet_is_not_told_to_the_next_attempt() {
    let world = World::new(standard());
    attempt(&world, FIRST).await.unwrap();
    let passing = SendError::Passing {
        code: "RequestTimeout".to_owned(),
        message: "no reply".to_owned(),
    };
    // The first one is told; the process that told it hears nothing of it, four times.
    *world.callbacks.faults.lock().unwrap() = [true, false, false, false]
        .map(|taken| (passing.clone(), taken))
        .to_vec();
    world.finish(FIRST, StatementStatus::Failed).await;
    assert_eq!(world.record(FIRST).await.unwrap().phase(), Phase::Decided);
    attempt(&world, SECOND).await.unwrap();
    assert_eq!(world.warehouse.started().len(), 2, "a statement of its own");
    assert!(world.callbacks.sent(SECOND).is_empty());
}

#[tokio::test(start_paused = true)]
async fn after_a_refusal_the_work_is_started_again() {
    let world = World::new(standard());
    let limit = StartFault::Before(ServiceErrorKind::Limit, "ActiveStatementsExceededException");
    world.warehouse.start_faults.lock().unwrap().push(limit);
    let raised = attempt(&world, FIRST).await.unwrap_err();
    assert_eq!(raised.error_type, "ActiveStatementsExceededException");
    retry(&world, FIRST, SECOND).await.unwrap();
    assert_eq!(world.warehouse.started().len(), 1);
    world.finish(SECOND, StatementStatus::Finished).await;
    assert_eq!(world.callbacks.told(SECOND).len(), 1);
    assert_at_rest(&world);
}

#[tokio::test(start_paused = true)]
async fn after_a_start_that_never_arrived_the_work_is_started_again() {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() =
        vec![StartFault::Before(ServiceErrorKind::Unclear, "RequestTimeout"); 1_000];
    attempt(&world, FIRST).await.unwrap();
    retry(&world, FIRST, SECOND).await.unwrap();
    world.clock.push(Duration::from_secs(2 * 60 * 60));
    world.sweep().await;
    assert_eq!(
        world.callbacks.error_of(SECOND).as_deref(),
        Some("StatementNotStarted"),
        "it waited for the start of the first"
    );
    world.warehouse.start_faults.lock().unwrap().clear();
    attempt(&world, THIRD).await.unwrap();
    assert_eq!(world.warehouse.started().len(), 1);
}

/// A first attempt whose statement is asked to stop, because it ran for too long, and has not stopped yet.
async fn being_stopped() -> World {
    let world = World::new(ScriptedPolicy::new(Script {
        deadline_seconds: Some(30),
        ..Script::default()
    }));
    world
        .warehouse
        .deaf_to_cancel
        .store(true, Ordering::Relaxed);
    attempt(&world, FIRST).await.unwrap();
    world.push(60);
    world.sweep().await;
    assert!(world.record(FIRST).await.unwrap().verdict.is_some());
    world
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_meets_a_statement_being_stopped_starts_the_work_again_when_it_has_stopped()
{
    let world = being_stopped().await;
    let stops = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(world.warehouse.started().len(), 1, "it still runs");
        world.end(FIRST, StatementStatus::Aborted);
    };
    let (second, ()) = tokio::join!(attempt(&world, SECOND), stops);
    second.unwrap();
    assert_eq!(
        world.callbacks.error_of(FIRST).as_deref(),
        Some("DeadlineExceeded")
    );
    assert_eq!(world.warehouse.started().len(), 2, "a statement of its own");
    assert!(world.callbacks.sent(SECOND).is_empty());
    world.finish(SECOND, StatementStatus::Finished).await;
    assert!(matches!(
        world.callbacks.told(SECOND).as_slice(),
        [Told::Succeeded(_)]
    ));
    assert_at_rest(&world);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_meets_a_statement_that_does_not_stop_is_refused_and_leaves_nothing() {
    let world = being_stopped().await;
    let statement = world.record(FIRST).await.unwrap();
    let refused = attempt(&world, SECOND).await.unwrap_err();
    assert_eq!(refused.error_type, "ConcurrentExecution");
    let id = statement.statement_id().unwrap();
    assert!(refused.message.contains(id), "{}", refused.message);
    assert!(world.record(SECOND).await.is_none());
    assert_eq!(world.warehouse.started().len(), 1);

    // It finished before it could be stopped, and that is what every later attempt is told.
    world.finish(FIRST, StatementStatus::Finished).await;
    attempt(&world, THIRD).await.unwrap();
    assert_eq!(world.callbacks.told(THIRD), world.callbacks.told(FIRST));
    assert_eq!(world.warehouse.started().len(), 1);
    assert_at_rest(&world);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_cannot_be_told_yet_is_not_the_next_attempts() {
    let world = World::new(standard());
    attempt(&world, FIRST).await.unwrap();
    let passing = SendError::Passing {
        code: "ThrottlingException".to_owned(),
        message: "slow down".to_owned(),
    };
    *world.callbacks.faults.lock().unwrap() = vec![(passing, false); 200];
    world.finish(FIRST, StatementStatus::Failed).await;
    assert_eq!(world.record(FIRST).await.unwrap().phase(), Phase::Decided);
    let refused = attempt(&world, SECOND).await.unwrap_err();
    assert_eq!(refused.error_type, "ConcurrentExecution");
    assert!(world.callbacks.sent(SECOND).is_empty());

    world.callbacks.faults.lock().unwrap().clear();
    attempt(&world, THIRD).await.unwrap();
    assert_eq!(world.callbacks.error_of(FIRST).as_deref(), Some("FAILED"));
    assert_eq!(world.warehouse.started().len(), 2);
}
