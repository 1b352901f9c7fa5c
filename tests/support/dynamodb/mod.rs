//! A table of DynamoDB in memory, behind DynamoDB's own wire form.
//!
//! It serves exactly the operations and expressions that the ledger sends and refuses every other, so that it cannot
//! agree by accident to what DynamoDB would refuse. Whether it agrees with DynamoDB in what it does serve is checked
//! by running the same tests against another implementation (`SIGNALBOX_TEST_DYNAMODB_URL`).

mod conditions;
mod properties;
mod table;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Map, Value, json};

use properties::Properties;
use table::{Attributes, Table};

/// An error of the service.
#[derive(Debug)]
struct Refusal {
    code: &'static str,
    message: String,
    members: Map<String, Value>,
}

fn refuse<T>(code: &'static str, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal {
        code,
        message: message.into(),
        members: Map::new(),
    })
}

fn invalid<T>(message: impl Into<String>) -> Result<T, Refusal> {
    refuse("ValidationException", message)
}

struct Shared {
    table: Table,
    properties: Properties,
    /// What was asked under which token: a repeat has no effect.
    transactions: HashMap<String, Value>,
    /// Every request that was refused as one that DynamoDB would not take or that is not known here.
    odd: Vec<String>,
    /// The partition that is throttled, if one is.
    throttled: Option<String>,
}

/// The server.
pub struct DynamoDb {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

impl DynamoDb {
    /// Starts it with an empty table of this name.
    pub async fn start(table: &str) -> Self {
        Self::serve(table, Properties::of_a_table(table)).await
    }

    /// Starts it without a table; one of this name can be made.
    pub async fn bare(table: &str) -> Self {
        Self::serve(table, Properties::of_no_table(table)).await
    }

    async fn serve(table: &str, properties: Properties) -> Self {
        let shared = Arc::new(Mutex::new(Shared {
            table: Table::named(table),
            properties,
            transactions: HashMap::new(),
            odd: Vec::new(),
            throttled: None,
        }));
        let router = Router::new()
            .route("/", post(serve))
            .with_state(Arc::clone(&shared));
        let address = super::serve(router).await;
        Self { address, shared }
    }

    /// For `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked for when the table was made.
    pub fn made_of(&self) -> Option<Value> {
        self.shared.lock().expect("lock").properties.request()
    }

    /// The operations that changed the table itself, in order.
    pub fn changes(&self) -> Vec<String> {
        self.shared.lock().expect("lock").properties.changes()
    }

    /// From now on queries of this partition are throttled; of none.
    pub fn throttle(&self, partition: Option<&str>) {
        self.shared.lock().expect("lock").throttled = partition.map(str::to_owned);
    }

