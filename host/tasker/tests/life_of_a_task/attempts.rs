//! Attempts at the same work: each is told, one statement runs.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};
use signalbox_policy::{
    Answer,
    contract::{Exclusivity, OnStop, Source, StatementStatus},
};
use signalbox_tasker::{
    Call, Granted, PolicySet, Raised, Settling,
    ports::{SendError, ServiceErrorKind},
    record::{Ending, Phase},
};

use crate::support::{ARN, Script, ScriptedPolicy, StartFault, Told, World, event, id, standard};

const FIRST: &str = "token-of-the-first-attempt-01";
const SECOND: &str = "token-of-the-second-attempt-2";
const THIRD: &str = "token-of-the-third-attempt-03";
const OTHER_EXECUTION: &str = "arn:aws:states:eu-west-1:111122223333:execution:etl:two";
const OTHER_MACHINE: &str = "arn:aws:states:eu-west-1:111122223333:execution:reports:one";

fn keyed(token: &str, sql: &str) -> Value {
    json!({"taskToken": token, "executionArn": ARN, "sqlStatement": sql, "idempotencyKey": "day-1"})
}

/// An attempt whose task waits.
async fn attempt(world: &World, token: &str) -> Result<Value, Raised> {
    ask(world, keyed(token, "select 1")).await
}

async fn ask(world: &World, payload: Value) -> Result<Value, Raised> {
    if let Some(token) = payload["taskToken"].as_str() {
        world.callbacks.open(token);
    }
    world.tasker.invoke(&world.call(), payload).await
}

/// An invocation that Lambda delivers again, or late.
async fn again(world: &World, payload: Value) -> Result<Value, Raised> {
    world.tasker.invoke(&world.call(), payload).await
}

/// Step Functions gave up on the attempt before: its state is tried again under a fresh token.
async fn retry(world: &World, old: &str, token: &str) -> Result<Value, Raised> {
    world.callbacks.close(old);
    attempt(world, token).await
}

