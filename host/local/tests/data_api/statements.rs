//! What runs, side by side or once, and what is cancelled.

use serde_json::json;
use signalbox_local::data_api::{DataApiOptions, DataApiServer};

use super::{call, described, no_function, records, request, run, server, start, with};

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
