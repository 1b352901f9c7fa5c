//! Which work is the same.

use std::time::Duration;

use serde_json::json;
use signalbox_policy::contract::{Exclusivity, StatementStatus};
use signalbox_tasker::Call;

use super::{
    FIRST, OTHER_EXECUTION, OTHER_MACHINE, SECOND, THIRD, ask, assert_at_rest, attempt, keyed,
    retry,
};
use crate::support::{ARN, Script, ScriptedPolicy, World, id, policies, standard};

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

    world.tasker.swap(policies(&["standard", "finance"]));
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
