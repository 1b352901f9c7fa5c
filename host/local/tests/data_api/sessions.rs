//! Sessions.

use serde_json::{Value, json};

use super::{call, described, request, run, server, with};

#[tokio::test]
async fn a_session_keeps_its_tables_and_runs_one_statement() {
    let Some(server) = server().await else {
        return;
    };
    let open = with(
        request("create temp table mine as select 7 as a"),
        "SessionKeepAliveSeconds",
        86_400,
    );
    let opened = run(&server, open).await;
    let session = opened["SessionId"].as_str().expect("SessionId").to_owned();
    let within = |sql: &str| json!({"Sql": sql, "SessionId": session});
    let read = run(&server, within("select a from mine")).await;
    assert_eq!(read["Status"], "FINISHED", "{read}");
    let outside = run(&server, request("select a from mine")).await;
    assert_eq!(outside["Status"], "FAILED");

    let slow = within("select f_slow('x', 86000)");
    let slow = call(&server, "ExecuteStatement", slow).await.ok();
    let reply = call(&server, "ExecuteStatement", within("select 1")).await;
    assert_eq!(reply.error(), "ValidationException");
    call(&server, "CancelStatement", json!({"Id": slow["Id"]}))
        .await
        .ok();
    described(&server, slow["Id"].as_str().expect("Id")).await;
    let again = run(&server, within("select a from mine")).await;
    assert_eq!(again["Status"], "FINISHED", "{again}");
    // Two seconds of the story: two milliseconds.
    run(
        &server,
        with(within("select 1"), "SessionKeepAliveSeconds", 2),
    )
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    let late = call(&server, "ExecuteStatement", within("select 1")).await;
    assert_eq!(late.error(), "ResourceNotFoundException");
    assert_eq!(late.body["ResourceId"], session);
    server.shutdown().await;
}

#[tokio::test]
async fn sessions_are_listed() {
    let Some(server) = server().await else {
        return;
    };
    let open = with(
        request("create temp table t (a int)"),
        "SessionKeepAliveSeconds",
        3600,
    );
    let first = run(&server, open.clone()).await;
    let second = call(
        &server,
        "ExecuteStatement",
        with(
            with(open, "Database", "other"),
            "Sql",
            "select f_slow('x', 100000)",
        ),
    )
    .await
    .ok();
    let list = async |input: Value| call(&server, "ListSessions", input).await;
    let all = list(json!({})).await.ok();
    let sessions = all["Sessions"].as_array().expect("a list");
    let ids: Vec<_> = sessions
        .iter()
        .map(|session| &session["SessionId"])
        .collect();
    assert_eq!(ids, [&second["SessionId"], &first["SessionId"]]);
    assert_eq!(sessions[0]["Status"], "BUSY");
    assert_eq!(sessions[0]["CurrentStatementId"], second["Id"]);
    assert_eq!(sessions[0].get("SessionTtl"), None);
    assert_eq!(sessions[1]["Status"], "AVAILABLE");
    assert_eq!(sessions[1]["SessionAliveSeconds"], 3600);
    assert!(sessions[1]["SessionTtl"].is_f64());

    let page = list(json!({ "MaxResults": 1 })).await.ok();
    let next = json!({ "MaxResults": 1, "NextToken": page["NextToken"] });
    let next = list(next).await.ok();
    assert_eq!(next["Sessions"][0]["SessionId"], first["SessionId"]);
    assert_eq!(next.get("NextToken"), None);
    let other = list(json!({ "Database": "other" })).await.ok();
    assert_eq!(other["Sessions"].as_array().expect("a list").len(), 1);

    // One that is told to end at once is closed, and shown when it is asked for.
    let last =
        json!({ "SessionId": first["SessionId"], "SessionKeepAliveSeconds": 0, "Sql": "select 1" });
    run(&server, last).await;
    let open = list(json!({})).await.ok();
    assert_eq!(open["Sessions"].as_array().expect("a list").len(), 1);
    let closed = list(json!({ "Status": "CLOSED" })).await.ok();
    assert_eq!(closed["Sessions"][0]["SessionId"], first["SessionId"]);
    let named = list(json!({ "SessionId": first["SessionId"] })).await.ok();
    assert_eq!(named["Sessions"][0]["Status"], "CLOSED");
    let unknown = json!({ "SessionId": "00000000-0000-4000-8000-000000000000" });
    let unknown_reply = list(unknown.clone()).await;
    assert_eq!(unknown_reply.error(), "ResourceNotFoundException");
    assert_eq!(unknown_reply.body["ResourceId"], unknown["SessionId"]);
    let nonsense = list(json!({ "Status": "OPEN" })).await;
    assert_eq!(nonsense.error(), "ValidationException");
    server.shutdown().await;
}
