use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use serde_json::json;
use signalbox_tasker::ports::Expect;

use super::*;
use crate::testing::{Service, Turn};

const NOW: i64 = 1_700_000_000;

async fn of(turns: impl IntoIterator<Item = Turn>) -> (DynamoLedger, Service) {
    let service = Service::start(turns).await;
    (DynamoLedger::new(service.session().await, "tasks"), service)
}

fn error(status: u16, code: &str, message: &str) -> Turn {
    let code = format!("com.amazonaws.dynamodb.v20120810#{code}");
    Turn::Reply(
        status,
        json!({"__type": code, "message": message}).to_string(),
    )
}

fn cancelled(codes: &[(&str, &str)]) -> Turn {
    let reasons: Vec<_> = codes
        .iter()
        .map(|(code, message)| json!({"Code": code, "Message": message}))
        .collect();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled",
        "CancellationReasons": reasons,
    });
    Turn::Reply(400, body.to_string())
}

fn done() -> Turn {
    Turn::Reply(200, "{}".to_owned())
}

fn put(sort: &str, expect: Expect) -> Write {
    let body = json!({"state": "open"})
        .as_object()
        .cloned()
        .expect("an object");
    Write::Put {
        item: Item {
            key: Key::new("p", sort),
            revision: 2,
            expires_at: None,
            body,
        },
        expect,
    }
}

#[tokio::test]
async fn a_single_write_is_conditional() {
    let (ledger, service) = of([done(), done(), done()]).await;
    ledger
        .write(NOW, vec![put("1", Expect::Revision(1))])
        .await
        .expect("written");
    let delete = Write::Delete {
        key: Key::new("p", "1"),
        expect: Expect::Absent,
    };
    ledger.write(NOW, vec![delete]).await.expect("written");
    ledger
        .write(NOW, vec![put("1", Expect::Any)])
        .await
        .expect("written");
    ledger.write(NOW, vec![]).await.expect("nothing to do");
    let sent = service.requests();
    assert_eq!(sent.len(), 3);
    assert_eq!(
        (sent[0].operation(), sent[1].operation()),
        ("PutItem", "DeleteItem")
    );
    assert_eq!(
        sent[0].json(),
        json!({
            "TableName": "tasks",
            "Item": {"id": {"S": "p"}, "invocationId": {"S": "1"}, "revision": {"N": "2"}, "state": {"S": "open"}},
            "ConditionExpression": "#revision = :revision AND (attribute_not_exists(#ttl) OR #ttl >= :now)",
            "ExpressionAttributeNames": {"#revision": "revision", "#ttl": "TTL"},
            "ExpressionAttributeValues": {":revision": {"N": "1"}, ":now": {"N": "1700000000"}},
        })
    );
    assert_eq!(
        sent[1].json()["ConditionExpression"],
        "attribute_not_exists(#id) OR #ttl < :now"
    );
    assert_eq!(sent[2].json().get("ConditionExpression"), None);
}

#[tokio::test]
async fn several_writes_are_one_transaction() {
    let (ledger, service) = of([done()]).await;
    ledger
        .write(
            NOW,
            vec![put("1", Expect::Absent), put("2", Expect::Revision(0))],
        )
        .await
        .expect("written");
    let sent = service.requests();
    assert_eq!((sent.len(), sent[0].operation()), (1, "TransactWriteItems"));
    let body = sent[0].json();
    assert!(
        body["ClientRequestToken"]
            .as_str()
            .is_some_and(|token| !token.is_empty())
    );
    assert_eq!(
        body["TransactItems"][0]["Put"]["Item"]["invocationId"]["S"],
        "1"
    );
    assert_eq!(
        body["TransactItems"][1]["Put"]["ConditionExpression"],
        "attribute_exists(#id) AND (attribute_not_exists(#revision) OR #revision = :revision) AND \
         (attribute_not_exists(#ttl) OR #ttl >= :now)"
    );
}

