//! A set that goes out of date while it is in force.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use signalbox_lambda::{
    Host,
    set::{FetchError, Fetched, Loader, Refresher, Source, Terms, Timing},
};
use signalbox_local::data_api::{DataApi, DataApiOptions};
use signalbox_tasker::{
    Ports,
    ports::{Callbacks, Clock, Execution, ExecutionError, SendError, TaskToken},
};
use tokio::sync::mpsc;

use crate::{config, engine, handle, in_force, manifest, ports, put_in_force, tasker};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A clock that a test sets.
struct Hand(Mutex<Timestamp>);

impl Hand {
    fn forward(&self, by: SignedDuration) {
        let mut now = self.0.lock().expect("the time");
        *now = now.checked_add(by).expect("a time");
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("the time")
    }
}

/// Has one set, whose revision tells whether it is new.
struct Shelf(Mutex<Fetched>);

impl Shelf {
    fn with(revision: u64, not_after: Timestamp) -> Fetched {
        Fetched {
            bytes: format!("not_after = {not_after}\n{}", manifest(revision)).into_bytes(),
            tag: Some(revision.to_string()),
        }
    }

    fn put(&self, fetched: Fetched) {
        *self.0.lock().expect("the set") = fetched;
    }
}

#[async_trait]
impl Source for Shelf {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    async fn manifest(&self, tag: Option<&str>) -> Result<Option<Fetched>, FetchError> {
        let fetched = self.0.lock().expect("the set").clone();
        Ok((fetched.tag.as_deref() != tag).then_some(fetched))
    }

    async fn file(&self, name: &str, _: &str, _: usize) -> Result<Vec<u8>, FetchError> {
        panic!("no file is named, and {name} was asked for")
    }
}

/// Keeps what tasks are told.
#[derive(Default)]
struct Told(Mutex<Vec<(String, String)>>);

#[async_trait]
impl Callbacks for Told {
    async fn succeed(&self, token: &TaskToken, output: &str) -> Result<(), SendError> {
        let mut all = self.0.lock().expect("told");
        all.push((token.reveal().to_owned(), output.to_owned()));
        Ok(())
    }

    async fn fail(
        &self,
        _: &TaskToken,
        error: Option<&str>,
        cause: Option<&str>,
    ) -> Result<(), SendError> {
        panic!("a task failed: {error:?} {cause:?}")
    }

    async fn heartbeat(&self, _: &TaskToken) -> Result<(), SendError> {
        panic!("no heartbeat was asked for")
    }

    async fn describe_execution(&self, arn: &str) -> Result<Execution, ExecutionError> {
        panic!("nobody asked for {arn}")
    }
}

#[tokio::test]
async fn a_set_that_goes_out_of_date_is_given_up_until_there_is_a_newer_one() {
    let config = config();
    let (events, mut completions) = mpsc::channel::<Value>(10);
    let redshift = DataApi::start(DataApiOptions {
        events: Some(Arc::new(events)),
        ..DataApiOptions::default()
    });
    let redshift = redshift.await.expect("the Data API");
    let clock = Arc::new(Hand(Mutex::new(Timestamp::now())));
    let end = clock.now().checked_add(DAY).expect("a time");
    let callbacks = Arc::new(Told::default());
    let ports = Ports {
        clock: Arc::<Hand>::clone(&clock),
        callbacks: Arc::<Told>::clone(&callbacks),
        ..ports(&config, &redshift.url())
    };
    let shelf = Arc::new(Shelf(Mutex::new(Shelf::with(1, end))));
    let terms = Terms {
        targets: Some(config.targets.keys().cloned().collect()),
        allow_unsigned: true,
        refuse_expired: true,
        ..Terms::default()
    };
    let timing = Timing {
        max_age: Duration::ZERO,
        within: Duration::from_secs(60),
    };
    let tasker = tasker(&config, ports);
    let loader = Loader::new(engine(), Arc::<Shelf>::clone(&shelf), terms);
    let refresher = Refresher::new(tasker.clone(), loader, timing);
    put_in_force(&refresher).await;
    let host = Host::new(tasker).refreshed(refresher.clone(), Vec::new());
    let task = |token: &str| {
        json!({
            "sqlStatement": "select 1", "taskToken": token,
            "executionArn": "arn:aws:states:us-east-1:000000000000:execution:etl:one"
        })
    };
    let mut requests = 0;
    let mut ask = async |event: Value| {
        requests += 1;
        handle(&host, event, requests.to_string()).await
    };

    ask(task("before")).await.expect("it is served");
    clock.forward(DAY);
    // The same set, then a failed look at it, then one that has nothing new: it stays given up.
    for round in 0..4 {
        if round == 1 {
            shelf.put(Shelf::with(2, end));
        }
        let refused = ask(json!({"sqlStatement": "select 1"})).await;
        let refused = refused.expect_err("there is no set");
        assert_eq!(refused.error_type, "PolicyUnavailable", "round {round}");
        assert!(
            refused.message.contains("out of date"),
            "{}",
            refused.message
        );
        assert_eq!(in_force(&refresher), None, "round {round}");
        let problem = refresher.status().problem.expect("a problem");
        assert!(problem.reason.contains("out of date"), "{}", problem.reason);
    }

    // Whoever waits is told, as by the original.
    let completion = completions.recv().await.expect("an event");
    assert_eq!(ask(completion).await, Ok(Value::Null));
    let told = std::mem::take(&mut *callbacks.0.lock().expect("told"));
    let [(token, output)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(token, "before");
    assert!(output.contains("FINISHED"), "{output}");

    let later = clock.now().checked_add(DAY).expect("a time");
    shelf.put(Shelf::with(3, later));
    ask(json!({"sqlStatement": "select 1"}))
        .await
        .expect("it is served again");
    assert_eq!(in_force(&refresher), Some(3));
    assert_eq!(refresher.status().problem, None);

    // And that one goes the same way.
    clock.forward(DAY);
    let refused = ask(json!({"sqlStatement": "select 1"})).await;
    assert_eq!(
        refused.expect_err("there is no set").error_type,
        "PolicyUnavailable"
    );
}
