//! The Step Functions side: running definitions, and answering tasks over TCP.

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
use signalbox_local::step_functions::{
    Definition, ExecutionHandle, FunctionError, InvokeFunction, Observation, Outcome, StateError,
    StepFunctions, StepFunctionsOptions, StepFunctionsServer, What, machines,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::Reply;
use tokio::sync::mpsc;

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:tasker";

/// A function that hands on its payloads and returns what it was told to, in order, then `null`.
struct Scripted {
    payloads: mpsc::UnboundedSender<Value>,
    results: Mutex<Vec<Result<Value, FunctionError>>>,
}

#[async_trait]
impl InvokeFunction for Scripted {
    async fn invoke(&self, function_name: &str, payload: Value) -> Result<Value, FunctionError> {
        assert_eq!(function_name, ARN);
        self.payloads.send(payload).expect("the test listens");
        let mut results = self.results.lock().expect("lock");
        if results.is_empty() {
            return Ok(Value::Null);
        }
        results.remove(0)
    }
}

fn raised(error_type: &str) -> Result<Value, FunctionError> {
    Err(FunctionError {
        error_type: error_type.to_owned(),
        message: "said so".to_owned(),
    })
}

struct World {
    server: StepFunctionsServer,
    payloads: mpsc::UnboundedReceiver<Value>,
    seen: Arc<Mutex<Vec<What>>>,
}

/// A server on which a minute takes 60 milliseconds.
async fn world(results: Vec<Result<Value, FunctionError>>) -> World {
    let (sender, payloads) = mpsc::unbounded_channel();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let server = StepFunctions::start(StepFunctionsOptions {
        time_scale: TimeScale::new(1000.0),
        function: Some(Arc::new(Scripted {
            payloads: sender,
            results: Mutex::new(results),
        })),
        observer: Some(Arc::new(move |observation: &Observation| {
            notes.lock().expect("lock").push(observation.what.clone());
        })),
        ..StepFunctionsOptions::default()
    })
    .await
    .expect("server");
    World {
        server,
        payloads,
        seen,
    }
}

impl World {
    async fn call(&self, operation: &str, body: Value) -> Reply {
        let target = format!("AWSStepFunctions.{operation}");
        support::call(self.server.address(), &target, body).await
    }

    fn start(&self, definition: &Definition) -> ExecutionHandle {
        self.server
            .start_execution("machine", definition, json!({"from": "test"}))
    }

    async fn payload(&mut self) -> Value {
        tokio::time::timeout(Duration::from_secs(30), self.payloads.recv())
            .await
            .expect("an invocation in time")
            .expect("an invocation")
    }

    async fn token(&mut self) -> String {
        let payload = self.payload().await;
        payload["taskToken"].as_str().expect("a token").to_owned()
    }
}

async fn end(execution: &ExecutionHandle) -> Outcome {
    tokio::time::timeout(Duration::from_secs(30), execution.end())
        .await
        .expect("an end in time")
}

/// The error that a machine of the step ended with.
fn failed(error: &str) -> Outcome {
    Outcome::Failed {
        error: StateError {
            error: error.to_owned(),
            cause: String::new(),
        },
    }
}

fn step() -> Definition {
    machines::sql_step(ARN, "select 1", None).expect("definition")
}

#[tokio::test]
async fn the_first_answer_counts() {
    let mut world = world(vec![]).await;
    let execution = world.start(&step());
    let payload = world.payload().await;
    assert_eq!(payload["sqlStatement"], "select 1");
    assert_eq!(payload["executionArn"], execution.arn());
    let token = payload["taskToken"].as_str().expect("token");
    assert!(token.len() > 300 && token.len() <= 2048);

    let beat = world.call("SendTaskHeartbeat", json!({"taskToken": token}));
    assert_eq!(beat.await.ok(), json!({}));
    let answer = json!({"taskToken": token, "output": "{\"rows\": 1}"});
    let reply = world.call("SendTaskSuccess", answer.clone()).await;
    assert!(reply.head.contains("x-amzn-requestid"), "{}", reply.head);
    assert!(
        reply.head.contains("application/x-amz-json-1.0"),
        "{}",
        reply.head
    );
    reply.ok();
    assert_eq!(
        end(&execution).await,
        Outcome::Succeeded {
            output: json!({"rows": 1})
        }
    );
    for operation in ["SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"] {
        let reply = world.call(operation, answer.clone()).await;
        assert_eq!(reply.error(), "TaskTimedOut", "{operation}");
    }
    let described = world
        .call(
            "DescribeExecution",
            json!({"executionArn": execution.arn()}),
        )
        .await
        .ok();
    assert_eq!(described["status"], "SUCCEEDED");
    assert_eq!(described["output"], "{\"rows\":1}");
    assert!(described["stopDate"].is_f64());
    world.server.shutdown().await;
}

#[tokio::test]
async fn failures_are_caught_by_name() {
    for (error, ended) in [("FAILED", "SqlFailure"), ("ABORTED", "Failure")] {
        let mut world = world(vec![]).await;
        let execution = world.start(&step());
        let token = world.token().await;
        let answer = json!({"taskToken": token, "error": error, "cause": "why"});
        world.call("SendTaskFailure", answer).await.ok();
        assert_eq!(end(&execution).await, failed(ended));
        world.server.shutdown().await;
    }
}

#[tokio::test]
async fn a_failure_may_come_without_a_name() {
    let mut world = world(vec![]).await;
    let execution = world.start(&step());
    let token = world.token().await;
    let answer = world.call("SendTaskFailure", json!({"taskToken": token}));
    answer.await.ok();
    assert_eq!(end(&execution).await, failed("Failure"));
    world.server.shutdown().await;
}

#[tokio::test]
async fn a_function_that_raises_is_an_answer() {
    let mut world = world(vec![raised("InvalidRequest")]).await;
    let execution = world.start(&step());
    let token = world.token().await;
    assert_eq!(end(&execution).await, failed("Failure"));
    let late = json!({"taskToken": token, "output": "1"});
    let reply = world.call("SendTaskSuccess", late).await;
    assert_eq!(reply.error(), "TaskTimedOut");
    let seen = world.seen.lock().expect("lock").clone();
    assert!(seen.iter().any(|what| matches!(
        what,
        What::TaskFailed { error, .. } if error.error == "InvalidRequest"
            && error.cause == "{\"errorMessage\":\"said so\",\"errorType\":\"InvalidRequest\"}"
    )));
    assert!(seen.iter().any(|what| matches!(
        what,
        What::Caught { error, next, .. } if error == "InvalidRequest" && next == "FAILURE"
    )));
    world.server.shutdown().await;
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let mut world = world(vec![]).await;
    let definition = machines::sql_step(ARN, "select 1", Some(60)).expect("definition");
    let execution = world.start(&definition);
    let token = world.token().await;
    assert_eq!(end(&execution).await, failed("Timeout"));
    let seen = world.seen.lock().expect("lock").clone();
    assert!(seen.iter().any(|what| matches!(
        what,
        What::TaskFailed { error, .. } if error.error == "States.HeartbeatTimeout"
    )));
    let late = world.call("SendTaskHeartbeat", json!({"taskToken": token}));
    assert_eq!(late.await.error(), "TaskTimedOut");
    world.server.shutdown().await;
}

#[tokio::test]
async fn every_attempt_has_a_fresh_token() {
    let mut world = world(vec![
        raised("Lambda.TooManyRequestsException"),
        raised("Lambda.ServiceException"),
    ])
    .await;
    let execution = world.start(&step());
    let tokens = [
        world.token().await,
        world.token().await,
        world.token().await,
    ];
    assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2]);
    for old in &tokens[..2] {
        let reply = world.call("SendTaskHeartbeat", json!({"taskToken": old}));
        assert_eq!(reply.await.error(), "TaskTimedOut");
    }
    let answer = json!({"taskToken": tokens[2], "output": "2"});
    world.call("SendTaskSuccess", answer).await.ok();
    assert_eq!(
        end(&execution).await,
        Outcome::Succeeded { output: json!(2) }
    );
    let seen = world.seen.lock().expect("lock").clone();
    let waits: Vec<Duration> = seen
        .iter()
        .filter_map(|what| match what {
            What::Retried { wait, .. } => Some(*wait),
            _ => None,
        })
        .collect();
    assert_eq!(waits, [Duration::from_secs(1), Duration::from_secs(2)]);
    world.server.shutdown().await;
}

