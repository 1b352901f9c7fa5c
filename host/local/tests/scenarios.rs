//! The scenarios that come with the project, on both servers, with the plainest function that can serve them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use async_trait::async_trait;
use serde_json::{Value, json};
use signalbox_local::TimeScale;
use signalbox_local::data_api::{DataApi, DataApiOptions};
use signalbox_local::step_functions::{
    FunctionError, InvokeFunction, Outcome, StepFunctions, StepFunctionsOptions, machines,
};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:tasker";

/// Starts, describes, cancels and fetches statements, and answers tasks. It is no Signalbox: it loses everything
/// when anything goes wrong, which here nothing does.
struct PlainTasker {
    data_api: SocketAddr,
    step_functions: SocketAddr,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    tokens: HashMap<String, String>,
    latest: HashMap<String, String>,
    running: HashMap<String, String>,
}

impl PlainTasker {
    async fn ask(&self, operation: &str, body: Value) -> Result<Value, FunctionError> {
        let target = format!("RedshiftData.{operation}");
        let reply = support::call(self.data_api, &target, body).await;
        if reply.status == 200 {
            return Ok(reply.body);
        }
        Err(FunctionError {
            error_type: reply.error().to_owned(),
            message: reply.message().to_owned(),
        })
    }

    async fn execute(&self, payload: &Value) -> Result<Value, FunctionError> {
        let sql = payload["sqlStatement"].as_str().expect("SQL").to_owned();
        // Held until the id is known, so that no event can be faster.
        let mut known = self.known.lock().await;
        let is_singleton = payload["action"] == "executeSingletonStatement";
        if is_singleton && known.running.contains_key(&sql) {
            return Err(FunctionError {
                error_type: "ConcurrentExecution".to_owned(),
                message: "It runs already.".to_owned(),
            });
        }
        let token = payload.get("taskToken").and_then(Value::as_str);
        let request = json!({
            "ClusterIdentifier": "demo", "Database": "dev", "DbUser": "admin", "Sql": sql,
            "WithEvent": token.is_some(),
        });
        let reply = self.ask("ExecuteStatement", request).await?;
        let id = reply["Id"].as_str().expect("Id").to_owned();
        if let Some(token) = token {
            known.tokens.insert(id.clone(), token.to_owned());
        }
        if let Some(arn) = payload.get("executionArn").and_then(Value::as_str) {
            known.latest.insert(arn.to_owned(), id.clone());
        }
        if is_singleton {
            known.running.insert(sql, id);
        }
        Ok(reply)
    }

    async fn settle(&self, event: Value) {
        let id = event["detail"]["statementId"].as_str().expect("an id");
        let mut known = self.known.lock().await;
        known.running.retain(|_, running| running != id);
        let Some(token) = known.tokens.remove(id) else {
            return;
        };
        let (operation, body) = if event["detail"]["state"] == "FINISHED" {
            let body = json!({"taskToken": token, "output": event.to_string()});
            ("SendTaskSuccess", body)
        } else {
            let body = json!({"taskToken": token, "error": "FAILED", "cause": event.to_string()});
            ("SendTaskFailure", body)
        };
        let target = format!("AWSStepFunctions.{operation}");
        let reply = support::call(self.step_functions, &target, body).await;
        // Too late for a task that timed out.
        assert!(
            reply.status == 200 || reply.error() == "TaskTimedOut",
            "{reply:?}"
        );
    }
}

#[async_trait]
impl InvokeFunction for PlainTasker {
    async fn invoke(&self, _: &str, payload: Value) -> Result<Value, FunctionError> {
        if payload.get("sqlStatement").is_some() {
            return self.execute(&payload).await;
        }
        let mut id = payload["statementId"].as_str().expect("an id").to_owned();
        if id == "LATEST" {
            let arn = payload["executionArn"].as_str().expect("an ARN");
            id = self.known.lock().await.latest[arn].clone();
        }
        let operation = match payload["action"].as_str() {
            Some("describeStatement") => "DescribeStatement",
            Some("cancelStatement") => "CancelStatement",
            Some("getStatementResult") => "GetStatementResult",
            other => panic!("{other:?}"),
        };
        self.ask(operation, json!({"Id": id})).await
    }
}

/// Runs all scenarios on a clock where a minute takes 1.2 seconds, and returns how they ended.
async fn play() -> HashMap<&'static str, Outcome> {
    let time_scale = TimeScale::new(50.0);
    let (sender, mut events) = mpsc::channel(100);
    let data_api = DataApi::start(DataApiOptions {
        time_scale,
        events: Some(Arc::new(sender)),
        ..DataApiOptions::default()
    })
    .await
    .expect("Data API");
    let step_functions = StepFunctions::start(StepFunctionsOptions {
        time_scale,
        ..StepFunctionsOptions::default()
    })
    .await
    .expect("Step Functions");
    let tasker = Arc::new(PlainTasker {
        data_api: data_api.address(),
        step_functions: step_functions.address(),
        known: Mutex::default(),
    });
    step_functions.set_function(Arc::clone(&tasker) as Arc<dyn InvokeFunction>);
    let settling = tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            tasker.settle(event).await;
        }
    });
    let mut running = Vec::new();
    for scenario in machines::SCENARIOS {
        let definition = scenario.definition(ARN, ARN).expect("definition");
        let execution = step_functions.start_execution(scenario.name, &definition, json!({}));
        running.push((scenario.name, execution));
    }
    let mut outcomes = HashMap::new();
    for (name, execution) in running {
        outcomes.insert(name, execution.end().await);
    }
    step_functions.shutdown().await;
    data_api.shutdown().await;
    settling.await.expect("every event was handled");
    outcomes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_succeeds() {
    let outcomes = play().await;
    assert_eq!(outcomes.len(), machines::SCENARIOS.len());
    for (name, outcome) in &outcomes {
        assert!(
            matches!(outcome, Outcome::Succeeded { .. }),
            "{name}: {outcome:?}"
        );
    }
    let output = |name: &str| match &outcomes[name] {
        Outcome::Succeeded { output } => output.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(output("cancel")["statement"]["status"], "ABORTED");
    assert_eq!(output("poll")["statement"]["status"], "FINISHED");
    assert_eq!(output("fetch")["result"]["count"], 1);
    assert!(output("fetch")["result"]["rows"][0][0]["stringValue"].is_string());
    assert_eq!(
        output("second-tasker")["statement"]["error"],
        "ERROR: no such function: get_date"
    );
    let contest = output("singleton");
    let ran = |how: &str| {
        let branches = contest.as_array().expect("branches");
        branches.iter().filter(|branch| **branch == how).count()
    };
    assert_eq!((ran("ran"), ran("refused")), (1, 9));
}
