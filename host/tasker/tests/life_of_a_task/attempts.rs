//! Attempts at the same work: each is told, one statement runs.

mod at_once;
mod keys;
mod starts_again;
mod takes_over;

use serde_json::{Value, json};
use signalbox_tasker::Raised;

use crate::support::{ARN, World};

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
    world.tasker.invoke(&world.another_call(), payload).await
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
