//! The Redshift Data API over TCP, as a client sees it. `data_api_on_postgres.rs` runs all of it again.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod support;

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

#[tokio::test]
async fn sql_is_executed() {
    let Some(server) = server().await else {
        return;
    };
    let sql =
        "create table public.colours (id int, name varchar(20), price decimal(8,2), dark boolean)";
    let made = run(&server, request(sql)).await;
    assert_eq!(made["Status"], "FINISHED", "{made}");
    assert_eq!(made["HasResultSet"], false);
    let filled = run(
        &server,
        request("insert into colours values (1, 'red', 2.5, true), (2, null, 3, false)"),
    )
    .await;
    assert_eq!(filled["ResultRows"], 2, "{filled}");

    let read = run(&server, request("select * from public.colours order by id")).await;
    assert_eq!(read["ResultRows"], 2);
    assert_eq!(read["HasResultSet"], true);
    assert_eq!(
        read["QueryString"],
        "select * from public.colours order by id"
    );
    assert!(read["CreatedAt"].is_f64() && read["UpdatedAt"].is_f64());
    assert!(read["Duration"].is_i64() && read["RedshiftPid"].is_i64());
    let id = read["Id"].as_str().expect("Id");
    let result = call(&server, "GetStatementResult", json!({ "Id": id }))
        .await
        .ok();
    assert_eq!(
        result["Records"],
        json!([
            [{"longValue": 1}, {"stringValue": "red"}, {"stringValue": "2.50"}, {"booleanValue": true}],
            [{"longValue": 2}, {"isNull": true}, {"stringValue": "3.00"}, {"booleanValue": false}],
        ])
    );
    assert_eq!(result["TotalNumRows"], 2);
    assert_eq!(result["ColumnMetadata"][2]["typeName"], "numeric");
    assert_eq!(result["ColumnMetadata"][2]["precision"], 8);
    assert_eq!(result["ColumnMetadata"][2]["scale"], 2);
    assert_eq!(result["ColumnMetadata"][1]["name"], "name");
    assert_eq!(result.get("NextToken"), None);
    server.shutdown().await;
}

#[tokio::test]
async fn failures_are_told_in_the_engines_words() {
    let Some(server) = server().await else {
        return;
    };
    let failed = run(&server, request("select get_date()")).await;
    assert_eq!(failed["Status"], "FAILED");
    assert_eq!(failed["Error"], no_function(&server, "get_date"));
    assert_eq!(failed["HasResultSet"], false);
    let id = failed["Id"].as_str().expect("Id");
    let reply = call(&server, "GetStatementResult", json!({ "Id": id })).await;
    assert_eq!(reply.error(), "ResourceNotFoundException");
    assert_eq!(reply.body["ResourceId"], id);
    server.shutdown().await;
}

#[tokio::test]
async fn one_statement_is_started_per_client_token() {
    let Some(server) = server().await else {
        return;
    };
    run(&server, request("create table t (a int)")).await;
    let insert = with(
        request("insert into t values (1)"),
        "ClientToken",
        "token-1",
    );
    let first = run(&server, insert.clone()).await;
    let again = run(&server, insert.clone()).await;
    assert_eq!(first["Id"], again["Id"]);
    let count = run(&server, request("select count(*) from t")).await;
    let id = count["Id"].as_str().expect("Id");
    assert_eq!(records(&server, id).await, json!([[{"longValue": 1}]]));
    let other = with(insert, "Sql", "insert into t values (2)");
    let reply = call(&server, "ExecuteStatement", other).await;
    assert_eq!(reply.error(), "ValidationException");
    server.shutdown().await;
}

#[tokio::test]
async fn many_at_once_with_one_token_are_one() {
    let Some(server) = server().await else {
        return;
    };
    let insert = with(request("select f_slow('x', 10)"), "ClientToken", "same");
    let calls = (0..20).map(|_| call(&server, "ExecuteStatement", insert.clone()));
    let mut ids = std::collections::HashSet::new();
    for reply in join_all(calls).await {
        ids.insert(reply.ok()["Id"].as_str().expect("Id").to_owned());
    }
    assert_eq!(ids.len(), 1);
    server.shutdown().await;
}

/// Polls all futures until all are ready.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(|f| (Box::pin(f), None)).collect();
    std::future::poll_fn(|context| {
        let mut is_ready = true;
        for (future, output) in &mut waiting {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => is_ready = false,
                }
            }
        }
        if is_ready {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    waiting
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}

#[tokio::test]
async fn statements_run_side_by_side() {
    let Some(server) = server().await else {
        return;
    };
    let mut ids = Vec::new();
    // Each sleeps until it is cancelled, so all must run at the same time to be seen so.
    for _ in 0..10 {
        let sql = "select f_slow('x', 86000)";
        let reply = call(&server, "ExecuteStatement", request(sql)).await.ok();
        ids.push(reply["Id"].as_str().expect("Id").to_owned());
    }
    for id in &ids {
        until_status(&server, id, "STARTED").await;
    }
    let quick = run(&server, request("select 1")).await;
    assert_eq!(quick["Status"], "FINISHED");
    let started = json!({"Status": "STARTED"});
    let listed = call(&server, "ListStatements", started).await.ok();
    assert_eq!(listed["Statements"].as_array().map(Vec::len), Some(10));
    server.shutdown().await;
}

