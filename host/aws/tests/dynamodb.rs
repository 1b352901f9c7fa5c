//! The ledger against a DynamoDB that is reached over HTTP.
//!
//! It runs where `SIGNALBOX_TEST_DYNAMODB_URL` names one (`tests/counterparts/run` starts moto and sets it).

#![allow(clippy::expect_used, reason = "a test fails loudly")]

use std::io::Write as _;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use signalbox_aws::{DynamoLedger, Outcome, Session, TableError};
use signalbox_tasker::ports::{Expect, Item, Key, Ledger, LedgerError, Write};

const URL: &str = "SIGNALBOX_TEST_DYNAMODB_URL";

async fn config(test: &str) -> Option<SdkConfig> {
    let Ok(url) = std::env::var(URL) else {
        // Not by `println!`, whose text a passing test keeps for itself.
        let note = format!("{test}: NOT RUN, {URL} is not set (see tests/counterparts/run)\n");
        std::io::stderr()
            .write_all(note.as_bytes())
            .expect("stderr");
        return None;
    };
    Some(Session::at(&url).config().await.clone())
}

fn unique(name: &str) -> String {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_nanos();
    format!("signalbox-{name}-{nanos}")
}

fn ledger(config: &SdkConfig, table: &str) -> DynamoLedger {
    DynamoLedger::new(Arc::new(Session::of(config.clone())), table)
}

#[tokio::test]
async fn does_what_every_ledger_does() {
    let Some(config) = config("does_what_every_ledger_does").await else {
        return;
    };
    let ledger = ledger(&config, &unique("contract"));
    ledger.create_table().await.expect("table");
    signalbox_ledger_contract::all(&ledger, "contract").await;
}

#[tokio::test]
async fn the_table_is_made_once() {
    let Some(config) = config("the_table_is_made_once").await else {
        return;
    };
    let ledger = ledger(&config, &unique("table"));
    let first = ledger.create_table().await.expect("made");
    assert_eq!(
        (
            first.table,
            first.time_to_live,
            first.point_in_time_recovery
        ),
        (Outcome::Done, Outcome::Done, Outcome::Done)
    );
    let again = ledger.create_table().await.expect("there");
    assert_eq!(
        (
            again.table,
            again.time_to_live,
            again.point_in_time_recovery
        ),
        (
            Outcome::AlreadyThere,
            Outcome::AlreadyThere,
            Outcome::AlreadyThere
        )
    );
    assert!(again.to_string().contains("was there already"), "{again}");
}

#[tokio::test]
async fn a_table_with_other_keys_is_refused() {
    let Some(config) = config("a_table_with_other_keys_is_refused").await else {
        return;
    };
    let table = unique("other");
    let definition = AttributeDefinition::builder()
        .attribute_name("id")
        .attribute_type(ScalarAttributeType::N);
    let element = KeySchemaElement::builder()
        .attribute_name("id")
        .key_type(KeyType::Hash);
    Client::new(&config)
        .create_table()
        .table_name(&table)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(definition.build().expect("definition"))
        .key_schema(element.build().expect("element"))
        .send()
        .await
        .expect("table");
    let refused = ledger(&config, &table)
        .create_table()
        .await
        .expect_err("refused");
    assert!(
        matches!(&refused, TableError::OtherKeys { found, .. } if found == "`id` (N, HASH)"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_missing_table_is_named() {
    let Some(config) = config("a_missing_table_is_named").await else {
        return;
    };
    let ledger = ledger(&config, "signalbox-no-such-table");
    let key = Key::new("a", "b");
    let refused = ledger.get(0, &key).await.expect_err("refused");
    assert!(
        matches!(&refused, LedgerError::Refused(text) if text.contains("`signalbox-no-such-table`")
            && text.contains("signalbox ledger create")),
        "{refused}"
    );
    let item = Item {
        key,
        revision: 1,
        expires_at: None,
        body: serde_json::Map::new(),
    };
    let write = ledger
        .write(
            0,
            vec![Write::Put {
                item,
                expect: Expect::Absent,
            }],
        )
        .await
        .expect_err("refused");
    assert!(
        write.to_string().contains("signalbox ledger create"),
        "{write}"
    );
}

/// A row as the original wrote it: no revision, a callback's details as JSON text, an event with decimals.
#[tokio::test]
async fn rows_of_the_original_read_and_change() {
    let Some(config) = config("rows_of_the_original_read_and_change").await else {
        return;
    };
    let table = unique("original");
    let ledger = ledger(&config, &table);
    ledger.create_table().await.expect("table");
    let key = Key::new(
        "arn:aws:states:eu-central-1:123456789012:execution:m:e",
        "1633003200.123",
    );
    Client::new(&config)
        .put_item()
        .table_name(&table)
        .item("id", AttributeValue::S(key.id.clone()))
        .item("invocationId", AttributeValue::S(key.invocation_id.clone()))
        .item("sqlStatement", AttributeValue::S("select 1".to_owned()))
        .item("TTL", AttributeValue::N("1700000000".to_owned()))
        .item(
            "finished_event_details",
            AttributeValue::M([("rows".to_owned(), AttributeValue::N("-1.5".to_owned()))].into()),
        )
        .send()
        .await
        .expect("put");
    let item = ledger
        .get(1_700_000_000, &key)
        .await
        .expect("read")
        .expect("there");
    assert_eq!((item.revision, item.expires_at), (0, Some(1_700_000_000)));
    assert_eq!(
        serde_json::Value::Object(item.body.clone()),
        serde_json::json!({"finished_event_details": {"rows": -1.5}, "sqlStatement": "select 1"})
    );
    assert_eq!(ledger.get(1_700_000_001, &key).await, Ok(None));
    let next = Item {
        revision: 1,
        ..item
    };
    let change = vec![Write::Put {
        item: next.clone(),
        expect: Expect::Revision(0),
    }];
    assert_eq!(ledger.write(1_700_000_000, change.clone()).await, Ok(()));
    assert!(ledger.write(1_700_000_000, change).await.is_err());
}
