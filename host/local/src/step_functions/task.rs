//! One attempt of a Task state.

use super::definition::{Resource, Seconds, Task};
use super::error::StateError;
use super::execution::Execution;
use super::function::FunctionError;
use super::observe::What;
use super::query::{Scope, Template, Variables};
use super::tokens::{Said, Waiter};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

/// Where an attempt stands.
pub(crate) struct Place<'a> {
    pub(crate) execution: &'a Arc<Execution>,
    pub(crate) branch: &'a [usize],
    pub(crate) state: &'a str,
    /// How many attempts there were before.
    pub(crate) retries: u32,
    pub(crate) variables: &'a Variables,
}

impl Place<'_> {
    pub(crate) fn observe(&self, what: What) {
        self.execution.observe(self.branch, what);
    }

    fn scope<'v>(&self, input: &'v Value, context: &'v Value) -> Scope<'v>
    where
        Self: 'v,
    {
        Scope {
            data: input,
            context,
            outcome: None,
            variables: self.variables,
        }
    }

    /// `Parameters` or `Arguments`, filled; without them it is the input.
    pub(crate) fn arguments(
        &self,
        template: Option<&Template>,
        input: &Value,
        context: &Value,
    ) -> Result<Value, StateError> {
        match template {
            None => Ok(input.clone()),
            Some(template) => template
                .fill(&self.scope(input, context))
                .map_err(|miss| miss.in_template()),
        }
    }
}

/// Makes one attempt. A task with a callback has a fresh token for it.
pub(crate) async fn attempt(
    place: &Place<'_>,
    task: &Task,
    input: &Value,
) -> Result<Value, StateError> {
    let core = &place.execution.core;
    let waiter = match task.resource {
        Resource::Invoke | Resource::Function(_) => None,
        Resource::InvokeAndWait | Resource::SendMessageAndWait => Some(core.tokens.issue()),
    };
    let token = waiter.as_ref().map(|waiter| waiter.token.as_str());
    let context = place.execution.context(place.state, place.retries, token);
    let arguments = place.arguments(task.arguments.as_ref(), input, &context)?;
    let scope = place.scope(input, &context);
    let timeout = seconds(task.timeout.as_ref(), &scope)?;
    let heartbeat = seconds(task.heartbeat.as_ref(), &scope)?;
    let wall = |time: Option<Duration>| time.map(|time| core.time_scale.wall(time));
    let limits = Limits {
        end: wall(timeout).map(|time| Instant::now() + time),
        heartbeat: wall(heartbeat),
    };
    let function = invoke(
        place,
        Request::new(&task.resource, arguments)?,
        waiter.is_some(),
    )?;
    match (waiter, &task.resource) {
        (Some(waiter), _) => limits.wait_for_answer(place, function, waiter).await,
        (None, Resource::Function(_)) => limits.wait_for_function(function).await,
        (None, _) => limits.wait_for_function(function).await.map(lambda_reply),
    }
}

/// What is asked of which function.
struct Request {
    function: String,
    payload: Value,
}

impl Request {
    fn new(resource: &Resource, mut arguments: Value) -> Result<Self, StateError> {
        let mut text = |name: &str| match arguments.get_mut(name).map(Value::take) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(StateError::runtime(format!("{name} is not a text."))),
        };
        match resource {
            Resource::Function(arn) => Ok(Self {
                function: arn.clone(),
                payload: arguments,
            }),
            Resource::Invoke | Resource::InvokeAndWait => Ok(Self {
                function: text("FunctionName")?,
                payload: arguments
                    .get_mut("Payload")
                    .map_or_else(|| json!({}), Value::take),
            }),
            Resource::SendMessageAndWait => {
                let queue = text("QueueUrl")?;
                let body = match arguments.get_mut("MessageBody").map(Value::take) {
                    Some(Value::String(text)) => text,
                    Some(other) => other.to_string(),
                    None => return Err(StateError::runtime("MessageBody is missing.")),
                };
                Ok(Self {
                    payload: json!({ "Records": [{
                        "messageId": uuid::Uuid::new_v4().to_string(),
                        "eventSource": "aws:sqs",
                        "body": body,
                    }] }),
                    function: queue,
                })
            }
        }
    }
}

type Returned = oneshot::Receiver<Result<Value, FunctionError>>;

/// Invokes the function in a task of its own: it runs to its end whatever becomes of this attempt.
fn invoke(place: &Place<'_>, request: Request, waits: bool) -> Result<Returned, StateError> {
    let core = &place.execution.core;
    let Request {
        function: name,
        payload,
    } = request;
    let function = core.function().ok_or_else(|| {
        StateError::new(
            "Lambda.ResourceNotFoundException",
            format!("There is no function {name} here."),
        )
    })?;
    place.observe(What::FunctionInvoked {
        state: place.state.to_owned(),
        attempt: place.retries + 1,
        waits_for_token: waits,
    });
    let (sender, returned) = oneshot::channel();
    core.spawn(async move {
        // Nobody waits for it any more if the attempt is over.
        let _ = sender.send(function.invoke(&name, payload).await);
    });
    Ok(returned)
}

struct Limits {
    end: Option<Instant>,
    heartbeat: Option<Duration>,
}

