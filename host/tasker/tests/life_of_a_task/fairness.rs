//! No task waits because of another: what is stuck keeps nothing else from being done.

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use serde_json::json;
use signalbox_tasker::{
    Call, Options,
    ports::{Execution, ExecutionStatus, ServiceErrorKind},
    record::Phase,
};
use tokio::time::Instant;

use crate::support::{
    ARN, DEPLOYMENT, Script, ScriptedPolicy, World,
    many::{answered, finish, name, running, start, sweep_within, token, with_latencies},
    standard,
};

/// The most memory that this process has had, in MiB; none where the system does not say so.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1_024)
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_tasks_end_within_a_few_sweeps_at_latencies_like_those_of_aws() {
    const TASKS: u32 = 10_000;
    let world = World::new(standard());
    running(&world, TASKS).await;
    finish(&world, 0..TASKS);
    with_latencies(&world);
    world.push(200);
    let calls = || {
        let ledger = world.ledger.calls.lock().unwrap().len();
        (ledger, world.warehouse.count("describe"))
    };
    let (memory, before) = (peak_memory(), calls());
    let mut sweeps = 0;
    while answered(&world, 0..TASKS) < TASKS as usize {
        let summary = sweep_within(&world, 29).await;
        assert!(sweeps > 0 || summary.settled >= 1_800, "{summary:?}");
        world.push(60);
        sweeps += 1;
        assert!(sweeps <= 6, "{} are answered", answered(&world, 0..TASKS));
    }
    let after = calls();
    let (ledger, describes) = (after.0 - before.0, after.1 - before.1);
    // What this suite's own parts hold is in it.
    eprintln!(
        "{TASKS} tasks in flight: {sweeps} sweeps, {ledger} calls of the ledger, {describes} of DescribeStatement; \
         memory {memory:?} MiB before and {:?} MiB after",
        peak_memory()
    );
    assert_eq!(describes, TASKS as usize, "each is looked at once");
    let once = |number| world.callbacks.sent(&token(number)).len() == 1;
    assert!((0..TASKS).all(once));
}