/// Nothing is left to do: no open record, lock or due item.
fn assert_at_rest(world: &World) {
    for item in world.ledger.items() {
        let key = &item.key.id;
        assert!(
            !key.starts_with("due#") && !key.starts_with("lock#"),
            "{key}"
        );
        assert!(item.expires_at.is_some(), "{key} stays for ever");
    }
    for token in [FIRST, SECOND, THIRD] {
        assert!(!world.ledger.dump().contains(token), "a token is left");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fresh_attempt_takes_over_the_running_statement() {
    let world = World::new(standard());
    let first = attempt(&world, FIRST).await.unwrap();
    assert_eq!(retry(&world, FIRST, SECOND).await.unwrap(), first);
    assert_eq!(world.warehouse.count("start"), 1);
    assert!(world.callbacks.told(SECOND).is_empty());

    assert_eq!(
        world.finish(FIRST, StatementStatus::Finished).await,
        Settling::Done
    );
    assert_eq!(world.callbacks.told(SECOND).len(), 1);
    assert!(world.callbacks.told(FIRST).is_empty(), "it waits no more");
    let record = world.record(SECOND).await.unwrap();
    assert_eq!(record.record_id, id(FIRST), "the second leads to the first");
    assert_eq!(
        (record.phase, record.ending),
        (Phase::Closed, Some(Ending::Answered))
    );
    assert_at_rest(&world);
}

#[tokio::test(start_paused = true)]
async fn what_finished_is_told_again_at_once_with_the_same_bytes() {
    let world = World::new(standard());
    let reply = attempt(&world, FIRST).await.unwrap();
    world.finish(FIRST, StatementStatus::Finished).await;
    for token in [SECOND, THIRD] {
        assert_eq!(attempt(&world, token).await.unwrap(), reply);
        assert_eq!(world.callbacks.told(token), world.callbacks.told(FIRST));
        assert_eq!(attempt(&world, token).await.unwrap(), reply, "and again");
        assert_eq!(world.callbacks.sent(token).len(), 1);
    }
    assert_eq!(world.warehouse.count("start"), 1);
    assert_at_rest(&world);
}

#[tokio::test(start_paused = true)]
async fn what_ended_while_nobody_looked_is_told_to_the_attempt_that_finds_it() {
    let world = World::new(standard());
    attempt(&world, FIRST).await.unwrap();
    let name = world.record(FIRST).await.unwrap().statement_name();
    world.warehouse.end(&name, StatementStatus::Finished);
    retry(&world, FIRST, SECOND).await.unwrap();
    assert_eq!(world.callbacks.told(SECOND).len(), 1);
    assert_eq!(world.callbacks.sent(FIRST), world.callbacks.told(SECOND));
    assert_at_rest(&world);
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_the_work_is_started_again_once() {
    for status in [StatementStatus::Failed, StatementStatus::Aborted] {
        let world = World::new(standard());
        attempt(&world, FIRST).await.unwrap();
        world.finish(FIRST, status).await;
        assert_eq!(world.callbacks.error_of(FIRST).as_deref(), Some("FAILED"));
        attempt(&world, SECOND).await.unwrap();
        assert_eq!(world.warehouse.started().len(), 2);
        // The next attempt waits for the second statement, not the first.
        retry(&world, SECOND, THIRD).await.unwrap();
        assert_eq!(world.warehouse.started().len(), 2);
        world.finish(SECOND, StatementStatus::Finished).await;
        assert!(matches!(
            world.callbacks.told(THIRD).as_slice(),
            [Told::Succeeded(_)]
        ));
        assert_at_rest(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_nobody_was_told_of_yet_is_not_told_to_the_next_attempt() {
    let world = World::new(standard());
    attempt(&world, FIRST).await.unwrap();
    let passing = SendError::Passing {
        code: "RequestTimeout".to_owned(),
        message: "no reply".to_owned(),
    };
    // The first one is told; the process that told it hears nothing of it, four times.
    *world.callbacks.faults.lock().unwrap() = [true, false, false, false]
        .map(|taken| (passing.clone(), taken))
        .to_vec();
    world.finish(FIRST, StatementStatus::Failed).await;
    assert_eq!(world.record(FIRST).await.unwrap().phase, Phase::Decided);
    attempt(&world, SECOND).await.unwrap();
    assert_eq!(world.warehouse.started().len(), 2, "a statement of its own");
    assert!(world.callbacks.sent(SECOND).is_empty());
}

#[tokio::test(start_paused = true)]
async fn after_a_refusal_the_work_is_started_again() {
    let world = World::new(standard());
    let limit = StartFault::Before(ServiceErrorKind::Limit, "ActiveStatementsExceededException");
    world.warehouse.start_faults.lock().unwrap().push(limit);
    let raised = attempt(&world, FIRST).await.unwrap_err();
    assert_eq!(raised.error_type, "ActiveStatementsExceededException");
    retry(&world, FIRST, SECOND).await.unwrap();
    assert_eq!(world.warehouse.started().len(), 1);
    world.finish(SECOND, StatementStatus::Finished).await;
    assert_eq!(world.callbacks.told(SECOND).len(), 1);
    assert_at_rest(&world);
}

#[tokio::test(start_paused = true)]
async fn after_a_start_that_never_arrived_the_work_is_started_again() {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() =
        vec![StartFault::Before(ServiceErrorKind::Unclear, "RequestTimeout"); 1_000];
    attempt(&world, FIRST).await.unwrap();
    retry(&world, FIRST, SECOND).await.unwrap();
    world.clock.push(Duration::from_secs(2 * 60 * 60));
    world.sweep().await;
    assert_eq!(
        world.callbacks.error_of(SECOND).as_deref(),
        Some("StatementNotStarted"),
        "it waited for the start of the first"
    );
    world.warehouse.start_faults.lock().unwrap().clear();
    attempt(&world, THIRD).await.unwrap();
    assert_eq!(world.warehouse.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn another_request_under_the_key_is_refused_and_leaves_nothing() {
    let world = World::new(standard());
    attempt(&world, FIRST).await.unwrap();
    let before = world.ledger.keys();
    let raised = ask(&world, keyed(SECOND, "select 2")).await.unwrap_err();
    assert_eq!(raised.error_type, "InvalidRequest");
    assert!(raised.message.contains("idempotencyKey"), "{raised}");
    assert_eq!(world.ledger.keys(), before);
    assert_eq!(world.warehouse.count("start"), 1);
    world.finish(FIRST, StatementStatus::Finished).await;
    let raised = ask(&world, keyed(SECOND, "select 2")).await.unwrap_err();
    assert_eq!(raised.error_type, "InvalidRequest", "after the end too");
}

#[tokio::test(start_paused = true)]
async fn a_payload_that_comes_to_the_same_request_is_the_same_request() {
    let world = World::new(standard());
    attempt(&world, FIRST).await.unwrap();
    let mut payload = keyed(SECOND, "select 1");
    payload["enteredAt"] = json!("2027-01-01T00:00:00Z");
    world.callbacks.close(FIRST);
    ask(&world, payload).await.unwrap();
    assert_eq!(world.warehouse.count("start"), 1);
    world.finish(FIRST, StatementStatus::Finished).await;
    assert_eq!(world.callbacks.told(SECOND).len(), 1);

    // After the end it is told at once, though the policy is asked first.
    let mut payload = keyed(THIRD, "select 1");
    payload["enteredAt"] = json!("2027-01-01T00:00:01Z");
    ask(&world, payload).await.unwrap();
    assert_eq!(world.callbacks.told(THIRD), world.callbacks.told(SECOND));
    assert_eq!(world.warehouse.count("start"), 1);
    assert_at_rest(&world);
}

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
async fn a_repeat_of_any_attempt_starts_nothing() {
    let world = World::new(standard());
    let reply = attempt(&world, FIRST).await.unwrap();
    retry(&world, FIRST, SECOND).await.unwrap();
    // Lambda delivers the old attempt late: it takes nothing back.
    let late = again(&world, keyed(FIRST, "select 1"));
    assert_eq!(late.await.unwrap(), reply);
    world.finish(FIRST, StatementStatus::Failed).await;
    assert_eq!(world.callbacks.error_of(SECOND).as_deref(), Some("FAILED"));
    for token in [FIRST, SECOND] {
        let repeated = again(&world, keyed(token, "select 1"));
        assert_eq!(repeated.await.unwrap(), reply, "what it got before");
    }
    assert_eq!(world.warehouse.started().len(), 1);
    assert_at_rest(&world);
}

#[tokio::test(start_paused = true)]
async fn an_old_attempt_that_arrives_after_the_new_one_takes_nothing_from_it() {
    let world = World::new(standard());
    attempt(&world, SECOND).await.unwrap();
    // Only now comes the invocation of the attempt before, whose task is closed.
    let late = again(&world, keyed(FIRST, "select 1"));
    late.await.unwrap();
    world.finish(SECOND, StatementStatus::Finished).await;
    assert_eq!(world.callbacks.told(SECOND).len(), 1);
    assert_eq!(
        world.record(SECOND).await.unwrap().ending,
        Some(Ending::Answered)
    );
    assert_at_rest(&world);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_comes_between_answer_and_mark_is_told_the_same() {
    let world = World::new(standard());
    attempt(&world, FIRST).await.unwrap();
    let denied = SendError::Denied {
        code: "AccessDeniedException".to_owned(),
        message: "no".to_owned(),
    };
    *world.callbacks.faults.lock().unwrap() = vec![(denied.clone(), false), (denied, false)];
    world.finish(FIRST, StatementStatus::Finished).await;
    assert_eq!(world.record(FIRST).await.unwrap().phase, Phase::Decided);
    attempt(&world, SECOND).await.unwrap();
    world.clock.push(Duration::from_secs(10 * 60));
    world.sweep().await;
    assert_eq!(world.callbacks.told(FIRST).len(), 1);
    assert_eq!(world.callbacks.told(SECOND), world.callbacks.told(FIRST));
    assert_at_rest(&world);
}

#[tokio::test(start_paused = true)]
async fn executions_of_one_state_machine_share_the_work_and_both_find_it() {
    let world = World::new(standard());
    attempt(&world, FIRST).await.unwrap();
    world.clock.push(Duration::from_secs(1));
    let mut other = keyed(SECOND, "select 1");
    other["executionArn"] = json!(OTHER_EXECUTION);
    ask(&world, other.clone()).await.unwrap();
    let record = world.record(FIRST).await.unwrap();
    assert!(record.is_awaited_elsewhere(ARN) && record.is_awaited_elsewhere(OTHER_EXECUTION));
    for arn in [ARN, OTHER_EXECUTION] {
        let latest = world
            .store
            .latest(arn, None)
            .await
            .unwrap()
            .and_then(signalbox_tasker::record::Latest::into_record)
            .unwrap();
        assert_eq!(latest.record.record_id, id(FIRST), "{arn}");
    }
    world.finish(FIRST, StatementStatus::Finished).await;
    assert_eq!(world.callbacks.told(FIRST).len(), 1);
    assert_eq!(world.callbacks.told(FIRST), world.callbacks.told(SECOND));
    let latest = world
        .store
        .latest(ARN, None)
        .await
        .unwrap()
        .and_then(signalbox_tasker::record::Latest::into_record);
    assert!(latest.is_some(), "after the end too");

    // A third one comes when all is over, and its next state asks for the latest statement.
    let third = OTHER_EXECUTION.replace(":two", ":three");
    other["executionArn"] = json!(third);
    other["taskToken"] = json!(THIRD);
    ask(&world, other).await.unwrap();
    let latest = world
        .store
        .latest(&third, None)
        .await
        .unwrap()
        .and_then(signalbox_tasker::record::Latest::into_record)
        .unwrap();
    assert_eq!(
        latest.record.statement_id(),
        world.record(FIRST).await.unwrap().statement_id()
    );
    assert_at_rest(&world);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_one_of_its_state_machine_and_policy() {
    let world = World::new(standard());
    attempt(&world, FIRST).await.unwrap();
    let mut other = keyed(SECOND, "select 2");
    other["executionArn"] = json!(OTHER_MACHINE);
    ask(&world, other).await.unwrap();
    assert_eq!(world.warehouse.started().len(), 2);

    let named = |name: &str| {
        Granted::new(
            Arc::new(ScriptedPolicy::named(name, Script::default())),
            Vec::new(),
            None,
        )
    };
    let policies = PolicySet::new("standard", vec![named("standard"), named("finance")]);
    world.tasker.swap(policies.unwrap());
    let mut other = keyed(THIRD, "select 3");
    other["policy"] = json!("finance");
    ask(&world, other).await.unwrap();
    let direct = json!({"sqlStatement": "select 4", "idempotencyKey": "day-1"});
    ask(&world, direct.clone()).await.unwrap();
    let mut finance = direct;
    finance["policy"] = json!("finance");
    finance["sqlStatement"] = json!("select 5");
    ask(&world, finance).await.unwrap();
    assert_eq!(world.warehouse.started().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn calls_with_and_without_a_token_never_run_the_same_work_twice() {
    let without =
        json!({"executionArn": ARN, "sqlStatement": "select 1", "idempotencyKey": "day-1"});
    let call = |world: &World, number: u32| Call {
        request_id: format!("request-{number}"),
        ..world.call()
    };
    let world = World::new(standard());
    let reply = attempt(&world, FIRST).await.unwrap();
    let direct = world.tasker.invoke(&call(&world, 2), without.clone()).await;
    assert_eq!(direct.unwrap(), reply);

    let world = World::new(standard());
    let direct = world.tasker.invoke(&call(&world, 1), without).await;
    direct.unwrap();
    let raised = attempt(&world, FIRST).await.unwrap_err();
    assert_eq!(raised.error_type, "InvalidRequest");
    assert!(raised.message.contains("taskToken"), "{raised}");
    assert_eq!(world.warehouse.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_owner_of_a_lock_is_no_obstacle_to_its_own_next_attempt() {
    let script = Script {
        exclusive: Some(Exclusivity::Statement),
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    attempt(&world, FIRST).await.unwrap();
    retry(&world, FIRST, SECOND).await.unwrap();
    world.finish(FIRST, StatementStatus::Failed).await;
    attempt(&world, THIRD).await.unwrap();
    assert_eq!(world.warehouse.started().len(), 2);
    world.finish(THIRD, StatementStatus::Finished).await;
    assert_eq!(world.callbacks.told(THIRD).len(), 1);
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

#[tokio::test(start_paused = true)]
async fn an_attempt_from_a_queue_waits_too() {
    let world = World::new(standard());
    let queue = Call {
        source: Source::Queue,
        ..world.call()
    };
    world.callbacks.open(FIRST);
    let first = world.tasker.invoke(&queue, keyed(FIRST, "select 1"));
    first.await.unwrap();
    world.callbacks.close(FIRST);
    world.callbacks.open(SECOND);
    let second = world.tasker.invoke(&queue, keyed(SECOND, "select 1"));
    second.await.unwrap();
    world.callbacks.open(THIRD);
    let third = world.tasker.invoke(&queue, keyed(THIRD, "select 2"));
    third.await.unwrap();
    let told = world.callbacks.error_of(THIRD);
    assert_eq!(told.as_deref(), Some("InvalidRequest"));
    world.finish(FIRST, StatementStatus::Finished).await;
    assert_eq!(world.callbacks.told(SECOND).len(), 1);
    assert_eq!(world.warehouse.count("start"), 1);
}

#[tokio::test(start_paused = true)]
async fn heartbeats_go_to_every_attempt_that_waits() {
    let script = Script {
        heartbeat: true,
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    attempt(&world, FIRST).await.unwrap();
    attempt(&world, SECOND).await.unwrap();
    world.clock.push(Duration::from_secs(5 * 60));
    world.sweep().await;
    assert_eq!(
        (world.callbacks.beats(FIRST), world.callbacks.beats(SECOND)),
        (1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_was_left_to_run_is_taken_over() {
    let script = Script {
        heartbeat: true,
        closed: Some(OnStop::Leave),
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    attempt(&world, FIRST).await.unwrap();
    world.callbacks.close(FIRST);
    world.clock.push(Duration::from_secs(5 * 60));
    world.sweep().await;
    attempt(&world, SECOND).await.unwrap();
    assert_eq!(world.warehouse.started().len(), 1);
    world.finish(FIRST, StatementStatus::Finished).await;
    assert_eq!(world.callbacks.told(SECOND).len(), 1);
    assert_at_rest(&world);
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_runs_on_after_its_task_was_told_is_waited_for() {
    let script = Script {
        answer_after_start: Some(Answer::Succeed {
            output: "{}".to_owned(),
        }),
        ..Script::default()
    };
    let world = World::new(ScriptedPolicy::new(script));
    attempt(&world, FIRST).await.unwrap();
    let first = world.record(FIRST).await.unwrap();
    assert_eq!(first.phase, Phase::Closed);
    attempt(&world, SECOND).await.unwrap();
    retry(&world, SECOND, THIRD).await.unwrap();
    assert_eq!(world.warehouse.started().len(), 1, "it is not run again");
    assert!(world.callbacks.sent(THIRD).is_empty());

    world
        .warehouse
        .end(&first.statement_name(), StatementStatus::Finished);
    world.clock.push(Duration::from_secs(20 * 60));
    world.sweep().await;
    assert_eq!(world.callbacks.told(THIRD).len(), 1);
    assert_at_rest(&world);
}

/// A first attempt whose statement is asked to stop, because it ran for too long, and has not stopped yet.
async fn being_stopped() -> World {
    let world = World::new(ScriptedPolicy::new(Script {
        deadline_seconds: Some(30),
        ..Script::default()
    }));
    world
        .warehouse
        .deaf_to_cancel
        .store(true, Ordering::Relaxed);
    attempt(&world, FIRST).await.unwrap();
    world.push(60);
    world.sweep().await;
    assert!(world.record(FIRST).await.unwrap().verdict.is_some());
    world
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_meets_a_statement_being_stopped_starts_the_work_again_when_it_has_stopped()
{
    let world = being_stopped().await;
    let stops = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(world.warehouse.started().len(), 1, "it still runs");
        world.end(FIRST, StatementStatus::Aborted);
    };
    let (second, ()) = tokio::join!(attempt(&world, SECOND), stops);
    second.unwrap();
    assert_eq!(
        world.callbacks.error_of(FIRST).as_deref(),
        Some("DeadlineExceeded")
    );
    assert_eq!(world.warehouse.started().len(), 2, "a statement of its own");
    assert!(world.callbacks.sent(SECOND).is_empty());
    world.finish(SECOND, StatementStatus::Finished).await;
    assert!(matches!(
        world.callbacks.told(SECOND).as_slice(),
        [Told::Succeeded(_)]
    ));
    assert_at_rest(&world);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_meets_a_statement_that_does_not_stop_is_refused_and_leaves_nothing() {
    let world = being_stopped().await;
    let statement = world.record(FIRST).await.unwrap();
    let refused = attempt(&world, SECOND).await.unwrap_err();
    assert_eq!(refused.error_type, "ConcurrentExecution");
    let id = statement.statement_id().unwrap();
    assert!(refused.message.contains(id), "{}", refused.message);
    assert!(world.record(SECOND).await.is_none());
    assert_eq!(world.warehouse.started().len(), 1);

    // It finished before it could be stopped, and that is what every later attempt is told.
    world.finish(FIRST, StatementStatus::Finished).await;
    attempt(&world, THIRD).await.unwrap();
    assert_eq!(world.callbacks.told(THIRD), world.callbacks.told(FIRST));
    assert_eq!(world.warehouse.started().len(), 1);
    assert_at_rest(&world);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_cannot_be_told_yet_is_not_the_next_attempts() {
    let world = World::new(standard());
    attempt(&world, FIRST).await.unwrap();
    let passing = SendError::Passing {
        code: "ThrottlingException".to_owned(),
        message: "slow down".to_owned(),
    };
    *world.callbacks.faults.lock().unwrap() = vec![(passing, false); 200];
    world.finish(FIRST, StatementStatus::Failed).await;
    assert_eq!(world.record(FIRST).await.unwrap().phase, Phase::Decided);
    let refused = attempt(&world, SECOND).await.unwrap_err();
    assert_eq!(refused.error_type, "ConcurrentExecution");
    assert!(world.callbacks.sent(SECOND).is_empty());

    world.callbacks.faults.lock().unwrap().clear();
    attempt(&world, THIRD).await.unwrap();
    assert_eq!(world.callbacks.error_of(FIRST).as_deref(), Some("FAILED"));
    assert_eq!(world.warehouse.started().len(), 2);
}
