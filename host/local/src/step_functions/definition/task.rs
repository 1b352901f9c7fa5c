//! Reading a Task state.

use super::fields::Fields;
use super::{DefinitionError, Resource, Seconds, Task, results};

const INVOKE: &str = "lambda:invoke";
const INVOKE_AND_WAIT: &str = "lambda:invoke.waitForTaskToken";
const SEND_MESSAGE_AND_WAIT: &str = "sqs:sendMessage.waitForTaskToken";

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
    let Some(arn) = fields.text("Resource")? else {
        return Err(fields.wrong("Resource is missing"));
    };
    match integration(&arn) {
        Some(INVOKE) => Ok(Resource::Invoke),
        Some(INVOKE_AND_WAIT) => Ok(Resource::InvokeAndWait),
        Some(SEND_MESSAGE_AND_WAIT) => Ok(Resource::SendMessageAndWait),
        None if is_function(&arn) => Ok(Resource::Function(arn)),
        _ => Err(fields.wrong(format!(
            "the resource '{arn}' is not supported here; lambda:invoke, lambda:invoke.waitForTaskToken, \
             sqs:sendMessage.waitForTaskToken and a function's ARN are"
        ))),
    }
}

/// The integration that an ARN of Step Functions means, in whichever partition of AWS.
pub(super) fn integration(arn: &str) -> Option<&str> {
    let (partition, rest) = arn.strip_prefix("arn:")?.split_once(':')?;
    partition
        .starts_with("aws")
        .then(|| rest.strip_prefix("states:::"))?
}

fn is_function(arn: &str) -> bool {
    let mut parts = arn.splitn(6, ':');
    parts.next() == Some("arn")
        && parts.nth(1) == Some("lambda")
        && parts
            .nth(2)
            .is_some_and(|resource| resource.starts_with("function:"))
}
