//! What is told in pages: results, statements, metadata.

use serde_json::{Value, json};
use signalbox_local::data_api::DataApiOptions;

use super::{call, listed, request, run, server, start, with};

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
