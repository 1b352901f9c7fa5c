//! What stays broken for hours, beside neighbours that have ended: they are answered soon, and so is it when it is mended or
//! given up.

use std::sync::Arc;

use serde_json::json;
use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::{
    Granted, PolicySet,
    ports::{Expect, Ledger, Write},
    record::Phase,
};

use crate::support::{
    Alarms, DEPLOYMENT, Script, ScriptedPolicy, StartFault, World,
    many::{answered, finish, running, start, sweep_within, token, with_latencies},
    standard, waiting,
};

const HOUR: u64 = 60 * 60;

/// Sweeps once a minute.
async fn sweeps(world: &World, count: u32) {
    for _ in 0..count {
        world.push(60);
        sweep_within(world, 29).await;
    }
}

fn cancelled(world: &World) -> usize {
    let started = world.warehouse.started();
    started.iter().filter(|it| it.cancels > 0).count()
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_loops_keeps_no_other_policy_waiting() {
    let world = World::new(standard());
    let looper = ScriptedPolicy::named(
        "looper",
        Script {
            settle_loops: true,
            ..Script::default()
        },
    );
    let policies = [looper, standard()].map(|it| Granted::new(Arc::new(it), Vec::new(), None));
    let set = PolicySet::new("looper", policies.into()).unwrap();
    world.tasker.swap(set);
    running(&world, 40).await;
    world.push(1);
    for number in 40..90 {
        let mut payload = waiting(&token(number), "select 1");
        payload["policy"] = json!("standard");
        world.callbacks.open(&token(number));
        let call = world.another_call();
        world.tasker.invoke(&call, payload).await.unwrap();
    }
    finish(&world, 0..90);
    with_latencies(&world);
    world.push(200);
    sweep_within(&world, 29).await;
    assert_eq!(answered(&world, 40..90), 50);
    // Those of the one that loops end too.
    sweeps(&world, 120).await;
    for number in 0..40 {
        let error = world.callbacks.error_of(&token(number));
        assert_eq!(error.as_deref(), Some("PolicyTimeout"), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn rows_that_hang_for_hours_keep_no_other_target_waiting() {
    let world = World::new(ScriptedPolicy::new(Script {
        reads_rows: true,
        ..Script::default()
    }));
    start(&world, 0..400, "other").await;
    world.push(1);
    start(&world, 400..450, "default").await;
    finish(&world, 0..450);
    world.warehouse.hang("result", "other");
    with_latencies(&world);
    world.push(200);
    sweep_within(&world, 29).await;
    assert_eq!(answered(&world, 400..450), 50);
    // What cannot be read is not waited for for ever.
    sweeps(&world, 240).await;
    assert_eq!(answered(&world, 0..400), 400);
}

#[tokio::test(start_paused = true)]
async fn look_ups_that_hang_keep_no_other_target_waiting() {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() = vec![StartFault::Hang; 1_000];
    start(&world, 0..40, "other").await;
    world.push(1);
    start(&world, 40..44, "default").await;
    world.warehouse.start_faults.lock().unwrap().clear();
    finish(&world, 0..44);
    for number in 0..44 {
        let record = world.record(&token(number)).await.unwrap();
        assert_eq!(record.phase(), Phase::Starting);
    }
    world.warehouse.hang("list_named", "other");
    with_latencies(&world);
    world.push(200);
    sweeps(&world, 2).await;
    assert_eq!(answered(&world, 40..44), 4);
    sweeps(&world, 240).await;
    assert_eq!(answered(&world, 0..40), 0);
    world.warehouse.hanging_calls.lock().unwrap().clear();
    sweeps(&world, 30).await;
    assert_eq!(answered(&world, 0..40), 40);
}

#[tokio::test(start_paused = true)]
async fn what_hangs_until_redshift_has_forgotten_it_is_given_up() {
    let world = World::new(standard());
    running(&world, 2).await;
    *world.warehouse.start_faults.lock().unwrap() = vec![StartFault::Hang; 100];
    start(&world, 2..4, "default").await;
    world.warehouse.hang("describe", "default");
    world.warehouse.hang("list_named", "default");
    with_latencies(&world);
    world.push(48 * HOUR);
    sweeps(&world, 30).await;
    assert_eq!(answered(&world, 0..4), 0);
    world.push(2 * HOUR);
    sweeps(&world, 30).await;
    for number in 0..4 {
        let error = world.callbacks.error_of(&token(number));
        assert_eq!(error.as_deref(), Some("StatementLost"), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn cancels_that_hang_or_have_no_turn_keep_no_end_from_being_told() {
    for hangs in [false, true] {
        let world = World::new(ScriptedPolicy::new(Script {
            deadline_seconds: Some(30),
            ..Script::default()
        }));
        running(&world, 300).await;
        finish(&world, 0..300);
        if hangs {
            world.warehouse.hang("cancel", "default");
        }
        with_latencies(&world);
        sweeps(&world, 2).await;
        assert_eq!(answered(&world, 0..300), 300, "hangs: {hangs}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_statement_has_its_turn_to_be_cancelled() {
    let world = World::new(ScriptedPolicy::new(Script {
        deadline_seconds: Some(30),
        ..Script::default()
    }));
    running(&world, 300).await;
    world
        .warehouse
        .deaf_to_cancel
        .store(true, std::sync::atomic::Ordering::Relaxed);
    with_latencies(&world);
    // Two a second.
    sweeps(&world, 7).await;
    assert_eq!(cancelled(&world), 300);
}

#[tokio::test(start_paused = true)]
async fn thousands_of_heartbeats_are_sent_in_time_and_leave_turns_to_the_rest() {
    const BEATING: u32 = 4_000;
    let world = World::new(ScriptedPolicy::new(Script {
        heartbeat: true,
        ..Script::default()
    }));
    running(&world, BEATING).await;
    world.tasker.swap(PolicySet::single(Arc::new(standard())));
    start(&world, BEATING..BEATING + 500, "default").await;
    finish(&world, BEATING..BEATING + 500);
    with_latencies(&world);
    let alarms = Alarms::listen();
    for sweep in 1..4 {
        sweeps(&world, 1).await;
        let beats = (0..BEATING).map(|number| world.callbacks.beats(&token(number)));
        let least = beats.min().unwrap();
        assert!(least >= sweep, "{least} of {sweep}");
    }
    assert_eq!(answered(&world, BEATING..BEATING + 500), 500);
    assert!(!alarms.take().contains(&"HeartbeatLate".to_owned()));
    finish(&world, 0..BEATING);
    sweeps(&world, 6).await;
    assert_eq!(answered(&world, 0..BEATING), BEATING as usize);
}

/// Without a turn to describe or to cancel no heartbeat is sent to a task whose deadline is over.
#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_was_not_sent_is_late() {
    const TASKS: u32 = 3_000;
    let world = World::new(ScriptedPolicy::new(Script {
        heartbeat: true,
        deadline_seconds: Some(30),
        ..Script::default()
    }));
    running(&world, TASKS).await;
    let deaf = &world.warehouse.deaf_to_cancel;
    deaf.store(true, std::sync::atomic::Ordering::Relaxed);
    with_latencies(&world);
    sweeps(&world, 4).await;
    let beats = (0..TASKS).map(|number| world.callbacks.beats(&token(number)));
    assert_eq!(beats.sum::<usize>(), 0);
    assert!(!world.ledger.dump().contains("beatenAt"));
}

#[tokio::test(start_paused = true)]
async fn what_another_version_calls_urgent_is_due_all_the_same() {
    let world = World::new(ScriptedPolicy::new(Script {
        heartbeat: true,
        ..Script::default()
    }));
    running(&world, 1).await;
    let is_due = |id: &str| id.starts_with("due#");
    let due = || {
        let items = world.ledger.items();
        items.into_iter().filter(|item| is_due(&item.key.id))
    };
    // The same in a list that this version has it not in, and what nobody removed.
    let was = due().next().unwrap();
    let (mut elsewhere, mut left_over) = (was.clone(), was.clone());
    elsewhere.key.id = format!("due#{DEPLOYMENT}#3");
    left_over.key.id = format!("due#{DEPLOYMENT}#5");
    left_over.key.invocation_id = was.key.invocation_id.replacen("18000", "17000", 1);
    let put = |item| Write::Put {
        item,
        expect: Expect::Any,
    };
    let moved = vec![
        Write::Delete {
            key: was.key.clone(),
            expect: Expect::Any,
        },
        put(elsewhere),
        put(left_over),
    ];
    world.ledger.write(0, moved).await.unwrap();
    sweeps(&world, 2).await;
    assert_eq!(world.callbacks.beats(&token(0)), 2);
    assert_eq!(due().count(), 1);
    world.end(&token(0), StatementStatus::Finished);
    sweeps(&world, 1).await;
    assert_eq!(answered(&world, 0..1), 1);
    assert_eq!(due().count(), 0);
}
