//! `LATEST` means the right one.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::{
    ids::RecordId,
    ports::ServiceErrorKind,
    record::{Phase, Record},
};

use crate::support::{ARN, Script, ScriptedPolicy, StartFault, World, id, standard};

const FIRST: &str = "token-of-the-first-task-00001";
const SECOND: &str = "token-of-the-second-task-0002";

async fn start(world: &World, token: &str, step: Option<&str>) {
    world.callbacks.open(token);
    let mut payload: Value =
        json!({"taskToken": token, "executionArn": ARN, "sqlStatement": token});
    if let Some(step) = step {
        payload["step"] = json!(step);
    }
    world.tasker.invoke(&world.call(), payload).await.unwrap();
}

async fn latest(world: &World, arn: &str, step: Option<&str>) -> Option<Record> {
    let found = world
        .store
        .latest(arn, step)
        .await
        .unwrap()
        .and_then(signalbox_tasker::record::Latest::into_record);
    found.map(|stored| stored.record)
}

async fn latest_id(world: &World, step: Option<&str>) -> Option<RecordId> {
    latest(world, ARN, step)
        .await
        .map(|record| record.record_id)
}

#[tokio::test(start_paused = true)]
async fn a_branch_sees_its_own_and_without_a_step_the_last_one_counts() {
    let world = World::new(ScriptedPolicy::new(Script {
        step_of_payload: true,
        ..Script::default()
    }));
    start(&world, FIRST, Some("left")).await;
    world.clock.push(Duration::from_millis(1));
    start(&world, SECOND, Some("right")).await;
    for _ in 0..2 {
        assert_eq!(latest_id(&world, Some("left")).await, Some(id(FIRST)));
        assert_eq!(latest_id(&world, Some("right")).await, Some(id(SECOND)));
        assert_eq!(latest_id(&world, Some("middle")).await, None);
        assert_eq!(latest_id(&world, Some("")).await, None);
        assert_eq!(latest_id(&world, None).await, Some(id(SECOND)));
        // And after the end of both.
        world.finish(FIRST, StatementStatus::Finished).await;
        world.finish(SECOND, StatementStatus::Failed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_arn_that_is_the_key_of_something_else_finds_nothing() {
    let world = World::new(ScriptedPolicy::new(Script {
        step_of_payload: true,
        exclusive: Some(signalbox_policy::contract::Exclusivity::Statement),
        ..Script::default()
    }));
    start(&world, FIRST, Some("left")).await;
    let partitions = world.ledger.items().into_iter().map(|item| item.key.id);
    let partitions: Vec<String> = partitions.filter(|partition| partition != ARN).collect();
    assert!(partitions.len() >= 5, "{partitions:?}");
    for partition in partitions {
        assert_eq!(latest(&world, &partition, None).await, None, "{partition}");
    }
    assert_eq!(
        latest(&world, &format!("{ARN}#step"), Some("left")).await,
        None
    );
}

#[tokio::test(start_paused = true)]
async fn statements_that_never_ran_do_not_count() {
    let world = World::new(standard());
    start(&world, FIRST, None).await;
    for n in 0..15 {
        world.clock.push(Duration::from_millis(1));
        let refused = StartFault::Before(ServiceErrorKind::Invalid, "ValidationException");
        world.warehouse.start_faults.lock().unwrap().push(refused);
        let token = format!("token-of-a-refused-task-{n}");
        world.invoke_waiting(&token, "select 1").await.unwrap_err();
    }
    assert_eq!(latest_id(&world, None).await, Some(id(FIRST)));

    world.clock.push(Duration::from_millis(1));
    *world.warehouse.start_faults.lock().unwrap() =
        vec![StartFault::Before(ServiceErrorKind::Unclear, "ConnectionError"); 1_000];
    start(&world, SECOND, None).await;
    let there = latest(&world, ARN, None).await.unwrap();
    assert_eq!(there.phase(), Phase::Starting, "it may still run");
    world.clock.push(Duration::from_secs(60 * 60));
    world.sweep().await;
    assert_eq!(world.record(SECOND).await.unwrap().phase(), Phase::Closed);
    assert_eq!(latest_id(&world, None).await, Some(id(FIRST)));
}

#[tokio::test(start_paused = true)]
async fn rows_that_lead_nowhere_hide_nothing() {
    let world = World::new(standard());
    start(&world, FIRST, None).await;
    // More of them than are read at once, all newer: records that went while their rows are still there.
    for n in 0..25 {
        world.clock.push(Duration::from_millis(1));
        let token = format!("token-of-a-task-that-goes-{n}");
        start(&world, &token, None).await;
        world.ledger.remove(&format!("task#{}", id(&token)));
    }
    assert_eq!(latest_id(&world, None).await, Some(id(FIRST)));
}

#[tokio::test(start_paused = true)]
async fn statements_of_one_millisecond_have_an_order_that_stays() {
    let world = World::new(standard());
    let tokens: Vec<String> = (0..12)
        .map(|n| format!("token-of-parallel-task-{n}"))
        .collect();
    for token in &tokens {
        start(&world, token, None).await;
    }
    let first = latest_id(&world, None).await.unwrap();
    let greatest = tokens.iter().map(|token| id(token)).max();
    assert_eq!(Some(&first), greatest.as_ref());
    for token in &tokens {
        world.finish(token, StatementStatus::Finished).await;
        assert_eq!(latest_id(&world, None).await.as_ref(), Some(&first));
    }
    world.clock.push(Duration::from_millis(1));
    start(&world, FIRST, None).await;
    assert_eq!(
        latest_id(&world, None).await,
        Some(id(FIRST)),
        "a later one"
    );
}
