//! What PostgreSQL has beyond SQLite, through the Data API.

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
use signalbox_local::sql::EngineChoice;
use std::time::Duration;

async fn server() -> Option<DataApiServer> {
    Some(start(support::postgres()?).await)
}

async fn start(engine: EngineChoice) -> DataApiServer {
    let options = DataApiOptions {
        engine,
        time_scale: TimeScale::new(1000.0),
        ..DataApiOptions::default()
    };
    DataApi::start(options).await.expect("server")
}

async fn call(server: &DataApiServer, operation: &str, body: Value) -> Value {
    let target = format!("RedshiftData.{operation}");
    support::call(server.address(), &target, body).await.ok()
}

async fn run_in(server: &DataApiServer, database: &str, sql: &str) -> Value {
    let request = json!({
        "WorkgroupName": "wg1", "Database": database, "Sql": sql, "WaitTimeSeconds": 30
    });
    let started = call(server, "ExecuteStatement", request).await;
    let described = json!({ "Id": started["Id"], "WaitTimeSeconds": 30 });
    call(server, "DescribeStatement", described).await
}

/// Runs SQL that succeeds.
async fn run(server: &DataApiServer, sql: &str) -> Value {
    let done = run_in(server, "dev", sql).await;
    assert_eq!(done["Status"], "FINISHED", "{sql}: {done}");
    done
}

/// The rows of SQL that succeeds, as the values alone.
async fn rows(server: &DataApiServer, sql: &str) -> Value {
    let done = run(server, sql).await;
    let result = call(server, "GetStatementResult", json!({ "Id": done["Id"] })).await;
    let value = |field: &Value| match field.as_object().expect("a field").iter().next() {
        Some((name, _)) if name == "isNull" => Value::Null,
        Some((_, value)) => value.clone(),
        None => panic!("an empty field"),
    };
    let row = |row: &Value| row.as_array().expect("a row").iter().map(value).collect();
    let rows = result["Records"].as_array().expect("rows").iter();
    Value::Array(rows.map(row).collect())
}

