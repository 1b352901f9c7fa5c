//! Completion events, injected faults, and clients that misbehave.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use serde_json::{Value, json};
use signalbox_local::data_api::{DataApi, DataApiOptions, DataApiServer, EventFault, EventFaults};
use signalbox_local::{CallFault, Faults, ServiceFault, TimeScale};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

struct World {
    server: DataApiServer,
    events: mpsc::Receiver<Value>,
    event_faults: EventFaults,
    faults: Faults,
}

async fn world() -> World {
    let (sender, events) = mpsc::channel(100);
    let (faults, event_faults) = (Faults::new(), EventFaults::new());
    let server = DataApi::start(DataApiOptions {
        time_scale: TimeScale::new(1000.0),
        events: Some(Arc::new(sender)),
        faults: faults.clone(),
        event_faults: event_faults.clone(),
        account: "000000000000".to_owned(),
        ..DataApiOptions::default()
    })
    .await
    .expect("server");
    World {
        server,
        events,
        event_faults,
        faults,
    }
}

fn request(sql: &str) -> Value {
    json!({
        "ClusterIdentifier": "demo", "Database": "dev", "Sql": sql,
        "StatementName": "sbx-test:1", "WithEvent": true
    })
}

impl World {
    async fn call(&self, operation: &str, body: Value) -> support::Reply {
        let target = format!("RedshiftData.{operation}");
        support::call(self.server.address(), &target, body).await
    }

    async fn execute(&self, sql: &str) -> String {
        let reply = self.call("ExecuteStatement", request(sql)).await.ok();
        reply["Id"].as_str().expect("Id").to_owned()
    }

    async fn event(&mut self) -> Value {
        tokio::time::timeout(Duration::from_secs(30), self.events.recv())
            .await
            .expect("an event in time")
            .expect("an event")
    }

    /// The ids of the statements whose events came before that of a last statement.
    async fn events_until_last(&mut self) -> Vec<String> {
        self.event_faults.otherwise(EventFault::Deliver);
        let last = self.execute("select 'last'").await;
        let mut seen = Vec::new();
        loop {
            let event = self.event().await;
            let id = event["detail"]["statementId"]
                .as_str()
                .expect("id")
                .to_owned();
            if id == last {
                return seen;
            }
            seen.push(id);
        }
    }
}

#[tokio::test]
async fn an_event_comes_when_the_state_is_final() {
    let mut world = world().await;
    for (sql, state, rows) in [
        ("select 1 union select 2", "FINISHED", 2),
        ("select nothing_here()", "FAILED", -1),
    ] {
        let id = world.execute(sql).await;
        let event = world.event().await;
        assert_eq!(event["version"], "0");
        assert_eq!(
            event["detail-type"],
            "Redshift Data Statement Status Change"
        );
        assert_eq!(event["source"], "aws.redshift-data");
        assert_eq!(event["account"], "000000000000");
        assert_eq!(
            event["resources"],
            json!(["arn:aws:redshift:us-east-1:000000000000:cluster:demo"])
        );
        let detail = &event["detail"];
        assert_eq!(detail["statementId"], id.as_str());
        assert_eq!(detail["statementName"], "sbx-test:1");
        assert_eq!(detail["state"], state);
        assert_eq!(detail["rows"], rows);
        assert!(detail["expireAt"].is_i64() && detail["redshiftQueryId"].is_i64());
        let described = world
            .call("DescribeStatement", json!({"Id": id}))
            .await
            .ok();
        assert_eq!(described["Status"], state);
    }
    world.server.shutdown().await;
}

#[tokio::test]
async fn a_cancelled_statement_has_an_event_too() {
    let mut world = world().await;
    let id = world.execute("select f_slow('x', 86000)").await;
    world.call("CancelStatement", json!({"Id": id})).await.ok();
    let event = world.event().await;
    assert_eq!(event["detail"]["state"], "ABORTED");
    world.server.shutdown().await;
}

