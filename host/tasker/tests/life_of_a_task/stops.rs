//! Executions that are stopped, and tasks that are gone while their statement runs.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use signalbox_policy::contract::{Closing, ClosingReason, Exclusivity, OnStop, StatementStatus};
use signalbox_tasker::{
    PolicySet, Settling,
    ports::{Execution, ExecutionError, ExecutionStatus},
    record::{Ending, Phase},
};

use crate::support::{ARN, Alarms, Script, ScriptedPolicy, StartFault, World, policies, standard};

const TOKEN: &str = "token-of-a-task-0123456789";
const OTHER: &str = "token-of-another-9876543210";

/// The world's time, in milliseconds.
fn now(world: &World) -> i64 {
    world.store.now()
}

/// Stops the execution now: its tokens close, and DescribeExecution says so.
fn stop(world: &World, status: ExecutionStatus) -> Value {
    let stopped_at = now(world);
    for token in [TOKEN, OTHER] {
        world.callbacks.close(token);
    }
    let name = match status {
        ExecutionStatus::TimedOut => "TIMED_OUT",
        ExecutionStatus::Failed => "FAILED",
        _ => "ABORTED",
    };
    *world.callbacks.execution.lock().unwrap() = Some(Ok(Execution {
        status,
        stopped_at: Some(stopped_at),
    }));
    event(name, &json!(stopped_at))
}

fn event(status: &str, stop_date: &Value) -> Value {
    json!({
        "version": "0", "source": "aws.states", "detail-type": "Step Functions Execution Status Change",
        "detail": {"executionArn": ARN, "status": status, "startDate": 1, "stopDate": stop_date}
    })
}

async fn stopped(world: &World, event: Value) -> Settling {
    world.tasker.stopped(&world.call(), event).await
}

/// A world with a statement that runs for a second already.
async fn running(policy: ScriptedPolicy) -> World {
    let world = World::new(policy);
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.push(1);
    world
}

fn asked(script: Script) -> (ScriptedPolicy, Arc<Mutex<Vec<Closing>>>) {
    let policy = ScriptedPolicy::new(script);
    let closings = Arc::clone(&policy.closings);
    (policy, closings)
}

