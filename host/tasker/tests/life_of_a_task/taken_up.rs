//! A start for which nobody waits was cut off: the next delivery of the same request goes on with it.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use signalbox_policy::contract::Source;
use signalbox_tasker::{Call, Raised, ports::ServiceErrorKind};

use crate::support::{StartFault, World, standard};

const MINUTE: u64 = 60;

fn delivery(world: &World, source: Source) -> Call {
    Call {
        request_id: "message-1".to_owned(),
        source,
        ..world.call()
    }
}

async fn deliver(world: &World, source: Source) -> Result<Value, Raised> {
    let payload = json!({"sqlStatement": "insert into t values (1)"});
    world.tasker.invoke(&delivery(world, source), payload).await
}

/// A delivery that ends without a word, right before Redshift hears of its statement or right after.
async fn cut_off(source: Source, fault: StartFault) -> Arc<World> {
    let world = Arc::new(World::new(standard()));
    world.warehouse.start_faults.lock().unwrap().push(fault);
    let delivered = tokio::spawn({
        let world = Arc::clone(&world);
        async move { deliver(&world, source).await }
    });
    world.warehouse.until_called("start").await;
    tokio::task::yield_now().await;
    delivered.abort();
    let _ = delivered.await;
    world
}

fn never_sent() -> StartFault {
    StartFault::Stall(Arc::default())
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_is_started_by_the_next_delivery() {
    for source in [Source::Queue, Source::Invocation] {
        let world = cut_off(source, never_sent()).await;
        assert_eq!(world.warehouse.started().len(), 0);
        world.push(3 * MINUTE);
        let reply = deliver(&world, source).await.unwrap();
        let started = world.warehouse.started();
        assert_eq!(started.len(), 1);
        assert_eq!(reply["Id"], started[0].id);
        // Whatever comes once more gets the same.
        assert_eq!(deliver(&world, source).await.unwrap()["Id"], reply["Id"]);
        assert_eq!(world.warehouse.started().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_redshift_has_taken_is_not_started_again() {
    let world = cut_off(Source::Queue, StartFault::Hang).await;
    assert_eq!(world.warehouse.started().len(), 1);
    world.push(3 * MINUTE);
    let reply = deliver(&world, Source::Queue).await.unwrap();
    assert_eq!(reply["Id"], world.warehouse.started()[0].id);
    assert_eq!(world.warehouse.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_refuses_the_next_delivery_says_nothing_of_the_one_before() {
    let world = cut_off(Source::Queue, StartFault::Hang).await;
    world.push(3 * MINUTE);
    let refused = StartFault::Before(ServiceErrorKind::Limit, "ActiveStatementsExceededException");
    world.warehouse.start_faults.lock().unwrap().push(refused);
    let raised = deliver(&world, Source::Queue).await.unwrap_err();
    assert_eq!(raised.error_type, "ConcurrentExecution");
    // The message comes again; the statement that runs is found by its name.
    world.push(3 * MINUTE);
    world.sweep().await;
    let reply = deliver(&world, Source::Queue).await;
    assert_eq!(world.warehouse.started().len(), 1, "{reply:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unclear_start_from_a_queue_is_delivered_again_and_one_of_a_caller_is_not() {
    for (source, comes_again) in [(Source::Queue, true), (Source::Invocation, false)] {
        let world = World::new(standard());
        *world.warehouse.start_faults.lock().unwrap() =
            vec![StartFault::Before(ServiceErrorKind::Unclear, "ConnectionError"); 100];
        let first = deliver(&world, source).await;
        assert_eq!(first.is_err(), comes_again, "{first:?}");
        if let Ok(reply) = first {
            assert_eq!(reply["Status"], "UNKNOWN");
        }
        world.warehouse.start_faults.lock().unwrap().clear();
        world.push(3 * MINUTE);
        let reply = deliver(&world, source).await.unwrap();
        assert_eq!(reply["Id"], world.warehouse.started()[0].id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_too_old_is_not_taken_up_and_its_message_is_not_lost() {
    let world = cut_off(Source::Queue, never_sent()).await;
    world.push(11 * MINUTE);
    let raised = deliver(&world, Source::Queue).await.unwrap_err();
    assert_eq!(raised.error_type, "ConcurrentExecution");
    world.push(5 * MINUTE);
    assert_eq!(world.sweep().await.abandoned, 1);
    let raised = deliver(&world, Source::Queue).await.unwrap_err();
    assert_eq!(raised.error_type, "StatementNotStarted");
    assert_eq!(world.warehouse.started().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_may_have_had_another_client_token_is_left_to_the_sweep() {
    let world = World::new(standard());
    let payload = || json!({"sqlStatement": "select 1", "whenBusy": "wait"});
    let busy = StartFault::Before(ServiceErrorKind::Limit, "ActiveStatementsExceededException");
    *world.warehouse.start_faults.lock().unwrap() = vec![busy, StartFault::Hang];
    let call = delivery(&world, Source::Queue);
    let first = tokio::time::timeout(
        Duration::from_secs(5),
        world.tasker.invoke(&call, payload()),
    );
    assert!(first.await.is_err(), "it is cut off");
    assert_eq!(world.warehouse.started().len(), 1);
    world.push(3 * MINUTE);
    let call = delivery(&world, Source::Queue);
    let again = world.tasker.invoke(&call, payload()).await;
    assert_eq!(world.warehouse.started().len(), 1, "{again:?}");
    world.sweep().await;
    let call = delivery(&world, Source::Queue);
    let reply = world.tasker.invoke(&call, payload()).await;
    assert_eq!(world.warehouse.started().len(), 1, "{reply:?}");
}