#[tokio::test]
async fn no_event_is_sent_unasked() {
    let mut world = world().await;
    let mut silent = request("select 1");
    silent["WithEvent"] = json!(false);
    world.call("ExecuteStatement", silent).await.ok();
    assert!(world.events_until_last().await.is_empty());
    world.server.shutdown().await;
}

#[tokio::test]
async fn events_can_be_lost_doubled_late_and_early() {
    let mut world = world().await;
    world.event_faults.next(EventFault::Drop);
    world.execute("select 1").await;
    world.event_faults.next(EventFault::Twice);
    let twice = world.execute("select 2").await;
    let (first, second) = (world.event().await, world.event().await);
    assert_eq!(first, second);
    assert_eq!(first["detail"]["statementId"], twice.as_str());

    world
        .event_faults
        .next(EventFault::Delay(Duration::from_millis(50)));
    let late = world.execute("select 3").await;
    let event = world.event().await;
    assert_eq!(event["detail"]["statementId"], late.as_str());

    world.event_faults.next(EventFault::Early);
    let early = world.execute("select f_slow('x', 60)").await;
    // It is there although nobody waited after the reply.
    let event = world.events.try_recv().expect("an event before the reply");
    assert_eq!(event["detail"]["statementId"], early.as_str());

    world.event_faults.otherwise(EventFault::Drop);
    world.execute("select 4").await;
    assert!(world.events_until_last().await.is_empty());
    world.server.shutdown().await;
}

#[tokio::test]
async fn calls_can_fail_before_and_after_they_take_effect() {
    let world = world().await;
    let count = async || {
        let listed = world.call("ListStatements", json!({"Status": "ALL"})).await;
        listed.ok()["Statements"].as_array().map_or(0, Vec::len)
    };
    let execute = "ExecuteStatement";
    let target = "RedshiftData.ExecuteStatement";
    let body = request("select 1").to_string();

    let throttled = CallFault::FailBefore(ServiceFault::throttling());
    world.faults.next_call(execute, throttled);
    let reply = world.call(execute, request("select 1")).await;
    assert_eq!(reply.error(), "ThrottlingException");
    assert_eq!(count().await, 0);

    let failed = CallFault::FailAfter(ServiceFault::internal());
    world.faults.next_call(execute, failed);
    let reply = world.call(execute, request("select 1")).await;
    assert_eq!(
        (reply.error(), reply.status),
        ("InternalServerException", 500)
    );
    assert_eq!(count().await, 1);

    world.faults.next_call(execute, CallFault::DisconnectBefore);
    let address = world.server.address();
    assert!(support::call_raw(address, target, &body).await.is_none());
    assert_eq!(count().await, 1);

    world.faults.next_call(execute, CallFault::DisconnectAfter);
    assert!(support::call_raw(address, target, &body).await.is_none());
    assert_eq!(count().await, 2);

    world.faults.next_call(execute, CallFault::HangAfter);
    let hanging = support::call_raw(address, target, &body);
    let in_time = tokio::time::timeout(Duration::from_millis(200), hanging).await;
    assert!(in_time.is_err(), "a reply came");
    assert_eq!(count().await, 3);

    let slow = CallFault::DelayBefore(Duration::from_millis(1));
    world.faults.next_call(execute, slow);
    world.call(execute, request("select 1")).await.ok();
    assert_eq!(count().await, 4);
    world.server.shutdown().await;
}

