//! What an event is.
//!
//! Everything that reaches the function comes through one door, so its kind is read off its form. Nothing here
//! believes an event: a completion event is a hint, and anybody who may invoke the function can write one.

mod eventbridge;
mod payload;
mod queue;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};
use signalbox_tasker::Raised;

pub use self::queue::{Message, Record};

/// An event of the function, by its kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A payload: SQL to run, or a question about a statement.
    Payload(Value),
    /// A batch from a queue.
    Queue(Vec<Record>),
    /// `Redshift Data Statement Status Change`, straight from EventBridge.
    Completion(Value),
    /// `Step Functions Execution Status Change`.
    ExecutionStatus(Value),
    /// It is time to look for what is overdue, says a schedule.
    Sweep,
    /// Somebody asks to look for what is overdue.
    SweepRequest,
    /// How the policy set of this process stands.
    Status,
    /// A request of CloudFormation for a custom resource, with the SQL to run.
    CustomResource(Value),
}

/// What the function takes, for messages.
const SUPPORTED: &str = "a payload with `sqlStatement`, `sqlStatements` or `action`; an SQS batch of such payloads or \
                         of completion events; an EventBridge event `Redshift Data Statement Status Change` \
                         or `Step Functions Execution Status Change`; a scheduled event, `{\"action\": \"sweep\"}` or `{\"action\": \"status\"}`";

impl Event {
    /// Says what an event is.
    ///
    /// # Errors
    /// `InvalidRequest` if it is nothing that the function takes. The message names keys of the event and never a
    /// value: values may be secret.
    pub fn recognise(event: Value) -> Result<Self, Raised> {
        let fields = match event {
            Value::Object(fields) => fields,
            other => {
                return Err(unsupported(&format!(
                    "it is {}, not an object",
                    kind_of(&other)
                )));
            }
        };
        if fields.contains_key("Records") {
            return queue::records(fields).map(Self::Queue);
        }
        if let Some(question) = payload::question(&fields)? {
            return Ok(question);
        }
        if payload::is_custom_resource(&fields) {
            return Ok(Self::CustomResource(Value::Object(fields)));
        }
        if payload::is_payload(&fields) {
            return Ok(Self::Payload(Value::Object(fields)));
        }
        match eventbridge::recognise(&fields) {
            Some(Ok(eventbridge::Notice::Completion)) => {
                Ok(Self::Completion(Value::Object(fields)))
            }
            Some(Ok(eventbridge::Notice::ExecutionStatus)) => {
                Ok(Self::ExecutionStatus(Value::Object(fields)))
            }
            Some(Ok(eventbridge::Notice::Schedule)) => Ok(Self::Sweep),
            Some(Err(reason)) => Err(unsupported(&reason)),
            None => Err(unsupported(&payload::what_is_there(&fields))),
        }
    }
}

fn unsupported(reason: &str) -> Raised {
    Raised::invalid(format!(
        "Unsupported invocation event: {reason}. The function takes {SUPPORTED}."
    ))
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn text<'f>(fields: &'f Map<String, Value>, key: &str) -> Option<&'f str> {
    fields.get(key).and_then(Value::as_str)
}
