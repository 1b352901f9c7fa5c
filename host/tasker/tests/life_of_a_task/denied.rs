//! Statements that Redshift does not describe.

use std::time::Duration;

use signalbox_policy::contract::{Exclusivity, StatementStatus};
use signalbox_tasker::{DescribeDenied, Options, ports::ServiceErrorKind, record::Phase};

use crate::support::{Alarms, Script, ScriptedPolicy, Told, World, standard};

const TOKEN: &str = "token-of-a-task-0123456789";
const OTHER: &str = "token-of-another-9876543210";
const HOUR: u64 = 60 * 60;
const DENIED: (ServiceErrorKind, &str) = (ServiceErrorKind::Denied, "AccessDeniedException");

fn failing(after_hours: u64) -> Options {
    Options {
        describe_denied: DescribeDenied::FailAfter(Duration::from_secs(after_hours * HOUR)),
        ..Options::default()
    }
}

async fn denied(policy: ScriptedPolicy, options: Options) -> World {
    let world = World::with(policy, options);
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    *world.warehouse.describe_fault.lock().unwrap() = Some(DENIED);
    world
}

#[tokio::test(start_paused = true)]
async fn a_denied_describe_is_an_alarm_and_the_task_waits() {
    let alarms = Alarms::listen();
    let world = denied(standard(), Options::default()).await;
    for _ in 0..20 {
        world.push(2 * HOUR);
        assert_eq!(world.sweep().await.postponed, 1);
        assert_eq!(alarms.take(), ["DescribeRefused"]);
    }
    assert!(world.callbacks.sent(TOKEN).is_empty(), "40 hours later");
    assert!(
        world
            .record(TOKEN)
            .await
            .unwrap()
            .watch
            .denied_since
            .is_some()
    );

    // The permission is mended: the task is told how its statement ended.
    *world.warehouse.describe_fault.lock().unwrap() = None;
    world.push(HOUR);
    world.sweep().await;
    assert_eq!(world.record(TOKEN).await.unwrap().watch.denied_since, None);
    world.end(TOKEN, StatementStatus::Finished);
    world.push(HOUR);
    assert_eq!(world.sweep().await.settled, 1);
    assert!(matches!(
        &world.callbacks.told(TOKEN)[..],
        [Told::Succeeded(_)]
    ));
    assert_eq!(alarms.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn where_it_was_set_the_task_fails_after_the_bound() {
    let world = denied(standard(), failing(3)).await;
    for hour in 0..6 {
        world.push(HOUR);
        world.sweep().await;
        // Noted after one hour, over after four.
        let told = world.callbacks.error_of(TOKEN);
        assert_eq!(
            told.as_deref(),
            (hour >= 3).then_some("StatementLost"),
            "{hour}"
        );
    }
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Closed);
    assert_eq!(
        world.warehouse.started()[0].cancels,
        1,
        "whatever it still does, nobody waits for it"
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_does_not_make_up_for_a_denied_describe() {
    let alarms = Alarms::listen();
    let world = denied(standard(), failing(1)).await;
    let settling = world.finish(TOKEN, StatementStatus::Finished).await;
    assert!(
        matches!(settling, signalbox_tasker::Settling::Again { .. }),
        "{settling:?}"
    );
    assert_eq!(alarms.take(), ["DescribeRefused"]);
    assert!(world.callbacks.sent(TOKEN).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_not_freed_while_its_statement_may_run() {
    let locked = || {
        ScriptedPolicy::new(Script {
            exclusive: Some(Exclusivity::Statement),
            ..Script::default()
        })
    };
    let world = denied(locked(), failing(1)).await;
    for _ in 0..3 {
        world.push(HOUR);
        world.sweep().await;
    }
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("StatementLost")
    );
    let raised = world.invoke_waiting(OTHER, "select 1").await.unwrap_err();
    assert_eq!(raised.error_type, "ConcurrentExecution");
    // No statement of Redshift runs longer than 24 hours, and none is taken more than an hour late.
    world.push(23 * HOUR);
    world.invoke_waiting(OTHER, "select 1").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_redshift_does_not_know_is_lost_only_when_it_cannot_run_any_more() {
    let alarms = Alarms::listen();
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.warehouse.forget_all();
    for _ in 0..24 {
        world.push(HOUR);
        world.sweep().await;
        assert_eq!(alarms.take(), ["DescribeRefused"]);
        assert!(world.callbacks.sent(TOKEN).is_empty());
    }
    world.push(2 * HOUR);
    world.sweep().await;
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("StatementLost")
    );
}

#[tokio::test(start_paused = true)]
async fn records_that_can_never_be_completed_expire() {
    for fault in [
        DENIED,
        (ServiceErrorKind::Invalid, "InvalidRequest"),
        (ServiceErrorKind::Unavailable, "DatabaseConnectionException"),
        (ServiceErrorKind::Throttled, "ThrottlingException"),
        (ServiceErrorKind::Unclear, "InternalServerException"),
    ] {
        let world = World::new(standard());
        world.invoke_waiting(TOKEN, "select 1").await.unwrap();
        *world.warehouse.describe_fault.lock().unwrap() = Some(fault);
        for _ in 0..4 {
            world.push(12 * HOUR);
            world.sweep().await;
            assert!(world.callbacks.sent(TOKEN).is_empty(), "{fault:?}");
        }
        world.push(2 * HOUR);
        assert_eq!(world.sweep().await.settled, 1, "{fault:?}");
        let told = world.callbacks.error_of(TOKEN);
        assert_eq!(told.as_deref(), Some("StatementLost"), "{fault:?}");
        let expires = |world: &World| {
            world
                .ledger
                .items()
                .iter()
                .all(|item| item.expires_at.is_some())
        };
        assert!(expires(&world), "{:?}", world.ledger.keys());
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_lets_us_send_is_kept_as_long_as_a_task_can_wait() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let denied = signalbox_tasker::ports::SendError::Denied {
        code: "AccessDeniedException".to_owned(),
        message: "no".to_owned(),
    };
    *world.callbacks.faults.lock().unwrap() = vec![(denied, false); 100];
    world.finish(TOKEN, StatementStatus::Finished).await;
    world.push(30 * 24 * HOUR);
    world.sweep().await;
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Decided);
    world.callbacks.faults.lock().unwrap().clear();
    world.push(HOUR);
    assert_eq!(world.sweep().await.settled, 1);
    assert_eq!(world.callbacks.told(TOKEN).len(), 1);
}
