//! A thousand swaps while invocations are under way: none of them sees half a set.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails loudly"
)]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use signalbox_aws::{CloudFormation, RedshiftData, Session, StepFunctions};
use signalbox_lambda::{
    Config, Host, InvocationContext,
    set::{FetchError, Fetched, Loader, Refresher, Source, Terms, Timing},
    start,
};
use signalbox_local::{
    data_api::{DataApi, DataApiOptions},
    ledger::EmbeddedLedger,
};
use signalbox_policy::{EngineOptions, Metering, PolicyEngine};
use signalbox_tasker::{
    PolicySet, Ports, Tasker,
    ports::{Callbacks, Execution, ExecutionError, SendError, SystemClock, TaskToken},
};
use tokio::time::Instant;

const SWAPS: u64 = 1_000;
/// How many invocations are under way at once.
const LANES: usize = 4;
const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:tasker";

/// A set whose settings send every statement to a target, and whose grants are for that target alone: the settings of
/// one revision with the grants of another refuse everything.
fn manifest(revision: u64) -> String {
    let target = ["even", "odd"][usize::try_from(revision % 2).expect("small")];
    format!(
        r#"
schema = 1
revision = {revision}

[policies.standard]
builtin = "standard"
grants = {{ targets = ["{target}"], actions = ["execute-statement"] }}

[policies.standard.settings]
unparsed = "deny"
unqualified = {{ schema = "public" }}

[[policies.standard.settings.rules]]
name = "revision {revision}"
when = {{ kinds = ["select"] }}
then = {{ target = "{target}" }}

[[policies.standard.tests]]
name = "it goes to its target"
payload = {{ sqlStatement = "select 1" }}
expect = {{ target = "{target}" }}

[[routes]]
name = "all"
function = "*"
policies = ["standard"]
"#
    )
}

/// Has a new revision at every look, up to the last one.
struct Ever(AtomicU64);

#[async_trait]
impl Source for Ever {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    async fn manifest(&self, _: Option<&str>) -> Result<Option<Fetched>, FetchError> {
        let revision = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Ok((revision <= SWAPS).then(|| Fetched {
            bytes: manifest(revision).into_bytes(),
            tag: None,
        }))
    }

    async fn file(&self, name: &str, _: &str, _: usize) -> Result<Vec<u8>, FetchError> {
        panic!("no file is named, and {name} was asked for")
    }
}

fn config() -> Config {
    let file = "[ledger]\ntable = \"t\"\n\n[targets.even]\ncluster_identifier = \"even\"\ndatabase = \"dev\"\ndb_user = \"u\"\n\n\
                [targets.odd]\ncluster_identifier = \"odd\"\ndatabase = \"dev\"\ndb_user = \"u\"\n";
    let file = format!("default_target = \"even\"\n{file}");
    let variables = BTreeMap::from([("SIGNALBOX_CONFIG".to_owned(), "f".to_owned())]);
    Config::read(&variables, &|_| Ok(file.clone())).expect("a configuration")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_invocation_sees_half_a_set() {
    let config = config();
    let redshift = DataApi::start(DataApiOptions {
        active_statements: 100_000,
        ..DataApiOptions::default()
    });
    let redshift = redshift.await.expect("the Data API");
    let session = Arc::new(Session::at(&redshift.url()));
    let ports = Ports {
        warehouse: Arc::new(RedshiftData::new(
            Arc::clone(&session),
            config.targets.clone(),
        )),
        callbacks: Arc::new(StepFunctions::new(session)),
        custom_resources: Arc::new(CloudFormation::new(Vec::new())),
        ledger: Arc::new(EmbeddedLedger::in_memory().expect("a ledger")),
        clock: Arc::new(SystemClock),
    };
    let engine = PolicyEngine::new(EngineOptions {
        metering: Metering::Off,
        ..EngineOptions::default()
    });
    let terms = Terms {
        targets: Some(config.targets.keys().cloned().collect()),
        allow_unsigned: true,
        ..Terms::default()
    };
    let source = Arc::new(Ever(AtomicU64::new(0)));
    let loader = Loader::new(
        engine.expect("an engine"),
        Arc::<Ever>::clone(&source),
        terms,
    );
    let tasker = Tasker::new(
        ports,
        start::options(&config),
        PolicySet::unavailable("not yet"),
    );
    let timing = Timing {
        max_age: Duration::ZERO,
        within: Duration::from_millis(1),
    };
    let refresher = Refresher::new(tasker.clone(), loader, timing);
    // The first look compiles, which may take longer than a start waits.
    while refresher.status().in_force.is_none() {
        refresher.start().await;
        assert_eq!(refresher.status().problem, None);
    }
    let host = Host::new(tasker).refreshed(refresher.clone(), Vec::new());

    let over = Arc::new(AtomicBool::new(false));
    let swapping = tokio::spawn({
        let (refresher, over) = (refresher.clone(), Arc::clone(&over));
        async move {
            while source.0.load(Ordering::Relaxed) <= SWAPS {
                refresher
                    .head(Instant::now() + Duration::from_secs(60))
                    .await;
                assert_eq!(refresher.status().problem, None, "every set is good");
                tokio::task::yield_now().await;
            }
            over.store(true, Ordering::Relaxed);
        }
    });
    let lanes: Vec<_> = (0..LANES)
        .map(|lane| {
            let (host, over) = (host.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                let mut clusters = BTreeMap::<String, u64>::new();
                let mut number = 0;
                while !over.load(Ordering::Relaxed) {
                    number += 1;
                    let cluster = invoke(&host, format!("{lane}-{number}")).await;
                    *clusters.entry(cluster).or_default() += 1;
                }
                clusters
            })
        })
        .collect();
    swapping.await.expect("all swaps");
    let mut seen = BTreeMap::<String, u64>::new();
    for lane in lanes {
        for (cluster, count) in lane.await.expect("no invocation was refused") {
            *seen.entry(cluster).or_default() += count;
        }
    }
    let status = refresher.status();
    assert_eq!(status.problem, None);
    assert_eq!(
        status.in_force.map(|set| set.revision),
        Some(SWAPS),
        "every revision was put in force, the last one last"
    );
    assert!(
        seen.contains_key("even") && seen.contains_key("odd"),
        "both kinds of sets were used: {seen:?}"
    );
}

