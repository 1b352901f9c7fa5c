//! Attempts at the same moment, and writes that are lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::Settling;

use super::{FIRST, SECOND, THIRD, assert_at_rest, attempt, retry};
use crate::support::{StartFault, World, event, standard};

#[tokio::test(start_paused = true)]
async fn attempts_at_once_start_one_statement_and_all_are_told() {
    let world = Arc::new(World::new(standard()));
    let release = world.warehouse.stall_next_start();
    let tokens: Vec<String> = (0..8)
        .map(|n| format!("token-of-attempt-number-{n}"))
        .collect();
    let calls: Vec<_> = tokens
        .iter()
        .map(|token| {
            let (world, token) = (Arc::clone(&world), token.clone());
            tokio::spawn(async move { attempt(&world, &token).await.unwrap() })
        })
        .collect();
    world.warehouse.until_called("start").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    release.notify_one();
    for call in calls {
        assert!(call.await.unwrap()["Id"].is_string());
    }
    assert_eq!(world.warehouse.count("start"), 1);
    let running = world.warehouse.started().pop().unwrap();
    world
        .warehouse
        .end(&running.name, StatementStatus::Finished);
    let event = event(&running.name, &running.id, "FINISHED");
    assert_eq!(
        world.tasker.settle(&world.call(), event).await,
        Settling::Done
    );
    for token in &tokens {
        assert_eq!(
            world.callbacks.told(token),
            world.callbacks.told(&tokens[0])
        );
        assert_eq!(world.callbacks.told(token).len(), 1);
    }
    assert_at_rest(&world);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_start_that_redshift_refuses_is_told_so() {
    let world = Arc::new(World::new(standard()));
    let release = Arc::new(tokio::sync::Notify::new());
    let refuse = StartFault::Refuse(Arc::clone(&release), "ValidationException");
    world.warehouse.start_faults.lock().unwrap().push(refuse);
    let first = tokio::spawn({
        let world = Arc::clone(&world);
        async move { attempt(&world, FIRST).await }
    });
    world.warehouse.until_called("start").await;
    let second = tokio::spawn({
        let world = Arc::clone(&world);
        async move { attempt(&world, SECOND).await }
    });
    while world.record(SECOND).await.is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    release.notify_one();
    let raised = first.await.unwrap().unwrap_err();
    assert_eq!(raised.error_type, "ValidationException");
    second.await.unwrap().unwrap();
    let told = world.callbacks.error_of(SECOND);
    assert_eq!(told.as_deref(), Some("ValidationException"));
    assert_at_rest(&world);
}

#[tokio::test(start_paused = true)]
async fn every_write_of_an_attempt_may_be_lost_or_unacknowledged() {
    for (lose, replies) in [(1, 0), (0, 1), (2, 2)] {
        let world = World::new(standard());
        attempt(&world, FIRST).await.unwrap();
        world.ledger.lose_writes.store(lose, Ordering::Relaxed);
        world.ledger.lose_replies.store(replies, Ordering::Relaxed);
        retry(&world, FIRST, SECOND).await.unwrap();
        world.ledger.lose_replies.store(replies, Ordering::Relaxed);
        world.finish(FIRST, StatementStatus::Finished).await;
        assert_eq!(world.callbacks.told(SECOND).len(), 1);
        world.ledger.lose_replies.store(replies, Ordering::Relaxed);
        attempt(&world, THIRD).await.unwrap();
        assert_eq!(world.callbacks.told(THIRD), world.callbacks.told(SECOND));
        assert_eq!(world.warehouse.count("start"), 1);
        assert_at_rest(&world);
    }
}
