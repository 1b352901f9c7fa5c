//! Many tasks at once.

use std::{ops::Range, time::Duration};

use serde_json::json;
use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::{SweepSummary, ids::statement_name};
use tokio::time::Instant;

use super::{DEPLOYMENT, World, id, waiting};

const LATENCY: Duration = Duration::from_millis(80);

pub fn token(number: u32) -> String {
    format!("token-of-task-number-{number:010}")
}

pub fn name(number: u32) -> String {
    statement_name(DEPLOYMENT, &id(&token(number)))
}

pub async fn start(world: &World, numbers: Range<u32>, target: &str) {
    for number in numbers {
        let mut payload = waiting(&token(number), &format!("select {number}"));
        payload["target"] = json!(target);
        world.callbacks.open(&token(number));
        let call = world.another_call();
        world.tasker.invoke(&call, payload).await.unwrap();
    }
}

pub async fn running(world: &World, count: u32) {
    start(world, 0..count, "default").await;
}

pub fn finish(world: &World, numbers: Range<u32>) {
    for number in numbers {
        world.end(&token(number), StatementStatus::Finished);
    }
}

pub fn answered(world: &World, numbers: Range<u32>) -> usize {
    let told = |number: &u32| !world.callbacks.told(&token(*number)).is_empty();
    numbers.filter(told).count()
}

/// Every call takes as long as one of AWS.
pub fn with_latencies(world: &World) {
    *world.ledger.takes.lock().unwrap() = LATENCY;
    *world.callbacks.takes.lock().unwrap() = LATENCY;
    *world.warehouse.describe_takes.lock().unwrap() = LATENCY;
}

pub async fn sweep_within(world: &World, seconds: u64) -> SweepSummary {
    let time = Duration::from_secs(seconds);
    let begun = Instant::now();
    let call = world.call_within(time);
    let summary = world.tasker.sweep(&call).await.unwrap();
    assert!(begun.elapsed() < time, "{:?} of {time:?}", begun.elapsed());
    summary
}