    /// Requests that were wrong; a test that ends well has none.
    pub fn odd_requests(&self) -> Vec<String> {
        self.shared.lock().expect("lock").odd.clone()
    }
}

async fn serve(
    State(shared): State<Arc<Mutex<Shared>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut shared = shared.lock().expect("lock");
    match operate(&mut shared, target, &body) {
        Ok(reply) => respond(StatusCode::OK, &reply),
        Err(refusal) => {
            if refusal.code == "ValidationException" || refusal.code == "UnknownOperationException"
            {
                shared
                    .odd
                    .push(format!("{target}: {}: {body}", refusal.message));
            }
            let mut reply = refusal.members;
            reply.insert(
                "__type".to_owned(),
                json!(format!("com.amazonaws.dynamodb.v20120810#{}", refusal.code)),
            );
            reply.insert("message".to_owned(), json!(refusal.message));
            respond(StatusCode::BAD_REQUEST, &Value::Object(reply))
        }
    }
}

fn respond(status: StatusCode, body: &Value) -> Response {
    (
        status,
        [("content-type", "application/x-amz-json-1.0")],
        body.to_string(),
    )
        .into_response()
}

fn operate(shared: &mut Shared, target: &str, body: &Value) -> Result<Value, Refusal> {
    match target {
        "DynamoDB_20120810.GetItem" => {
            only(body, &["TableName", "Key", "ConsistentRead"])?;
            strongly(body)?;
            Ok(match shared.table.of(body)?.get(&member(body, "Key")?)? {
                Some(item) => json!({ "Item": item }),
                None => json!({}),
            })
        }
        "DynamoDB_20120810.PutItem" => one(shared, "Put", body),
        "DynamoDB_20120810.DeleteItem" => one(shared, "Delete", body),
        "DynamoDB_20120810.TransactWriteItems" => transact(shared, body),
        "DynamoDB_20120810.Query" => {
            only(
                body,
                &[
                    "TableName",
                    "ConsistentRead",
                    "KeyConditionExpression",
                    "ExpressionAttributeNames",
                    "ExpressionAttributeValues",
                    "ScanIndexForward",
                    "Limit",
                    "ExclusiveStartKey",
                ],
            )?;
            strongly(body)?;
            if let Some(throttled) = &shared.throttled
                && body["ExpressionAttributeValues"]
                    .as_object()
                    .is_some_and(|values| values.values().any(|value| value["S"] == **throttled))
            {
                return refuse(
                    "ProvisionedThroughputExceededException",
                    "too many requests",
                );
            }
            shared.table.of(body)?.query(body)
        }
        other => {
            let operation = other.trim_start_matches("DynamoDB_20120810.");
            let served = shared.properties.operate(operation, body);
            served.unwrap_or_else(|| {
                refuse(
                    "UnknownOperationException",
                    format!("{other} is not served here"),
                )
            })
        }
    }
}

fn one(shared: &mut Shared, kind: &str, body: &Value) -> Result<Value, Refusal> {
    let write = table::Write::read(kind, body)?;
    let table = shared.table.of(body)?;
    if !table.allows(&write)? {
        return refuse(
            "ConditionalCheckFailedException",
            "The conditional request failed",
        );
    }
    table.apply(write);
    Ok(json!({}))
}

fn transact(shared: &mut Shared, body: &Value) -> Result<Value, Refusal> {
    only(body, &["TransactItems", "ClientRequestToken"])?;
    let Some(items) = body["TransactItems"]
        .as_array()
        .filter(|items| (1..=100).contains(&items.len()))
    else {
        return invalid("a transaction has 1 to 100 items");
    };
    if let Some(token) = body["ClientRequestToken"].as_str() {
        match shared.transactions.get(token) {
            Some(known) if known == body => return Ok(json!({})),
            Some(_) => {
                return refuse(
                    "IdempotentParameterMismatchException",
                    "the token was used for something else",
                );
            }
            None => {}
        }
    }
    let mut writes = Vec::new();
    for item in items {
        let Some((kind, write)) = item
            .as_object()
            .filter(|item| item.len() == 1)
            .and_then(|item| item.iter().next())
        else {
            return invalid("each item of a transaction is one write");
        };
        shared.table.of(write)?;
        writes.push(table::Write::read(kind, write)?);
    }
    for (n, write) in writes.iter().enumerate() {
        if writes
            .iter()
            .skip(n + 1)
            .any(|other| other.key() == write.key())
        {
            return invalid("Transaction request cannot include multiple operations on one item");
        }
    }
    let allowed = writes
        .iter()
        .map(|write| shared.table.allows(write))
        .collect::<Result<Vec<_>, _>>()?;
    if allowed.contains(&false) {
        let reasons: Vec<Value> = allowed
            .iter()
            .map(|allowed| json!({ "Code": if *allowed { "None" } else { "ConditionalCheckFailed" } }))
            .collect();
        return Err(Refusal {
            code: "TransactionCanceledException",
            message:
                "Transaction cancelled, please refer cancellation reasons for specific reasons"
                    .to_owned(),
            members: Map::from_iter([("CancellationReasons".to_owned(), Value::Array(reasons))]),
        });
    }
    writes
        .into_iter()
        .for_each(|write| shared.table.apply(write));
    if let Some(token) = body["ClientRequestToken"].as_str() {
        shared.transactions.insert(token.to_owned(), body.clone());
    }
    Ok(json!({}))
}

/// Refuses members that are not known here: what is not looked at must not be asked for.
fn only(body: &Value, known: &[&str]) -> Result<(), Refusal> {
    let Some(members) = body.as_object() else {
        return invalid("the request is no object");
    };
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => invalid(format!("`{name}` is not known here")),
        None => Ok(()),
    }
}

fn strongly(body: &Value) -> Result<(), Refusal> {
    if body["ConsistentRead"] == true {
        Ok(())
    } else {
        invalid("the ledger reads consistently")
    }
}

fn member(body: &Value, name: &str) -> Result<Attributes, Refusal> {
    match body.get(name) {
        Some(Value::Object(members)) => Ok(members.clone()),
        _ => invalid(format!("`{name}` is missing")),
    }
}
