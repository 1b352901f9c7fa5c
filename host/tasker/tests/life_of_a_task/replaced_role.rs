//! The function's role was replaced: Redshift shows the new one nothing that the old one started.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use serde_json::json;
use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::{Options, PolicySet, Tasker, ports::ServiceErrorKind, record::Phase};

use crate::support::{Alarms, StartFault, World, standard, waiting};

const TOKEN: &str = "token-of-a-task-0123456789";
const NEXT: &str = "token-of-the-next-attempt-98765";
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

fn asks_as(role: Option<&str>) -> BTreeMap<String, String> {
    let role = role.map(|role| ("default".to_owned(), role.to_owned()));
    role.into_iter().collect()
}

fn of_role(role: Option<&str>) -> Options {
    Options {
        asks_as: asks_as(role),
        ..Options::default()
    }
}

/// A world in which a start was taken by Redshift and its reply lost, under one role; from then on the host has another.
async fn replaced(before: Option<&str>, after: Option<&str>) -> World {
    let mut world = World::with(standard(), of_role(before));
    *world.warehouse.start_faults.lock().unwrap() = vec![StartFault::Hang; 100];
    let mut payload = waiting(TOKEN, "insert into t values (1)");
    payload["idempotencyKey"] = json!("load-1");
    world.callbacks.open(TOKEN);
    let call = world.another_call();
    world.tasker.invoke(&call, payload).await.unwrap();
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Starting);
    assert_eq!(world.warehouse.started().len(), 1);

    world.warehouse.start_faults.lock().unwrap().clear();
    world.warehouse.unlisted.store(true, Ordering::Relaxed);
    world.tasker = Tasker::new(
        world.tasker.ports().clone(),
        Options {
            asks_as: asks_as(after),
            ..world.tasker.options().clone()
        },
        PolicySet::single(Arc::new(standard())),
    );
    world
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_of_another_role_does_not_say_that_nothing_was_started() {
    let alarms = Alarms::listen();
    let world = replaced(Some("AROAOLD"), Some("AROANEW")).await;
    for _ in 0..20 {
        world.push(HOUR);
        world.sweep().await;
        assert_eq!(alarms.take(), ["ListRefused"]);
        assert!(world.callbacks.sent(TOKEN).is_empty());
    }
    // The next attempt at the work waits with it, and starts nothing.
    let mut payload = waiting(NEXT, "insert into t values (1)");
    payload["idempotencyKey"] = json!("load-1");
    world.callbacks.open(NEXT);
    let call = world.another_call();
    world.tasker.invoke(&call, payload).await.unwrap();
    assert_eq!(world.warehouse.started().len(), 1);

    // In the end nobody can know, and that is what the tasks are told.
    world.push(30 * HOUR);
    world.sweep().await;
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("StatementLost")
    );
    assert_eq!(
        world.callbacks.error_of(NEXT).as_deref(),
        Some("StatementLost")
    );
    assert_eq!(world.warehouse.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_former_role_finds_what_it_started() {
    let mut world = replaced(Some("AROAOLD"), Some("AROANEW")).await;
    world.push(16 * MINUTE);
    world.sweep().await;
    assert!(world.callbacks.sent(TOKEN).is_empty());

    world.warehouse.unlisted.store(false, Ordering::Relaxed);
    world.tasker = Tasker::new(
        world.tasker.ports().clone(),
        Options {
            asks_as: asks_as(Some("AROAOLD")),
            ..world.tasker.options().clone()
        },
        PolicySet::single(Arc::new(standard())),
    );
    world.end(TOKEN, StatementStatus::Finished);
    world.push(HOUR);
    world.sweep().await;
    assert_eq!(world.callbacks.error_of(TOKEN), None);
    assert_eq!(world.callbacks.told(TOKEN).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_start_of_the_same_role_or_of_none_is_judged_by_the_list() {
    for (before, after) in [
        (Some("AROA"), Some("AROA")),
        (None, Some("AROA")),
        (Some("AROA"), None),
    ] {
        let world = World::with(standard(), of_role(before));
        *world.warehouse.start_faults.lock().unwrap() =
            vec![StartFault::Before(ServiceErrorKind::Unclear, "ConnectionError"); 100];
        world.invoke_waiting(TOKEN, "select 1").await.unwrap();
        let tasker = Tasker::new(
            world.tasker.ports().clone(),
            Options {
                asks_as: asks_as(after),
                ..world.tasker.options().clone()
            },
            PolicySet::single(Arc::new(standard())),
        );
        world.push(16 * MINUTE);
        tasker.sweep(&world.call()).await.unwrap();
        assert_eq!(
            world.callbacks.error_of(TOKEN).as_deref(),
            Some("StatementNotStarted"),
            "{before:?} {after:?}"
        );
    }
}
