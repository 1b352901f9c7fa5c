//! Contracts of the standard policy on the engines of this crate: what is told is what is in the database.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use serde_json::{Value, json};
use signalbox_kit::contract::{
    OutputShape, Settlement, StatementDescription, StatementFacts, StatementStatus, SubStatement,
};
use signalbox_kit::testing::{Call, FakeHost, description, evaluate_on};
use signalbox_kit::{Identity, Policy, handle};
use signalbox_local::TimeScale;
use signalbox_local::data_api::{DataApi, DataApiOptions, DataApiServer};
use signalbox_local::sql::EngineChoice;

struct Standard;

impl Policy for Standard {
    fn identity(&self) -> Identity {
        Identity {
            name: "standard",
            version: "0.0.0",
            summary: "",
        }
    }
}

/// A warehouse with an empty table.
struct Warehouse(DataApiServer);

impl Warehouse {
    async fn start(engine: EngineChoice) -> Self {
        let options = DataApiOptions {
            engine,
            time_scale: TimeScale::new(1000.0),
            ..DataApiOptions::default()
        };
        let warehouse = Self(DataApi::start(options).await.expect("server"));
        warehouse.run("create table loads (id int, load int)").await;
        warehouse
    }

    async fn call(&self, operation: &str, body: Value) -> Value {
        let target = format!("RedshiftData.{operation}");
        support::call(self.0.address(), &target, body).await.ok()
    }

    async fn run(&self, sql: &str) -> Value {
        let request =
            json!({ "WorkgroupName": "wg1", "Database": "dev", "Sql": sql, "WaitTimeSeconds": 30 });
        let started = self.call("ExecuteStatement", request).await;
        let done = self.ended(&started["Id"]).await;
        assert_eq!(done["Status"], "FINISHED", "{sql}: {done}");
        done
    }

    async fn ended(&self, id: &Value) -> Value {
        loop {
            let described = json!({ "Id": id, "WaitTimeSeconds": 30 });
            let done = self.call("DescribeStatement", described).await;
            if ["FINISHED", "FAILED", "ABORTED"]
                .iter()
                .any(|state| done["Status"] == *state)
            {
                return done;
            }
        }
    }

    /// The number that a query gives.
    async fn number(&self, sql: &str) -> i64 {
        let done = self.run(sql).await;
        let result = self
            .call("GetStatementResult", json!({ "Id": done["Id"] }))
            .await;
        result["Records"][0][0]["longValue"]
            .as_i64()
            .expect("a number")
    }

    /// Starts what the policy makes of a payload. The id, and what the policy noted.
    async fn start_payload(&self, payload: &Value) -> (Value, String) {
        let host = FakeHost::with_task();
        let mut payload = payload.clone();
        payload["executionArn"] = json!("arn:aws:states:eu-west-1:1:execution:m:e");
        evaluate_on(&host, &payload.to_string(), "{}").unwrap();
        match host.calls().pop().unwrap() {
            Call::Execute(request) => {
                let body = json!({ "WorkgroupName": "wg1", "Database": "dev", "Sql": request.sql });
                let started = self.call("ExecuteStatement", body).await;
                (started["Id"].clone(), request.options.memo)
            }
            Call::BatchExecute(request) => {
                let mode = format!("{:?}", request.execution_mode);
                let mode = if mode.contains("Auto") {
                    "AUTO_COMMIT"
                } else {
                    "TRANSACTION"
                };
                let body = json!({ "WorkgroupName": "wg1", "Database": "dev", "Sqls": request.sqls, "ExecutionMode": mode });
                let started = self.call("BatchExecuteStatement", body).await;
                (started["Id"].clone(), request.options.memo)
            }
            other => panic!("{other:?}"),
        }
    }

    /// What the task is told: the output, or the error and its cause.
    async fn told(&self, (id, memo): (Value, String)) -> Result<Value, (String, Value)> {
        let done = self.ended(&id).await;
        let settlement = Settlement {
            facts: StatementFacts {
                record_id: "r".into(),
                statement_id: id.as_str().unwrap().into(),
                statement_name: "sbx-x:r".into(),
                target: "default".into(),
                action: "executeStatement".into(),
                output: OutputShape::Event,
                step: None,
                on_stop: None,
                memo,
                execution_arn: None,
                recorded_at: 0,
            },
            statement: described(&done),
            event: None,
        };
        let host = FakeHost::with_task();
        handle::settle(&Standard, "{}", &settlement, &host);
        match host.calls().pop().unwrap() {
            Call::Succeed(output) => Ok(serde_json::from_str(&output).unwrap()),
            Call::Fail(error, cause) => Err((error, serde_json::from_str(&cause).unwrap())),
            other => panic!("{other:?}"),
        }
    }

