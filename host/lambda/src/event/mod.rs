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
use signalbox_tasker::{Raised, bounds};

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
    /// A payload that is not read, because it holds more than it may.
    Unread(Unread),
}

/// A payload that holds too much to be read, and what is needed to answer whoever waits for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Unread {
    /// The members by which a caller is answered, as far as they are there.
    pub caller: Value,
    /// What it holds too much of.
    pub raised: Raised,
}

/// Why a batch in a message of a batch is refused.
const BATCH_WITHIN: &str = "it is a batch within a message";
/// By these members a caller is answered.
const CALLER: [&str; 8] = [
    "taskToken",
    "executionArn",
    "ResponseURL",
    "RequestType",
    "StackId",
    "RequestId",
    "LogicalResourceId",
    "PhysicalResourceId",
];
/// The longest of their values, in bytes of JSON. A presigned URL may have some kilobytes.
const CALLER_VALUE_MAX: usize = 16_384;

/// What the function takes, for messages.
const SUPPORTED: &str = "a payload with `sqlStatement`, `sqlStatements` or `action`; an SQS batch of such payloads or \
                         of completion events; an EventBridge event `Redshift Data Statement Status Change` \
                         or `Step Functions Execution Status Change`; a scheduled event, `{\"action\": \"sweep\"}` or `{\"action\": \"status\"}`";

impl Event {
    /// Reads an event. Its bounds are checked before it becomes a tree, and a batch becomes none as a whole.
    ///
    /// # Errors
    /// `InvalidRequest` if it is nothing that the function takes. The message names keys of the event and never a
    /// value: values may be secret.
    pub fn read(text: &str) -> Result<Self, Raised> {
        bounds::EVENT
            .check(text)
            .map_err(|why| too_large("event", &why))?;
        if bounds::has_member(text, "Records") {
            return queue::records(text).map(Self::Queue);
        }
        if let Err(why) = bounds::PAYLOAD.check(text) {
            return Ok(Self::Unread(Unread::of(text, &why)));
        }
        let event = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
        Self::of_tree(event)
    }

    fn of_tree(event: Value) -> Result<Self, Raised> {
        let fields = match event {
            Value::Object(fields) => fields,
            other => {
                return Err(unsupported(&format!(
                    "it is {}, not an object",
                    kind_of(&other)
                )));
            }
        };
        // A batch by itself is not read here.
        if fields.contains_key("Records") {
            return Err(unsupported(BATCH_WITHIN));
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

impl Unread {
    fn of(text: &str, why: &bounds::OutOfBounds) -> Self {
        Self {
            caller: Value::Object(bounds::scalars(text, &CALLER, CALLER_VALUE_MAX)),
            raised: too_large("payload", why),
        }
    }
}

fn too_large(what: &str, why: &bounds::OutOfBounds) -> Raised {
    Raised::invalid(format!(
        "the {what} is too large: {why}. Pass on only the fields that the statement needs"
    ))
}

/// A refusal in our own words: the parser's can quote the event.
fn unreadable(error: &serde_json::Error) -> Raised {
    let (line, column) = (error.line(), error.column());
    Raised::invalid(format!(
        "the event cannot be read: at line {line}, column {column} it is broken or nested too deeply"
    ))
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