async fn until_status(server: &DataApiServer, id: &str, status: &str) {
    for _ in 0..3000 {
        let described = call(server, "DescribeStatement", json!({"Id": id}))
            .await
            .ok();
        if described["Status"] == status {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{id} did not become {status}");
}

#[tokio::test]
async fn cancel_interrupts() {
    let Some(server) = server().await else {
        return;
    };
    for sql in [
        "select f_slow('x', 86000)",
        "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n",
    ] {
        let reply = call(&server, "ExecuteStatement", request(sql)).await.ok();
        let id = reply["Id"].as_str().expect("Id").to_owned();
        until_status(&server, &id, "STARTED").await;
        let cancelled = call(&server, "CancelStatement", json!({"Id": id})).await;
        assert_eq!(cancelled.ok(), json!({"Status": true}));
        let described = described(&server, &id).await;
        assert_eq!(described["Status"], "ABORTED", "{described}");
        let reply = call(&server, "CancelStatement", json!({"Id": id})).await;
        assert_eq!(reply.error(), "ValidationException");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_cancelled_before_it_runs_never_runs() {
    let options = DataApiOptions {
        submitted_for: std::time::Duration::from_secs(3600),
        ..DataApiOptions::default()
    };
    let Some(server) = start(options).await else {
        return;
    };
    let reply = call(
        &server,
        "ExecuteStatement",
        request("create table t (a int)"),
    )
    .await;
    let reply = reply.ok();
    assert_eq!(reply["Status"], "SUBMITTED");
    let id = json!({"Id": reply["Id"]});
    call(&server, "CancelStatement", id).await.ok();
    let described = described(&server, reply["Id"].as_str().expect("Id")).await;
    assert_eq!(described["Status"], "ABORTED");
    assert_eq!(described.get("RedshiftPid"), None);
    server.shutdown().await;
}

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

#[tokio::test]
async fn results_come_in_pages() {
    let options = DataApiOptions {
        page_rows: 4,
        ..DataApiOptions::default()
    };
    let Some(server) = start(options).await else {
        return;
    };
    let sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10) \
               select i, 'a,\"b' as t, null as z from n";
    let json = run(&server, request(sql)).await;
    let mut input = json!({"Id": json["Id"]});
    let mut rows = Vec::new();
    loop {
        let page = call(&server, "GetStatementResult", input.clone())
            .await
            .ok();
        assert_eq!(page["TotalNumRows"], 10);
        for record in page["Records"].as_array().expect("records") {
            rows.push(record[0]["longValue"].as_i64().expect("a number"));
        }
        match page.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(rows, (1..=10).collect::<Vec<i64>>());
    let odd = with(input, "NextToken", "0000000000000004aaaaaaaaaaaaaaaa");
    let reply = call(&server, "GetStatementResult", odd).await;
    assert_eq!(reply.error(), "ValidationException");

    let csv = run(&server, with(request(sql), "ResultFormat", "CSV")).await;
    let id = json!({"Id": csv["Id"]});
    let page = call(&server, "GetStatementResultV2", id.clone()).await.ok();
    assert_eq!(
        page["Records"],
        json!([{"CSVRecords": "1,\"a,\"\"b\",\r\n2,\"a,\"\"b\",\r\n3,\"a,\"\"b\",\r\n4,\"a,\"\"b\",\r\n"}])
    );
    assert!(page["NextToken"].is_string());
    let wrong = call(&server, "GetStatementResult", id).await;
    assert_eq!(wrong.error(), "ValidationException");
    server.shutdown().await;
}

#[tokio::test]
async fn lists_go_by_prefix_and_status() {
    let Some(server) = server().await else {
        return;
    };
    for (name, sql) in [
        ("sbx-a:1", "select 1"),
        ("sbx-a:2", "select oops()"),
        ("sbx-a:10", "select 2"),
        ("other", "select 3"),
    ] {
        run(&server, with(request(sql), "StatementName", name)).await;
    }
    let names = async |input: Value| -> Vec<String> {
        let listed = call(&server, "ListStatements", input).await.ok();
        let statements = listed["Statements"].as_array().expect("statements").clone();
        let name = |s: &Value| s["StatementName"].as_str().expect("name").to_owned();
        statements.iter().map(name).collect()
    };
    assert_eq!(names(json!({})).await, ["other", "sbx-a:10", "sbx-a:1"]);
    let all = json!({"Status": "ALL", "StatementName": "sbx-a:1", "RoleLevel": true});
    assert_eq!(names(all).await, ["sbx-a:10", "sbx-a:1"]);
    assert_eq!(names(json!({"Database": "elsewhere"})).await, [""; 0]);
    let input = json!({"Status": "ALL", "MaxResults": 3});
    let page = call(&server, "ListStatements", input.clone()).await.ok();
    let rest = with(input, "NextToken", page["NextToken"].clone());
    assert_eq!(names(rest).await, ["sbx-a:1"]);
    server.shutdown().await;
}

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
async fn waiting_returns_at_the_end() {
    let Some(server) = server().await else {
        return;
    };
    let asked = with(request("select f_slow('x', 60)"), "WaitTimeSeconds", 30);
    let reply = call(&server, "ExecuteStatement", asked).await.ok();
    assert_eq!(reply["Status"], "FINISHED");
    assert_eq!(reply["HasResultSet"], true);
    server.shutdown().await;
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

#[tokio::test]
async fn metadata_is_listed_by_page_and_pattern() {
    let Some(server) = server().await else {
        return;
    };
    for sql in [
        "create table sales (id int not null, name varchar(20) default 'none', price decimal(8,2))",
        "create table sales_old (id int)",
        "create view salesview as select id from sales",
    ] {
        let made = run(&server, request(sql)).await;
        assert_eq!(made["Status"], "FINISHED", "{made}");
    }
    let target = json!({ "WorkgroupName": "wg1", "Database": "dev" });
    let databases = listed(&server, "ListDatabases", target.clone(), "Databases").await;
    assert!(databases.contains(&json!("dev")), "{databases:?}");
    let schemas = with(target.clone(), "SchemaPattern", "pub%");
    assert_eq!(
        listed(&server, "ListSchemas", schemas, "Schemas").await,
        [json!("public")]
    );

    let tables = with(
        with(target.clone(), "SchemaPattern", "public"),
        "TablePattern",
        "sales%",
    );
    let all = json!([
        {"name": "sales", "schema": "public", "type": "TABLE"},
        {"name": "sales_old", "schema": "public", "type": "TABLE"},
        {"name": "salesview", "schema": "public", "type": "VIEW"},
    ]);
    assert_eq!(
        json!(listed(&server, "ListTables", tables.clone(), "Tables").await),
        all
    );
    // Page by page it is the same, and a token is for its own request.
    let paged = with(tables.clone(), "MaxResults", 1);
    assert_eq!(
        json!(listed(&server, "ListTables", paged.clone(), "Tables").await),
        all
    );
    let first = call(&server, "ListTables", paged.clone()).await.ok();
    let other = with(
        with(paged, "TablePattern", "other%"),
        "NextToken",
        first["NextToken"].clone(),
    );
    assert_eq!(
        call(&server, "ListTables", other).await.error(),
        "ValidationException"
    );
    let escaped = with(tables.clone(), "TablePattern", "sales\\_%");
    assert_eq!(
        listed(&server, "ListTables", escaped, "Tables").await.len(),
        1
    );
    // What it connects to is not what it lists.
    let elsewhere = with(tables, "ConnectedDatabase", "dev");
    assert_eq!(
        listed(&server, "ListTables", elsewhere, "Tables")
            .await
            .len(),
        3
    );

    let table = with(with(target.clone(), "Schema", "public"), "Table", "sales");
    let columns = listed(
        &server,
        "DescribeTable",
        with(table.clone(), "MaxResults", 2),
        "ColumnList",
    )
    .await;
    let told = |at: usize, name: &str| columns[at][name].clone();
    assert_eq!(columns.len(), 3);
    assert_eq!(
        [told(0, "name"), told(0, "typeName"), told(0, "nullable")],
        [json!("id"), json!("int4"), json!(0)]
    );
    assert_eq!(
        [told(1, "typeName"), told(1, "length"), told(1, "nullable")],
        [json!("varchar"), json!(20), json!(1)]
    );
    assert!(
        told(1, "columnDefault")
            .as_str()
            .expect("a default")
            .contains("'none'")
    );
    assert_eq!(
        [told(2, "precision"), told(2, "scale")],
        [json!(8), json!(2)]
    );
    assert_eq!(
        [told(2, "schemaName"), told(2, "tableName")],
        [json!("public"), json!("sales")]
    );
    assert_eq!(
        call(&server, "DescribeTable", table).await.ok()["TableName"],
        "sales"
    );
    let none = with(target.clone(), "Table", "nothing");
    assert_eq!(
        listed(&server, "DescribeTable", none, "ColumnList").await,
        [Value::Null; 0]
    );

    for (operation, odd) in [
        ("ListDatabases", json!({ "Database": "dev" })),
        ("ListSchemas", json!({ "WorkgroupName": "wg1" })),
        ("ListTables", with(target.clone(), "MaxResults", 1001)),
        (
            "ListTables",
            with(target.clone(), "ClusterIdentifier", "demo"),
        ),
        ("DescribeTable", with(target, "NextToken", "odd")),
    ] {
        let reply = call(&server, operation, odd.clone()).await;
        assert_eq!(reply.error(), "ValidationException", "{operation} {odd}");
    }
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