#[tokio::test]
async fn attempts_end() {
    let results = (0..20)
        .map(|_| raised("Lambda.TooManyRequestsException"))
        .collect();
    let mut world = world(results).await;
    let execution = world.start(&step());
    assert_eq!(end(&execution).await, failed("Failure"));
    let mut attempts = 0;
    while world.payloads.try_recv().is_ok() {
        attempts += 1;
    }
    assert_eq!(attempts, 11);
    world.server.shutdown().await;
}

#[tokio::test]
async fn wrong_answers_are_refused_and_leave_the_task_open() {
    let mut world = world(vec![]).await;
    let execution = world.start(&step());
    let token = world.token().await;
    let mut unknown = token.clone();
    unknown.replace_range(40..50, "0000000000");
    let long_error = "e".repeat(257);
    let long_cause = "ü".repeat(32_769);
    let long_output = format!("\"{}\"", "o".repeat(262_143));
    for (operation, body, error) in [
        (
            "SendTaskSuccess",
            json!({"taskToken": unknown, "output": "1"}),
            "TaskDoesNotExist",
        ),
        (
            "SendTaskHeartbeat",
            json!({"taskToken": "short"}),
            "InvalidToken",
        ),
        ("SendTaskHeartbeat", json!({}), "ValidationException"),
        (
            "SendTaskHeartbeat",
            json!({"taskToken": "t".repeat(2049)}),
            "ValidationException",
        ),
        (
            "SendTaskHeartbeat",
            json!({"taskToken": 7}),
            "SerializationException",
        ),
        (
            "SendTaskSuccess",
            json!({"taskToken": token}),
            "ValidationException",
        ),
        (
            "SendTaskSuccess",
            json!({"taskToken": token, "output": "{"}),
            "InvalidOutput",
        ),
        (
            "SendTaskSuccess",
            json!({"taskToken": token, "output": long_output}),
            "ValidationException",
        ),
        (
            "SendTaskFailure",
            json!({"taskToken": token, "error": long_error}),
            "ValidationException",
        ),
        (
            "SendTaskFailure",
            json!({"taskToken": token, "cause": long_cause}),
            "ValidationException",
        ),
        ("CreateActivity", json!({}), "UnknownOperationException"),
        (
            "DescribeExecution",
            json!({"executionArn": "arn:aws:states:x"}),
            "ExecutionDoesNotExist",
        ),
        ("DescribeExecution", json!({}), "InvalidArn"),
        (
            "StartExecution",
            json!({"stateMachineArn": "x"}),
            "StateMachineDoesNotExist",
        ),
    ] {
        let reply = world.call(operation, body).await;
        assert_eq!(reply.error(), error, "{operation}: {}", reply.message());
        assert_eq!(reply.status, 400);
    }
    let most = format!("\"{}\"", "o".repeat(262_142));
    let answer = json!({"taskToken": token, "output": most});
    world.call("SendTaskSuccess", answer).await.ok();
    assert!(matches!(end(&execution).await, Outcome::Succeeded { .. }));
    world.server.shutdown().await;
}

