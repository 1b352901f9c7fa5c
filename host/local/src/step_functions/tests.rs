//! Executions on a clock that stands still while something can be done, and else jumps to the next timer.

use super::core::Core;
use super::error::StateError;
use super::{
    Definition, FunctionError, InvokeFunction, Observation, Outcome, SingleState,
    StepFunctionsOptions, What,
};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

const ARN: &str = "arn:aws:lambda:eu-west-1:000000000000:function:tasker";
const INVOKE: &str = "arn:aws:states:::lambda:invoke";
const INVOKE_AND_WAIT: &str = "arn:aws:states:::lambda:invoke.waitForTaskToken";

/// A function that hands on what it is given, and fails with the payload's `fail`, else returns its `return`.
struct Tell(mpsc::UnboundedSender<(String, Value)>);

#[async_trait]
impl InvokeFunction for Tell {
    async fn invoke(&self, name: &str, payload: Value) -> Result<Value, FunctionError> {
        let reply = match payload.get("fail").and_then(Value::as_str) {
            Some(error) => Err(FunctionError {
                error_type: error.to_owned(),
                message: "said so".to_owned(),
            }),
            None => Ok(payload.get("return").cloned().unwrap_or_default()),
        };
        self.0
            .send((name.to_owned(), payload))
            .expect("the test listens");
        reply
    }
}

struct World {
    core: Arc<Core>,
    invocations: mpsc::UnboundedReceiver<(String, Value)>,
    seen: Arc<Mutex<Vec<What>>>,
}

fn world() -> World {
    let (sender, invocations) = mpsc::unbounded_channel();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    World {
        core: Arc::new(Core::new(StepFunctionsOptions {
            function: Some(Arc::new(Tell(sender))),
            observer: Some(Arc::new(move |observation: &Observation| {
                notes.lock().expect("lock").push(observation.what.clone());
            })),
            ..StepFunctionsOptions::default()
        })),
        invocations,
        seen,
    }
}

impl World {
    fn start(&self, definition: Value, input: Value) -> Arc<super::execution::Execution> {
        let definition = Definition::from_value(&definition).expect("definition");
        self.core
            .start("machine", definition, "one", input)
            .unwrap_or_else(|_| panic!("started twice"))
    }

    async fn run(&self, definition: Value, input: Value) -> Outcome {
        self.start(definition, input).end().await
    }
}

/// A machine of one state.
fn one(state: Value) -> Value {
    json!({"StartAt": "A", "States": {"A": state}})
}

fn merged(mut state: Value, more: Value) -> Value {
    for (name, value) in more.as_object().expect("object") {
        state[name] = value.clone();
    }
    state
}

fn jsonata(more: Value) -> Value {
    merged(
        json!({"Type": "Task", "QueryLanguage": "JSONata", "Resource": INVOKE, "End": true}),
        more,
    )
}

fn succeeded(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Succeeded { output } => output,
        other => panic!("{other:?}"),
    }
}

