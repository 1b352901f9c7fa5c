//! Many events at once in one process, as Lambda gives them where a process has more than one.

use std::{collections::BTreeSet, sync::Arc};

use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::PolicySet;

use crate::support::{
    Alarms, Told, World,
    many::{answered, finish, name, running, sweep_within, token},
    standard, waiting,
};

const TASKS: u32 = 240;
/// Each of so many tasks has an adapter that panics at its statement.
const DEFECT: u32 = 12;

fn has_defect(number: u32) -> bool {
    number.is_multiple_of(DEFECT)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_at_once_do_not_see_each_other() {
    let world = Arc::new(World::new(standard()));
    *world.warehouse.panicking.lock().unwrap() =
        (0..TASKS).filter(|it| has_defect(*it)).map(name).collect();
    let live = |world: Arc<World>, number: u32| async move {
        let token = token(number);
        world.callbacks.open(&token);
        let call = world.another_call();
        let payload = waiting(&token, &format!("select {number}"));
        // The same invocation twice at once: one of them starts it.
        let (a, b) = tokio::join!(
            world.tasker.invoke(&call, payload.clone()),
            world.tasker.invoke(&call, payload)
        );
        a.unwrap();
        b.unwrap();
        world.end(&token, StatementStatus::Finished);
        let event = world.event(&token, "FINISHED").await;
        // The sweep may have it at the same moment.
        world.tasker.settle(&world.call(), event).await;
    };
    // What is swapped meanwhile is for the next ones.
    let swap_and_sweep = |world: Arc<World>| async move {
        world.tasker.swap(PolicySet::single(Arc::new(standard())));
        world.push(200);
        world.sweep().await;
    };
    let mut lives = Vec::new();
    for number in 0..TASKS {
        lives.push(tokio::spawn(live(Arc::clone(&world), number)));
        if number == TASKS / 2 {
            lives.push(tokio::spawn(swap_and_sweep(Arc::clone(&world))));
        }
    }
    let mut ended = 0;
    for life in lives {
        ended += u32::from(life.await.is_ok());
    }
    assert_eq!(
        ended,
        TASKS - TASKS / DEFECT + 1,
        "only those with a defect panic"
    );
    let started = world.warehouse.started();
    assert_eq!(started.len(), TASKS as usize);
    for number in 0..TASKS {
        let told = world.callbacks.told(&token(number));
        match has_defect(number) {
            true => assert!(told.is_empty(), "{number}: {told:?}"),
            false => assert!(
                matches!(&told[..], [Told::Succeeded(_)]),
                "{number}: {told:?}"
            ),
        }
    }
    // What was left open is ended by the sweep when the defect is mended.
    world.warehouse.panicking.lock().unwrap().clear();
    for _ in 0..5 {
        world.push(600);
        world.sweep().await;
    }
    assert_eq!(answered(&world, 0..TASKS), TASKS as usize);
}

#[tokio::test(start_paused = true)]
async fn a_panic_at_one_record_ends_no_sweep() {
    let alarms = Alarms::listen();
    let world = World::new(standard());
    running(&world, 60).await;
    finish(&world, 0..60);
    let defect: BTreeSet<_> = (0..10).map(name).collect();
    *world.warehouse.panicking.lock().unwrap() = defect;
    world.push(200);
    let summary = sweep_within(&world, 29).await;
    assert_eq!(answered(&world, 10..60), 50);
    assert_eq!(
        (summary.settled, summary.postponed),
        (50, 10),
        "{summary:?}"
    );
    assert!(summary.unfinished);
    assert_eq!(alarms.take(), ["HostFault"; 10]);
    // It is looked at less and less often, and ended when the defect is mended.
    world.warehouse.panicking.lock().unwrap().clear();
    world.push(60 * 60);
    sweep_within(&world, 29).await;
    assert_eq!(answered(&world, 0..10), 10);
}