#[tokio::test]
async fn the_end_of_an_execution_is_an_event() {
    let (events, mut delivered) = mpsc::channel(10);
    let server = StepFunctions::start(StepFunctionsOptions {
        events: Some(Arc::new(events)),
        ..StepFunctionsOptions::default()
    })
    .await
    .expect("server");
    let wait =
        json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}});
    let definition = Definition::from_value(&wait).expect("definition");
    let execution = server.start_execution("waits", &definition, json!({"a": 1}));
    execution.stop(Some("Enough"), Some("of it"));
    let event = delivered.recv().await.expect("an event");
    assert_eq!(event["source"], "aws.states");
    assert_eq!(
        event["detail-type"],
        "Step Functions Execution Status Change"
    );
    let detail = &event["detail"];
    assert_eq!(detail["executionArn"], execution.arn());
    assert_eq!(detail["status"], "ABORTED");
    assert_eq!(
        (&detail["error"], &detail["cause"]),
        (&json!("Enough"), &json!("of it"))
    );
    assert!(detail["startDate"].as_i64() <= detail["stopDate"].as_i64());
    let body = json!({"executionArn": execution.arn()});
    let described = support::call(server.address(), "AWSStepFunctions.DescribeExecution", body)
        .await
        .ok();
    let described = described["stopDate"].as_f64().expect("a date") * 1000.0;
    let told = detail["stopDate"].as_f64().expect("a date");
    assert!((described - told).abs() < 1.0, "{described} and {told}");
    server.shutdown().await;
}

#[tokio::test]
async fn a_stopped_execution_closes_its_tokens() {
    let mut world = world(vec![]).await;
    let arn = world.server.register("stopper", &step());
    let start = json!({"stateMachineArn": arn, "name": "one", "input": "{}"});
    let started = world.call("StartExecution", start.clone()).await.ok();
    let execution = started["executionArn"].as_str().expect("ARN").to_owned();
    assert!(execution.ends_with(":execution:stopper:one"));
    let again = world.call("StartExecution", start.clone()).await.ok();
    assert_eq!(again["executionArn"], execution);
    let token = world.token().await;
    let stop = json!({"executionArn": execution, "error": "Enough"});
    world.call("StopExecution", stop).await.ok();
    let described = loop {
        let input = json!({"executionArn": execution});
        let described = world.call("DescribeExecution", input).await.ok();
        if described["status"] != "RUNNING" {
            break described;
        }
    };
    assert_eq!(described["status"], "ABORTED");
    assert_eq!(described["error"], "Enough");
    let late = world.call("SendTaskHeartbeat", json!({"taskToken": token}));
    assert_eq!(late.await.error(), "TaskTimedOut");
    let reply = world.call("StartExecution", start).await;
    assert_eq!(reply.error(), "ExecutionAlreadyExists");
    world.server.shutdown().await;
}