fn failed(outcome: Outcome) -> StateError {
    match outcome {
        Outcome::Failed { error } => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn jsonata_takes_arguments_and_makes_output_and_variables() {
    let mut world = world();
    let definition = json!({"StartAt": "A", "QueryLanguage": "JSONata", "States": {
        "A": {
            "Type": "Task", "Resource": INVOKE, "Next": "B",
            "Arguments": {"FunctionName": ARN, "Payload": {
                "day": "{% $states.input.day %}", "name": "{% $states.context.State.Name %}", "return": {"rows": 2}
            }},
            "Assign": {"rows": "{% $states.result.Payload.rows %}"},
            "Output": {"status": "{% $states.result.StatusCode %}", "kept": "{% $states.input.day %}"}
        },
        "B": {"Type": "Choice", "Default": "D", "Choices": [
            {"Condition": "{% $rows > 2 %}", "Next": "D"},
            {"Condition": "{% $rows = 2 %}", "Next": "C", "Assign": {"rows": "{% $rows * 10 %}"}}
        ]},
        "C": {"Type": "Pass", "Output": {"rows": "{% $rows %}", "input": "{% $states.input %}"}, "End": true},
        "D": {"Type": "Fail", "Error": "Wrong"}
    }});
    let outcome = world.run(definition, json!({"day": "2027-01-31"})).await;
    assert_eq!(
        succeeded(outcome),
        json!({"rows": 20, "input": {"status": 200, "kept": "2027-01-31"}})
    );
    let (name, payload) = world.invocations.recv().await.expect("invoked");
    assert_eq!(name, ARN);
    assert_eq!(
        payload,
        json!({"day": "2027-01-31", "name": "A", "return": {"rows": 2}})
    );
}

#[tokio::test(start_paused = true)]
async fn a_catch_of_jsonata_sees_the_error() {
    let world = world();
    let definition = json!({"StartAt": "A", "QueryLanguage": "JSONata", "States": {
        "A": {
            "Type": "Task", "Resource": INVOKE, "End": true,
            "Arguments": {"FunctionName": ARN, "Payload": {"fail": "FAILED"}},
            "Catch": [{
                "ErrorEquals": ["FAILED"], "Next": "B",
                "Output": {"error": "{% $states.errorOutput.Error %}", "x": "{% $states.input.x %}"},
                "Assign": {"cause": "{% $parse($states.errorOutput.Cause).errorMessage %}"}
            }]
        },
        "B": {"Type": "Fail", "Error": "{% $states.input.error & $string($states.input.x) %}", "Cause": "{% $cause %}"}
    }});
    let error = failed(world.run(definition, json!({"x": 1})).await);
    assert_eq!(
        (error.error.as_str(), error.cause.as_str()),
        ("FAILED1", "said so")
    );
}

#[tokio::test(start_paused = true)]
async fn an_expression_without_a_value_is_an_error_of_its_own() {
    for (state, cause) in [
        (
            jsonata(
                json!({"Arguments": {"FunctionName": ARN, "Payload": "{% $states.input.x %}"}}),
            ),
            "The JSONata expression '$states.input.x' returned nothing (undefined).",
        ),
        (
            jsonata(
                json!({"Arguments": {"FunctionName": ARN}, "Output": "{% $states.result.x %}"}),
            ),
            "The JSONata expression '$states.result.x' returned nothing (undefined).",
        ),
    ] {
        let world = world();
        let error = failed(world.run(one(state.clone()), json!({})).await);
        assert_eq!(error.error, "States.QueryEvaluationError");
        assert_eq!(error.cause, cause);
        // It can be caught by its name.
        let caught = merged(
            state,
            json!({"Catch": [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "B"}]}),
        );
        let definition = json!({"StartAt": "A", "States": {"A": caught, "B": {"Type": "Succeed"}}});
        let world = self::world();
        let output = succeeded(world.run(definition, json!({})).await);
        assert_eq!(output["Error"], "States.QueryEvaluationError");
    }
}

#[tokio::test(start_paused = true)]
async fn limits_may_be_computed() {
    for (more, error, seconds) in [
        (
            json!({"TimeoutSeconds": "{% $states.input.limit * 2 %}"}),
            "States.Timeout",
            14,
        ),
        (
            json!({"HeartbeatSeconds": "{% $states.input.limit %}"}),
            "States.HeartbeatTimeout",
            7,
        ),
    ] {
        let world = world();
        let state = merged(
            jsonata(json!({"Resource": INVOKE_AND_WAIT, "Arguments": {"FunctionName": ARN}})),
            more,
        );
        let began = Instant::now();
        let ended = failed(world.run(one(state), json!({"limit": 7})).await);
        assert_eq!(ended.error, error);
        assert_eq!(began.elapsed().as_secs(), seconds);
    }
    let world = world();
    let state =
        jsonata(json!({"Arguments": {"FunctionName": ARN}, "TimeoutSeconds": "{% 'soon' %}"}));
    let ended = failed(world.run(one(state), json!({})).await);
    assert!(
        ended.cause.contains("\"soon\" was found"),
        "{}",
        ended.cause
    );
}

#[tokio::test(start_paused = true)]
async fn every_attempt_has_a_fresh_token_and_waits_as_written() {
    let mut world = world();
    let state = json!({
        "Type": "Task", "Resource": INVOKE_AND_WAIT, "End": true,
        "Parameters": {"FunctionName": ARN, "Payload": {
            "taskToken.$": "$$.Task.Token", "retries.$": "$$.State.RetryCount", "fail": "Busy"
        }},
        "Retry": [
            {"ErrorEquals": ["Other"], "MaxAttempts": 9},
            {"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxAttempts": 4, "MaxDelaySeconds": 20}
        ]
    });
    let began = Instant::now();
    let error = failed(world.run(one(state), json!({})).await);
    assert_eq!(error.error, "Busy");
    assert_eq!(began.elapsed(), Duration::from_secs(2 + 6 + 18 + 20));
    let (mut tokens, mut retries) = (HashSet::new(), Vec::new());
    while let Ok((_, payload)) = world.invocations.try_recv() {
        tokens.insert(payload["taskToken"].as_str().expect("a token").to_owned());
        retries.push(payload["retries"].as_u64().expect("a number"));
    }
    assert_eq!(
        (tokens.len(), retries.as_slice()),
        (5, &[0, 1, 2, 3, 4][..])
    );
}

#[tokio::test(start_paused = true)]
async fn jitter_shortens_waits_and_never_makes_them_longer() {
    let world = world();
    let state = json!({
        "Type": "Task", "Resource": INVOKE, "End": true,
        "Parameters": {"FunctionName": ARN, "Payload": {"fail": "Busy"}},
        "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 100, "BackoffRate": 1, "MaxAttempts": 50, "JitterStrategy": "FULL"}]
    });
    failed(world.run(one(state), json!({})).await);
    let waits: Vec<Duration> = world
        .seen
        .lock()
        .expect("lock")
        .iter()
        .filter_map(|what| match what {
            What::Retried { wait, .. } => Some(*wait),
            _ => None,
        })
        .collect();
    assert_eq!(waits.len(), 50);
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(100)));
    // That fifty of them are all in the upper half is as likely as one in 10^15.
    assert!(waits.iter().any(|wait| *wait < Duration::from_secs(50)));
}

