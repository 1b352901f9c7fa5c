//! The items by which a record is found, and by which it is due: written beside it, and never trusted alone.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::{
    Options, PolicySet, Settling, Tasker,
    ports::{Expect, Item, Key, Ledger, Write},
    record::{Latest, Phase},
};

use crate::support::{ARN, World, id, standard};

const TOKEN: &str = "token-of-a-task-0123456789";
const OTHER: &str = "token-of-another-9876543210";
const STATEMENT: &str = "00000000-0000-4000-8000-000000000001";
const DAY: u64 = 24 * 60 * 60;

/// The items that lead to records.
fn index(world: &World) -> Vec<Item> {
    let mut items = world.ledger.items();
    items.retain(|item| item.body.contains_key("recordId") && !item.key.id.starts_with("task#"));
    items.retain(|item| !item.key.id.starts_with("due#"));
    items
}

fn due(world: &World) -> usize {
    let keys = world.ledger.keys();
    keys.iter().filter(|key| key.starts_with("due#")).count()
}

async fn latest(world: &World) -> String {
    let latest = world.store.latest(ARN, None).await.unwrap();
    let latest = latest.and_then(Latest::into_record).unwrap();
    latest.record.record_id.to_string()
}

fn break_writes(world: &World, partition: &str, broken: bool) {
    let mut unwritable = world.ledger.unwritable.lock().unwrap();
    match broken {
        true => drop(unwritable.insert(partition.to_owned())),
        false => drop(unwritable.remove(partition)),
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_before_it_can_be_found() {
    let world = World::new(standard());
    break_writes(&world, ARN, true);
    let raised = world.invoke_waiting(TOKEN, "select 1").await.unwrap_err();
    assert_eq!(raised.error_type, "LedgerUnavailable");
    assert_eq!(world.warehouse.count("start"), 0);
    break_writes(&world, ARN, false);
    // The record may be there, and nobody uses it: it is given up when no invocation can be about to.
    world.push(16 * 60);
    world.sweep().await;
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Closed);
    let error = world.callbacks.error_of(TOKEN);
    assert_eq!(error.as_deref(), Some("StatementNotStarted"));
}

#[tokio::test(start_paused = true)]
async fn a_statement_whose_id_leads_nowhere_yet_is_adopted_with_it() {
    let world = World::new(standard());
    let partition = format!("statement#{STATEMENT}");
    break_writes(&world, &partition, true);
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Starting);
    break_writes(&world, &partition, false);
    world.push(121);
    assert_eq!(world.sweep().await.adopted, 1);
    let found = world.store.find_by_statement(STATEMENT).await.unwrap();
    assert_eq!(found.unwrap().record.record_id, id(TOKEN));
    world.succeed(TOKEN).await;
}

#[tokio::test(start_paused = true)]
async fn a_due_item_that_is_left_over_is_dropped_by_the_sweep() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let written = world.ledger.writes.load(Ordering::Relaxed);
    // The answer, the end, and then the removal of the due item.
    let removal = written + 3;
    world
        .ledger
        .hang_from_write
        .store(removal, Ordering::Relaxed);
    world.succeed(TOKEN).await;
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Closed);
    assert_eq!(due(&world), 1);
    world.ledger.hang_from_write.store(0, Ordering::Relaxed);
    world.push(121);
    assert_eq!(world.sweep().await, Default::default());
    assert_eq!(due(&world), 0);
    assert_eq!(world.callbacks.sent(TOKEN).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_left_over_makes_no_statement_the_latest() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.push(1);
    world.invoke_waiting(OTHER, "select 2").await.unwrap();
    // Another invocation of the first task wrote it, and found the record there.
    let left_over = Item {
        key: Key::new(ARN, format!("1800000002.000000#{}", id(TOKEN))),
        revision: 1,
        expires_at: None,
        body: json!({"recordId": id(TOKEN).to_string()})
            .as_object()
            .unwrap()
            .clone(),
    };
    let expect = Expect::Any;
    let write = Write::Put {
        item: left_over,
        expect,
    };
    world
        .ledger
        .write(1_800_000_002, vec![write])
        .await
        .unwrap();
    assert_eq!(latest(&world).await, id(OTHER).to_string());
}

