//! What a task is told whose statement Redshift refused, by whichever way it came.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde_json::json;
use signalbox_policy::{Answer, contract::Source};
use signalbox_tasker::{
    Call, Raised,
    ports::ServiceErrorKind,
    record::{Ending, Phase},
};
use tokio::{sync::Notify, time::Instant};

use crate::support::{Script, ScriptedPolicy, StartFault, Told, World, standard, waiting};

const TOKEN: &str = "token-of-a-task-0123456789";

fn refuse_next_start(world: &World) {
    let fault = StartFault::Before(ServiceErrorKind::Invalid, "ValidationException");
    world.warehouse.start_faults.lock().unwrap().push(fault);
}

#[tokio::test(start_paused = true)]
async fn from_a_queue_the_token_is_told_what_redshift_said() {
    let world = World::new(standard());
    world.callbacks.open(TOKEN);
    refuse_next_start(&world);
    let call = Call {
        source: Source::Queue,
        ..world.call()
    };
    world
        .tasker
        .invoke(&call, waiting(TOKEN, "select 1"))
        .await
        .unwrap();
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("ValidationException")
    );
    let record = world.record(TOKEN).await.unwrap();
    assert_eq!(
        (record.phase(), record.life.ending()),
        (Phase::Closed, Some(Ending::Answered))
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_whose_note_is_written_twice_is_raised_and_not_told() {
    let world = World::new(standard());
    world.ledger.writes_twice.store(true, Ordering::Relaxed);
    refuse_next_start(&world);
    let raised = world.invoke_waiting(TOKEN, "select 1").await.unwrap_err();
    assert_eq!(raised.error_type, "ValidationException");
    assert!(world.callbacks.sent(TOKEN).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_policy_may_answer_for_a_statement_that_was_refused() {
    let answer = Answer::Fail {
        error: "TryElsewhere".to_owned(),
        cause: "{}".to_owned(),
    };
    let script = Script {
        answer_refusal: Some(answer),
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    refuse_next_start(&world);
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let told = Told::Failed(Some("TryElsewhere".to_owned()), Some("{}".to_owned()));
    assert_eq!(world.callbacks.told(TOKEN), [told]);
    assert_eq!(
        world.record(TOKEN).await.unwrap().life.ending(),
        Some(Ending::Answered)
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_beside_a_statement_of_its_own_is_sent() {
    let answer = Answer::Succeed {
        output: "{}".to_owned(),
    };
    let script = Script {
        unbound: true,
        answer_after_start: Some(answer),
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert_eq!(
        world.callbacks.told(TOKEN),
        [Told::Succeeded("{}".to_owned())]
    );
    assert_eq!(world.warehouse.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_that_opens_doors_is_written_down() {
    let world = World::new(standard());
    let sql = "copy t from 'https://b.example/k?X-Amz-Signature=f00f00f00f00f00f00f00' access_key_id 'AKIAIOSFODNN7EXAMPLE'";
    world.invoke_waiting(TOKEN, sql).await.unwrap();
    let ran = format!("{:?}", world.warehouse.started()[0].sql);
    assert!(
        ran.contains("f00f00") && ran.contains("AKIAIOSFODNN7EXAMPLE"),
        "it runs as it was written: {ran}"
    );
    let ledger = world.ledger.dump();
    assert!(
        !ledger.contains("f00f00") && !ledger.contains("AKIAIOSFODNN7EXAMPLE"),
        "{ledger}"
    );
}

#[tokio::test(start_paused = true)]
async fn null_is_nothing() {
    let world = World::new(standard());
    let payload = json!({"sqlStatement": "select 1", "taskToken": null, "executionArn": null, "idempotencyKey": null});
    world.tasker.invoke(&world.call(), payload).await.unwrap();
    assert_eq!(world.warehouse.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_raised_though_the_ledger_does_not_say_that_the_record_is_closed() {
    let world = World::new(standard());
    refuse_next_start(&world);
    world.ledger.hang_from_write.store(3, Ordering::Relaxed);
    let raised = world.invoke_waiting(TOKEN, "select 1").await.unwrap_err();
    assert_eq!(
        raised.error_type, "ValidationException",
        "if the record was closed all the same, nobody else would tell the task"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_sent_to_the_token_when_another_invocation_has_ended_without_a_word() {
    let world = Arc::new(World::new(standard()));
    let release = Arc::new(Notify::new());
    let fault = StartFault::Refuse(Arc::clone(&release), "ValidationException");
    world.warehouse.start_faults.lock().unwrap().push(fault);
    let first = tokio::spawn({
        let world = Arc::clone(&world);
        async move { world.invoke_waiting(TOKEN, "select 1").await }
    });
    world.warehouse.until_called("start").await;
    let hurried = Call {
        deadline: Instant::now() + Duration::from_secs(3),
        ..world.call()
    };
    let reply = world
        .tasker
        .invoke(&hurried, waiting(TOKEN, "select 1"))
        .await
        .unwrap();
    assert_eq!(reply["Status"], "UNKNOWN");
    release.notify_one();
    let _ = first.await.unwrap();
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("ValidationException"),
        "whoever invoked first may not listen any more"
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_that_lambda_repeats_the_invocation_for_is_told_by_the_token() {
    let denied = Script {
        reject: Some("PolicyDenied"),
        ..Script::default()
    };
    for (script, error) in [
        (denied, "PolicyDenied"),
        (Script::default(), "ValidationException"),
    ] {
        let world = World::new(ScriptedPolicy::new(script));
        *world.warehouse.start_fault.lock().unwrap() =
            Some((ServiceErrorKind::Invalid, "ValidationException"));
        world.callbacks.open(TOKEN);
        let payload = || waiting(TOKEN, "select 1");
        let raised = world.tasker.invoke(&world.call(), payload()).await;
        assert_eq!(raised.unwrap_err().error_type, error);
        assert!(
            world.callbacks.sent(TOKEN).is_empty(),
            "the error is the answer"
        );
        // Another request is another try of the state machine's.
        let call = world.another_call();
        world.tasker.invoke(&call, payload()).await.unwrap_err();
        assert!(world.callbacks.sent(TOKEN).is_empty());
        // The same request is one that nobody hears.
        let reply = world.tasker.invoke(&world.call(), payload()).await.unwrap();
        assert_eq!(reply["Error"], error);
        assert_eq!(world.callbacks.error_of(TOKEN).as_deref(), Some(error));
    }
}

/// What is out of bounds was not read, and whoever waits is told all the same.
#[tokio::test(start_paused = true)]
async fn an_error_of_what_was_not_read_is_told_by_the_token_too() {
    let world = World::new(standard());
    world.callbacks.open(TOKEN);
    let (call, caller) = (world.call(), json!({"taskToken": TOKEN}));
    let refused = async || {
        let raised = Raised::new("InvalidRequest", "it has too many values");
        world.tasker.refuse_unread(&call, &caller, raised).await
    };
    refused().await.unwrap_err();
    assert!(world.callbacks.sent(TOKEN).is_empty());
    refused().await.unwrap();
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("InvalidRequest")
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_does_not_wait_for_a_ledger_that_hangs() {
    let world = World::new(ScriptedPolicy::new(Script {
        reject: Some("PolicyDenied"),
        ..Script::default()
    }));
    world.ledger.hang_from_write.store(1, Ordering::Relaxed);
    let began = Instant::now();
    let raised = world.invoke_waiting(TOKEN, "select 1").await.unwrap_err();
    assert_eq!(raised.error_type, "PolicyDenied");
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
}

/// A payload that waits for room.
fn patient(sql: &str) -> serde_json::Value {
    let mut payload = waiting(TOKEN, sql);
    payload["whenBusy"] = json!("wait");
    payload
}

fn no_room() -> StartFault {
    StartFault::Before(ServiceErrorKind::Limit, "ActiveStatementsExceededException")
}

#[tokio::test(start_paused = true)]
async fn a_start_waits_for_room_if_it_is_asked_to() {
    let world = World::new(standard());
    world.callbacks.open(TOKEN);
    let faults = [no_room(), StartFault::Throttle, no_room()];
    world.warehouse.start_faults.lock().unwrap().extend(faults);
    let begun = Instant::now();
    world
        .tasker
        .invoke(&world.call(), patient("select 1"))
        .await
        .unwrap();
    assert_eq!(world.warehouse.count("start"), 4);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Started);

    let world = World::new(standard());
    world.warehouse.start_faults.lock().unwrap().push(no_room());
    let raised = world.invoke_waiting(TOKEN, "select 1").await.unwrap_err();
    assert_eq!(raised.error_type, "ActiveStatementsExceededException");
    assert_eq!(world.warehouse.count("start"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_stays_busy_is_told_before_the_time_is_over() {
    let world = World::new(standard());
    world.callbacks.open(TOKEN);
    let busy = (ServiceErrorKind::Limit, "ActiveStatementsExceededException");
    *world.warehouse.start_fault.lock().unwrap() = Some(busy);
    let call = world.call();
    let raised = world
        .tasker
        .invoke(&call, patient("select 1"))
        .await
        .unwrap_err();
    assert_eq!(raised.error_type, "ActiveStatementsExceededException");
    assert!(Instant::now() < call.deadline);
    assert!((5..15).contains(&world.warehouse.count("start")));
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_room_goes_on_where_a_try_is_unclear() {
    let world = World::new(standard());
    world.callbacks.open(TOKEN);
    let unclear = StartFault::Before(ServiceErrorKind::Unclear, "InternalServerException");
    world
        .warehouse
        .start_faults
        .lock()
        .unwrap()
        .extend([no_room(), unclear]);
    world
        .tasker
        .invoke(&world.call(), patient("select 1"))
        .await
        .unwrap();
    assert_eq!(world.warehouse.count("start"), 3);
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Started);
}
