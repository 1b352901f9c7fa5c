//! Batches of SQS.

use serde_json::{Map, Value};
use signalbox_tasker::Raised;

use super::{Event, kind_of, text, unsupported};

/// One record of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// SQS's id of the message: what is reported if it is worth another try.
    pub message_id: String,
    /// What the message says.
    pub message: Message,
}

/// What a message of a queue says.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A payload.
    Payload(Value),
    /// A request of CloudFormation for a custom resource.
    CustomResource(Value),
    /// A completion event.
    Completion(Value),
    /// `Step Functions Execution Status Change`.
    ExecutionStatus(Value),
    /// Nothing that can be worked on; why, for the log. No value of the message is in it.
    Malformed(String),
}

/// Reads `Records`. A record that cannot be read at all, because it has no id to report it by or is from
/// elsewhere than SQS, is an error of the whole event.
pub(super) fn records(mut fields: Map<String, Value>) -> Result<Vec<Record>, Raised> {
    let records = match fields.remove("Records") {
        Some(Value::Array(records)) => records,
        other => {
            return Err(unsupported(&format!(
                "`Records` is {}, not a list",
                kind_of(&other.unwrap_or_default())
            )));
        }
    };
    records
        .into_iter()
        .enumerate()
        .map(|(index, record)| read(record).map_err(|why| at(index, why)))
        .collect()
}

fn at(index: usize, why: String) -> Raised {
    unsupported(&format!("record {} of `Records` {why}", index + 1))
}

fn read(record: Value) -> Result<Record, String> {
    let Value::Object(record) = record else {
        return Err(format!("is {}, not an object", kind_of(&record)));
    };
    if text(&record, "eventSource") != Some("aws:sqs") {
        return Err("is not from SQS (`eventSource` is not `aws:sqs`)".to_owned());
    }
    let message_id = text(&record, "messageId")
        .filter(|id| !id.is_empty())
        .ok_or("has no `messageId`")?
        .to_owned();
    let message = match record.get("body") {
        Some(Value::String(body)) => message(body),
        Some(other) => Message::Malformed(format!("`body` is {}, not a text", kind_of(other))),
        None => Message::Malformed("`body` is missing".to_owned()),
    };
    Ok(Record {
        message_id,
        message,
    })
}

fn message(body: &str) -> Message {
    let body: Value = match serde_json::from_str(body) {
        Ok(body) => body,
        Err(error) => {
            return Message::Malformed(format!("`body` is no JSON: {}", without_values(&error)));
        }
    };
    // Whatever is wrong with it, somebody waits and can be told.
    if body.get("taskToken").is_some_and(Value::is_string) {
        return Message::Payload(body);
    }
    match Event::recognise(body) {
        Ok(Event::Payload(payload)) => Message::Payload(payload),
        Ok(Event::Completion(event)) => Message::Completion(event),
        Ok(Event::ExecutionStatus(event)) => Message::ExecutionStatus(event),
        Ok(Event::Sweep | Event::SweepRequest) => {
            Message::Malformed("a schedule does not come by a queue".to_owned())
        }
        Ok(Event::Status) => Message::Malformed("nobody reads a status from a queue".to_owned()),
        Ok(Event::Queue(_)) => Message::Malformed("a batch within a message".to_owned()),
        Ok(Event::CustomResource(request)) => Message::CustomResource(request),
        Err(raised) => Message::Malformed(raised.message),
    }
}

/// Where a JSON text is broken. The parser's own words can quote the text.
fn without_values(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        _ => "it is broken",
    };
    format!("{kind} at line {}, column {}", error.line(), error.column())
}