#[tokio::test]
async fn data_flows_through_paths_and_selectors() {
    let world = world(vec![Ok(json!({"Id": "abc", "more": [1, 2]}))]).await;
    let definition = Definition::from_value(&json!({
        "StartAt": "Ask",
        "States": {
            "Ask": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "InputPath": "$.outer",
                "Parameters": {"FunctionName": ARN, "Payload": {"in.$": "$.x"}},
                "ResultSelector": {"id.$": "$.Payload.Id", "code.$": "$.StatusCode"},
                "ResultPath": "$.asked",
                "Next": "Both"
            },
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 2, "End": true}}},
                    {"StartAt": "B", "States": {"B": {"Type": "Pass", "Result": "b", "End": true}}}
                ],
                "ResultSelector": {"a.$": "$[0]", "b.$": "$[1]"},
                "Next": "Which"
            },
            "Which": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.b", "StringEquals": "b", "Next": "Yes"}],
                "Default": "No"
            },
            "Yes": {"Type": "Succeed", "OutputPath": "$.a.asked"},
            "No": {"Type": "Fail", "Error": "No"}
        }
    }))
    .expect("definition");
    let outcome = world
        .server
        .run("flow", &definition, json!({"outer": {"x": 5}}))
        .await;
    let output = json!({"id": "abc", "code": 200});
    assert_eq!(outcome, Outcome::Succeeded { output });
    let mut payloads = world.payloads;
    assert_eq!(payloads.recv().await, Some(json!({"in": 5})));
    world.server.shutdown().await;
}

#[tokio::test]
async fn a_failing_branch_cuts_the_others() {
    let mut world = world(vec![]).await;
    let step = machines::SCENARIOS
        .iter()
        .find(|scenario| scenario.name == "singleton")
        .expect("scenario")
        .definition(ARN, ARN)
        .expect("definition");
    let execution = world.start(&step);
    let mut tokens = Vec::new();
    for _ in 0..10 {
        tokens.push(world.token().await);
    }
    let answer = json!({"taskToken": tokens[3], "error": "Odd"});
    world.call("SendTaskFailure", answer).await.ok();
    match end(&execution).await {
        Outcome::Failed { error } => assert_eq!(error.error, "SingletonBroken"),
        other => panic!("{other:?}"),
    }
    for token in &tokens {
        let late = world.call("SendTaskHeartbeat", json!({"taskToken": token}));
        assert_eq!(late.await.error(), "TaskTimedOut");
    }
    world.server.shutdown().await;
}

#[tokio::test]
async fn a_machine_without_a_function_fails_by_name() {
    let server = StepFunctions::start(StepFunctionsOptions::default())
        .await
        .expect("server");
    let definition = Definition::from_value(
        &json!({"StartAt": "A", "TimeoutSeconds": 30, "States": {"A": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": ARN}, "End": true
        }}}),
    )
    .expect("definition");
    match server.run("none", &definition, json!({})).await {
        Outcome::Failed { error } => assert_eq!(error.error, "Lambda.ResourceNotFoundException"),
        other => panic!("{other:?}"),
    }
    server.shutdown().await;
}

#[tokio::test]
async fn time_limits_hold() {
    let mut world = world(vec![]).await;
    let task = |seconds: u32| {
        json!({
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": ARN, "Payload": {"taskToken.$": "$$.Task.Token"}},
            "TimeoutSeconds": seconds,
            "End": true
        })
    };
    let definition = json!({"StartAt": "A", "States": {"A": task(30)}});
    let definition = Definition::from_value(&definition).expect("definition");
    let execution = world.start(&definition);
    match end(&execution).await {
        Outcome::Failed { error } => assert_eq!(error.error, "States.Timeout"),
        other => panic!("{other:?}"),
    }
    let definition = json!({"StartAt": "A", "TimeoutSeconds": 30, "States": {"A": task(100_000)}});
    let definition = Definition::from_value(&definition).expect("definition");
    let execution = world.start(&definition);
    world.token().await;
    assert_eq!(end(&execution).await, Outcome::TimedOut);
    world.server.shutdown().await;
}
