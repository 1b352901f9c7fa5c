//! An attempt that finds the work under way or done.

use std::time::Duration;

use signalbox_policy::{
    Answer,
    contract::{OnStop, Source, StatementStatus},
};
use signalbox_tasker::{
    Call, Settling,
    ports::SendError,
    record::{Ending, Phase},
};

use super::{FIRST, SECOND, THIRD, again, assert_at_rest, attempt, keyed, retry};
use crate::support::{Script, ScriptedPolicy, World, id, standard};

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
        (record.phase(), record.life.ending()),
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
        world.record(SECOND).await.unwrap().life.ending(),
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
    assert_eq!(world.record(FIRST).await.unwrap().phase(), Phase::Decided);
    attempt(&world, SECOND).await.unwrap();
    world.clock.push(Duration::from_secs(10 * 60));
    world.sweep().await;
    assert_eq!(world.callbacks.told(FIRST).len(), 1);
    assert_eq!(world.callbacks.told(SECOND), world.callbacks.told(FIRST));
    assert_at_rest(&world);
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
    assert_eq!(first.phase(), Phase::Closed);
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
