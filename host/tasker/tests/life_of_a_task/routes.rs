//! Two teams whose routes offer the same policy: what one does is not there for the other.

use std::sync::Arc;

use serde_json::{Value, json};
use signalbox_policy::contract::{Exclusivity, StatementStatus};
use signalbox_tasker::{
    Action, Call, Granted, Grants, Mode, Pattern, PolicySet, Raised, Route, Settling,
};

use crate::support::{ARN, Script, ScriptedPolicy, World, id, standard, waiting};

const TOKEN: &str = "token-of-a-task-0123456789";
const OTHER: &str = "token-of-another-9876543210";

/// A set in which the aliases `a` and `b` have a route each, both to this policy.
fn routed(script: Script, grants: Grants) -> PolicySet {
    let policy = Granted::new(
        Arc::new(ScriptedPolicy::new(script)),
        vec!["default".to_owned()],
        Some(Arc::new(grants)),
    );
    PolicySet::routed(vec![policy], vec![route("a"), route("b")])
}

fn route(name: &str) -> Route {
    Route {
        name: name.to_owned(),
        function: Pattern::new(format!("*:{name}")),
        policies: vec!["standard".to_owned()],
        targets: None,
        state_machines: Vec::new(),
        mode: Mode::Enforce,
        fail_open: None,
    }
}

fn world(script: Script) -> World {
    let world = World::new(standard());
    world.tasker.swap(routed(script, Grants::of(Action::ALL)));
    world
}

/// A call by an alias. Each has a request of its own.
fn by(world: &World, alias: &str, request: &str) -> Call {
    Call {
        request_id: request.to_owned(),
        function_arn: Some(format!(
            "arn:aws:lambda:eu-west-1:1:function:tasker:{alias}"
        )),
        ..world.call()
    }
}