#[tokio::test(start_paused = true)]
async fn the_statement_of_a_stopped_execution_is_cancelled_and_its_record_closed() {
    for (status, reason) in [
        (ExecutionStatus::Aborted, ClosingReason::Aborted),
        (ExecutionStatus::TimedOut, ClosingReason::TimedOut),
        (ExecutionStatus::Failed, ClosingReason::Failed),
    ] {
        let (policy, closings) = asked(Script {
            exclusive: Some(Exclusivity::Statement),
            ..Script::default()
        });
        let world = running(policy).await;
        let deaf = &world.warehouse.deaf_to_cancel;
        deaf.store(true, Ordering::Relaxed);
        let event = stop(&world, status);
        assert_eq!(stopped(&world, event.clone()).await, Settling::Done);
        assert_eq!(world.warehouse.started()[0].cancels, 1);
        deaf.store(false, Ordering::Relaxed);
        let record = world.record(TOKEN).await.unwrap();
        assert_eq!(
            record.phase(),
            Phase::Started,
            "until Redshift has reported the end"
        );
        {
            let closings = closings.lock().unwrap();
            assert_eq!((closings.len(), closings[0].reason), (1, reason));
            assert_eq!(closings[0].facts.execution_arn.as_deref(), Some(ARN));
        }

        world.push(61);
        assert_eq!(world.sweep().await.settled, 1);
        let record = world.record(TOKEN).await.unwrap();
        assert_eq!(
            (record.phase(), record.life.ending()),
            (Phase::Closed, Some(Ending::FoundClosed))
        );
        assert!(
            !world
                .ledger
                .keys()
                .iter()
                .any(|key| key.starts_with("lock#"))
        );
        assert!(world.callbacks.told(TOKEN).is_empty());
        assert_eq!(stopped(&world, event).await, Settling::Done, "once more");
        assert_eq!(closings.lock().unwrap().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_cancel_is_repeated_until_redshift_reports_the_end() {
    let world = running(standard()).await;
    world
        .warehouse
        .deaf_to_cancel
        .store(true, Ordering::Relaxed);
    let event = stop(&world, ExecutionStatus::Aborted);
    stopped(&world, event).await;
    for cancels in 2..6 {
        world.push(60);
        assert_eq!(world.sweep().await.postponed, 1);
        assert_eq!(world.warehouse.started()[0].cancels, cancels);
    }
    world.end(TOKEN, StatementStatus::Finished);
    world.push(60);
    assert_eq!(world.sweep().await.settled, 1);
}

#[tokio::test(start_paused = true)]
async fn a_policy_may_leave_it_to_run() {
    let (policy, closings) = asked(Script {
        closed: Some(OnStop::Leave),
        ..Script::default()
    });
    let world = running(policy).await;
    let event = stop(&world, ExecutionStatus::TimedOut);
    assert_eq!(stopped(&world, event).await, Settling::Done);
    world.push(200);
    assert_eq!(world.sweep().await.postponed, 1);
    assert_eq!(world.warehouse.count("cancel"), 0);
    assert_eq!(closings.lock().unwrap().len(), 1, "asked once");
    assert_eq!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Done
    );
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_faults_has_it_cancelled_with_an_alarm() {
    let (policy, _) = asked(Script {
        closed_faults: true,
        ..Script::default()
    });
    let world = running(policy).await;
    let alarms = Alarms::listen();
    let event = stop(&world, ExecutionStatus::Aborted);
    assert_eq!(stopped(&world, event).await, Settling::Done);
    assert_eq!(world.warehouse.started()[0].cancels, 1);
    assert_eq!(alarms.take(), ["PolicyFault"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_nobody_could_decide_is_decided_a_minute_after_it_can_be() {
    let world = running(asked(Script::default()).0).await;
    // A statement that was looked at often is left alone for long.
    for _ in 0..8 {
        world.push(17 * 60);
        world.sweep().await;
    }
    world
        .tasker
        .swap(PolicySet::unavailable("the bucket does not answer"));
    let event = stop(&world, ExecutionStatus::Aborted);
    stopped(&world, event).await;
    for _ in 0..3 {
        world.push(61);
        world.sweep().await;
        assert_eq!(world.warehouse.started()[0].cancels, 0);
    }
    world.tasker.swap(PolicySet::single(Arc::new(standard())));
    world.push(61);
    world.sweep().await;
    assert_eq!(world.warehouse.started()[0].cancels, 1);
}

#[tokio::test(start_paused = true)]
async fn without_its_policy_what_the_payload_asked_for_holds() {
    let gone = || policies(&["other"]);
    let unavailable = || PolicySet::unavailable("the bucket does not answer");
    // What the payload asked for, the set that is in force, and how often the statement is cancelled.
    for (on_stop, set, cancels) in [
        (None, gone(), 1),
        (Some(OnStop::Cancel), gone(), 1),
        (Some(OnStop::Leave), gone(), 0),
        (None, unavailable(), 0),
        (Some(OnStop::Cancel), unavailable(), 1),
        (Some(OnStop::Leave), unavailable(), 0),
    ] {
        let (policy, closings) = asked(Script {
            on_stop,
            ..Script::default()
        });
        let world = running(policy).await;
        let waits_for_a_policy = on_stop.is_none() && set.is_unavailable();
        world.tasker.swap(set);
        let event = stop(&world, ExecutionStatus::Aborted);
        assert_eq!(stopped(&world, event).await, Settling::Done);
        assert_eq!(world.warehouse.count("cancel"), cancels, "{on_stop:?}");

        // One that is only not loaded yet decides when it is: this one cancels.
        world.tasker.swap(policies(&["standard"]));
        world.push(200);
        world.sweep().await;
        let has_cancelled = world.warehouse.count("cancel") > 0;
        assert_eq!(
            has_cancelled,
            cancels > 0 || waits_for_a_policy,
            "{on_stop:?}"
        );
        assert!(closings.lock().unwrap().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_runs_is_not_touched() {
    let (policy, closings) = asked(Script::default());
    let world = running(policy).await;
    // Forged, or of a time before it was redriven.
    let old = now(&world);
    world.push(600);
    for stop_date in [json!(old), json!(null), json!("never")] {
        let settling = stopped(&world, event("ABORTED", &stop_date)).await;
        assert!(matches!(settling, Settling::Ignored { .. }), "{settling:?}");
    }
    // A young one may be ahead of DescribeExecution.
    let young = json!(now(&world));
    let settling = stopped(&world, event("ABORTED", &young)).await;
    assert!(matches!(settling, Settling::Again { .. }), "{settling:?}");
    assert_eq!(world.warehouse.count("cancel"), 0);
    assert!(closings.lock().unwrap().is_empty());
    assert_eq!(world.record(TOKEN).await.unwrap().watch.gone, None);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_ahead_of_describe_execution_waits_for_it() {
    let world = running(standard()).await;
    let event = stop(&world, ExecutionStatus::Aborted);
    world.callbacks.lag.store(2, Ordering::Relaxed);
    assert_eq!(stopped(&world, event).await, Settling::Done);
    assert_eq!(world.warehouse.started()[0].cancels, 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_recorded_after_the_stop_is_not_touched() {
    let world = running(standard()).await;
    let event = stop(&world, ExecutionStatus::Aborted);
    // Redriven: a statement of the same execution, then stopped again, and only then comes the first event.
    world.push(10);
    world.invoke_waiting(OTHER, "select 2").await.unwrap();
    world.push(10);
    let _ = stop(&world, ExecutionStatus::Aborted);
    assert_eq!(stopped(&world, event).await, Settling::Done);
    assert!(world.record(TOKEN).await.unwrap().watch.gone.is_some());
    assert_eq!(world.record(OTHER).await.unwrap().watch.gone, None);
    assert_eq!(world.warehouse.count("cancel"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_date_from_the_future_is_not_believed() {
    let world = running(standard()).await;
    let _ = stop(&world, ExecutionStatus::Aborted);
    world.push(10);
    world.invoke_waiting(OTHER, "select 2").await.unwrap();
    let future = json!(now(&world) + 1_000_000);
    assert_eq!(
        stopped(&world, event("ABORTED", &future)).await,
        Settling::Done
    );
    assert_eq!(world.record(OTHER).await.unwrap().watch.gone, None);
}

#[tokio::test(start_paused = true)]
async fn without_permission_there_is_an_alarm_and_nothing_is_touched() {
    let world = running(standard()).await;
    let alarms = Alarms::listen();
    let event = stop(&world, ExecutionStatus::Aborted);
    for (error, expected) in [
        (
            ExecutionError::Denied {
                code: "AccessDeniedException".to_owned(),
                message: "no".to_owned(),
            },
            &["DescribeExecutionRefused"][..],
        ),
        (
            ExecutionError::Unknown {
                code: "ExecutionDoesNotExist".to_owned(),
            },
            &[],
        ),
    ] {
        *world.callbacks.execution.lock().unwrap() = Some(Err(error));
        let settling = stopped(&world, event.clone()).await;
        assert!(matches!(settling, Settling::Ignored { .. }), "{settling:?}");
        assert_eq!(alarms.take(), expected);
    }
    *world.callbacks.execution.lock().unwrap() = Some(Err(ExecutionError::Passing {
        code: "ThrottlingException".to_owned(),
        message: "slow down".to_owned(),
    }));
    let settling = stopped(&world, event).await;
    assert!(matches!(settling, Settling::Again { .. }), "{settling:?}");
    assert_eq!(world.warehouse.count("cancel"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_is_being_started_is_stopped_when_it_has_an_id() {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() = vec![StartFault::Hang; 100];
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.push(30);
    let event = stop(&world, ExecutionStatus::Aborted);
    assert_eq!(stopped(&world, event).await, Settling::Done);
    assert_eq!(world.warehouse.count("cancel"), 0);
    let summary = world.sweep().await;
    assert_eq!(
        (summary.examined, summary.adopted, summary.settled),
        (1, 1, 1),
        "due at once: {summary:?}"
    );
    assert_eq!(world.warehouse.started()[0].cancels, 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_between_the_record_and_the_start_keeps_the_statement_from_starting() {
    let world = Arc::new(World::new(ScriptedPolicy::new(Script {
        exclusive: Some(Exclusivity::Statement),
        ..Script::default()
    })));
    // The first two writes are the reservation, the third one says that Redshift is about to be asked.
    world.ledger.stall_write(3);
    let starting = tokio::spawn({
        let world = Arc::clone(&world);
        async move { world.invoke_waiting(TOKEN, "select 1").await }
    });
    world.ledger.until_stalled().await;
    world.push(1);
    let event = stop(&world, ExecutionStatus::Aborted);
    assert_eq!(stopped(&world, event).await, Settling::Done);
    world.ledger.release();
    let raised = starting.await.unwrap().unwrap_err();
    assert_eq!(raised.error_type, "StatementNotStarted");
    assert_eq!(world.warehouse.count("start"), 0);
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn many_statements_of_one_execution_are_all_stopped() {
    let world = World::new(standard());
    let tokens: Vec<String> = (0..130).map(|n| format!("token-number-{n:020}")).collect();
    for token in &tokens {
        world.invoke_waiting(token, "select 1").await.unwrap();
    }
    world.push(1);
    let event = stop(&world, ExecutionStatus::Aborted);
    for token in &tokens {
        world.callbacks.close(token);
    }
    // Cancels are two a second: what is not done at once is done by the sweep.
    let mut settling = stopped(&world, event.clone()).await;
    while matches!(settling, Settling::Again { .. }) {
        settling = stopped(&world, event.clone()).await;
    }
    for _ in 0..8 {
        world.push(60);
        world.sweep().await;
    }
    for token in &tokens {
        let record = world.record(token).await.unwrap();
        assert_eq!(record.phase(), Phase::Closed, "{record:?}");
    }
    assert!(
        world
            .warehouse
            .started()
            .iter()
            .all(|s| s.status == StatementStatus::Aborted)
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_runs_is_found_among_many_that_are_over() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    for number in 0..500 {
        let token = format!("token-number-{number:020}");
        world.invoke_waiting(&token, "select 1").await.unwrap();
        world.succeed(&token).await;
    }
    world.push(1);
    let event = stop(&world, ExecutionStatus::Aborted);
    *world.ledger.takes.lock().unwrap() = Duration::from_millis(80);
    assert_eq!(stopped(&world, event).await, Settling::Done);
    assert_eq!(world.warehouse.count("cancel"), 1);
}

#[tokio::test(start_paused = true)]
async fn statements_that_nobody_waits_for_run_on() {
    let world = World::new(standard());
    let payload = json!({"sqlStatement": "select 1", "executionArn": ARN});
    world.tasker.invoke(&world.call(), payload).await.unwrap();
    world.push(1);
    let event = stop(&world, ExecutionStatus::Aborted);
    assert_eq!(stopped(&world, event).await, Settling::Done);
    assert_eq!(world.warehouse.count("cancel"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_finds_the_task_closed_does_the_same() {
    for (closed, cancels) in [(None, 1), (Some(OnStop::Leave), 0)] {
        let (policy, closings) = asked(Script {
            heartbeat: true,
            closed,
            ..Script::default()
        });
        let world = running(policy).await;
        world.push(60);
        world.sweep().await;
        assert_eq!(world.callbacks.beats(TOKEN), 1);
        world.callbacks.close(TOKEN);
        world.push(60);
        world.sweep().await;
        assert_eq!(
            closings.lock().unwrap()[0].reason,
            ClosingReason::TaskClosed
        );
        assert_eq!(world.warehouse.started()[0].cancels, cancels);
        world.push(300);
        world.sweep().await;
        assert_eq!(
            world.callbacks.beats(TOKEN),
            2,
            "a task that is gone needs none"
        );
        assert_eq!(closings.lock().unwrap().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn events_that_say_something_else_or_nothing_are_ignored() {
    let world = running(standard()).await;
    let _ = stop(&world, ExecutionStatus::Aborted);
    for odd in [
        event("SUCCEEDED", &json!(now(&world))),
        event("RUNNING", &json!(null)),
        event("PENDING_REDRIVE", &json!(null)),
        json!({"detail": {"status": "ABORTED"}}),
        json!({"detail": {"status": 1, "executionArn": ARN}}),
        json!({}),
    ] {
        let settling = stopped(&world, odd).await;
        assert!(matches!(settling, Settling::Ignored { .. }), "{settling:?}");
    }
    assert_eq!(world.warehouse.count("cancel"), 0);
    // Without a date of its own the event means the one that Step Functions gives.
    assert_eq!(
        stopped(&world, event("ABORTED", &json!(null))).await,
        Settling::Done
    );
    assert_eq!(world.warehouse.count("cancel"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_is_down_is_another_try() {
    let world = running(standard()).await;
    let event = stop(&world, ExecutionStatus::Aborted);
    world.ledger.down.store(true, Ordering::Relaxed);
    let settling = stopped(&world, event.clone()).await;
    assert!(matches!(settling, Settling::Again { .. }), "{settling:?}");
    world.ledger.down.store(false, Ordering::Relaxed);
    assert_eq!(stopped(&world, event).await, Settling::Done);
    assert_eq!(world.warehouse.started()[0].cancels, 1);
}

/// A policy for work with a name, so that a later attempt waits for the statement that runs.
async fn retried(executions: [&str; 2]) -> World {
    let world = World::new(standard());
    for (token, arn) in [TOKEN, OTHER].into_iter().zip(executions) {
        world.callbacks.open(token);
        let payload = json!({
            "taskToken": token, "executionArn": arn, "sqlStatement": "select 1", "idempotencyKey": "load-1"
        });
        world.tasker.invoke(&world.call(), payload).await.unwrap();
        world.push(10);
    }
    assert_eq!(world.warehouse.started().len(), 1);
    world
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_another_attempt_waits_for_is_not_touched() {
    // The stop came between the attempts: the second one is of the redriven execution.
    let world = retried([ARN, ARN]).await;
    let between = now(&world) - 15_000;
    let _ = stop(&world, ExecutionStatus::Aborted);
    let settling = stopped(&world, event("ABORTED", &json!(between))).await;
    assert_eq!(
        (settling, world.warehouse.count("cancel")),
        (Settling::Done, 0)
    );
    // The second stop is one of both.
    let settling = stopped(&world, event("ABORTED", &json!(now(&world)))).await;
    assert_eq!(
        (settling, world.warehouse.count("cancel")),
        (Settling::Done, 1)
    );

    // Another execution waits for the same work.
    let other = "arn:aws:states:eu-west-1:111122223333:execution:etl:two";
    let world = retried([other, ARN]).await;
    let event = stop(&world, ExecutionStatus::Aborted);
    assert_eq!(stopped(&world, event).await, Settling::Done);
    assert_eq!(world.warehouse.count("cancel"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_was_left_to_run_has_somebody_again() {
    let policy = ScriptedPolicy::new(Script {
        closed: Some(OnStop::Leave),
        heartbeat: true,
        ..Script::default()
    });
    let world = World::new(policy);
    let payload = |token: &str| json!({"taskToken": token, "executionArn": ARN, "sqlStatement": "select 1", "idempotencyKey": "load-1"});
    world.callbacks.open(TOKEN);
    world
        .tasker
        .invoke(&world.call(), payload(TOKEN))
        .await
        .unwrap();
    world.push(10);
    let event = stop(&world, ExecutionStatus::Aborted);
    assert_eq!(stopped(&world, event).await, Settling::Done);
    assert!(world.record(TOKEN).await.unwrap().watch.gone.is_some());

    world.callbacks.open(OTHER);
    world
        .tasker
        .invoke(&world.call(), payload(OTHER))
        .await
        .unwrap();
    assert_eq!(world.record(OTHER).await.unwrap().watch.gone, None);
    world.push(300);
    world.sweep().await;
    assert_eq!(world.callbacks.beats(OTHER), 1);
    assert_eq!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Done
    );
    assert_eq!(world.callbacks.told(OTHER).len(), 1);
}
