//! Payloads: events that people write into state machines.

use serde_json::{Map, Value};
use signalbox_tasker::Raised;

use super::{Event, text};
use crate::nearest::nearest;

/// A payload has at least one of these. The policy checks it in full.
const PAYLOAD_KEYS: [&str; 4] = ["sqlStatement", "sqlStatements", "action", "statementId"];
/// How many keys of an unknown event a message lists, and how long each may be.
const KEYS_SHOWN: usize = 20;
const KEY_LENGTH_SHOWN: usize = 40;

pub(super) fn is_payload(fields: &Map<String, Value>) -> bool {
    PAYLOAD_KEYS.iter().any(|key| fields.contains_key(*key))
}

/// What the host is asked itself, if it is.
///
/// # Errors
/// `InvalidRequest` if a task waits for it: it is answered at once, and nothing would answer the token.
pub(super) fn question(fields: &Map<String, Value>) -> Result<Option<Event>, Raised> {
    let (name, event) = match text(fields, "action") {
        Some("sweep") => ("sweep", Event::SweepRequest),
        Some("status") => ("status", Event::Status),
        _ => return Ok(None),
    };
    if fields
        .get("taskToken")
        .is_some_and(|token| !token.is_null())
    {
        return Err(Raised::invalid(format!(
            "`{{\"action\": \"{name}\"}}` is answered at once: take `taskToken` out of the payload, and invoke the \
             function without `.waitForTaskToken`"
        )));
    }
    Ok(Some(event))
}

/// A request of CloudFormation carries an address to answer to.
pub(super) fn is_custom_resource(fields: &Map<String, Value>) -> bool {
    fields.get("ResponseURL").is_some_and(|url| !url.is_null())
}

/// Whether somebody waits for an answer by another way than the invocation's.
pub(super) fn is_awaited(fields: &Value) -> bool {
    ["taskToken", "ResponseURL"]
        .iter()
        .any(|name| fields.get(*name).is_some_and(Value::is_string))
}

/// Says what an event is that is nothing known, by its keys.
pub(super) fn what_is_there(fields: &Map<String, Value>) -> String {
    if fields.is_empty() {
        return "it is empty".to_owned();
    }
    for key in fields.keys() {
        if let Some(meant) = nearest(key, PAYLOAD_KEYS) {
            return format!("`{}` is not known, but much like `{meant}`", shown(key));
        }
    }
    let mut keys: Vec<_> = fields
        .keys()
        .take(KEYS_SHOWN)
        .map(|key| format!("`{}`", shown(key)))
        .collect();
    if fields.len() > KEYS_SHOWN {
        keys.push(format!("{} more", fields.len() - KEYS_SHOWN));
    }
    format!("found only {}", keys.join(", "))
}

fn shown(key: &str) -> String {
    let mut text: String = key
        .chars()
        .filter(|c| !c.is_control())
        .take(KEY_LENGTH_SHOWN)
        .collect();
    if key.chars().count() > KEY_LENGTH_SHOWN {
        text.push('…');
    }
    text
}