async fn invoke(
    world: &World,
    alias: &str,
    request: &str,
    payload: Value,
) -> Result<Value, String> {
    if let Some(token) = payload["taskToken"].as_str() {
        world.callbacks.open(token);
    }
    let call = by(world, alias, request);
    let told = world.tasker.invoke(&call, payload).await;
    told.map_err(|Raised { error_type, .. }| error_type)
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_one_of_a_route() {
    for exclusive in [
        Exclusivity::Key("nightly".to_owned()),
        Exclusivity::Statement,
    ] {
        let world = world(Script {
            exclusive: Some(exclusive.clone()),
            ..Script::default()
        });
        let sql = || json!({"sqlStatement": "select 1", "executionArn": ARN});
        assert!(invoke(&world, "a", "1", sql()).await.is_ok());
        assert_eq!(
            invoke(&world, "a", "2", sql()).await,
            Err("ConcurrentExecution".to_owned()),
            "{exclusive:?}"
        );
        assert!(
            invoke(&world, "b", "3", sql()).await.is_ok(),
            "{exclusive:?}"
        );
        assert_eq!(world.warehouse.started().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_one_of_a_route() {
    let world = world(Script::default());
    let payload = |sql: &str| json!({"sqlStatement": sql, "executionArn": ARN, "idempotencyKey": "2026-11-30"});
    let first = invoke(&world, "a", "1", payload("select 1")).await.unwrap();
    let again = invoke(&world, "a", "2", payload("select 1")).await.unwrap();
    assert_eq!(first["Id"], again["Id"]);
    // Another request under the same key is an error where the key is known, and none elsewhere.
    assert!(invoke(&world, "a", "3", payload("select 2")).await.is_err());
    let other = invoke(&world, "b", "4", payload("select 2")).await.unwrap();
    assert_ne!(first["Id"], other["Id"]);
    assert_eq!(world.warehouse.started().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_statement_is_reached_from_its_route() {
    let world = world(Script::default());
    let sql = json!({"sqlStatement": "select 1", "executionArn": ARN});
    let started = invoke(&world, "a", "1", sql).await.unwrap();
    let cancel = || json!({"action": "cancelStatement", "statementId": started["Id"]});
    assert_eq!(
        invoke(&world, "b", "2", cancel()).await,
        Err("NotGranted".to_owned())
    );
    assert_eq!(world.warehouse.count("cancel"), 0);
    assert!(invoke(&world, "a", "3", cancel()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_session_is_one_of_a_route() {
    let world = world(Script::default());
    let opening = json!({"sqlStatement": "select 1", "sessionKeepAliveSeconds": 600, "taskToken": TOKEN, "executionArn": ARN});
    let opened = invoke(&world, "a", "1", opening).await.unwrap();
    assert_eq!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Done
    );
    let within = json!({"sqlStatement": "select 1", "sessionId": opened["SessionId"]});
    assert_eq!(
        invoke(&world, "b", "2", within.clone()).await,
        Err("NotGranted".to_owned())
    );
    assert!(invoke(&world, "a", "3", within).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_one_of_a_route() {
    let world = World::new(standard());
    let grants = Grants::of(Action::ALL).statements_per_minute(Some(1));
    world.tasker.swap(routed(Script::default(), grants));
    let sql = || json!({"sqlStatement": "select 1"});
    assert!(invoke(&world, "a", "1", sql()).await.is_ok());
    assert_eq!(
        invoke(&world, "a", "2", sql()).await,
        Err("ThrottlingException".to_owned())
    );
    assert!(invoke(&world, "b", "3", sql()).await.is_ok());
}

/// A task that is recorded is not started a second time, however it comes, and what came of it is for its own callers.
#[tokio::test(start_paused = true)]
async fn a_token_by_another_route_starts_nothing_and_is_told_nothing() {
    let world = world(Script {
        reply: Some("{\"reply\":\"of a\"}".to_owned()),
        ..Script::default()
    });
    let task = || waiting(TOKEN, "select 1");
    let first = invoke(&world, "a", "1", task()).await.unwrap();
    assert_eq!(first["reply"], "of a");
    assert_eq!(invoke(&world, "a", "2", task()).await.unwrap(), first);
    for alias in ["b", "nowhere"] {
        let told = invoke(&world, alias, "3", task()).await.unwrap();
        assert_eq!(told["Status"], "UNKNOWN", "{alias}: {told}");
    }
    assert_eq!(world.warehouse.started().len(), 1);
    assert_eq!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Done
    );
}

/// What was recorded before there were routes is settled like everything else, and is of no route.
#[tokio::test(start_paused = true)]
async fn an_open_record_without_a_route_is_settled_and_seen_from_none() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let before = world.record(TOKEN).await.unwrap();
    assert_eq!(before.route, None);
    world
        .tasker
        .swap(routed(Script::default(), Grants::of(Action::ALL)));
    let cancel = json!({"action": "cancelStatement", "statementId": before.statement_id()});
    for alias in ["a", "b"] {
        assert_eq!(
            invoke(&world, alias, "2", cancel.clone()).await,
            Err("NotGranted".to_owned()),
            "{alias}"
        );
    }
    // Its task comes again after an interruption, by whichever route there is now.
    let again = invoke(&world, "a", "3", waiting(TOKEN, "select 1")).await;
    assert!(again.is_ok(), "{again:?}");
    assert_eq!(world.warehouse.started().len(), 1);
    assert_eq!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Done
    );
    assert_eq!(world.callbacks.told(TOKEN).len(), 1);
}

/// A route that was renamed is another world; its open statements end as they would have.
#[tokio::test(start_paused = true)]
async fn a_route_by_another_name_settles_what_the_old_one_started() {
    let world = world(Script::default());
    invoke(&world, "a", "1", waiting(TOKEN, "select 1"))
        .await
        .unwrap();
    assert_eq!(
        world.record(TOKEN).await.unwrap().route.as_deref(),
        Some("a")
    );
    let policy = Granted::new(
        Arc::new(ScriptedPolicy::new(Script::default())),
        vec!["default".to_owned()],
        Some(Arc::new(Grants::of(Action::ALL))),
    );
    let mut renamed = route("a");
    renamed.name = "new name".to_owned();
    world
        .tasker
        .swap(PolicySet::routed(vec![policy], vec![renamed]));
    invoke(&world, "a", "2", waiting(OTHER, "select 2"))
        .await
        .unwrap();
    for token in [TOKEN, OTHER] {
        assert_eq!(
            world.finish(token, StatementStatus::Finished).await,
            Settling::Done
        );
        assert_eq!(world.callbacks.told(token).len(), 1, "{}", id(token));
    }
}