#[tokio::test]
async fn conflicts_have_positions() {
    let (ledger, _service) = of([error(400, "ConditionalCheckFailedException", "no")]).await;
    let one = ledger.write(NOW, vec![put("1", Expect::Absent)]).await;
    assert_eq!(one, Err(WriteError::Conflict(vec![0])));
    let reasons = [
        ("None", ""),
        ("ConditionalCheckFailed", "no"),
        ("TransactionConflict", ""),
        ("ConditionalCheckFailed", "no"),
    ];
    let (ledger, _service) = of([cancelled(&reasons)]).await;
    let writes = ["1", "2", "3", "4"]
        .map(|sort| put(sort, Expect::Absent))
        .to_vec();
    assert_eq!(
        ledger.write(NOW, writes).await,
        Err(WriteError::Conflict(vec![1, 3]))
    );
}

#[tokio::test]
async fn another_transaction_is_waited_for_and_then_it_is_unavailable() {
    let two = || vec![put("1", Expect::Absent), put("2", Expect::Absent)];
    let busy = || cancelled(&[("None", ""), ("TransactionConflict", "ongoing")]);
    let (ledger, service) = of([busy(), busy(), done()]).await;
    ledger
        .write(NOW, two())
        .await
        .expect("written at the third try");
    let tokens: std::collections::BTreeSet<_> = service
        .requests()
        .iter()
        .map(|r| r.json()["ClientRequestToken"].to_string())
        .collect();
    assert_eq!(
        tokens.len(),
        3,
        "a transaction that was cancelled is not repeated, but made anew"
    );

    let (ledger, service) = of(std::iter::repeat_with(busy).take(9)).await;
    let failed = ledger.write(NOW, two()).await.expect_err("busy");
    assert!(
        matches!(&failed, WriteError::Ledger(LedgerError::Unavailable(_))),
        "{failed}"
    );
    assert_eq!(service.requests().len(), 4);

    let turns = [
        error(400, "TransactionConflictException", "ongoing"),
        done(),
    ];
    let (ledger, _service) = of(turns).await;
    ledger
        .write(NOW, vec![put("1", Expect::Absent)])
        .await
        .expect("written at the second try");
}

#[tokio::test]
async fn each_error_of_a_write_has_its_kind() {
    let size = "Item size has exceeded the maximum allowed size";
    let cases = [
        (400, "ValidationException", size, "too large"),
        (400, "ValidationException", "unknown operator", "refused"),
        (400, "ResourceNotFoundException", "no table", "refused"),
        (400, "AccessDeniedException", "may not", "refused"),
        (
            400,
            "ProvisionedThroughputExceededException",
            "slower",
            "unavailable",
        ),
        (400, "ThrottlingException", "slower", "unavailable"),
        (400, "RequestLimitExceeded", "slower", "unavailable"),
        (
            400,
            "ReplicatedWriteConflictException",
            "other region",
            "unavailable",
        ),
        (500, "InternalServerError", "oh", "unavailable"),
    ];
    let class = |error: WriteError| match error {
        WriteError::TooLarge(_) => "too large",
        WriteError::Ledger(LedgerError::Refused(_)) => "refused",
        WriteError::Ledger(LedgerError::Unavailable(_)) => "unavailable",
        WriteError::Ledger(LedgerError::Unreadable(_)) => "unreadable",
        WriteError::Conflict(_) => "conflict",
    };
    for (status, code, message, expected) in cases {
        let (ledger, _service) = of(vec![error(status, code, message); 3]).await;
        let failed = ledger
            .write(NOW, vec![put("1", Expect::Absent)])
            .await
            .expect_err(code);
        assert_eq!(class(failed), expected, "{code}: {message}");
    }
    let cases = [
        ([("None", ""), ("ValidationError", size)], "too large"),
        ([("ValidationError", "bad"), ("None", "")], "refused"),
        ([("None", ""), ("ThrottlingError", "slower")], "unavailable"),
        (
            [("None", ""), ("ItemCollectionSizeLimitExceeded", "full")],
            "too large",
        ),
        ([("None", ""), ("SomethingNew", "")], "unavailable"),
    ];
    for (reasons, expected) in cases {
        let (ledger, _service) = of(vec![cancelled(&reasons); 3]).await;
        let failed = ledger
            .write(
                NOW,
                vec![put("1", Expect::Absent), put("2", Expect::Absent)],
            )
            .await;
        assert_eq!(
            class(failed.expect_err("cancelled")),
            expected,
            "{reasons:?}"
        );
    }
}