#[tokio::test]
async fn a_server_survives_what_clients_send() {
    let world = world().await;
    let address = world.server.address();
    let target = "RedshiftData.DescribeStatement";
    for (body, error) in [
        ("{", "SerializationException"),
        ("[1]", "SerializationException"),
        ("{\"Id\": 7}", "SerializationException"),
        ("", "ValidationException"),
    ] {
        let reply = support::call_raw(address, target, body)
            .await
            .expect("a reply");
        assert_eq!(reply.error(), error, "{body}");
        assert!(reply.head.contains("application/x-amz-json-1.1"));
        assert!(reply.head.contains("x-amzn-requestid"));
    }
    for target in [
        "",
        "RedshiftData",
        "DynamoDB_20120810.GetItem",
        "RedshiftData.ünd",
    ] {
        let reply = support::call_raw(address, target, "{}")
            .await
            .expect("a reply");
        assert_eq!(reply.error(), "UnknownOperationException", "{target}");
    }
    let large = format!("{{\"Id\": \"{}\"}}", "x".repeat(9 * 1024 * 1024));
    // The server may hang up before it has read everything.
    if let Some(reply) = support::call_raw(address, target, &large).await {
        assert_eq!(reply.error(), "RequestEntityTooLargeException");
        assert_eq!(reply.status, 413);
    }
    for junk in [
        &b"\x00\xff\xfe junk\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99\r\nConnection: close\r\nX-Amz-Target: RedshiftData.X\r\n\r\n",
    ] {
        // The last one never sends its body: hang up instead of waiting.
        let sent = support::raw(address, junk);
        let _ = tokio::time::timeout(Duration::from_millis(100), sent).await;
    }
    let id = world.execute("select 1").await;
    let input = json!({"Id": id, "WaitTimeSeconds": 30});
    let described = world.call("DescribeStatement", input).await.ok();
    assert_eq!(described["Status"], "FINISHED");
    world.server.shutdown().await;
}

#[tokio::test]
async fn limits_are_named() {
    let server = DataApi::start(DataApiOptions {
        active_statements: 1,
        waiters: 1,
        sessions: 1,
        ..DataApiOptions::default()
    })
    .await
    .expect("server");
    let address = server.address();
    let call = async |operation: &str, body: Value| {
        support::call(address, &format!("RedshiftData.{operation}"), body).await
    };
    let mut session = request("select f_slow('x', 3600)");
    session["SessionKeepAliveSeconds"] = json!(3600);
    let slow = call("ExecuteStatement", session.clone()).await.ok();
    let reply = call("ExecuteStatement", request("select 1")).await;
    assert_eq!(reply.error(), "ActiveStatementsExceededException");
    let wait = json!({"Id": slow["Id"], "WaitTimeSeconds": 30});
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let wait = wait.clone();
        waiting.spawn(async move {
            support::call(address, "RedshiftData.DescribeStatement", wait).await
        });
    }
    // The statement runs on, so only the one that was refused can return.
    let refused = waiting
        .join_next()
        .await
        .expect("two wait")
        .expect("no panic");
    assert_eq!(refused.error(), "ActiveWaitingRequestsExceededException");
    call("CancelStatement", json!({"Id": slow["Id"]}))
        .await
        .ok();
    let waited = waiting
        .join_next()
        .await
        .expect("one waits")
        .expect("no panic");
    assert_eq!(waited.ok()["Status"], "ABORTED");
    let reply = call("ExecuteStatement", session).await;
    assert_eq!(reply.error(), "ActiveSessionsExceededException");
    server.shutdown().await;
}

#[tokio::test]
async fn a_shutdown_leaves_nothing_behind() {
    let world = world().await;
    let address = world.server.address();
    for _ in 0..5 {
        world.execute("select f_slow('x', 86000)").await;
    }
    let id = world.execute("select f_slow('x', 86000)").await;
    let waiting = tokio::spawn(async move {
        let input = json!({"Id": id, "WaitTimeSeconds": 30}).to_string();
        support::call_raw(address, "RedshiftData.DescribeStatement", &input).await
    });
    let shutdown = world.server.shutdown();
    tokio::time::timeout(Duration::from_secs(20), shutdown)
        .await
        .expect("an end in time");
    // Whatever it was told, it was not left waiting.
    let _ = waiting.await.expect("no panic");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