#[tokio::test(start_paused = true)]
async fn records_whose_describe_or_answer_hangs_keep_no_neighbour_waiting() {
    for seconds in [3, 6, 29] {
        let world = World::new(standard());
        running(&world, 13).await;
        finish(&world, 0..13);
        // The oldest ones are stuck.
        world
            .warehouse
            .hanging
            .lock()
            .unwrap()
            .extend((0..5).map(name));
        world
            .callbacks
            .hanging
            .lock()
            .unwrap()
            .extend((5..10).map(token));
        world.push(200);
        sweep_within(&world, seconds).await;
        assert_eq!(answered(&world, 10..13), 3, "{seconds} s");
        for _ in 0..60 {
            world.push(60);
            sweep_within(&world, seconds).await;
        }
        // They back off, and are done when what hung answers.
        let before = world.warehouse.count("describe");
        for _ in 0..15 {
            world.push(60);
            sweep_within(&world, seconds).await;
        }
        assert!(world.warehouse.count("describe") - before <= 10);
        world.warehouse.hanging.lock().unwrap().clear();
        world.callbacks.hanging.lock().unwrap().clear();
        for _ in 0..20 {
            world.push(60);
            sweep_within(&world, seconds).await;
        }
        assert_eq!(answered(&world, 0..13), 13, "{seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_hangs_takes_no_more_than_its_share() {
    let world = World::new(standard());
    start(&world, 0..1_000, "other").await;
    world.push(1);
    start(&world, 1_000..1_100, "default").await;
    finish(&world, 0..1_100);
    world.warehouse.hang("describe", "other");
    with_latencies(&world);
    world.push(200);
    sweep_within(&world, 29).await;
    assert_eq!(answered(&world, 1_000..1_100), 100);
    // When it answers again, all that was left is done.
    world.warehouse.hanging_calls.lock().unwrap().clear();
    for _ in 0..5 {
        world.push(60);
        sweep_within(&world, 29).await;
    }
    assert_eq!(answered(&world, 0..1_000), 1_000);
}

#[tokio::test(start_paused = true)]
async fn rows_that_hang_keep_no_neighbour_waiting() {
    let world = World::new(ScriptedPolicy::new(Script {
        reads_rows: true,
        ..Script::default()
    }));
    running(&world, 100).await;
    finish(&world, 0..100);
    world.warehouse.hang("result", "default");
    world.push(200);
    let summary = sweep_within(&world, 29).await;
    assert_eq!(summary.examined, 100, "{summary:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_ends_no_sweep() {
    for hangs in [false, true] {
        let world = World::new(standard());
        running(&world, 80).await;
        finish(&world, 0..80);
        let list = format!("due#{DEPLOYMENT}#3");
        let broken = match hangs {
            true => &world.ledger.hanging,
            false => &world.ledger.unreadable,
        };
        broken.lock().unwrap().insert(list);
        world.push(200);
        let summary = sweep_within(&world, 29).await;
        assert!(summary.unfinished, "{summary:?}");
        let first = answered(&world, 0..80);
        assert!((60..80).contains(&first), "{first}");
        broken.lock().unwrap().clear();
        sweep_within(&world, 29).await;
        assert_eq!(answered(&world, 0..80), 80);
    }
}

#[tokio::test(start_paused = true)]
async fn a_ledger_of_which_nothing_can_be_read_is_said_so() {
    let world = World::new(standard());
    running(&world, 1).await;
    world.push(200);
    world.ledger.down.store(true, Ordering::Relaxed);
    assert!(world.tasker.sweep(&world.call()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn deadlines_and_stops_do_not_wait_for_a_describe() {
    let throttled = Some((ServiceErrorKind::Throttled, "ThrottlingException"));
    for hangs in [false, true] {
        let world = World::new(ScriptedPolicy::new(Script {
            deadline_seconds: Some(30),
            ..Script::default()
        }));
        running(&world, 3).await;
        match hangs {
            true => world
                .warehouse
                .hanging
                .lock()
                .unwrap()
                .extend((0..3).map(name)),
            false => *world.warehouse.describe_fault.lock().unwrap() = throttled,
        }
        world.push(31);
        sweep_within(&world, 29).await;
        let cancels = || {
            world
                .warehouse
                .started()
                .iter()
                .filter(|s| s.cancels > 0)
                .count()
        };
        assert_eq!(cancels(), 3, "hangs: {hangs}");

        let world = World::new(standard());
        running(&world, 3).await;
        *world.warehouse.describe_fault.lock().unwrap() = throttled;
        let at = 1_800_000_000_500_i64;
        *world.callbacks.execution.lock().unwrap() = Some(Ok(Execution {
            status: ExecutionStatus::Aborted,
            stopped_at: Some(at),
        }));
        world.push(1);
        let stop = json!({"detail": {"status": "ABORTED", "executionArn": ARN, "stopDate": at}});
        world.tasker.stopped(&world.call(), stop).await;
        let stopped = world
            .warehouse
            .started()
            .iter()
            .filter(|s| s.cancels > 0)
            .count();
        assert_eq!(stopped, 3);
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_sent_though_nobody_says_how_the_statement_is() {
    for hangs in [false, true] {
        let world = World::new(ScriptedPolicy::new(Script {
            heartbeat: true,
            ..Script::default()
        }));
        running(&world, 2).await;
        match hangs {
            true => world
                .warehouse
                .hanging
                .lock()
                .unwrap()
                .extend((0..2).map(name)),
            false => {
                *world.warehouse.describe_fault.lock().unwrap() =
                    Some((ServiceErrorKind::Throttled, "ThrottlingException"));
            }
        }
        for _ in 0..5 {
            world.push(60);
            sweep_within(&world, 29).await;
        }
        for number in 0..2 {
            assert_eq!(world.callbacks.beats(&token(number)), 5, "hangs: {hangs}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_urgent_comes_before_older_work() {
    let world = World::new(ScriptedPolicy::new(Script {
        heartbeat: true,
        ..Script::default()
    }));
    running(&world, 3).await;
    world
        .tasker
        .swap(signalbox_tasker::PolicySet::single(std::sync::Arc::new(
            standard(),
        )));
    // Routine work for more than a minute, all of it older.
    start(&world, 10..3_010, "default").await;
    finish(&world, 10..3_010);
    with_latencies(&world);
    world.push(120);
    let call = Call {
        deadline: Instant::now() + Duration::from_secs(3),
        ..world.call()
    };
    world.tasker.sweep(&call).await.unwrap();
    for number in 0..3 {
        assert_eq!(world.callbacks.beats(&token(number)), 1);
    }
    assert!(answered(&world, 10..3_010) < 3_000);
}

#[tokio::test(start_paused = true)]
async fn overlapping_sweeps_share_the_work() {
    let world = World::new(standard());
    running(&world, 200).await;
    finish(&world, 0..100);
    with_latencies(&world);
    world.push(200);
    let before = world.warehouse.count("describe");
    let (a, b) = tokio::join!(sweep_within(&world, 29), sweep_within(&world, 29));
    assert_eq!(a.examined + b.examined, 200, "{a:?} {b:?}");
    assert_eq!(world.warehouse.count("describe") - before, 200);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_dies_leaves_its_records_to_come_again() {
    let world = World::new(standard());
    running(&world, 1).await;
    finish(&world, 0..1);
    world.push(200);
    world.warehouse.hanging.lock().unwrap().insert(name(0));
    let call = world.call();
    let died = tokio::time::timeout(Duration::from_secs(1), world.tasker.sweep(&call));
    assert!(died.await.is_err());
    world.warehouse.hanging.lock().unwrap().clear();
    world.sweep().await;
    assert_eq!(answered(&world, 0..1), 0, "its lease is not over");
    world.push(61);
    world.sweep().await;
    assert_eq!(answered(&world, 0..1), 1);
    assert_eq!(
        world.record(&token(0)).await.unwrap().phase(),
        Phase::Closed
    );
}

#[tokio::test(start_paused = true)]
async fn thousands_that_are_stuck_keep_no_more_than_a_few_sweeps_from_the_rest() {
    let world = World::with(standard(), Options::default());
    running(&world, 600).await;
    world.push(1);
    start(&world, 600..640, "default").await;
    finish(&world, 0..640);
    let stuck: BTreeSet<String> = (0..600).map(name).collect();
    *world.warehouse.hanging.lock().unwrap() = stuck;
    with_latencies(&world);
    world.push(200);
    for _ in 0..3 {
        sweep_within(&world, 29).await;
        world.push(60);
    }
    assert_eq!(answered(&world, 600..640), 40);
}
