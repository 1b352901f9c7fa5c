//! Time is spent as it is there: waits are cut, faults are told before the end, reads that fail in passing are made again.

use std::time::Duration;

use signalbox_policy::contract::Source;
use signalbox_policy::{FaultKind, contract::StatementStatus};
use signalbox_tasker::{Call, Settling, ports::ServiceErrorKind, record::Phase};
use tokio::time::Instant;

use crate::support::{Script, ScriptedPolicy, StartFault, Told, World, waiting};

const TOKEN: &str = "token-of-a-task-0123456789";

#[tokio::test(start_paused = true)]
async fn redshift_is_asked_to_wait_only_as_long_as_there_is_time() {
    for (seconds, asked, given) in [
        (3, 30, 0..=0),
        (6, 30, 1..=2),
        (29, 30, 22..=25),
        (29, 5, 5..=5),
        (900, 30, 30..=30),
    ] {
        let script = Script {
            wait_seconds: Some(asked),
            ..Script::default()
        };
        let world = World::new(ScriptedPolicy::new(script));
        world.callbacks.open(TOKEN);
        let call = world.call_within(Duration::from_secs(seconds));
        let payload = waiting(TOKEN, "select 1");
        world.tasker.invoke(&call, payload).await.unwrap();
        let waited = world.warehouse.waits.lock().unwrap()[0].unwrap_or(0);
        assert!(given.contains(&waited), "{seconds} s: {waited}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_takes_all_the_time_is_answered_in_time() {
    for seconds in [3, 4, 6, 29, 900] {
        for source in [Source::Invocation, Source::Queue] {
            // A start that hangs, and a policy that goes on until it is stopped.
            for start in [None, Some(StartFault::Hang)] {
                let script = Script {
                    invoke_loops: true,
                    ..Script::default()
                };
                let world = World::new(ScriptedPolicy::new(script));
                world.warehouse.start_faults.lock().unwrap().extend(start);
                *world.warehouse.describe_takes.lock().unwrap() = Duration::from_millis(80);
                world.callbacks.open(TOKEN);
                let time = Duration::from_secs(seconds);
                let call = Call {
                    source,
                    ..world.call_within(time)
                };
                let begun = Instant::now();
                let told = world.tasker.invoke(&call, waiting(TOKEN, "select 1")).await;
                assert!(told.is_ok(), "its statement may run: {told:?}");
                let spare = time.saturating_sub(begun.elapsed());
                assert!(
                    spare >= Duration::from_millis(200),
                    "{seconds} s: {spare:?}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_the_end_of_the_time_is_told_to_the_token_of_a_queue() {
    let script = Script {
        fault_before: Some(FaultKind::Timeout),
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    world.callbacks.open(TOKEN);
    // The time of the work is over: what is left is what the host keeps.
    let call = Call {
        source: Source::Queue,
        deadline: Instant::now(),
        answer_by: Instant::now() + Duration::from_millis(500),
        ..world.call()
    };
    let mut call = call;
    call.deadline += Duration::from_millis(1);
    world
        .tasker
        .invoke(&call, waiting(TOKEN, "select 1"))
        .await
        .unwrap();
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("PolicyTimeout")
    );
}

fn reader() -> World {
    World::new(ScriptedPolicy::new(Script {
        reads_rows: true,
        ..Script::default()
    }))
}

fn told_rows(world: &World) -> Option<bool> {
    match &world.callbacks.told(TOKEN)[..] {
        [Told::Succeeded(output)] => Some(output.contains("true")),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_throttled_for_a_while_are_told_all_the_same() {
    let throttled = (ServiceErrorKind::Throttled, "ThrottlingException");
    let world = reader();
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    *world.warehouse.result_faults.lock().unwrap() = vec![throttled; 2];
    world.finish(TOKEN, StatementStatus::Finished).await;
    assert_eq!(told_rows(&world), Some(true), "at once");

    let world = reader();
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    *world.warehouse.result_faults.lock().unwrap() = vec![throttled; 10];
    let settling = world.finish(TOKEN, StatementStatus::Finished).await;
    assert!(matches!(settling, Settling::Again { .. }), "{settling:?}");
    assert_eq!(told_rows(&world), None);
    for _ in 0..6 {
        world.push(8 * 60);
        world.sweep().await;
    }
    assert_eq!(told_rows(&world), Some(true), "later");
}

#[tokio::test(start_paused = true)]
async fn no_read_of_the_ledger_that_fails_once_leaves_rows_out() {
    for others in 0..8 {
        let world = reader();
        world.invoke_waiting(TOKEN, "select 1").await.unwrap();
        world.ledger.fail_read_after(others);
        world.finish(TOKEN, StatementStatus::Finished).await;
        for _ in 0..6 {
            world.push(8 * 60);
            // One whose list of due records could not be read says so; the next one goes on.
            let _ = world.tasker.sweep(&world.call()).await;
        }
        assert_eq!(told_rows(&world), Some(true), "after {others} others");
    }
}

#[tokio::test(start_paused = true)]
async fn rows_that_stay_throttled_or_hang_or_are_denied_keep_no_task_for_ever() {
    for hangs in [false, true] {
        let world = reader();
        world.invoke_waiting(TOKEN, "select 1").await.unwrap();
        world.end(TOKEN, StatementStatus::Finished);
        if hangs {
            world.warehouse.hang("result", "default");
        }
        *world.warehouse.result_faults.lock().unwrap() =
            vec![(ServiceErrorKind::Throttled, "ThrottlingException"); 1_000];
        for minute in 0..120 {
            world.push(60);
            world.sweep().await;
            if minute < 40 {
                assert_eq!(told_rows(&world), None, "{minute}");
            }
        }
        assert_eq!(told_rows(&world), Some(false), "hangs: {hangs}");
    }
    let world = reader();
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    *world.warehouse.result_faults.lock().unwrap() =
        vec![(ServiceErrorKind::Denied, "AccessDeniedException"); 1];
    world.finish(TOKEN, StatementStatus::Finished).await;
    assert_eq!(told_rows(&world), Some(false), "that does not pass");
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_loops_when_it_settles_faults_after_a_few_times() {
    let script = Script {
        settle_loops: true,
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.end(TOKEN, StatementStatus::Finished);
    for _ in 0..60 {
        world.push(60);
        world.sweep().await;
    }
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("PolicyTimeout")
    );
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Closed);
}
