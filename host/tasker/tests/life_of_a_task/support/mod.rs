//! The world of a task, played: services that remember what was asked of them and fail on request.

mod alarms;
mod callbacks;
mod custom_resources;
mod ledger;
pub mod many;
pub mod metered;
mod policy;
mod warehouse;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

pub use alarms::Alarms;
pub use callbacks::{FakeCallbacks, Told};
pub use custom_resources::FakeCustomResources;
pub use ledger::MemoryLedger;
pub use policy::{Script, ScriptedPolicy, policies, standard};
use serde_json::{Value, json};
use signalbox_policy::contract::{Source, StatementStatus};
use signalbox_tasker::{
    Call, Options, PolicySet, Ports, Settling, Tasker,
    ids::{IdSource, RecordId, statement_name},
    ports::Clock,
    record::{Record, Store},
};
use tokio::time::Instant;
pub use warehouse::{FakeWarehouse, Running, StartFault};

pub const ARN: &str = "arn:aws:states:eu-west-1:111122223333:execution:etl:one";
pub const DEPLOYMENT: &str = "test";

/// A clock that stands until it is pushed.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn push(&self, by: Duration) {
        self.0
            .fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

impl ManualClock {
    /// Time passes, and the clock is set by so many seconds.
    pub fn jump(&self, passes: Duration, by_seconds: i64) {
        self.push(passes);
        self.0.fetch_add(by_seconds * 1_000, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

pub struct World {
    pub tasker: Tasker,
    pub ledger: Arc<MemoryLedger>,
    pub warehouse: Arc<FakeWarehouse>,
    pub callbacks: Arc<FakeCallbacks>,
    pub custom_resources: Arc<FakeCustomResources>,
    pub clock: Arc<ManualClock>,
    pub store: Store,
    requests: AtomicU32,
}

impl World {
    pub fn new(policy: ScriptedPolicy) -> Self {
        Self::with(policy, Options::default())
    }

    pub fn with(policy: ScriptedPolicy, options: Options) -> Self {
        let ledger = Arc::new(MemoryLedger::default());
        let warehouse = Arc::new(FakeWarehouse::default());
        let callbacks = Arc::new(FakeCallbacks::default());
        let custom_resources = Arc::new(FakeCustomResources::default());
        let clock = Arc::new(ManualClock(AtomicI64::new(1_800_000_000_000)));
        let options = Options {
            deployment: DEPLOYMENT.to_owned(),
            targets: vec!["default".to_owned(), "other".to_owned()],
            ..options
        };
        let ports = Ports {
            warehouse: warehouse.clone(),
            callbacks: callbacks.clone(),
            custom_resources: custom_resources.clone(),
            ledger: ledger.clone(),
            clock: clock.clone(),
        };
        let store = Store::new(ledger.clone(), clock.clone(), Arc::new(options.clone()));
        let tasker = Tasker::new(ports, options, PolicySet::single(Arc::new(policy)));
        Self {
            tasker,
            ledger,
            warehouse,
            callbacks,
            custom_resources,
            clock,
            store,
            requests: AtomicU32::new(1),
        }
    }

    pub fn call(&self) -> Call {
        Call {
            request_id: "request-1".to_owned(),
            function_arn: None,
            source: Source::Invocation,
            deadline: Instant::now() + Duration::from_secs(29),
            answer_by: Instant::now() + Duration::from_millis(30_100),
        }
    }

    /// A call with a request id of its own, as every invocation of a state has. The same id comes again where Lambda
    /// repeats an invocation.
    pub fn another_call(&self) -> Call {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        Call {
            request_id: format!("request-{number}"),
            ..self.call()
        }
    }

    /// A call of a function with this time-out, by the reserve that the host keeps of it.
    pub fn call_within(&self, time: Duration) -> Call {
        let reserve = (time / 4).min(Duration::from_millis(1_500));
        let reply = (reserve / 3).min(Duration::from_millis(400));
        Call {
            deadline: Instant::now() + time - reserve,
            answer_by: Instant::now() + time - reply,
            ..self.call()
        }
    }

    /// Invokes with a waiting task.
    pub async fn invoke_waiting(
        &self,
        token: &str,
        sql: &str,
    ) -> Result<Value, signalbox_tasker::Raised> {
        self.callbacks.open(token);
        let call = self.another_call();
        self.tasker.invoke(&call, waiting(token, sql)).await
    }

    pub async fn record(&self, token: &str) -> Option<Record> {
        self.store
            .find(&id(token))
            .await
            .unwrap()
            .map(|stored| stored.record)
    }

    /// The completion event of a task's statement.
    pub async fn event(&self, token: &str, state: &str) -> Value {
        let statement = self
            .warehouse
            .id_of(&statement_name(DEPLOYMENT, &id(token)));
        event(
            &statement_name(DEPLOYMENT, &id(token)),
            &statement.unwrap_or_default(),
            state,
        )
    }

    /// Ends a task's statement and delivers its event.
    pub async fn finish(&self, token: &str, status: StatementStatus) -> Settling {
        self.warehouse
            .end(&statement_name(DEPLOYMENT, &id(token)), status);
        let event = self.event(token, "FINISHED").await;
        self.tasker.settle(&self.call(), event).await
    }

    /// Ends a task's statement well and delivers its event: the task is told, once, that it succeeded.
    pub async fn succeed(&self, token: &str) {
        let settling = self.finish(token, StatementStatus::Finished).await;
        assert_eq!(settling, Settling::Done);
        let told = self.callbacks.told(token);
        assert!(matches!(&told[..], [Told::Succeeded(_)]), "{told:?}");
    }

    /// Ends a task's statement without an event.
    pub fn end(&self, token: &str, status: StatementStatus) {
        self.warehouse
            .end(&statement_name(DEPLOYMENT, &id(token)), status);
    }

    pub fn push(&self, seconds: u64) {
        self.clock.push(Duration::from_secs(seconds));
    }

    pub async fn sweep(&self) -> signalbox_tasker::SweepSummary {
        self.tasker.sweep(&self.call()).await.unwrap()
    }
}

pub fn id(token: &str) -> RecordId {
    RecordId::new(DEPLOYMENT, IdSource::Token(token))
}

pub fn waiting(token: &str, sql: &str) -> Value {
    json!({"taskToken": token, "executionArn": ARN, "sqlStatement": sql})
}

pub fn event(name: &str, statement_id: &str, state: &str) -> Value {
    json!({
        "version": "0", "id": "e", "detail-type": "Redshift Data Statement Status Change", "source": "aws.redshift-data",
        "detail": {"statementName": name, "statementId": statement_id, "state": state, "rows": 1}
    })
}
