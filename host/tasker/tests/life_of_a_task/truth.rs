//! What a task is told is so, however late it is told: starts of which nobody heard, statements that turn up, locks.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::json;
use signalbox_policy::contract::{Exclusivity, StatementStatus};
use signalbox_tasker::{
    Settling,
    ids::statement_name,
    ports::{SendError, ServiceErrorKind},
    record::Phase,
};

use crate::support::{
    DEPLOYMENT, Script, ScriptedPolicy, StartFault, Told, World, event, id, standard, waiting,
};

const TOKEN: &str = "token-of-a-task-0123456789";
const OTHER: &str = "token-of-another-9876543210";
const HOUR: u64 = 60 * 60;

fn lost_reply() -> StartFault {
    StartFault::After(ServiceErrorKind::Unclear, "ConnectionError")
}

fn lost_request() -> StartFault {
    StartFault::Before(ServiceErrorKind::Unclear, "ConnectionError")
}

fn keyed(token: &str) -> serde_json::Value {
    let mut payload = waiting(token, "insert into t values (1)");
    payload["idempotencyKey"] = json!("load");
    payload
}

#[tokio::test(start_paused = true)]
async fn a_start_that_redshift_may_have_forgotten_is_lost_and_not_run_again() {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() = vec![StartFault::Hang; 100];
    world.callbacks.open(TOKEN);
    let call = world.call();
    world.tasker.invoke(&call, keyed(TOKEN)).await.unwrap();
    world.end(TOKEN, StatementStatus::Finished);
    // It cannot be looked up for 30 hours, and then Redshift has forgotten it.
    *world.warehouse.list_fault.lock().unwrap() =
        Some((ServiceErrorKind::Denied, "AccessDeniedException"));
    for _ in 0..30 {
        world.push(HOUR);
        world.sweep().await;
    }
    assert!(world.callbacks.sent(TOKEN).is_empty());
    *world.warehouse.list_fault.lock().unwrap() = None;
    world.warehouse.forget_all();
    world.push(20 * 60);
    world.sweep().await;
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("StatementLost")
    );
    let starts = world.warehouse.count("start");
    world.callbacks.open(OTHER);
    world
        .tasker
        .invoke(&world.call(), keyed(OTHER))
        .await
        .unwrap();
    assert_eq!(
        world.callbacks.error_of(OTHER).as_deref(),
        Some("StatementLost"),
        "no attempt runs it again by itself"
    );
    assert_eq!(world.warehouse.count("start"), starts);
}

#[tokio::test(start_paused = true)]
async fn a_lost_statement_stays_lost_where_the_task_cannot_be_told_so() {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() = vec![StartFault::Hang; 100];
    world.callbacks.open(TOKEN);
    world
        .tasker
        .invoke(&world.call(), keyed(TOKEN))
        .await
        .unwrap();
    world.warehouse.forget_all();
    world.push(24 * HOUR);
    let denied = SendError::KeyDenied {
        code: "KmsAccessDeniedException".to_owned(),
        message: "no".to_owned(),
    };
    world.callbacks.faults.lock().unwrap().push((denied, false));
    world.sweep().await;
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Closed);
    let starts = world.warehouse.count("start");
    world.callbacks.open(OTHER);
    world
        .tasker
        .invoke(&world.call(), keyed(OTHER))
        .await
        .unwrap();
    assert_eq!(world.warehouse.count("start"), starts);
}

#[tokio::test(start_paused = true)]
async fn work_without_a_task_that_is_lost_is_not_run_again() {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() = vec![StartFault::Hang; 100];
    let payload = json!({"sqlStatement": "insert into t values (1)", "idempotencyKey": "load"});
    let reply = world.tasker.invoke(&world.call(), payload.clone()).await;
    assert_eq!(reply.unwrap()["Status"], "UNKNOWN");
    world.warehouse.forget_all();
    world.push(24 * HOUR);
    world.sweep().await;
    let starts = world.warehouse.count("start");
    let mut call = world.call();
    call.request_id = "request-2".to_owned();
    let raised = world.tasker.invoke(&call, payload).await.unwrap_err();
    assert_eq!(raised.error_type, "StatementLost");
    assert_eq!(world.warehouse.count("start"), starts);
}