#[tokio::test(start_paused = true)]
async fn what_leads_to_a_record_stays_as_long_as_the_record() {
    let world = World::new(standard());
    world
        .callbacks
        .hanging
        .lock()
        .unwrap()
        .insert(TOKEN.to_owned());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.end(TOKEN, StatementStatus::Finished);
    // For ten days the answer is not taken.
    for _ in 0..20 {
        world.push(DAY / 2);
        world.sweep().await;
        let record = world.record(TOKEN).await.unwrap();
        assert_eq!(record.phase(), Phase::Decided);
        let found = world.store.find_by_statement(STATEMENT).await.unwrap();
        assert_eq!(found.unwrap().record.record_id, id(TOKEN));
        assert_eq!(latest(&world).await, id(TOKEN).to_string());
    }
    world.callbacks.hanging.lock().unwrap().clear();
    world.push(DAY / 2);
    world.sweep().await;
    assert_eq!(world.callbacks.told(TOKEN).len(), 1);
    world.push(DAY - 60);
    assert_eq!(latest(&world).await, id(TOKEN).to_string(), "as long as it");
    world.push(5 * DAY);
    let now = world.store.now().div_euclid(1_000);
    let items = world.ledger.items();
    assert!(items.iter().all(|item| item.expires_at.unwrap() < now));
}

#[tokio::test(start_paused = true)]
async fn what_leads_to_a_record_stays_as_long_as_it_under_another_retention() {
    let mut world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let retention = Duration::from_secs(30 * DAY);
    world.tasker = Tasker::new(
        world.tasker.ports().clone(),
        Options {
            retention,
            ..world.tasker.options().clone()
        },
        PolicySet::single(Arc::new(standard())),
    );
    world.succeed(TOKEN).await;
    world.push(29 * DAY);
    assert_eq!(latest(&world).await, id(TOKEN).to_string());
    let found = world.store.find_by_statement(STATEMENT).await.unwrap();
    assert_eq!(found.unwrap().record.record_id, id(TOKEN));
}

#[tokio::test(start_paused = true)]
async fn items_that_another_version_wrote_for_ever_expire_with_their_record() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world
        .ledger
        .set(&format!("task#{}", id(TOKEN)), "indexedUntil", Value::Null);
    for item in index(&world) {
        let item = Item {
            expires_at: None,
            ..item
        };
        let expect = Expect::Any;
        let write = Write::Put { item, expect };
        world
            .ledger
            .write(1_800_000_000, vec![write])
            .await
            .unwrap();
    }
    world.succeed(TOKEN).await;
    let until = |item: Item| item.expires_at.unwrap() - 1_800_000_000;
    let ends: Vec<_> = index(&world).into_iter().map(until).collect();
    assert_eq!(ends.len(), 2);
    assert!(ends.iter().all(|until| *until >= 24 * 60 * 60), "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_moves_is_due_once() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    for _ in 0..5 {
        world.push(20 * 60);
        world.sweep().await;
        assert_eq!(due(&world), 1);
    }
    // The removal of what was due before is not acknowledged, or not made.
    world.ledger.lose_writes.store(0, Ordering::Relaxed);
    let written = world.ledger.writes.load(Ordering::Relaxed);
    world
        .ledger
        .hang_from_write
        .store(written + 3, Ordering::Relaxed);
    world.push(20 * 60);
    world.sweep().await;
    world.ledger.hang_from_write.store(0, Ordering::Relaxed);
    assert_eq!(
        due(&world),
        2,
        "the new one is there before the old one goes"
    );
    assert_eq!(world.store.open_ids().await.unwrap(), [id(TOKEN)]);
    world.push(20 * 60);
    world.sweep().await;
    assert_eq!(due(&world), 1);
    world.succeed(TOKEN).await;
    assert_eq!(due(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn a_late_event_for_a_record_that_is_over_changes_nothing() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.succeed(TOKEN).await;
    let before = world.ledger.items();
    tokio::time::advance(Duration::from_secs(1)).await;
    let again = world.finish(TOKEN, StatementStatus::Finished).await;
    assert_eq!(again, Settling::Done);
    assert_eq!(world.ledger.items(), before);
}
