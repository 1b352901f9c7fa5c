//! What a task costs in the ledger, in units of DynamoDB.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use serde_json::{Value, json};
use signalbox_policy::{
    Answer, Identity,
    contract::{Source, StatementStatus},
};
use signalbox_tasker::{
    Call, Options, PolicySet, Ports, Settling, Tasker, ids::statement_name, record::Phase,
};
use tokio::time::Instant;

use crate::support::{
    DEPLOYMENT, Script, ScriptedPolicy, World, event, id,
    metered::{Charge, Metered},
};

const DOCS: &str = include_str!("../../../../docs/ledger.md");
/// The most write units of a plain task.
const UNITS_MAX: usize = 20;
/// The most round trips to the ledger before Redshift is asked.
const TRIPS_MAX: u32 = 2;
const LATENCY: Duration = Duration::from_millis(80);

const ARN: &str = "arn:aws:states:eu-central-1:111122223333:execution:nightly-warehouse-load:7f2b1c1e-4d9a-4c55-9b0e-0d7f6a1b2c3d";
const SQL: &str = "INSERT INTO mart.daily_sales (day, shop, amount, items) SELECT day, shop, sum(amount), count(*) FROM \
    staging.sales AS s JOIN staging.shops AS o ON o.id = s.shop_id WHERE day = '2026-12-01' AND NOT cancelled GROUP BY \
    day, shop ORDER BY day, shop";

/// A task as it comes from Step Functions, on services that reply as those of AWS do.
struct Plain {
    world: World,
    ledger: Arc<Metered>,
    token: String,
}

/// As long as those that Step Functions gives out.
fn token() -> String {
    "AQCkAAAAKgAAAAMAAAAAAAAAAb".repeat(25)
}

fn digest(of: &str) -> String {
    signalbox_tasker::ids::digest(&[of])
}

/// The completion event, as Redshift sends it and as the task is told.
fn completion() -> Value {
    let mut event = event(
        &statement_name(DEPLOYMENT, &id(&token())),
        "00000000-0000-4000-8000-000000000001",
        "FINISHED",
    );
    let detail = json!({
        "principal": "arn:aws:sts::111122223333:assumed-role/redshift-tasks-production-role/redshift-tasks-production",
        "redshiftQueryId": 123_456_789,
        "expireAt": 1_796_486_584,
    });
    let more = json!({
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "account": "111122223333",
        "time": "2026-12-01T02:03:04Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:redshift:eu-central-1:111122223333:cluster:analytics-production"],
    });
    let extend = |into: &mut Value, from: Value| {
        let from = from.as_object().unwrap().clone();
        into.as_object_mut().unwrap().extend(from);
    };
    extend(&mut event["detail"], detail);
    extend(&mut event, more);
    event
}

impl Plain {
    fn new() -> Self {
        let policy = ScriptedPolicy::of(
            Identity {
                name: "standard".to_owned(),
                version: "0.1.0".to_owned(),
                digest: digest("component"),
                settings_digest: digest("settings"),
            },
            Script {
                settle_answer: Some(Answer::Succeed {
                    output: completion().to_string(),
                }),
                ..Script::default()
            },
        );
        let mut world = World::new(crate::support::standard());
        let ledger = Arc::new(Metered::new(Arc::clone(&world.ledger)));
        let ports = Ports {
            ledger: Arc::<Metered>::clone(&ledger),
            ..world.tasker.ports().clone()
        };
        let options = Options::clone(world.tasker.options());
        world.tasker = Tasker::new(ports, options, PolicySet::single(Arc::new(policy)));
        *world.warehouse.reply_fields.lock().unwrap() = json!({
            "ClusterIdentifier": "analytics-production",
            "CreatedAt": 1_796_090_580.123,
            "Database": "warehouse",
            "DbUser": "etl_writer",
        });
        *world.ledger.takes.lock().unwrap() = LATENCY;
        let token = token();
        world.callbacks.open(&token);
        Self {
            world,
            ledger,
            token,
        }
    }