#[tokio::test(start_paused = true)]
async fn a_refused_repeat_is_told_within_two_minutes_and_the_lock_is_free() {
    let script = Script {
        exclusive: Some(Exclusivity::Statement),
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    *world.warehouse.start_faults.lock().unwrap() = vec![
        lost_request(),
        StartFault::Before(ServiceErrorKind::Invalid, "ValidationException"),
    ];
    let reply = world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert_eq!(reply["Status"], "UNKNOWN", "the refusal alone is no proof");
    assert!(world.callbacks.sent(TOKEN).is_empty());
    world.push(20);
    world.sweep().await;
    assert!(
        world.callbacks.sent(TOKEN).is_empty(),
        "a list may not show it yet"
    );
    world.push(60);
    world.sweep().await;
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("ValidationException")
    );
    let cause = format!("{:?}", world.callbacks.told(TOKEN));
    assert!(cause.contains("refused"), "{cause}");
    // The lock is free.
    world.invoke_waiting(OTHER, "select 1").await.unwrap();
    assert_eq!(world.warehouse.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_first_try_that_took_effect_is_found_though_its_repeat_was_refused() {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() = vec![
        lost_reply(),
        StartFault::Before(ServiceErrorKind::Denied, "AccessDeniedException"),
    ];
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.push(60);
    assert_eq!(world.sweep().await.adopted, 1);
    world.succeed(TOKEN).await;
}

#[tokio::test(start_paused = true)]
async fn a_throttled_repeat_is_repeated() {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() =
        vec![lost_request(), StartFault::Throttle, StartFault::Throttle];
    let reply = world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert!(reply["Id"].is_string(), "{reply}");
}

/// A start that was given up, and arrives afterwards.
async fn given_up() -> World {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() = vec![
        StartFault::Underway(ServiceErrorKind::Unclear, "ConnectionError"),
        StartFault::Before(ServiceErrorKind::Invalid, "ValidationException"),
    ];
    world.callbacks.open(TOKEN);
    world
        .tasker
        .invoke(&world.call(), keyed(TOKEN))
        .await
        .unwrap();
    world.push(16 * 60);
    world.sweep().await;
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Closed);
    assert_eq!(world.callbacks.told(TOKEN).len(), 1);
    world
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_turns_up_for_a_record_given_up_is_cancelled_by_the_sweep() {
    let world = given_up().await;
    world.push(3 * 60);
    world.sweep().await;
    world.warehouse.arrive();
    for _ in 0..4 {
        world.push(5 * 60);
        world.sweep().await;
    }
    let [stray] = &world.warehouse.started()[..] else {
        panic!("one statement")
    };
    assert_eq!((stray.cancels, stray.status), (1, StatementStatus::Aborted));
    assert_eq!(world.callbacks.told(TOKEN).len(), 1, "nobody is told twice");
    assert!(
        world
            .ledger
            .keys()
            .iter()
            .all(|key| !key.starts_with("due#"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancel_of_a_stray_is_repeated_until_it_has_ended() {
    let world = given_up().await;
    world.warehouse.arrive();
    world
        .warehouse
        .deaf_to_cancel
        .store(true, Ordering::Relaxed);
    for _ in 0..3 {
        world.push(3 * 60);
        world.sweep().await;
    }
    world
        .warehouse
        .deaf_to_cancel
        .store(false, Ordering::Relaxed);
    world.push(3 * 60);
    world.sweep().await;
    world.push(3 * 60);
    world.sweep().await;
    let stray = world.warehouse.started().remove(0);
    assert_eq!(stray.status, StatementStatus::Aborted);
    assert!(stray.cancels >= 3, "{}", stray.cancels);
    assert!(
        world
            .ledger
            .keys()
            .iter()
            .all(|key| !key.starts_with("due#"))
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_that_never_turns_up_is_looked_for_for_ever() {
    let world = given_up().await;
    let lists = world.warehouse.count("list_named");
    for _ in 0..200 {
        world.push(60);
        world.sweep().await;
    }
    assert!(
        world
            .ledger
            .keys()
            .iter()
            .all(|key| !key.starts_with("due#"))
    );
    let looks = (world.warehouse.count("list_named") - lists) / 2;
    assert!((3..=10).contains(&looks), "{looks}");
}

#[tokio::test(start_paused = true)]
async fn another_attempt_goes_by_the_statement_that_turned_up() {
    for (status, starts) in [(StatementStatus::Finished, 0), (StatementStatus::Failed, 1)] {
        let world = given_up().await;
        world.warehouse.arrive();
        world.end(TOKEN, status);
        // Its event is the first that tells of it.
        let done = world.event(TOKEN, "FINISHED").await;
        assert_eq!(
            world.tasker.settle(&world.call(), done).await,
            Settling::Done
        );
        let before = world.warehouse.count("start");
        world.callbacks.open(OTHER);
        world
            .tasker
            .invoke(&world.call(), keyed(OTHER))
            .await
            .unwrap();
        assert_eq!(
            world.warehouse.count("start") - before,
            starts,
            "{status:?}"
        );
        if status == StatementStatus::Finished {
            assert!(matches!(
                &world.callbacks.told(OTHER)[..],
                [Told::Succeeded(_)]
            ));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_leads_to_a_statement_whose_id_was_never_stored() {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() = vec![StartFault::Hang; 100];
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Starting);
    world.succeed(TOKEN).await;
}

#[tokio::test(start_paused = true)]
async fn which_statement_it_is_says_its_name_and_not_the_event() {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() = vec![StartFault::Hang; 100];
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let forged = event(
        &statement_name(DEPLOYMENT, &id(TOKEN)),
        "00000000-0000-4000-8000-00000000dead",
        "FINISHED",
    );
    let settling = world.tasker.settle(&world.call(), forged).await;
    assert!(matches!(settling, Settling::Again { .. }), "{settling:?}");
    assert!(world.callbacks.sent(TOKEN).is_empty());
    let own = world.warehouse.started().remove(0).id;
    let record = world.record(TOKEN).await.unwrap();
    assert_eq!(record.statement_id(), Some(own.as_str()));
}

fn singleton() -> World {
    let script = Script {
        exclusive: Some(Exclusivity::Key("nightly".to_owned())),
        ..Script::default()
    };
    World::new(ScriptedPolicy::new(script))
}

#[tokio::test(start_paused = true)]
async fn a_lock_past_a_day_is_held_while_redshift_reports_its_owner_as_running() {
    let world = singleton();
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.push(26 * HOUR);
    let raised = world.invoke_waiting(OTHER, "select 2").await.unwrap_err();
    assert_eq!(raised.error_type, "ConcurrentExecution");
    // Not knowing is no reason to let a second one run either.
    *world.warehouse.describe_fault.lock().unwrap() =
        Some((ServiceErrorKind::Throttled, "ThrottlingException"));
    let raised = world.invoke_waiting(OTHER, "select 2").await.unwrap_err();
    assert_eq!(raised.error_type, "ConcurrentExecution");
    *world.warehouse.describe_fault.lock().unwrap() = None;
    world.warehouse.forget_all();
    world.invoke_waiting(OTHER, "select 2").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_lock_of_a_closed_record_is_held_as_long_as_its_statement_runs() {
    let script = Script {
        exclusive: Some(Exclusivity::Key("nightly".to_owned())),
        closed: Some(signalbox_policy::contract::OnStop::Leave),
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    // The task is told that its deadline is over by hand: its record is closed while the statement runs.
    let stored = world.store.find(&id(TOKEN)).await.unwrap().unwrap();
    let next = stored
        .record
        .clone()
        .closed(signalbox_tasker::record::Ending::FoundClosed);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    world.store.advance(&stored, next, deadline).await.unwrap();
    world.push(30 * HOUR);
    let raised = world.invoke_waiting(OTHER, "select 2").await.unwrap_err();
    assert_eq!(raised.error_type, "ConcurrentExecution");
    world.end(TOKEN, StatementStatus::Finished);
    world.invoke_waiting(OTHER, "select 2").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_redshift_refused_before_is_asked_for_under_another_token() {
    for payload in [
        json!({"sqlStatement": "select 1", "idempotencyKey": "load"}),
        json!({"sqlStatement": "select 1"}),
    ] {
        let world = World::new(standard());
        *world.warehouse.start_faults.lock().unwrap() = vec![StartFault::Before(
            ServiceErrorKind::Limit,
            "ActiveStatementsExceededException",
        )];
        let refused = world.tasker.invoke(&world.call(), payload.clone()).await;
        assert_eq!(
            refused.unwrap_err().error_type,
            "ActiveStatementsExceededException"
        );
        world.push(60);
        // Lambda repeats a failed event under the id of its request.
        let reply = world.tasker.invoke(&world.call(), payload.clone()).await;
        assert!(reply.unwrap()["Id"].is_string(), "{payload}");
    }
}