#[tokio::test]
async fn everyday_redshift_runs() {
    let Some(server) = server().await else {
        return;
    };
    run(
        &server,
        "create table sales (id bigint identity(1, 1) distkey, region varchar(max) encode zstd, price decimal(8,2), \
         at datetime default sysdate, more super) diststyle key compound sortkey (at, region)",
    )
    .await;
    run(
        &server,
        "insert into sales (region, price, at) values ('b', 2.5, '2026-01-31'), ('a', 1, '2026-03-01 10:00')",
    )
    .await;
    assert_eq!(
        rows(
            &server,
            "select listagg(region, '+') within group (order by region), nvl(max(price), 0), \
             datediff(month, min(at), max(at)), max(dateadd(day, 1, at)), last_day('2026-02-03'), len('äb') from sales"
        )
        .await,
        json!([["a+b", "2.50", 2, "2026-03-02 10:00:00", "2026-02-28", 2]])
    );
    assert_eq!(
        rows(&server, "select \"table\", tbl_rows from svv_table_info").await,
        json!([["sales", "2"]])
    );
    assert_eq!(
        rows(&server, "select \"column\", type, \"notnull\" from pg_table_def where tablename = 'sales' limit 1").await,
        json!([["id", "bigint", true]])
    );
    // As Redshift reads them: the literal goes on behind the quote.
    assert_eq!(
        rows(&server, r"select 'it\'s -- \\', len('\\')").await,
        json!([[r"it's -- \", 1]])
    );
    run(&server, "vacuum full sales to 99 percent").await;
    run(&server, "alter table sales alter sortkey auto").await;
    run(&server, "set query_group to 'night'").await;
    let copy = run_in(
        &server,
        "dev",
        "copy sales from 's3://b/k' iam_role default",
    )
    .await;
    assert!(
        copy["Error"]
            .as_str()
            .expect("Error")
            .contains("no Amazon S3"),
        "{copy}"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn procedures_are_called() {
    let Some(server) = server().await else {
        return;
    };
    run(&server, "create table log (what varchar(20), at timestamp)").await;
    run(
        &server,
        "create or replace procedure note(what in varchar(20)) nonatomic as $$ begin \
         create temp table parts distkey(p) as select nvl(what, 'none') as p; \
         insert into log select p, getdate() from parts; drop table parts; commit; end $$ language plpgsql",
    )
    .await;
    let called = call(
        &server,
        "ExecuteStatement",
        json!({
            "WorkgroupName": "wg1", "Database": "dev", "Sql": "call note(:what)", "WaitTimeSeconds": 30,
            "Parameters": [{ "name": "what", "value": "it's \\ done" }]
        }),
    )
    .await;
    assert_eq!(called["Status"], "FINISHED", "{called}");
    assert_eq!(
        rows(
            &server,
            "select what, getdate() - at < interval '1 hour' from log"
        )
        .await,
        json!([["it's \\ done", true]])
    );
    server.shutdown().await;
}

#[tokio::test]
async fn results_say_where_they_are_from() {
    let Some(server) = server().await else {
        return;
    };
    run(
        &server,
        "create table t (a int not null, b varchar(7), c numeric(6,3), d varbyte(4), e super, f real, g timestamptz)",
    )
    .await;
    run(&server, "insert into t values (1, 'x', 1.5, '\\\\x00ff', '{\"k\": 1}', 'NaN', '2026-01-02 03:04:05+01')").await;
    let done = run(
        &server,
        "select a, b, c, d, e, f, g, a + 1 as next, null as nothing from t",
    )
    .await;
    let result = call(&server, "GetStatementResult", json!({ "Id": done["Id"] })).await;
    assert_eq!(
        result["Records"],
        json!([[
            {"longValue": 1}, {"stringValue": "x"}, {"stringValue": "1.500"}, {"blobValue": "AP8="},
            {"stringValue": "{\"k\": 1}"}, {"doubleValue": "NaN"}, {"stringValue": "2026-01-02 02:04:05+00"},
            {"longValue": 2}, {"isNull": true}
        ]])
    );
    let columns = result["ColumnMetadata"].as_array().expect("columns");
    let told =
        |name: &str| -> Vec<Value> { columns.iter().map(|column| column[name].clone()).collect() };
    assert_eq!(
        told("typeName"),
        [
            "int4",
            "varchar",
            "numeric",
            "varbyte",
            "super",
            "float4",
            "timestamptz",
            "int4",
            "varchar"
        ]
    );
    assert_eq!(told("nullable"), [0, 1, 1, 1, 1, 1, 1, 1, 1]);
    assert_eq!(told("tableName")[..1], ["t"]);
    assert_eq!(told("schemaName")[..1], ["public"]);
    assert_eq!(told("tableName")[7..], ["", ""]);
    assert_eq!(
        (told("precision")[1].clone(), told("scale")[2].clone()),
        (json!(7), json!(3))
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_cancelled_statement_has_left_the_server() {
    let Some(server) = server().await else {
        return;
    };
    run(&server, "create table t (a int)").await;
    // One that sleeps, and one that waits for a lock which an open transaction of a session holds.
    let session = call(
        &server,
        "ExecuteStatement",
        json!({
            "WorkgroupName": "wg1", "Database": "dev", "Sql": "begin", "SessionKeepAliveSeconds": 86400,
            "WaitTimeSeconds": 30
        }),
    )
    .await;
    let lock = json!({
        "SessionId": session["SessionId"], "Sql": "lock table t", "WaitTimeSeconds": 30
    });
    assert_eq!(
        call(&server, "ExecuteStatement", lock).await["Status"],
        "FINISHED"
    );
    for sql in [
        "select f_slow('to be cancelled', 80000)",
        "select count(*) from t -- to be cancelled",
    ] {
        let request = json!({ "WorkgroupName": "wg1", "Database": "dev", "Sql": sql });
        let started = call(&server, "ExecuteStatement", request).await;
        let active = "select count(*) from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() \
                      and query like '%to be cancelled%'";
        until(&server, active, &json!([[1]])).await;
        call(&server, "CancelStatement", json!({ "Id": started["Id"] })).await;
        let ended = json!({ "Id": started["Id"], "WaitTimeSeconds": 30 });
        assert_eq!(
            call(&server, "DescribeStatement", ended).await["Status"],
            "ABORTED",
            "{sql}"
        );
        assert_eq!(rows(&server, active).await, json!([[0]]));
    }
    // The session goes on.
    let end = json!({ "SessionId": session["SessionId"], "Sql": "commit", "WaitTimeSeconds": 30 });
    assert_eq!(
        call(&server, "ExecuteStatement", end).await["Status"],
        "FINISHED"
    );
    server.shutdown().await;
}

async fn until(server: &DataApiServer, sql: &str, expected: &Value) {
    for _ in 0..1000 {
        if rows(server, sql).await == *expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{sql} did not become {expected}");
}

#[tokio::test]
async fn sql_stays_in_its_server() {
    let Some(server) = server().await else {
        return;
    };
    for sql in [
        "select pg_read_file('/etc/passwd')",
        "create extension dblink",
        "create role more superuser",
        "set role signalbox",
        "grant pg_execute_server_program to awsuser",
        "do $x$ begin execute 'copy (select 1) to program ''true'''; end $x$",
    ] {
        let done = run_in(&server, "dev", sql).await;
        assert_eq!(done["Status"], "FAILED", "{sql}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_large_result_is_refused_and_its_statement_stopped() {
    let Some(engine) = support::postgres() else {
        return;
    };
    let mut options = DataApiOptions {
        engine,
        ..DataApiOptions::default()
    };
    options.limits.result_bytes = 100_000;
    let server = DataApi::start(options).await.expect("server");
    let done = run_in(
        &server,
        "dev",
        "select repeat('x', 1000) from generate_series(1, 100000000)",
    )
    .await;
    assert_eq!(
        done["Error"],
        "ERROR: the result is larger than 100000 bytes"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_server_of_ones_own_is_used_by_its_url() {
    let Some(own) = server().await else {
        return;
    };
    let url = own.engine_url().expect("a URL");
    let server = start(url.parse().expect("an engine")).await;
    let missing = run_in(&server, "nowhere", "select 1").await;
    let error = missing["Error"].as_str().expect("Error");
    assert!(
        error.contains("database \"nowhere\" does not exist"),
        "{error}"
    );
    assert!(error.contains("CREATE DATABASE"), "{error}");
    // A database that has nothing of ours gets the layer.
    run(&own, "create database bare template template0").await;
    let done = run_in(&server, "bare", "select public.f_slow('x', 1), getdate()").await;
    assert_eq!(done["Status"], "FINISHED", "{done}");
    let target = json!({ "WorkgroupName": "wg1", "Database": "bare" });
    let schemas = call(&server, "ListSchemas", target).await;
    assert_eq!(
        schemas["Schemas"],
        json!(["information_schema", "pg_catalog", "public"])
    );
    // Where the user may add nothing, SQL runs all the same.
    assert_eq!(rows(&server, "select 1").await, json!([[1]]));
    server.shutdown().await;
    own.shutdown().await;
    let gone: EngineChoice = url.parse().expect("an engine");
    let error = gone
        .open(
            None,
            signalbox_local::sql::Limits::default(),
            TimeScale::REAL,
        )
        .await
        .expect_err("the server is gone");
    assert!(error.contains("cannot be reached"), "{error}");
}

#[tokio::test]
async fn databases_are_made_when_they_are_used() {
    let Some(server) = server().await else {
        return;
    };
    let name = "Größe \"1\"";
    let (made, read) = tokio::join!(
        run_in(&server, name, "create table t (a int)"),
        run_in(&server, name, "select getdate()"),
    );
    assert_eq!(
        [&made["Status"], &read["Status"]],
        ["FINISHED", "FINISHED"],
        "{made} {read}"
    );
    let input = json!({ "WorkgroupName": "wg1", "Database": "dev" });
    let listed = call(&server, "ListDatabases", input).await;
    assert_eq!(listed["Databases"], json!(["Größe \"1\"", "dev"]));
    server.shutdown().await;
}