    async fn settled(&self, payload: &Value) -> Result<Value, (String, Value)> {
        let started = self.start_payload(payload).await;
        self.told(started).await
    }
}

fn status(document: &Value) -> StatementStatus {
    match document["Status"].as_str().unwrap() {
        "FINISHED" => StatementStatus::Finished,
        "FAILED" => StatementStatus::Failed,
        "ABORTED" => StatementStatus::Aborted,
        _ => StatementStatus::Unknown,
    }
}

/// The description as the host hands it to a policy.
fn described(document: &Value) -> StatementDescription {
    let error = |document: &Value| document["Error"].as_str().map(str::to_owned);
    let rows = |document: &Value| document["ResultRows"].as_u64();
    let parts = document["SubStatements"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    StatementDescription {
        error: error(document),
        result_rows: rows(document),
        sub_statements: parts
            .iter()
            .map(|part| SubStatement {
                id: part["Id"].as_str().unwrap().into(),
                status: status(part),
                error: error(part),
                duration_ns: None,
                has_result_set: part["HasResultSet"] == true,
                result_rows: rows(part),
                result_size: None,
            })
            .collect(),
        document: document.to_string(),
        ..description(status(document))
    }
}

const DUPLICATES: &str = "select id from loads group by id having count(*) > 1";

/// Numbers that repeat from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }
}

