//! The Redshift Data API over TCP, as a client sees it. `data_api_on_postgres.rs` runs all of it again.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

#[path = "../support/mod.rs"]
mod support;

mod lists;
mod requests;
mod sessions;
mod statements;

use serde_json::{Value, json};
use signalbox_local::TimeScale;
use signalbox_local::data_api::{DataApi, DataApiOptions, DataApiServer};
use support::Reply;

/// A server on which a minute takes 60 milliseconds. None: its engine is not installed, which the test says.
async fn server() -> Option<DataApiServer> {
    start(DataApiOptions::default()).await
}

async fn start(options: DataApiOptions) -> Option<DataApiServer> {
    let options = DataApiOptions {
        engine: support::engine()?,
        time_scale: TimeScale::new(1000.0),
        ..options
    };
    Some(DataApi::start(options).await.expect("server"))
}

/// What the engine says of a function that does not exist.
fn no_function(server: &DataApiServer, name: &str) -> String {
    match server.engine() {
        "SQLite" => format!("ERROR: no such function: {name}"),
        _ => format!(
            "ERROR: function {name}() does not exist\n  Hint: No function matches the given name and argument \
             types. You might need to add explicit type casts."
        ),
    }
}

async fn call(server: &DataApiServer, operation: &str, body: Value) -> Reply {
    support::call(server.address(), &format!("RedshiftData.{operation}"), body).await
}

fn request(sql: &str) -> Value {
    json!({ "ClusterIdentifier": "demo", "Database": "dev", "DbUser": "admin", "Sql": sql })
}

fn with(mut value: Value, name: &str, member: impl Into<Value>) -> Value {
    value[name] = member.into();
    value
}

/// Executes SQL and waits for its end.
async fn run(server: &DataApiServer, request: Value) -> Value {
    let operation = if request.get("Sqls").is_some() {
        "BatchExecuteStatement"
    } else {
        "ExecuteStatement"
    };
    let reply = call(server, operation, request).await.ok();
    described(server, reply["Id"].as_str().expect("Id")).await
}

/// Describes a statement once it has ended.
async fn described(server: &DataApiServer, id: &str) -> Value {
    let input = json!({ "Id": id, "WaitTimeSeconds": 30 });
    call(server, "DescribeStatement", input).await.ok()
}

async fn records(server: &DataApiServer, id: &str) -> Value {
    let reply = call(server, "GetStatementResult", json!({ "Id": id })).await;
    reply.ok()["Records"].clone()
}

/// All pages of a list.
async fn listed(
    server: &DataApiServer,
    operation: &str,
    mut input: Value,
    member: &str,
) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let page = call(server, operation, input.clone()).await.ok();
        all.extend(page[member].as_array().expect("a list").iter().cloned());
        match page.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => return all,
        }
    }
}