/// Puts another set in force while an invocation tells a task something.
struct Swapping {
    tasker: OnceLock<Tasker>,
    next: Mutex<Option<PolicySet>>,
    told: Mutex<Vec<String>>,
}

#[async_trait]
impl Callbacks for Swapping {
    async fn succeed(&self, _: &TaskToken, output: &str) -> Result<(), SendError> {
        panic!("everything is denied, and a task was told {output}")
    }

    async fn fail(
        &self,
        _: &TaskToken,
        _: Option<&str>,
        cause: Option<&str>,
    ) -> Result<(), SendError> {
        self.told
            .lock()
            .expect("told")
            .push(cause.unwrap_or_default().to_owned());
        if let Some(next) = self.next.lock().expect("next").take() {
            self.tasker.get().expect("a tasker").swap(next);
        }
        Ok(())
    }

    async fn heartbeat(&self, _: &TaskToken) -> Result<(), SendError> {
        panic!("no heartbeat was asked for")
    }

    async fn describe_execution(&self, arn: &str) -> Result<Execution, ExecutionError> {
        panic!("nobody asked for {arn}")
    }
}

/// A set that denies everything, and says which revision does.
fn denial(revision: u64) -> String {
    format!(
        r#"
schema = 1
revision = {revision}

[policies.standard]
builtin = "standard"
grants = {{ targets = ["even"], actions = ["execute-statement"] }}
settings = {{ rules = [{{ name = "all", then = {{ deny = "by revision {revision}" }} }}] }}

[[routes]]
name = "all"
function = "*"
policies = ["standard"]
"#
    )
}

#[tokio::test]
async fn a_swap_in_the_middle_of_a_batch_is_for_the_next_invocation() {
    let config = config();
    let session = Arc::new(Session::at("http://127.0.0.1:9"));
    let terms = Terms {
        targets: Some(config.targets.keys().cloned().collect()),
        allow_unsigned: true,
        ..Terms::default()
    };
    let engine = PolicyEngine::new(EngineOptions {
        metering: Metering::Off,
        ..EngineOptions::default()
    });
    let source = Arc::new(Ever(AtomicU64::new(0)));
    let loader = Loader::new(engine.expect("an engine"), source, terms);
    let mut sets = Vec::new();
    for revision in [1, 2] {
        let loaded = loader.load(denial(revision).as_bytes(), None).await;
        sets.push(loaded.expect("a good set").set());
    }
    let callbacks = Arc::new(Swapping {
        tasker: OnceLock::new(),
        next: Mutex::new(sets.pop()),
        told: Mutex::default(),
    });
    let ports = Ports {
        warehouse: Arc::new(RedshiftData::new(session, config.targets.clone())),
        callbacks: Arc::<Swapping>::clone(&callbacks),
        custom_resources: Arc::new(CloudFormation::new(Vec::new())),
        ledger: Arc::new(EmbeddedLedger::in_memory().expect("a ledger")),
        clock: Arc::new(SystemClock),
    };
    let tasker = Tasker::new(ports, start::options(&config), sets.pop().expect("a set"));
    assert!(callbacks.tasker.set(tasker.clone()).is_ok());
    let host = Host::new(tasker);
    let batch = |tokens: &[&str]| {
        let record = |token: &&str| {
            let body = json!({
                "sqlStatement": "select 1", "taskToken": token,
                "executionArn": "arn:aws:states:us-east-1:000000000000:execution:etl:one"
            });
            json!({"messageId": token, "eventSource": "aws:sqs", "body": body.to_string()})
        };
        json!({"Records": tokens.iter().map(record).collect::<Vec<_>>()})
    };
    for tokens in [&["first", "second", "third"][..], &["fourth"]] {
        let context = InvocationContext {
            request_id: "a batch".to_owned(),
            deadline: Instant::now() + Duration::from_secs(120),
            function_arn: Some(FUNCTION.to_owned()),
        };
        let answer = host.handle(batch(tokens), context).await;
        assert_eq!(answer, Ok(json!({"batchItemFailures": []})));
    }
    let told = callbacks.told.lock().expect("told");
    let by: Vec<_> = told
        .iter()
        .map(|cause| cause.contains("by revision 2"))
        .collect();
    assert_eq!(by, [false, false, false, true], "{told:?}");
}