#[tokio::test(start_paused = true)]
async fn a_function_by_its_arn_is_given_the_input_and_gives_the_result() {
    let mut world = world();
    let state = json!({"Type": "Task", "Resource": ARN, "End": true, "ResultPath": "$.result"});
    let output = succeeded(world.run(one(state), json!({"return": 7})).await);
    assert_eq!(output, json!({"return": 7, "result": 7}));
    let (name, payload) = world.invocations.recv().await.expect("invoked");
    assert_eq!((name.as_str(), payload), (ARN, json!({"return": 7})));
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_for_the_token_in_its_body() {
    let mut world = world();
    let state = json!({
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": true,
        "Parameters": {"QueueUrl": "https://queue", "MessageBody": {"taskToken.$": "$$.Task.Token", "fail": "X"}}
    });
    let execution = world.start(one(state), json!({}));
    let (name, batch) = world.invocations.recv().await.expect("invoked");
    assert_eq!(name, "https://queue");
    let body = batch["Records"][0]["body"].as_str().expect("a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    let token = body["taskToken"].as_str().expect("a token");
    assert_eq!(world.core.tokens.answer(token, Ok(json!(3))), Ok(()));
    assert_eq!(succeeded(execution.end().await), json!(3));
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_its_time() {
    let world = world();
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3_600);
    let state = json!({"Type": "Wait", "TimestampPath": "$.at", "End": true});
    let began = Instant::now();
    succeeded(world.run(one(state), json!({"at": at.to_string()})).await);
    let waited = began.elapsed().as_secs();
    assert!((3_500..=3_600).contains(&waited), "{waited} s");

    let state = json!({"Type": "Wait", "Timestamp": "tomorrow", "End": true});
    let world = self::world();
    let error = failed(world.run(one(state), json!({})).await);
    assert!(
        error.cause.contains("'tomorrow' is no time"),
        "{}",
        error.cause
    );
}

#[tokio::test(start_paused = true)]
async fn intrinsic_functions_fail_by_their_name() {
    let state = |path: &str| {
        one(json!({
            "Type": "Pass", "End": true, "Parameters": {"a.$": format!("States.ArrayGetItem({path}, 1)")}
        }))
    };
    let input = json!({"two": [1, 2], "one": [1]});
    let output = succeeded(world().run(state("$.two"), input.clone()).await);
    assert_eq!(output, json!({"a": 2}));
    let error = failed(world().run(state("$.one"), input.clone()).await);
    assert_eq!(error.error, "States.IntrinsicFailure");
    let error = failed(world().run(state("$.none"), input).await);
    assert_eq!(error.error, "States.ParameterPathFailure");
}

#[tokio::test(start_paused = true)]
async fn a_single_state_ends_where_it_would_go_on() {
    let definition = json!({"StartAt": "Before", "States": {
        "Before": {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun", "Next": "A"},
        "A": {
            "Type": "Task", "Resource": ARN, "Next": "After", "ResultPath": "$.result",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
        },
        "After": {"Type": "Map"}, "Caught": {"Type": "Map"}
    }});
    for (input, next) in [
        (json!({"return": 1}), "After"),
        (json!({"fail": "X"}), "Caught"),
    ] {
        let world = world();
        let single = SingleState::take(&definition, Some("A")).expect("taken");
        let execution = world
            .core
            .start("machine", single.definition().expect("runs"), "one", input)
            .unwrap_or_else(|_| panic!("started twice"));
        succeeded(execution.end().await);
        let seen = world.seen.lock().expect("lock");
        let followed = seen.iter().any(|what| {
            *what
                == What::Next {
                    state: "A".to_owned(),
                    next: next.to_owned(),
                }
        });
        assert!(followed, "{seen:?}");
    }
}
