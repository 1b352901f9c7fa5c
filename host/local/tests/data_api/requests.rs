//! What a request may say: parameters, limits of its fields, batches.

use serde_json::{Value, json};

use super::{call, described, no_function, records, request, run, server, with};

#[tokio::test]
async fn parameters_are_values() {
    let Some(server) = server().await else {
        return;
    };
    let asked = with(
        request("select :name || '!' as greeting, :count::int + 1 where 'b' <> ':c'"),
        "Parameters",
        json!([{"name": "name", "value": "O'Hara; --"}, {"name": "count", "value": "41"}]),
    );
    let done = run(&server, asked).await;
    assert_eq!(
        done["QueryParameters"][1],
        json!({"name": "count", "value": "41"})
    );
    let id = done["Id"].as_str().expect("Id");
    assert_eq!(
        records(&server, id).await,
        json!([[{"stringValue": "O'Hara; --!"}, {"longValue": 42}]])
    );
    server.shutdown().await;
}

#[tokio::test]
async fn input_is_checked() {
    let Some(server) = server().await else {
        return;
    };
    let valid = || request("select 1");
    let parameters = |list: Value| with(request("select :a"), "Parameters", list);
    let long = format!("select '{}'", "x".repeat(100 * 1024));
    let batch = |sqls: Value| json!({"WorkgroupName": "wg1", "Database": "dev", "Sqls": sqls});
    let statement = "ExecuteStatement";
    for (operation, body) in [
        (statement, request("")),
        (statement, request(" ; -- nothing")),
        (statement, request("select 1; select 2")),
        (statement, request(&long)),
        (statement, json!({"Sql": "select 1", "Database": "dev"})),
        (
            statement,
            json!({"Sql": "select 1", "ClusterIdentifier": "demo"}),
        ),
        (
            statement,
            json!({"ClusterIdentifier": "demo", "Database": "dev"}),
        ),
        (statement, with(valid(), "WorkgroupName", "wg1")),
        (statement, with(valid(), "ClusterIdentifier", "Demo")),
        (statement, with(valid(), "ClusterIdentifier", "a--b")),
        (statement, with(valid(), "ClientToken", "")),
        (statement, with(valid(), "ClientToken", "t".repeat(65))),
        (statement, with(valid(), "StatementName", "n".repeat(2049))),
        (statement, with(valid(), "ResultFormat", "XML")),
        (statement, with(valid(), "WaitTimeSeconds", 31)),
        (statement, with(valid(), "WaitTimeSeconds", 0)),
        (statement, with(valid(), "SessionKeepAliveSeconds", 86_401)),
        (
            statement,
            with(valid(), "SessionId", "11111111-2222-3333-4444-555555555555"),
        ),
        (statement, parameters(json!([]))),
        (statement, parameters(json!([{"name": "a", "value": ""}]))),
        (statement, parameters(json!([{"name": "b", "value": "1"}]))),
        (
            statement,
            parameters(json!([{"name": "a-b", "value": "1"}])),
        ),
        (
            statement,
            parameters(json!([{"name": "a", "value": "1"}, {"name": "a", "value": "2"}])),
        ),
        ("BatchExecuteStatement", batch(json!([]))),
        ("BatchExecuteStatement", batch(json!(vec!["select 1"; 41]))),
        (
            "BatchExecuteStatement",
            batch(json!(["select 1; select 2"])),
        ),
        (
            "BatchExecuteStatement",
            with(batch(json!(["select 1"])), "ExecutionMode", "ODD"),
        ),
        ("DescribeStatement", json!({})),
        ("DescribeStatement", json!({"Id": "not-an-id"})),
        (
            "DescribeStatement",
            json!({"Id": "11111111-2222-3333-4444-555555555555:123"}),
        ),
        ("ListStatements", json!({"MaxResults": 101})),
        ("ListStatements", json!({"Status": "DONE"})),
        ("ListStatements", json!({"NextToken": "odd"})),
    ] {
        let reply = call(&server, operation, body.clone()).await;
        assert_eq!(reply.error(), "ValidationException", "{operation} {body}");
        assert!(!reply.message().is_empty());
    }
    let missing = json!({"Id": "11111111-2222-3333-4444-555555555555"});
    for operation in ["DescribeStatement", "CancelStatement", "GetStatementResult"] {
        let reply = call(&server, operation, missing.clone()).await;
        assert_eq!(reply.error(), "ResourceNotFoundException", "{operation}");
        assert_eq!(reply.body["ResourceId"], missing["Id"], "{operation}");
    }
    let reply = call(&server, "DropEverything", json!({})).await;
    assert_eq!(reply.error(), "UnknownOperationException");
    server.shutdown().await;
}

#[tokio::test]
async fn a_batch_is_all_or_nothing_unless_it_commits_by_itself() {
    let Some(server) = server().await else {
        return;
    };
    run(&server, request("create table t (a int)")).await;
    let batch = |mode: &str| {
        json!({
            "WorkgroupName": "wg1", "Database": "dev", "ExecutionMode": mode,
            "Sqls": ["insert into t values (:v)", "select nothing_here()", "select count(*) from t"],
            "Parameters": [{"name": "v", "value": "1"}]
        })
    };
    let failed = run(&server, batch("TRANSACTION")).await;
    assert_eq!(failed["Status"], "FAILED");
    assert_eq!(failed["Error"], no_function(&server, "nothing_here"));
    assert_eq!(failed["ExecutionMode"], "TRANSACTION");
    let statuses = |batch: &Value| -> Vec<String> {
        let parts = batch["SubStatements"].as_array().expect("parts");
        let status = |part: &Value| part["Status"].as_str().expect("Status").to_owned();
        parts.iter().map(status).collect()
    };
    assert_eq!(statuses(&failed), ["ABORTED", "FAILED", "ABORTED"]);

    let auto = run(&server, batch("AUTO_COMMIT")).await;
    assert_eq!(auto["Status"], "FAILED");
    assert_eq!(statuses(&auto), ["FINISHED", "FAILED", "FINISHED"]);
    let id = auto["Id"].as_str().expect("Id");
    // One row: that of the transaction is gone.
    assert_eq!(
        records(&server, &format!("{id}:3")).await,
        json!([[{"longValue": 1}]])
    );
    let part = described(&server, &format!("{id}:1")).await;
    assert_eq!(part["QueryString"], "insert into t values (:v)");
    assert_eq!(part["ResultRows"], 1);
    let whole = call(&server, "GetStatementResult", json!({"Id": id})).await;
    assert_eq!(whole.error(), "ValidationException");
    for odd in [":0", ":4"] {
        let part = json!({"Id": format!("{id}{odd}")});
        let reply = call(&server, "DescribeStatement", part.clone()).await;
        assert_eq!(reply.error(), "ResourceNotFoundException");
        assert_eq!(reply.body["ResourceId"], part["Id"]);
    }
    let all = call(&server, "ListStatements", json!({"Status": "FAILED"}))
        .await
        .ok();
    assert_eq!(all["Statements"][0]["IsBatchStatement"], true);
    assert_eq!(
        all["Statements"][0]["QueryStrings"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );
    server.shutdown().await;
}