/// Has one revision, and then answers no more until it is told to.
#[derive(Default)]
struct Hanging {
    looks: AtomicU64,
    answers: AtomicBool,
}

#[async_trait]
impl Source for Hanging {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    async fn manifest(&self, _: Option<&str>) -> Result<Option<Fetched>, FetchError> {
        let look = self.looks.fetch_add(1, Ordering::Relaxed) + 1;
        if look > 1 && !self.answers.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        Ok(Some(Fetched {
            bytes: manifest(look).into_bytes(),
            tag: None,
        }))
    }

    async fn file(&self, name: &str, _: &str, _: usize) -> Result<Vec<u8>, FetchError> {
        panic!("no file is named, and {name} was asked for")
    }
}

/// A set of revision 1 in force, from a source that hangs from then on; time stands still but for what waits.
async fn hanging(max_age: Duration) -> (Refresher, Arc<Hanging>) {
    let config = config();
    let session = Arc::new(Session::at("http://127.0.0.1:9"));
    let ports = Ports {
        warehouse: Arc::new(RedshiftData::new(
            Arc::clone(&session),
            config.targets.clone(),
        )),
        callbacks: Arc::new(StepFunctions::new(session)),
        custom_resources: Arc::new(CloudFormation::new(Vec::new())),
        ledger: Arc::new(EmbeddedLedger::in_memory().expect("a ledger")),
        clock: Arc::new(SystemClock),
    };
    let engine = PolicyEngine::new(EngineOptions {
        metering: Metering::Off,
        ..EngineOptions::default()
    });
    let terms = Terms {
        allow_unsigned: true,
        ..Terms::default()
    };
    let source = Arc::new(Hanging::default());
    let loader = Loader::new(
        engine.expect("an engine"),
        Arc::<Hanging>::clone(&source),
        terms,
    );
    let tasker = Tasker::new(
        ports,
        start::options(&config),
        PolicySet::unavailable("not yet"),
    );
    let timing = Timing {
        max_age,
        within: Duration::from_secs(60),
    };
    let refresher = Refresher::new(tasker, loader, timing);
    while refresher.status().in_force.is_none() {
        refresher.start().await;
        assert_eq!(refresher.status().problem, None);
    }
    tokio::time::pause();
    (refresher, source)
}

fn in_force(refresher: &Refresher) -> Option<u64> {
    refresher.status().in_force.map(|set| set.revision)
}

#[tokio::test]
async fn a_look_leaves_an_invocation_time_to_answer() {
    let (refresher, _) = hanging(Duration::ZERO).await;
    let began = Instant::now();
    refresher.head(began + Duration::from_secs(2)).await;
    assert!(began.elapsed() <= Duration::from_millis(1_100));
    assert_eq!(in_force(&refresher), Some(1));
}

#[tokio::test]
async fn a_look_that_came_to_nothing_is_soon_made_again() {
    let day = Duration::from_secs(24 * 60 * 60);
    let (refresher, source) = hanging(day).await;
    tokio::time::advance(day).await;
    refresher
        .head(Instant::now() + Duration::from_secs(2))
        .await;
    // As a frozen environment of Lambda thaws: the time of the look is over, and it never ran.
    tokio::time::advance(Duration::from_secs(600)).await;
    source.answers.store(true, Ordering::Relaxed);
    let mut heads = 0;
    while in_force(&refresher) == Some(1) {
        heads += 1;
        assert!(heads < 100, "{:?}", refresher.status());
        tokio::time::advance(Duration::from_secs(1)).await;
        refresher
            .head(Instant::now() + Duration::from_secs(120))
            .await;
    }
    assert_eq!(refresher.status().problem, None);
}

/// The cluster on which a statement ran.
async fn invoke(host: &Host, request_id: String) -> String {
    let context = InvocationContext {
        request_id,
        deadline: Instant::now() + Duration::from_secs(120),
        function_arn: Some(FUNCTION.to_owned()),
    };
    let reply: Value = host
        .handle(json!({"sqlStatement": "select 1"}), context)
        .await
        .expect("settings and grants of one revision");
    reply["ClusterIdentifier"]
        .as_str()
        .expect("a cluster")
        .to_owned()
}
