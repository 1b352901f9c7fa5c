//! A thousand swaps while invocations are under way: none of them sees half a set.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::json;
use signalbox_lambda::{
    Host,
    set::{FetchError, Fetched, Loader, Refresher, Source, Terms, Timing},
    start,
};
use signalbox_local::data_api::{DataApi, DataApiOptions};
use signalbox_tasker::{
    PolicySet, Ports, Tasker,
    ports::{Callbacks, Execution, ExecutionError, SendError, TaskToken},
};
use tokio::time::Instant;

use crate::{config, engine, handle, invoke, manifest, ports, put_in_force, tasker};

const SWAPS: u64 = 1_000;
/// How many invocations are under way at once.
const LANES: usize = 4;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_invocation_sees_half_a_set() {
    let config = config();
    let redshift = DataApi::start(DataApiOptions {
        active_statements: 100_000,
        ..DataApiOptions::default()
    });
    let redshift = redshift.await.expect("the Data API");
    let terms = Terms {
        targets: Some(config.targets.keys().cloned().collect()),
        allow_unsigned: true,
        ..Terms::default()
    };
    let source = Arc::new(Ever(AtomicU64::new(0)));
    let loader = Loader::new(engine(), Arc::<Ever>::clone(&source), terms);
    let tasker = tasker(&config, ports(&config, &redshift.url()));
    let timing = Timing {
        max_age: Duration::ZERO,
        within: Duration::from_millis(1),
    };
    let refresher = Refresher::new(tasker.clone(), loader, timing);
    put_in_force(&refresher).await;
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
    let terms = Terms {
        targets: Some(config.targets.keys().cloned().collect()),
        allow_unsigned: true,
        ..Terms::default()
    };
    let loader = Loader::new(engine(), Arc::new(Ever(AtomicU64::new(0))), terms);
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
        callbacks: Arc::<Swapping>::clone(&callbacks),
        ..ports(&config, "http://127.0.0.1:9")
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
        let answer = handle(&host, batch(tokens), "a batch".to_owned()).await;
        assert_eq!(answer, Ok(json!({"batchItemFailures": []})));
    }
    let told = callbacks.told.lock().expect("told");
    let by: Vec<_> = told
        .iter()
        .map(|cause| cause.contains("by revision 2"))
        .collect();
    assert_eq!(by, [false, false, false, true], "{told:?}");
}
