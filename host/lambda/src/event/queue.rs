//! Batches of SQS.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use signalbox_tasker::{Raised, bounds};

use super::{BATCH_WITHIN, Event, Unread, eventbridge, unreadable, unsupported};

/// One record of a batch. Its message is read when its turn comes, so that a batch costs one tree at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// SQS's id of the message: what is reported if it is worth another try.
    pub message_id: String,
    /// The message's text, or what is wrong with it.
    pub body: Result<String, String>,
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
    /// A payload that holds too much to be read.
    Unread(Unread),
    /// Nothing that can be worked on; why, for the log. No value of the message is in it.
    Malformed(String),
}

/// What is read of a completion event to know its statement.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Envelope<'t> {
    #[serde(borrow)]
    source: Cow<'t, str>,
    #[serde(borrow)]
    detail_type: Cow<'t, str>,
    detail: Detail,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    statement_name: String,
}

/// A batch as it is written, each record a part of its text.
#[derive(Deserialize)]
struct Batch<'t> {
    #[serde(rename = "Records", borrow)]
    records: &'t RawValue,
}

/// What is read of a record.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'t> {
    #[serde(borrow)]
    event_source: Option<&'t RawValue>,
    #[serde(borrow)]
    message_id: Option<&'t RawValue>,
    #[serde(borrow)]
    body: Option<&'t RawValue>,
}

/// Reads `Records`. A record that cannot be read at all, because it has no id to report it by or is from
/// elsewhere than SQS, is an error of the whole event.
pub(super) fn records(text: &str) -> Result<Vec<Record>, Raised> {
    let batch: Batch<'_> = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    if kind_of(batch.records) != "a list" {
        return Err(unsupported(&format!(
            "`Records` is {}, not a list",
            kind_of(batch.records)
        )));
    }
    let records: Vec<&RawValue> =
        serde_json::from_str(batch.records.get()).map_err(|error| unreadable(&error))?;
    records
        .into_iter()
        .enumerate()
        .map(|(index, record)| read(record).map_err(|why| at(index, why)))
        .collect()
}

fn at(index: usize, why: String) -> Raised {
    unsupported(&format!("record {} of `Records` {why}", index + 1))
}

fn read(record: &RawValue) -> Result<Record, String> {
    if kind_of(record) != "an object" {
        return Err(format!("is {}, not an object", kind_of(record)));
    }
    let fields: Fields<'_> =
        serde_json::from_str(record.get()).map_err(|_| "has a field more than once".to_owned())?;
    if fields.event_source.and_then(text).as_deref() != Some("aws:sqs") {
        return Err("is not from SQS (`eventSource` is not `aws:sqs`)".to_owned());
    }
    let message_id = fields
        .message_id
        .and_then(text)
        .filter(|id| !id.is_empty())
        .ok_or("has no `messageId`")?;
    let body = match fields.body {
        Some(body) => text(body).ok_or_else(|| format!("`body` is {}, not a text", kind_of(body))),
        None => Err("`body` is missing".to_owned()),
    };
    Ok(Record { message_id, body })
}

fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// The kind of a value that is not read.
fn kind_of(value: &RawValue) -> &'static str {
    match value.get().bytes().next() {
        Some(b'[') => "a list",
        Some(b'{') => "an object",
        Some(b'"') => "a text",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

impl Record {
    /// Reads the record's message.
    #[must_use]
    pub fn message(&self) -> Message {
        match &self.body {
            Ok(body) => message(body),
            Err(why) => Message::Malformed(why.clone()),
        }
    }

    /// The name of the statement whose completion the message reports. Nothing else of the message becomes a tree.
    #[must_use]
    pub fn completed_statement(&self) -> Option<String> {
        let body = self.body.as_deref().ok()?;
        bounds::PAYLOAD.check(body).ok()?;
        let event: Envelope<'_> = serde_json::from_str(body).ok()?;
        eventbridge::is_completion(&event.source, &event.detail_type)
            .then_some(event.detail.statement_name)
    }
}

fn message(body: &str) -> Message {
    if let Err(why) = bounds::PAYLOAD.check(body) {
        let unread = Unread::of(body, &why);
        // Whatever is wrong with it, somebody waits and can be told.
        return if super::payload::is_awaited(&unread.caller) {
            Message::Unread(unread)
        } else {
            Message::Malformed(unread.raised.message)
        };
    }
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
    match Event::of_tree(body) {
        Ok(Event::Payload(payload)) => Message::Payload(payload),
        Ok(Event::Completion(event)) => Message::Completion(event),
        Ok(Event::ExecutionStatus(event)) => Message::ExecutionStatus(event),
        Ok(Event::Sweep | Event::SweepRequest) => {
            Message::Malformed("a schedule does not come by a queue".to_owned())
        }
        Ok(Event::Status) => Message::Malformed("nobody reads a status from a queue".to_owned()),
        Ok(Event::CustomResource(request)) => Message::CustomResource(request),
        Ok(Event::Unread(unread)) => Message::Unread(unread),
        Ok(Event::Queue(_)) => Message::Malformed(BATCH_WITHIN.to_owned()),
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
