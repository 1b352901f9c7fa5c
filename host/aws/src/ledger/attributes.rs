//! Items and their attributes.
//!
//! Members of an item's body are attributes of the same name, so that a person sees them one by one and the
//! original's rows read like ours. JSON's types have their DynamoDB counterparts; a number keeps its value, not
//! its spelling (`1.0` comes back as `1`). Sets and binary values, which we never write, read as lists and
//! base64 texts.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::base64;
use serde_json::{Map, Number, Value};
use signalbox_tasker::ports::{Item, Key};

/// Partition key.
pub(super) const ID: &str = "id";
/// Sort key.
pub(super) const INVOCATION_ID: &str = "invocationId";
/// Counts the writes.
pub(super) const REVISION: &str = "revision";
/// When the item expires: the attribute that DynamoDB's own deletion looks at.
pub(super) const TTL: &str = "TTL";

pub(super) type Attributes = HashMap<String, AttributeValue>;

pub(super) fn key(key: &Key) -> Attributes {
    Attributes::from([
        (ID.to_owned(), AttributeValue::S(key.id.clone())),
        (
            INVOCATION_ID.to_owned(),
            AttributeValue::S(key.invocation_id.clone()),
        ),
    ])
}

/// The attributes of an item. Revision 0 is that of an item without the attribute.
///
/// # Errors
/// A member of the body has the name of an attribute that the item has already.
pub(super) fn attributes(item: Item) -> Result<Attributes, String> {
    let mut attributes = key(&item.key);
    if item.revision > 0 {
        attributes.insert(REVISION.to_owned(), number(item.revision));
    }
    if let Some(time) = item.expires_at {
        attributes.insert(TTL.to_owned(), number(time));
    }
    for (name, value) in item.body {
        if [ID, INVOCATION_ID, REVISION, TTL].contains(&name.as_str()) {
            return Err(format!(
                "an item's body has a member `{name}`, which is an attribute of every item"
            ));
        }
        attributes.insert(name, attribute(value));
    }
    Ok(attributes)
}

/// An item of its attributes.
///
/// # Errors
/// A key is missing or no text.
pub(super) fn item(mut attributes: Attributes) -> Result<Item, String> {
    let mut text = |name: &str| match attributes.remove(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(format!("an item of the table has no text `{name}`")),
    };
    let key = Key {
        id: text(ID)?,
        invocation_id: text(INVOCATION_ID)?,
    };
    let revision = attributes
        .remove(REVISION)
        .and_then(whole)
        .and_then(|n| u64::try_from(n).ok())
        .unwrap_or(0);
    let expires_at = attributes.remove(TTL).and_then(whole);
    let mut body: Vec<_> = attributes
        .into_iter()
        .map(|(name, value)| (name, json(value)))
        .collect();
    // DynamoDB keeps no order; a stable one is kinder to readers of a dump.
    body.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Item {
        key,
        revision,
        expires_at,
        body: body.into_iter().collect(),
    })
}

pub(super) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn attribute(value: Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(truth) => AttributeValue::Bool(truth),
        Value::Number(n) => number(n),
        Value::String(text) => AttributeValue::S(text),
        Value::Array(list) => AttributeValue::L(list.into_iter().map(attribute).collect()),
        Value::Object(map) => AttributeValue::M(
            map.into_iter()
                .map(|(name, value)| (name, attribute(value)))
                .collect(),
        ),
    }
}

fn json(value: AttributeValue) -> Value {
    match value {
        AttributeValue::Bool(truth) => Value::Bool(truth),
        AttributeValue::N(text) => json_number(text),
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::L(list) => Value::Array(list.into_iter().map(json).collect()),
        AttributeValue::M(map) => {
            let mut members: Vec<_> = map
                .into_iter()
                .map(|(name, value)| (name, json(value)))
                .collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(members.into_iter().collect::<Map<_, _>>())
        }
        AttributeValue::B(blob) => Value::String(base64::encode(blob)),
        AttributeValue::Ss(list) => Value::Array(list.into_iter().map(Value::String).collect()),
        AttributeValue::Ns(list) => Value::Array(list.into_iter().map(json_number).collect()),
        AttributeValue::Bs(list) => Value::Array(
            list.into_iter()
                .map(|blob| Value::String(base64::encode(blob)))
                .collect(),
        ),
        // Null, and types that DynamoDB may add.
        _ => Value::Null,
    }
}

/// DynamoDB's numbers have 38 digits. One that no JSON number of ours holds stays a text.
fn json_number(text: String) -> Value {
    if let Ok(n) = text.parse::<i64>() {
        return Value::Number(n.into());
    }
    if let Ok(n) = text.parse::<u64>() {
        return Value::Number(n.into());
    }
    text.parse::<f64>()
        .ok()
        .and_then(Number::from_f64)
        .map_or(Value::String(text), Value::Number)
}

/// A number of seconds or a count; the original's may have a fraction.
fn whole(value: AttributeValue) -> Option<i64> {
    let AttributeValue::N(text) = value else {
        return None;
    };
    #[allow(
        clippy::cast_possible_truncation,
        reason = "`as` saturates, which is what is wanted of a time"
    )]
    text.parse::<i64>()
        .ok()
        .or_else(|| text.parse::<f64>().ok().map(|number| number.floor() as i64))
}
