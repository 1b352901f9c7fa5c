//! Rows that the original left in the table: its tasks are answered as it would.

use serde_json::{Value, json};
use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::{
    Settling,
    ports::{Expect, Item, Key, Ledger, Sql, StartStatement, Warehouse, Write},
};

use crate::support::{ARN, Told, World, event, standard};

const TOKEN: &str = "token-of-the-original-0123456789";
/// The clock of these tests stands here, in seconds.
const TIME: &str = "1799999990.123456";
const URL: &str = "https://responses.example/key?Signature=SECRET0123456789";

fn name() -> String {
    format!("{ARN}:{TIME}")
}

fn row(body: Value) -> Item {
    let Value::Object(body) = body else {
        panic!("a map")
    };
    Item {
        key: Key::new(ARN, TIME),
        revision: 0,
        expires_at: None,
        body,
    }
}

impl World {
    async fn put_row(&self, details: Value) {
        let item = row(json!({
            "sqlStatement": "select 1", "callback_details": details.to_string()
        }));
        let write = Write::Put {
            item,
            expect: Expect::Absent,
        };
        self.ledger.write(0, vec![write]).await.unwrap();
    }

    /// A statement that the original started under the name of its row, waiting for this token.
    async fn original(&self) -> String {
        self.callbacks.open(TOKEN);
        self.put_row(json!({"taskToken": TOKEN, "executionArn": ARN}))
            .await;
        self.run("select 1").await
    }

    async fn run(&self, sql: &str) -> String {
        let start = StartStatement {
            sql: Sql::One(sql.to_owned()),
            parameters: Vec::new(),
            result_format: signalbox_policy::contract::ResultFormat::Json,
            session_id: None,
            session_keep_alive_seconds: None,
            wait_seconds: None,
            statement_name: name(),
            client_token: name(),
            with_event: true,
        };
        self.warehouse.start("default", &start).await.unwrap().id
    }

    async fn row(&self) -> Item {
        self.ledger
            .get(0, &Key::new(ARN, TIME))
            .await
            .unwrap()
            .unwrap()
    }
}

/// What a task is told of a statement that finished: the event's shape, and in it nothing that only an event says.
fn confirmed(id: &str) -> String {
    json!({
        "version": "0", "id": id, "detail-type": "Redshift Data Statement Status Change", "source": "aws.redshift-data",
        "account": "111122223333", "time": "2027-01-15T07:59:50Z", "region": "eu-west-1", "resources": [],
        "detail": {
            "statementName": name(), "statementId": id, "state": "FINISHED", "rows": 0, "expireAt": 1_800_086_390
        }
    })
    .to_string()
}

#[tokio::test(start_paused = true)]
async fn a_statement_in_flight_is_answered_with_the_event_as_redshift_confirms_it() {
    let world = World::new(standard());
    let id = world.original().await;
    world.warehouse.end(&name(), StatementStatus::Finished);
    let event = event(&name(), &id, "FINISHED");
    for _ in 0..3 {
        world.tasker.settle(&world.call(), event.clone()).await;
    }
    assert_eq!(
        world.callbacks.told(TOKEN),
        [Told::Succeeded(confirmed(&id))]
    );
    assert_eq!(world.callbacks.sent(TOKEN).len(), 1);
    let row = world.row().await;
    assert!(
        row.expires_at.is_some(),
        "it is marked as the original does"
    );
    assert_eq!(row.revision, 0, "and stays a row of the original");
    assert_eq!(row.body["finished_event_details"], event);
    assert_eq!(row.body["sqlStatement"], "select 1");
}

