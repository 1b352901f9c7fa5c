//! Reading a Task state.

use super::fields::Fields;
use super::{DefinitionError, Resource, Seconds, Task, results};

const INVOKE: &str = "arn:aws:states:::lambda:invoke";
const INVOKE_AND_WAIT: &str = "arn:aws:states:::lambda:invoke.waitForTaskToken";
const SEND_MESSAGE_AND_WAIT: &str = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";

pub(super) fn read(fields: &Fields<'_>) -> Result<Task, DefinitionError> {
    let resource = resource(fields)?;
    let arguments = results::arguments(fields)?;
    let names = arguments.as_ref().and_then(|arguments| arguments.names());
    let (known, needed): (&[&str], &[&str]) = match resource {
        Resource::Invoke | Resource::InvokeAndWait => {
            (&["FunctionName", "Payload"], &["FunctionName"])
        }
        Resource::SendMessageAndWait => {
            (&["QueueUrl", "MessageBody"], &["QueueUrl", "MessageBody"])
        }
        Resource::Function(_) => (&[], &[]),
    };
    if !known.is_empty() {
        let called = results::arguments_name(fields.language);
        if arguments.is_none() {
            return Err(fields.wrong(format!("{called} are missing")));
        }
        // Of arguments that are one expression nothing is known before it was evaluated.
        let names = names.unwrap_or_else(|| needed.to_vec());
        if let Some(name) = needed.iter().find(|name| !names.contains(name)) {
            return Err(fields.wrong(format!("{called} need a {name}")));
        }
        if let Some(name) = names.iter().find(|name| !known.contains(name)) {
            return Err(fields.wrong(format!("the parameter '{name}' is not supported here")));
        }
    }
    let timeout = fields.seconds_or_query("TimeoutSeconds", "TimeoutSecondsPath")?;
    let heartbeat = fields.seconds_or_query("HeartbeatSeconds", "HeartbeatSecondsPath")?;
    if let (Some(Seconds::Fixed(timeout)), Some(Seconds::Fixed(heartbeat))) = (&timeout, &heartbeat)
        && heartbeat >= timeout
    {
        return Err(fields.wrong("HeartbeatSeconds must be smaller than TimeoutSeconds"));
    }
    Ok(Task {
        resource,
        arguments,
        timeout,
        heartbeat,
        results: results::read(fields)?,
    })
}

fn resource(fields: &Fields<'_>) -> Result<Resource, DefinitionError> {
    match fields.text("Resource")?.as_deref() {
        Some(INVOKE) => Ok(Resource::Invoke),
        Some(INVOKE_AND_WAIT) => Ok(Resource::InvokeAndWait),
        Some(SEND_MESSAGE_AND_WAIT) => Ok(Resource::SendMessageAndWait),
        Some(arn) if is_function(arn) => Ok(Resource::Function(arn.to_owned())),
        Some(other) => Err(fields.wrong(format!(
            "the resource '{other}' is not supported here; lambda:invoke, lambda:invoke.waitForTaskToken, \
             sqs:sendMessage.waitForTaskToken and a function's ARN are"
        ))),
        None => Err(fields.wrong("Resource is missing")),
    }
}

fn is_function(arn: &str) -> bool {
    let mut parts = arn.splitn(6, ':');
    parts.next() == Some("arn")
        && parts.nth(1) == Some("lambda")
        && parts
            .nth(2)
            .is_some_and(|resource| resource.starts_with("function:"))
}