    fn call(&self) -> Call {
        Call {
            request_id: "5f2a9b1e-9d7c-4c38-8d52-1f6f1c0a7d3b".to_owned(),
            function_arn: Some(
                "arn:aws:lambda:eu-central-1:111122223333:function:redshift-tasks".to_owned(),
            ),
            source: Source::Invocation,
            ..self.world.call()
        }
    }

    /// Starts the task, and says how many round trips to the ledger there were before Redshift was asked.
    async fn start(&self) -> u32 {
        let payload = json!({"taskToken": self.token, "executionArn": ARN, "sqlStatement": SQL, "target": "default"});
        let begun = Instant::now();
        let release = self.world.warehouse.stall_next_start();
        let (tasker, call) = (self.world.tasker.clone(), self.call());
        let invocation = tokio::spawn(async move { tasker.invoke(&call, payload).await });
        self.world.warehouse.until_called("start").await;
        let trips = begun.elapsed().as_millis() / LATENCY.as_millis();
        release.notify_one();
        invocation.await.unwrap().unwrap();
        u32::try_from(trips).unwrap()
    }

    async fn is_over(&self) {
        let record = self.world.record(&self.token).await.unwrap();
        assert_eq!(record.phase(), Phase::Closed);
        assert_eq!(self.world.callbacks.told(&self.token).len(), 1);
    }

    fn reads_and_writes(&self) -> (usize, Vec<(String, usize)>) {
        let (mut reads, mut writes) = (0, Vec::new());
        for charge in self.ledger.take() {
            match charge {
                Charge::Read { units } => reads += units,
                Charge::Write { what, units } => writes.push((what, units)),
            }
        }
        (reads, writes)
    }
}

async fn settled_by_its_event() -> (usize, Vec<(String, usize)>, u32) {
    let task = Plain::new();
    let trips = task.start().await;
    task.world.end(&task.token, StatementStatus::Finished);
    let settling = task.world.tasker.settle(&task.call(), completion()).await;
    assert_eq!(settling, Settling::Done);
    task.is_over().await;
    let (reads, writes) = task.reads_and_writes();
    (reads, writes, trips)
}

async fn settled_by_the_sweep() -> (usize, Vec<(String, usize)>) {
    let task = Plain::new();
    task.start().await;
    task.world.end(&task.token, StatementStatus::Finished);
    task.world.push(121);
    task.world.sweep().await;
    task.is_over().await;
    task.reads_and_writes()
}

/// The table of `docs/ledger.md`.
fn table(by_event: &[(String, usize)], by_sweep: &[(String, usize)]) -> String {
    let mut table =
        "| Written | Units, settled by its event | Units, settled by the sweep |\n|---|---|---|\n"
            .to_owned();
    let mut left = by_event.to_vec();
    for (what, units) in by_sweep {
        let same = left.first().filter(|(written, _)| written == what).cloned();
        let by_event = same.map_or("–".to_owned(), |(_, units)| {
            left.remove(0);
            units.to_string()
        });
        writeln!(table, "| {what} | {by_event} | {units} |").unwrap();
    }
    assert!(left.is_empty(), "{left:?}");
    let sum = |writes: &[(String, usize)]| writes.iter().map(|(_, units)| units).sum::<usize>();
    writeln!(table, "| all | {} | {} |", sum(by_event), sum(by_sweep)).unwrap();
    table
}

#[tokio::test(start_paused = true)]
async fn a_plain_task_costs_what_the_documentation_says() {
    let (reads, by_event, trips) = settled_by_its_event().await;
    let (reads_of_sweep, by_sweep) = settled_by_the_sweep().await;
    let table = table(&by_event, &by_sweep);
    for writes in [&by_event, &by_sweep] {
        let units: usize = writes.iter().map(|(_, units)| units).sum();
        assert!(units <= UNITS_MAX, "{units} units:\n{table}");
    }
    assert!(trips <= TRIPS_MAX, "{trips} round trips");
    assert_eq!((reads, reads_of_sweep), (2, 2));
    assert!(
        DOCS.contains(&table),
        "docs/ledger.md does not have:\n{table}"
    );
}
