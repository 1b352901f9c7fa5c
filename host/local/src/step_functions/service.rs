//! The operations of Step Functions that are served.

use super::core::Core;
use super::error::{DATA_BYTES, StateError};
use super::execution::{Execution, error_members};
use super::observe::Outcome;
use super::tokens::TokenError;
use crate::aws_json::Service;
use crate::aws_json::error::{ServiceError, read};
use async_trait::async_trait;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The most characters of a token.
const TOKEN_CHARACTERS: usize = 2048;
/// The most characters of an error's name.
const ERROR_CHARACTERS: usize = 256;
/// The most characters of a cause.
const CAUSE_CHARACTERS: usize = 32_768;

/// The service as clients reach it.
pub(crate) struct StatesService(pub(crate) Arc<Core>);

#[async_trait]
impl Service for StatesService {
    const TARGET_PREFIX: &'static str = "AWSStepFunctions";
    const CONTENT_TYPE: &'static str = "application/x-amz-json-1.0";
    const MESSAGE_MEMBER: &'static str = "message";

    async fn call(
        &self,
        operation: &str,
        input: Map<String, Value>,
    ) -> Result<Value, ServiceError> {
        let core = &self.0;
        match operation {
            "SendTaskSuccess" => success(core, read(input)?),
            "SendTaskFailure" => failure(core, read(input)?),
            "SendTaskHeartbeat" => heartbeat(core, &read(input)?),
            "StartExecution" => start(core, read(input)?),
            "DescribeExecution" => describe(core, &read(input)?),
            "StopExecution" => stop(core, read(input)?),
            other => Err(ServiceError::unknown_operation(other)),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskInput {
    task_token: Option<String>,
    output: Option<String>,
    error: Option<String>,
    cause: Option<String>,
}

fn success(core: &Core, input: TaskInput) -> Result<Value, ServiceError> {
    let token = token(input.task_token.as_deref())?;
    let Some(output) = input.output else {
        return Err(ServiceError::validation("output is missing."));
    };
    if output.len() > DATA_BYTES {
        return Err(ServiceError::validation(format!(
            "output has {} bytes; at most {DATA_BYTES} are allowed.",
            output.len()
        )));
    }
    let output = serde_json::from_str(&output).map_err(|error| {
        ServiceError::client("InvalidOutput", format!("output is not JSON: {error}."))
    })?;
    core.tokens.answer(token, Ok(output)).map_err(refused)?;
    Ok(json!({}))
}

fn failure(core: &Core, input: TaskInput) -> Result<Value, ServiceError> {
    let token = token(input.task_token.as_deref())?;
    characters("error", input.error.as_deref(), ERROR_CHARACTERS)?;
    characters("cause", input.cause.as_deref(), CAUSE_CHARACTERS)?;
    let error = StateError::new(
        input.error.unwrap_or_default(),
        input.cause.unwrap_or_default(),
    );
    core.tokens.answer(token, Err(error)).map_err(refused)?;
    Ok(json!({}))
}

fn heartbeat(core: &Core, input: &TaskInput) -> Result<Value, ServiceError> {
    let token = token(input.task_token.as_deref())?;
    core.tokens.heartbeat(token).map_err(refused)?;
    Ok(json!({}))
}

fn token(token: Option<&str>) -> Result<&str, ServiceError> {
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return Err(ServiceError::validation("taskToken is missing or empty."));
    };
    characters("taskToken", Some(token), TOKEN_CHARACTERS)?;
    Ok(token)
}

/// Characters are counted as UTF-16 has them, which is never fewer than the service counts.
fn characters(name: &str, text: Option<&str>, most: usize) -> Result<(), ServiceError> {
    let length = text.map_or(0, |text| text.encode_utf16().count());
    if length <= most {
        return Ok(());
    }
    Err(ServiceError::validation(format!(
        "{name} has {length} characters; at most {most} are allowed."
    )))
}

fn refused(error: TokenError) -> ServiceError {
    match error {
        TokenError::Invalid => ServiceError::client("InvalidToken", "The token is not valid."),
        TokenError::Unknown => {
            ServiceError::client("TaskDoesNotExist", "There is no task with this token.")
        }
        TokenError::Closed => ServiceError::client(
            "TaskTimedOut",
            "The task was answered before, timed out, or its execution ended.",
        ),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartInput {
    state_machine_arn: Option<String>,
    name: Option<String>,
    input: Option<String>,
}

fn start(core: &Arc<Core>, input: StartInput) -> Result<Value, ServiceError> {
    let arn = input.state_machine_arn.unwrap_or_default();
    let name = arn.rsplit(':').next().unwrap_or_default();
    let definition = core
        .machine(name)
        .filter(|_| arn == core.machine_arn(name))
        .ok_or_else(|| {
            ServiceError::client(
                "StateMachineDoesNotExist",
                format!("There is no state machine {arn}."),
            )
        })?;
    let data = match &input.input {
        None => json!({}),
        Some(text) if text.len() > DATA_BYTES => {
            return Err(ServiceError::client(
                "InvalidExecutionInput",
                "The input is too long.",
            ));
        }
        Some(text) => serde_json::from_str(text).map_err(|error| {
            ServiceError::client(
                "InvalidExecutionInput",
                format!("The input is not JSON: {error}."),
            )
        })?,
    };
    let own_name = input
        .name
        .unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    if !is_execution_name(&own_name) {
        return Err(ServiceError::client(
            "InvalidName",
            "The name must have 1 to 80 letters, digits, hyphens or underscores.",
        ));
    }
    let execution = match core.start(name, definition, &own_name, data.clone()) {
        Ok(execution) => execution,
        // The same start again is no error while it runs.
        Err(known) if known.input == data && known.ended().is_none() => known,
        Err(known) => {
            return Err(ServiceError::client(
                "ExecutionAlreadyExists",
                format!("There is an execution {} already.", known.arn),
            ));
        }
    };
    Ok(json!({ "executionArn": execution.arn, "startDate": epoch(execution.started_at) }))
}

fn is_execution_name(name: &str) -> bool {
    let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=80).contains(&name.len()) && name.bytes().all(letters)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecutionInput {
    execution_arn: Option<String>,
    error: Option<String>,
    cause: Option<String>,
}

fn find(core: &Core, input: &ExecutionInput) -> Result<Arc<Execution>, ServiceError> {
    let arn = input.execution_arn.as_deref().unwrap_or_default();
    if !arn.starts_with("arn:") {
        return Err(ServiceError::client(
            "InvalidArn",
            format!("'{arn}' is no ARN."),
        ));
    }
    core.execution(arn).ok_or_else(|| {
        ServiceError::client(
            "ExecutionDoesNotExist",
            format!("There is no execution {arn}."),
        )
    })
}

fn describe(core: &Core, input: &ExecutionInput) -> Result<Value, ServiceError> {
    let execution = find(core, input)?;
    let mut reply = json!({
        "executionArn": execution.arn,
        "stateMachineArn": core.machine_arn(&execution.machine_name),
        "name": execution.name,
        "status": "RUNNING",
        "startDate": epoch(execution.started_at),
        "input": execution.input.to_string(),
        "inputDetails": { "included": true },
    });
    if let (Some((at, outcome)), Some(members)) = (execution.ended(), reply.as_object_mut()) {
        members.insert("status".to_owned(), outcome.status().into());
        members.insert("stopDate".to_owned(), epoch(at));
        let (error, cause) = error_members(&outcome);
        members.extend(error.map(|error| ("error".to_owned(), error.into())));
        members.extend(cause.map(|cause| ("cause".to_owned(), cause.into())));
        if let Outcome::Succeeded { output } = outcome {
            members.insert("output".to_owned(), output.to_string().into());
            members.insert("outputDetails".to_owned(), json!({ "included": true }));
        }
    }
    Ok(reply)
}

fn stop(core: &Core, input: ExecutionInput) -> Result<Value, ServiceError> {
    let execution = find(core, &input)?;
    characters("error", input.error.as_deref(), ERROR_CHARACTERS)?;
    characters("cause", input.cause.as_deref(), CAUSE_CHARACTERS)?;
    let stopped_at = execution.ended().map_or_else(Timestamp::now, |(at, _)| at);
    execution.stop(input.error, input.cause);
    Ok(json!({ "stopDate": epoch(stopped_at) }))
}

/// A time as the protocol has it: seconds since 1970, with a fraction.
fn epoch(time: Timestamp) -> Value {
    Value::from(time.as_millisecond() as f64 / 1000.0)
}
