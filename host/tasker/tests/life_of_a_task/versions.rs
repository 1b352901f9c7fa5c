//! A record that another version wrote is left alone, and nothing is lost by it.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_policy::contract::{Exclusivity, StatementStatus};
use signalbox_tasker::{
    Settling,
    ports::{Item, LedgerError},
};

use crate::support::{ARN, Script, ScriptedPolicy, World, id};

const TOKEN: &str = "token-of-a-task-0123456789";
const OTHER: &str = "token-of-another-9876543210";

fn keyed(token: &str) -> Value {
    json!({"taskToken": token, "executionArn": ARN, "sqlStatement": "select 1", "idempotencyKey": "k"})
}

/// What is in the ledger, without the leases of sweeps.
fn untouched(world: &World) -> Vec<Item> {
    let mut items = world.ledger.items();
    items.retain(|item| !item.key.id.starts_with("due#"));
    items
}

#[tokio::test(start_paused = true)]
async fn a_record_of_another_schema_waits_for_the_version_that_reads_it() {
    for schema in [json!(2), json!(0), json!("1"), Value::Null] {
        let world = World::new(ScriptedPolicy::new(Script {
            exclusive: Some(Exclusivity::Statement),
            ..Script::default()
        }));
        world.callbacks.open(TOKEN);
        world
            .tasker
            .invoke(&world.call(), keyed(TOKEN))
            .await
            .unwrap();
        let key = format!("task#{}", id(TOKEN));
        let before = world.ledger.set(&key, "schema", schema.clone());
        let event = world.event(TOKEN, "FINISHED").await;
        let name = event["detail"]["statementName"].as_str().unwrap();
        world.warehouse.end(name, StatementStatus::Finished);
        let left = untouched(&world);

        let error = world.store.find(&id(TOKEN)).await.unwrap_err();
        assert!(matches!(error, LedgerError::Unreadable(_)), "{error}");
        assert!(error.to_string().contains("schema"), "{error}");
        // The task's own invocation once more: it must not end the task.
        world
            .tasker
            .invoke(&world.call(), keyed(TOKEN))
            .await
            .unwrap();
        // Another attempt, and a contender for the lock: refused, and nothing runs twice.
        world.callbacks.open(OTHER);
        let raised = world.tasker.invoke(&world.call(), keyed(OTHER)).await;
        assert_eq!(raised.unwrap_err().error_type, "LedgerUnavailable");
        let raised = world.invoke_waiting(OTHER, "select 1").await.unwrap_err();
        assert_eq!(raised.error_type, "LedgerUnavailable");
        assert!(matches!(
            world.tasker.settle(&world.call(), event.clone()).await,
            Settling::Again { .. }
        ));
        world.clock.push(Duration::from_secs(72 * 60 * 60));
        world.sweep().await;
        assert_eq!(untouched(&world), left, "nothing was touched");
        assert!(world.callbacks.sent(TOKEN).is_empty());
        assert_eq!(world.warehouse.count("start"), 1);

        // The version that reads it.
        world.ledger.set(&key, "schema", before);
        assert_eq!(
            world.tasker.settle(&world.call(), event).await,
            Settling::Done
        );
        assert_eq!(world.callbacks.told(TOKEN).len(), 1);
    }
}
