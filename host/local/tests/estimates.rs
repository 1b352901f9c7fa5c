//! Estimates of the standard policy by the plans of the engines of this crate.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use serde_json::{Value, json};
use signalbox_kit::contract::StatementResult;
use signalbox_kit::testing::{Call, FakeHost, evaluate_on};
use signalbox_local::data_api::{DataApi, DataApiOptions, DataApiServer};
use signalbox_local::sql::EngineChoice;

struct Warehouse(DataApiServer);

impl Warehouse {
    async fn start(engine: EngineChoice) -> Self {
        let options = DataApiOptions {
            engine,
            ..DataApiOptions::default()
        };
        Self(DataApi::start(options).await.expect("server"))
    }

    async fn call(&self, operation: &str, body: Value) -> Value {
        let target = format!("RedshiftData.{operation}");
        support::call(self.0.address(), &target, body).await.ok()
    }

    /// How a statement ended.
    async fn run(&self, sql: &str) -> Value {
        let request = json!({ "WorkgroupName": "wg1", "Database": "dev", "Sql": sql });
        let started = self.call("ExecuteStatement", request).await;
        loop {
            let described = json!({ "Id": started["Id"], "WaitTimeSeconds": 30 });
            let done = self.call("DescribeStatement", described).await;
            if ["FINISHED", "FAILED"]
                .iter()
                .any(|state| done["Status"] == *state)
            {
                return done;
            }
        }
    }

    /// What a rule makes of SQL by the plan that this engine has: the error, if there is one.
    async fn decide(&self, sql: &str, estimate: Value) -> Option<String> {
        let done = self.run(&format!("EXPLAIN {sql}")).await;
        assert_eq!(done["Status"], "FINISHED", "{sql}: {done}");
        let result = self
            .call("GetStatementResult", json!({ "Id": done["Id"] }))
            .await;
        let host = FakeHost {
            pages: vec![StatementResult {
                next_token: None,
                total_rows: 1,
                document: result.to_string(),
            }],
            ..FakeHost::default()
        };
        let settings = json!({ "rules": [{ "name": "dear", "then": { "estimate": estimate } }] });
        let payload = json!({ "sqlStatement": sql });
        let refused = evaluate_on(&host, &payload.to_string(), &settings.to_string()).err();
        assert!(matches!(&host.calls()[0], Call::Explain(..)), "{sql}");
        refused.map(|refused| refused.error)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_tells_costs_and_rows() {
    let Some(engine) = support::postgres() else {
        return;
    };
    let warehouse = Warehouse::start(engine).await;
    warehouse
        .run("create table sales (id int, amount int)")
        .await;
    warehouse
        .run("insert into sales select n, n from generate_series(1, 10000) as g(n)")
        .await;
    warehouse.run("analyze sales").await;
    for sql in [
        "select * from sales",
        "select a.id from sales a join sales b on a.id = b.id order by 1",
        "delete from sales",
        "update sales set amount = 0",
        "insert into sales select * from sales",
        "create table copies as select * from sales",
        "-- all of it\nselect * from sales;",
    ] {
        for (estimate, wanted) in [
            (json!({ "maxCost": 1 }), Some("EstimateExceeded")),
            (json!({ "maxRows": 9000 }), Some("EstimateExceeded")),
            (json!({ "maxCost": 1e9, "maxRows": 1e9 }), None),
        ] {
            let found = warehouse.decide(sql, estimate.clone()).await;
            assert_eq!(found.as_deref(), wanted, "{sql} {estimate}");
        }
    }
    let count = warehouse
        .decide("select count(*) from sales", json!({ "maxRows": 1 }))
        .await;
    assert_eq!(count, None);
    warehouse.0.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_small_engine_has_no_costs_and_says_so() {
    let warehouse = Warehouse::start(EngineChoice::default()).await;
    warehouse
        .run("create table sales (id int, amount int)")
        .await;
    for (unexplained, wanted) in [("deny", Some("EstimateUnavailable")), ("allow", None)] {
        let estimate = json!({ "maxCost": 1, "unexplained": unexplained });
        let found = warehouse.decide("select * from sales", estimate).await;
        assert_eq!(found.as_deref(), wanted);
    }
    warehouse.0.shutdown().await;
}