impl Limits {
    async fn wait_for_function(&self, returned: Returned) -> Result<Value, StateError> {
        tokio::select! {
            result = returned => function_result(result),
            () = until(self.end) => Err(timed_out()),
        }
    }

    async fn wait_for_answer(
        &self,
        place: &Place<'_>,
        mut returned: Returned,
        mut waiter: Waiter,
    ) -> Result<Value, StateError> {
        let mut has_returned = false;
        loop {
            let said = waiter.said.borrow_and_update().clone();
            if let Some(answer) = said.answer {
                return answer;
            }
            let silent = self.heartbeat.map(|time| said.alive_at + time);
            tokio::select! {
                () = changed(&mut waiter.said) => {
                    let said = waiter.said.borrow();
                    if said.answer.is_none() {
                        place.observe(What::Heartbeat { state: place.state.to_owned() });
                    }
                }
                result = &mut returned, if !has_returned => {
                    has_returned = true;
                    match function_result(result) {
                        Ok(_) => place.observe(What::FunctionReturned {
                            state: place.state.to_owned(),
                        }),
                        // An answer that was faster than the error counts.
                        Err(error) => return waiter.time_out().unwrap_or(Err(error)),
                    }
                }
                () = until(self.end) => {
                    return waiter.time_out().unwrap_or_else(|| Err(timed_out()));
                }
                () = until(silent) => {
                    return waiter.time_out().unwrap_or_else(|| Err(StateError::new(
                        "States.HeartbeatTimeout",
                        "The task showed no sign of life within HeartbeatSeconds.",
                    )));
                }
            }
        }
    }
}

async fn changed(said: &mut watch::Receiver<Said>) {
    if said.changed().await.is_err() {
        // The sender went with the answer, which was seen, or with the token.
        std::future::pending().await
    }
}

async fn until(end: Option<Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}

fn timed_out() -> StateError {
    StateError::new(
        "States.Timeout",
        "The task took longer than TimeoutSeconds.",
    )
}

fn function_result(
    result: Result<Result<Value, FunctionError>, oneshot::error::RecvError>,
) -> Result<Value, StateError> {
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(FunctionError {
            error_type,
            message,
        })) => {
            let cause = json!({ "errorMessage": message, "errorType": error_type });
            Err(StateError::new(error_type, cause.to_string()))
        }
        Err(_) => Err(StateError::new(
            "Lambda.Unknown",
            "The function ended without a result.",
        )),
    }
}

/// A function's result in the form of Lambda's Invoke.
fn lambda_reply(payload: Value) -> Value {
    json!({
        "ExecutedVersion": "$LATEST",
        "Payload": payload,
        "SdkHttpMetadata": { "HttpStatusCode": 200 },
        "SdkResponseMetadata": { "RequestId": uuid::Uuid::new_v4().to_string() },
        "StatusCode": 200,
    })
}

/// A number of seconds, which may be in the data.
pub(crate) fn seconds(
    seconds: Option<&Seconds>,
    scope: &Scope<'_>,
) -> Result<Option<Duration>, StateError> {
    let number = match seconds {
        None => return Ok(None),
        Some(Seconds::Fixed(number)) => u64::from(*number),
        Some(Seconds::At(query)) => {
            let found = query.value(scope).map_err(|miss| miss.in_field())?;
            found.as_u64().ok_or_else(|| {
                StateError::runtime(format!(
                    "A whole number of seconds is needed, and {found} was found."
                ))
            })?
        }
    };
    Ok(Some(Duration::from_secs(number)))
}

#[cfg(test)]
mod tests {
    use crate::step_functions::core::Core;
    use crate::step_functions::tokens::TokenError;
    use crate::step_functions::{
        FunctionError, InvokeFunction, Outcome, StepFunctionsOptions, machines,
    };
    use async_trait::async_trait;
    use serde_json::{Value, json};
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::sync::mpsc;

    struct Tell(mpsc::UnboundedSender<String>);

    #[async_trait]
    impl InvokeFunction for Tell {
        async fn invoke(&self, _: &str, payload: Value) -> Result<Value, FunctionError> {
            let token = payload["taskToken"].as_str().expect("a token").to_owned();
            self.0.send(token).expect("the test listens");
            Ok(Value::Null)
        }
    }

    /// The clock of these tests stands still while something can be done, and else jumps to the next timer.
    #[tokio::test(start_paused = true)]
    async fn heartbeats_keep_a_task_open_and_silence_closes_it() {
        let (sender, mut tokens) = mpsc::unbounded_channel();
        let core = Arc::new(Core::new(StepFunctionsOptions {
            function: Some(Arc::new(Tell(sender))),
            ..StepFunctionsOptions::default()
        }));
        let definition = machines::sql_step("f", "select 1", Some(10)).expect("definition");
        let execution = core
            .start("machine", definition, "one", json!({}))
            .unwrap_or_else(|_| panic!("started twice"));
        let token = tokens.recv().await.expect("a token");
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_secs(9)).await;
            assert_eq!(core.tokens.heartbeat(&token), Ok(()));
        }
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert!(execution.ended().is_none());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(
            core.tokens.answer(&token, Ok(json!(1))),
            Err(TokenError::Closed)
        );
        match execution.end().await {
            Outcome::Failed { error } => assert_eq!(error.error, "Timeout"),
            other => panic!("{other:?}"),
        }
    }
}
