//! A cancel tells the truth.

use serde_json::{Value, json};
use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::{Call, Raised, ports::ServiceErrorKind, record::Phase};

use crate::support::{Alarms, World, standard};

const TOKEN: &str = "token-of-a-task-0123456789";
const TOO_EARLY: (ServiceErrorKind, &str) = (ServiceErrorKind::Invalid, "ValidationException");

/// Asks for a cancel, as a state without a token does.
async fn cancel(world: &World, id: &str) -> Result<Value, Raised> {
    let call = Call {
        request_id: "request-of-the-cancel".to_owned(),
        ..world.call()
    };
    let payload = json!({"action": "cancelStatement", "statementId": id});
    world.tasker.invoke(&call, payload).await
}

async fn running() -> (World, String) {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let id = world.warehouse.started()[0].id.clone();
    (world, id)
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_is_taken_says_so_and_the_task_is_told_when_it_has_ended() {
    let (world, id) = running().await;
    assert_eq!(cancel(&world, &id).await.unwrap(), json!({"Status": true}));
    assert!(world.callbacks.sent(TOKEN).is_empty());
    world.push(60);
    assert_eq!(world.sweep().await.settled, 1, "it is looked at soon");
    assert_eq!(world.callbacks.error_of(TOKEN).as_deref(), Some("FAILED"));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_comes_too_early_is_repeated() {
    let (world, id) = running().await;
    *world.warehouse.cancel_faults.lock().unwrap() = vec![TOO_EARLY; 3];
    assert_eq!(cancel(&world, &id).await.unwrap(), json!({"Status": true}));
    assert_eq!(
        world.warehouse.count("cancel"),
        1,
        "the sweep goes on with it"
    );
    for _ in 0..2 {
        world.push(60);
        assert_eq!(world.sweep().await.postponed, 1);
    }
    world.push(60);
    assert_eq!(world.sweep().await.settled, 1);
    assert_eq!(
        world.warehouse.started()[0].status,
        StatementStatus::Aborted
    );
    assert_eq!(world.callbacks.error_of(TOKEN).as_deref(), Some("FAILED"));
    assert_eq!(world.warehouse.count("cancel"), 4);
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_finished_first_has_finished() {
    let (world, id) = running().await;
    world.end(TOKEN, StatementStatus::Finished);
    let raised = cancel(&world, &id).await.unwrap_err();
    assert_eq!(raised.error_type, "ValidationException", "as Redshift says");
    assert!(raised.message.contains("had ended: FINISHED"), "{raised}");

    // And one whose cancel was taken over may finish all the same.
    let (world, id) = running().await;
    *world.warehouse.cancel_faults.lock().unwrap() = vec![TOO_EARLY];
    cancel(&world, &id).await.unwrap();
    world.succeed(TOKEN).await;
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_no_record_watches_over_is_cancelled_within_the_invocation() {
    let world = World::new(standard());
    let payload = json!({"sqlStatement": "select 1"});
    world.tasker.invoke(&world.call(), payload).await.unwrap();
    let id = world.warehouse.started()[0].id.clone();
    *world.warehouse.cancel_faults.lock().unwrap() = vec![TOO_EARLY; 2];
    assert_eq!(cancel(&world, &id).await.unwrap(), json!({"Status": true}));
    assert_eq!(world.warehouse.count("cancel"), 3);

    // But not for ever: then the caller gets what Redshift said.
    let payload = json!({"sqlStatement": "select 2"});
    let call = Call {
        request_id: "another".to_owned(),
        ..world.call()
    };
    world.tasker.invoke(&call, payload).await.unwrap();
    let id = world
        .warehouse
        .started()
        .into_iter()
        .map(|s| s.id)
        .max()
        .unwrap();
    *world.warehouse.cancel_faults.lock().unwrap() = vec![TOO_EARLY; 100];
    let call = Call {
        request_id: "a-third".to_owned(),
        ..world.call()
    };
    let payload = json!({"action": "cancelStatement", "statementId": id});
    let raised = world.tasker.invoke(&call, payload).await.unwrap_err();
    assert_eq!(raised.error_type, "ValidationException");
    assert_eq!(raised.message, "refused", "it still runs");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_is_denied_or_of_nothing_is_refused_at_once() {
    let (world, id) = running().await;
    let denied = (ServiceErrorKind::Denied, "AccessDeniedException");
    *world.warehouse.cancel_faults.lock().unwrap() = vec![denied];
    let raised = cancel(&world, &id).await.unwrap_err();
    assert_eq!(raised.error_type, "AccessDeniedException");
    assert!(!world.record(TOKEN).await.unwrap().watch.cancel);
    let other = World::new(standard());
    let raised = cancel(&other, &id).await.unwrap_err();
    assert_eq!(raised.error_type, "ResourceNotFoundException");
    assert_eq!(other.warehouse.count("cancel"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_part_of_a_batch_does_not_take_the_whole_with_it() {
    let (world, id) = running().await;
    let raised = cancel(&world, &format!("{id}:1")).await.unwrap_err();
    assert_eq!(raised.error_type, "ResourceNotFoundException");
    assert!(!world.record(TOKEN).await.unwrap().watch.cancel);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_of_the_host_that_is_denied_is_an_alarm_each_time() {
    let (world, id) = running().await;
    *world.warehouse.cancel_faults.lock().unwrap() = vec![TOO_EARLY];
    cancel(&world, &id).await.unwrap();
    let alarms = Alarms::listen();
    for _ in 0..2 {
        let denied = (ServiceErrorKind::Denied, "AccessDeniedException");
        *world.warehouse.cancel_faults.lock().unwrap() = vec![denied];
        world.push(60);
        world.sweep().await;
        assert_eq!(alarms.take(), ["CancelRefused"]);
    }
    world.push(60);
    world.sweep().await;
    assert_eq!(alarms.take(), [""; 0]);
    assert_eq!(
        world.warehouse.started()[0].status,
        StatementStatus::Aborted
    );
}