async fn each_contract(engine: EngineChoice) {
    let warehouse = Warehouse::start(engine).await;
    let load = |expect: Value| json!({ "sqlStatement": "insert into loads select 1, 1 union all select 2, 1", "expect": expect });
    for (name, expect, found) in [
        (
            "true",
            json!({ "name": "c", "isTrue": "select count(*) = 2 from loads" }),
            None,
        ),
        (
            "not true",
            json!({ "name": "c", "isTrue": "select id > 1 from loads" }),
            Some("1 of 2 rows not true"),
        ),
        (
            "null",
            json!({ "name": "c", "isTrue": "select null = 1" }),
            Some("1 of 1 rows not true"),
        ),
        (
            "no row",
            json!({ "name": "c", "isTrue": "select true from loads where id = 3" }),
            Some("no rows"),
        ),
        (
            "none",
            json!({ "name": "c", "noRows": format!("with d as ({DUPLICATES}) select * from d -- all\n;") }),
            None,
        ),
        (
            "some",
            json!({ "name": "c", "noRows": "select id, id from loads order by 1 limit 1" }),
            Some("1 row"),
        ),
        (
            "within",
            json!({ "name": "c", "rows": { "of": "select * from loads", "min": 2, "max": 2 } }),
            None,
        ),
        (
            "few",
            json!({ "name": "c", "rows": { "of": "select * from loads", "min": 3 } }),
            Some("2 rows"),
        ),
        (
            "many",
            json!({ "name": "c", "rows": { "of": "select * from loads", "max": 1 } }),
            Some("2 rows"),
        ),
        (
            "second",
            json!([{ "name": "a", "isTrue": "select true" }, { "name": "c", "noRows": "select 1" }]),
            Some("1 row"),
        ),
    ] {
        warehouse.run("delete from loads").await;
        let told = warehouse.settled(&load(expect)).await;
        let loaded = warehouse.number("select count(*) from loads").await;
        match found {
            None => {
                let event = told.unwrap_or_else(|error| panic!("{name}: {error:?}"));
                assert_eq!(
                    event["detail"]["subStatements"].as_array().unwrap().len(),
                    1,
                    "{name}"
                );
                assert_eq!(loaded, 2, "{name}");
            }
            Some(found) => {
                let (error, cause) = told.expect_err(name);
                assert_eq!(error, "ContractViolated", "{name}: {cause}");
                let contract = &cause["contract"];
                assert_eq!(
                    (&contract["name"], &contract["found"]),
                    (&json!("c"), &json!(found)),
                    "{name}"
                );
                assert_eq!(
                    (&contract["load"], loaded),
                    (&json!("rolledBack"), 0),
                    "{name}"
                );
            }
        }
    }
    // A query that fails.
    warehouse.run("delete from loads").await;
    let (error, cause) = warehouse
        .settled(&load(
            json!({ "name": "c", "noRows": "select a from nowhere" }),
        ))
        .await
        .unwrap_err();
    assert_eq!(error, "ContractNotChecked", "{cause}");
    assert_eq!(warehouse.number("select count(*) from loads").await, 0);
    // Without a transaction the load stands, and so it does where only its rows are counted.
    let commits = json!({
        "sqlStatements": ["insert into loads select 1, 1"], "executionMode": "AUTO_COMMIT",
        "expect": { "name": "c", "noRows": "select 1 from loads" }
    });
    for payload in [
        commits,
        json!({ "sqlStatement": "insert into loads select 1, 1", "expect": { "name": "c", "rows": { "min": 2 } } }),
    ] {
        warehouse.run("delete from loads").await;
        let (error, cause) = warehouse.settled(&payload).await.unwrap_err();
        assert_eq!(
            (error.as_str(), &cause["contract"]["load"]),
            ("ContractViolated", &json!("stands")),
            "{cause}"
        );
        assert!(
            cause["contract"]["message"]
                .as_str()
                .unwrap()
                .ends_with("What the statements did stands.")
        );
        assert_eq!(warehouse.number("select count(*) from loads").await, 1);
    }
    // Statements that fail are told as ever.
    let (error, cause) = warehouse
        .settled(&json!({ "sqlStatement": "insert into nowhere select 1", "expect": { "name": "c", "isTrue": "select true" } }))
        .await
        .unwrap_err();
    assert_eq!((error.as_str(), cause.get("contract")), ("FAILED", None));
    warehouse.0.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_contract_holds_on_sqlite() {
    each_contract(EngineChoice::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_contract_holds_on_postgres() {
    if let Some(engine) = support::postgres() {
        each_contract(engine).await;
    }
}

/// Random loads, of which some are broken, cancelled, or lose their connection at some moment.
///
/// `SIGNALBOX_LOADS` says how many.
#[tokio::test(flavor = "multi_thread")]
async fn no_load_is_committed_broken_or_told_as_a_success_that_it_is_not() {
    let Some(engine) = support::postgres() else {
        return;
    };
    let loads = std::env::var("SIGNALBOX_LOADS").map_or(300, |loads| loads.parse().unwrap());
    let warehouse = Warehouse::start(engine).await;
    let mut random = Random(11);
    let mut count = [0; 4];
    for load in 1..=loads {
        if load % 50 == 0 {
            warehouse.run("delete from loads").await;
        }
        let before = warehouse.number("select count(*) from loads").await;
        let rows: Vec<String> = (0..=random.below(3))
            .map(|_| format!("select {}, {load}", random.below(400)))
            .collect();
        let sleep = format!("select f_slow('x', {})", random.below(20));
        let payload = json!({
            "sqlStatements": [format!("insert into loads {}", rows.join(" union all ")), sleep],
            "expect": [
                { "name": "unique", "noRows": DUPLICATES },
                { "name": "slowly true", "isTrue": format!("select f_slow('x', {}) is not null", random.below(10)) }
            ]
        });
        let started = warehouse.start_payload(&payload).await;
        // With time a thousand times as fast a second of sleep is a millisecond.
        let pause = std::time::Duration::from_millis(random.below(30));
        match random.below(4) {
            0 => {
                tokio::time::sleep(pause).await;
                // It may have ended before.
                let body = json!({ "Id": started.0 });
                let target = "RedshiftData.CancelStatement";
                let _ = support::call(warehouse.0.address(), target, body).await;
            }
            1 => {
                tokio::time::sleep(pause).await;
                warehouse
                    .run("select pg_terminate_backend(pid) from pg_stat_activity where query like '%contract%' and pid <> pg_backend_pid()")
                    .await;
            }
            _ => {}
        }
        let told = warehouse.told(started).await;
        let duplicates = warehouse
            .number(&format!("select count(*) from ({DUPLICATES}) d"))
            .await;
        let now = warehouse.number("select count(*) from loads").await;
        let wrote = i64::try_from(rows.len()).unwrap();
        assert_eq!(duplicates, 0, "a broken load was committed: {told:?}");
        match &told {
            Ok(_) => assert_eq!(
                now,
                before + wrote,
                "told as a success, and it is not there"
            ),
            Err((error, cause)) if error == "ContractViolated" => {
                assert_eq!(
                    (now, &cause["contract"]["name"]),
                    (before, &json!("unique")),
                    "{cause}"
                );
            }
            // Of a connection that was lost nobody knows whether it was committed.
            Err(_) => assert!(now == before || now == before + wrote),
        }
        let kind = match &told {
            Ok(_) => 0,
            Err((error, _)) if error == "ContractViolated" => 1,
            Err((error, _)) if error == "ContractNotChecked" => 2,
            Err(_) => 3,
        };
        count[kind] += 1;
    }
    println!("contracts: {loads} loads: {count:?} kept, broken, not checked, failed");
    assert!(count[0] > 0 && count[1] > 0 && count[3] > 0, "{count:?}");
    warehouse.0.shutdown().await;
}