#[tokio::test]
async fn a_lost_connection_is_unavailable() {
    let (ledger, _service) = of(vec![Turn::Close; 3]).await;
    let failed = ledger
        .get(NOW, &Key::new("p", "1"))
        .await
        .expect_err("lost");
    assert!(
        matches!(&failed, LedgerError::Unavailable(text) if text.starts_with("ConnectionError")),
        "{failed}"
    );
}

#[tokio::test]
async fn what_passes_is_tried_again_and_nothing_else() {
    let key = Key::new("p", "1");
    let found = || {
        Turn::Reply(
            200,
            r#"{"Item": {"id": {"S": "p"}, "invocationId": {"S": "1"}}}"#.to_owned(),
        )
    };
    for passing in [
        Turn::Close,
        Turn::Cut("{".to_owned()),
        Turn::Reply(503, "<html>".to_owned()),
        error(400, "ThrottlingException", "slower"),
        error(400, "TransactionInProgressException", "the same"),
        Turn::Typed(
            400,
            "ProvisionedThroughputExceededException:http://x/",
            "{}".to_owned(),
        ),
    ] {
        let (ledger, service) = of([passing.clone(), passing.clone(), found()]).await;
        let item = ledger.get(NOW, &key).await.expect("read");
        assert!(item.is_some(), "{passing:?}");
        assert_eq!(service.requests().len(), 3, "{passing:?}");
    }
    for (turn, expected) in [
        (Turn::Reply(200, "<html>".to_owned()), "InvalidResponse"),
        (
            Turn::Reply(200, r#"{"Item": 1}"#.to_owned()),
            "InvalidResponse",
        ),
        (Turn::Reply(403, "<html>".to_owned()), "HTTP 403"),
        (
            Turn::Typed(400, "AccessDeniedException", "{}".to_owned()),
            "AccessDeniedException",
        ),
        (error(400, "UnrecognizedClientException", "who"), "who"),
        (
            Turn::Reply(
                400,
                r##"{"__type": "a.b#SomethingElse", "message": "both", "Message": "both"}"##
                    .to_owned(),
            ),
            "SomethingElse: both",
        ),
    ] {
        let (ledger, service) = of([turn.clone(), found()]).await;
        let failed = ledger.get(NOW, &key).await.expect_err("fails").to_string();
        assert!(failed.contains(expected), "{turn:?}: {failed}");
        assert_eq!(service.requests().len(), 1, "{turn:?}");
    }
}

#[tokio::test]
async fn a_reply_without_a_body_has_nothing_in_it() {
    let nothing = || Turn::Reply(200, String::new());
    let (ledger, service) = of([nothing(), nothing()]).await;
    let written = ledger.write(NOW, vec![put("1", Expect::Absent)]).await;
    assert_eq!(written, Ok(()));
    assert_eq!(ledger.get(NOW, &Key::new("p", "1")).await, Ok(None));
    assert_eq!(service.requests().len(), 2);
}

/// The credentials of a function on Lambda.
#[tokio::test]
async fn temporary_credentials_come_with_their_token() {
    let service = Service::start([done()]).await;
    let keys = Credentials::new("ASIAEXAMPLE", "k", Some("session".to_owned()), None, "test");
    let config = service.config().await.into_builder();
    let config = config.credentials_provider(SharedCredentialsProvider::new(keys));
    let ledger = DynamoLedger::new(Arc::new(Session::of(config.build())), "tasks");
    assert_eq!(ledger.get(NOW, &Key::new("p", "1")).await, Ok(None));
    let head = service.requests()[0].head.clone();
    assert!(head.contains("x-amz-security-token: session"), "{head}");
    assert!(
        head.contains(";x-amz-security-token;x-amz-target, Signature="),
        "{head}"
    );
}

#[tokio::test]
async fn a_call_is_signed_for_its_service_and_region() {
    let (ledger, service) = of([done()]).await;
    assert_eq!(ledger.get(NOW, &Key::new("p", "1")).await, Ok(None));
    let head = service.requests()[0].head.clone();
    for part in [
        "/eu-central-1/dynamodb/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=",
        "x-amz-target: DynamoDB_20120810.GetItem",
        "content-type: application/x-amz-json-1.0",
        "user-agent: signalbox/",
    ] {
        assert!(head.contains(part), "{part}: {head}");
    }
}

#[tokio::test]
async fn a_body_that_hides_a_key_is_refused() {
    let (ledger, service) = of([]).await;
    for name in ["id", "invocationId", "revision", "TTL"] {
        let body = [(name.to_owned(), json!(1))].into_iter().collect();
        let item = Item {
            key: Key::new("p", "1"),
            revision: 1,
            expires_at: None,
            body,
        };
        let failed = ledger
            .write(
                NOW,
                vec![Write::Put {
                    item,
                    expect: Expect::Any,
                }],
            )
            .await;
        assert!(failed.expect_err("refused").to_string().contains(name));
    }
    assert!(service.requests().is_empty());
}

#[tokio::test]
async fn reads_are_consistent_and_go_on_until_enough_live_items_came() {
    let item = |sort: &str, ttl: i64| json!({"id": {"S": "p"}, "invocationId": {"S": sort}, "TTL": {"N": ttl.to_string()}});
    let page = |items: Vec<serde_json::Value>, next: Option<&str>| {
        let mut body = json!({"Items": items, "Count": items.len()});
        if let Some(next) = next {
            body["LastEvaluatedKey"] = json!({"id": {"S": "p"}, "invocationId": {"S": next}});
        }
        Turn::Reply(200, body.to_string())
    };
    let turns = [
        page(vec![item("1", NOW - 1), item("2", NOW)], Some("2")),
        page(vec![], Some("3")),
        page(vec![item("4", NOW + 5)], None),
    ];
    let (ledger, service) = of(turns).await;
    let query = Query {
        id: "p".to_owned(),
        after: None,
        up_to: Some("9".to_owned()),
        descending: false,
        limit: 5,
    };
    let read = ledger.query(NOW, &query).await.expect("read");
    let sorts: Vec<_> = read
        .items
        .iter()
        .map(|item| item.key.invocation_id.as_str())
        .collect();
    assert_eq!((sorts, read.more), (vec!["2", "4"], false));
    let sent = service.requests();
    assert_eq!(sent.len(), 3);
    assert!(
        sent.iter()
            .all(|request| request.json()["ConsistentRead"] == true)
    );
    assert_eq!(
        sent[1].json()["ExclusiveStartKey"]["invocationId"]["S"],
        "2"
    );
    assert_eq!(
        sent[2].json()["ExclusiveStartKey"]["invocationId"]["S"],
        "3"
    );
}

#[test]
fn attributes_of_other_kinds_read_as_json() {
    let found = json!({
        "id": {"S": "p"},
        "invocationId": {"S": "1"},
        "TTL": {"N": "1700000000.9"},
        "set": {"NS": ["1", "2.5"]},
        "texts": {"SS": ["a"]},
        "blob": {"B": "AQI="},
        "huge": {"N": "9".repeat(30)},
        "nested": {"M": {"list": {"L": [{"NULL": true}, {"BOOL": false}, {"M": {}}]}}},
        "new": {"X": [1, {"y": 2}]},
    });
    let found: Found = serde_json::from_value(found).expect("attributes");
    let item = found.item().expect("an item");
    assert_eq!((item.revision, item.expires_at), (0, Some(1_700_000_000)));
    assert_eq!(
        serde_json::Value::Object(item.body),
        json!({
            "blob": "AQI=", "huge": 1e30, "nested": {"list": [null, false, {}]}, "new": null, "set": [1, 2.5], "texts": ["a"],
        })
    );
    let none: Found = serde_json::from_str("{}").expect("no attributes");
    assert!(none.item().is_err());
}