#[tokio::test(start_paused = true)]
async fn what_did_not_finish_is_failed_with_the_engines_reason() {
    for status in [StatementStatus::Failed, StatementStatus::Aborted] {
        let world = World::new(standard());
        let id = world.original().await;
        world.warehouse.end(&name(), status);
        // The event lies; Redshift knows.
        let settled = world
            .tasker
            .settle(&world.call(), event(&name(), &id, "FINISHED"))
            .await;
        assert_eq!(settled, Settling::Done);
        let told = world.callbacks.told(TOKEN);
        let [Told::Failed(Some(error), Some(cause))] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert_eq!(error, "FAILED");
        assert!(!cause.contains("hunter2"), "{cause}");
        let cause: Value = serde_json::from_str(cause).unwrap();
        assert_eq!(cause["detail"]["statementId"], id.as_str());
        assert_eq!(
            cause["detail"]["error"].is_string(),
            status == StatementStatus::Failed
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_early_or_crossed_event_changes_nothing() {
    let world = World::new(standard());
    let id = world.original().await;
    assert!(matches!(
        world
            .tasker
            .settle(&world.call(), event(&name(), &id, "FINISHED"))
            .await,
        Settling::Again { .. }
    ));
    assert!(world.callbacks.sent(TOKEN).is_empty());
    assert_eq!(world.row().await.expires_at, None);
}

#[tokio::test(start_paused = true)]
async fn an_event_with_an_id_that_it_made_up_ends_nothing() {
    let world = World::new(standard());
    world.original().await;
    let invented = "00000000-0000-4000-8000-00000000dead";
    let settled = world
        .tasker
        .settle(&world.call(), event(&name(), invented, "FINISHED"))
        .await;
    assert!(matches!(settled, Settling::Ignored { .. }), "{settled:?}");
    assert!(world.callbacks.sent(TOKEN).is_empty());
    assert_eq!(world.row().await.expires_at, None);
}

#[tokio::test(start_paused = true)]
async fn a_statement_of_another_role_is_answered_by_its_event_as_the_original_does() {
    let world = World::new(standard());
    let id = world.original().await;
    world.warehouse.forget_all();
    let unknown = event(&name(), &id, "PICKED");
    assert!(matches!(
        world.tasker.settle(&world.call(), unknown).await,
        Settling::Again { .. }
    ));
    let event = event(&name(), &id, "FAILED");
    assert_eq!(
        world.tasker.settle(&world.call(), event).await,
        Settling::Done
    );
    assert_eq!(world.callbacks.error_of(TOKEN).as_deref(), Some("FAILED"));
}

#[tokio::test(start_paused = true)]
async fn a_custom_resource_of_the_original_keeps_its_physical_id() {
    let world = World::new(standard());
    world
        .put_row(json!({
            "RequestType": "Create", "ResponseURL": URL, "StackId": "s", "RequestId": "r",
            "ResourceType": "t", "LogicalResourceId": "Table"
        }))
        .await;
    let id = world.run("select 1").await;
    world.warehouse.end(&name(), StatementStatus::Finished);
    let settled = world
        .tasker
        .settle(&world.call(), event(&name(), &id, "FINISHED"))
        .await;
    assert_eq!(settled, Settling::Done);
    let taken = world.custom_resources.taken(URL);
    let response: Value = serde_json::from_str(&taken[0]).unwrap();
    assert_eq!(response["Status"], "SUCCESS");
    assert_eq!(response["PhysicalResourceId"], name());
    assert_eq!(response["Data"]["detail"]["statementId"], id.as_str());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_lost_is_sent_by_the_sweep() {
    let world = World::new(standard());
    let id = world.original().await;
    world.warehouse.end(&name(), StatementStatus::Finished);
    let passing = signalbox_tasker::ports::SendError::Passing {
        code: "ServiceUnavailable".to_owned(),
        message: "busy".to_owned(),
    };
    *world.callbacks.faults.lock().unwrap() = vec![(passing, false); 8];
    let event = event(&name(), &id, "FINISHED");
    assert!(matches!(
        world.tasker.settle(&world.call(), event.clone()).await,
        Settling::Again { .. }
    ));
    world.callbacks.faults.lock().unwrap().clear();
    world.clock.push(std::time::Duration::from_secs(1_000));
    world.sweep().await;
    assert_eq!(
        world.callbacks.told(TOKEN),
        [Told::Succeeded(confirmed(&id))]
    );
    let mut sent = world.callbacks.sent(TOKEN);
    sent.dedup();
    assert_eq!(sent.len(), 1, "the same bytes");
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_done_with_or_that_nobody_waits_for_are_left_alone() {
    let world = World::new(standard());
    let write = |item| Write::Put {
        item,
        expect: Expect::Any,
    };
    let handled = Item {
        expires_at: Some(i64::MAX),
        ..row(json!({"sqlStatement": "x", "taskToken": TOKEN}))
    };
    for item in [handled, row(json!({"sqlStatement": "x"}))] {
        world
            .ledger
            .write(0, vec![write(item.clone())])
            .await
            .unwrap();
        let settled = world
            .tasker
            .settle(&world.call(), event(&name(), "s", "FINISHED"))
            .await;
        assert!(matches!(settled, Settling::Ignored { .. }), "{settled:?}");
        assert_eq!(world.row().await, item);
    }
    assert!(world.callbacks.sent(TOKEN).is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_ledger_the_event_is_kept() {
    let world = World::new(standard());
    let id = world.original().await;
    world
        .ledger
        .down
        .store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(
        world
            .tasker
            .settle(&world.call(), event(&name(), &id, "FINISHED"))
            .await,
        Settling::Again { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_long_message_of_the_engine_leaves_a_cause_that_is_taken() {
    for message in ["ERROR: \u{1F600}", "ERROR: \u{1}\"\\"] {
        let world = World::new(standard());
        let id = world.original().await;
        world
            .warehouse
            .fail(&name(), &message.repeat(100 * 1_024 / message.len()));
        let event = event(&name(), &id, "FAILED");
        assert_eq!(
            world.tasker.settle(&world.call(), event).await,
            Settling::Done
        );
        let [Told::Failed(Some(error), Some(cause))] = &world.callbacks.told(TOKEN)[..] else {
            panic!("it failed")
        };
        assert_eq!(error, "FAILED");
        assert!(cause.encode_utf16().count() <= 32_768);
        let cause: Value = serde_json::from_str(cause).unwrap();
        assert_eq!(cause["detail"]["statementId"], json!(id));
        assert!(
            cause["detail"]["error"]
                .as_str()
                .unwrap()
                .starts_with("ERROR: ")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_hangs_does_not_take_more_than_the_time_there_is() {
    let world = World::new(standard());
    let id = world.original().await;
    world.warehouse.end(&name(), StatementStatus::Finished);
    world
        .ledger
        .hang_reads
        .store(true, std::sync::atomic::Ordering::Relaxed);
    let call = world.call();
    let settling = world.tasker.settle(&call, event(&name(), &id, "FINISHED"));
    let settling =
        tokio::time::timeout_at(call.deadline + std::time::Duration::from_secs(1), settling);
    assert!(matches!(
        settling.await.expect("it ends in time"),
        Settling::Again { .. }
    ));
}
