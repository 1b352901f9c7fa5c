//! The table.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Refusal, conditions::Expression, invalid, member, only, refuse};

/// An item or key in the wire form: attribute values under their names.
pub type Attributes = Map<String, Value>;

/// Partition and sort key.
pub(super) type Key = (String, String);

/// The most bytes an item has.
const ITEM_LIMIT: usize = 400 * 1024;

#[derive(Default)]
pub(super) struct Table {
    name: String,
    items: BTreeMap<Key, Attributes>,
}

/// One write with its condition.
pub(super) struct Write {
    key: Key,
    /// The item; none removes what is there.
    item: Option<Attributes>,
    condition: Option<Expression>,
}

impl Write {
    pub(super) fn read(kind: &str, body: &Value) -> Result<Self, Refusal> {
        let attribute = match kind {
            "Put" => "Item",
            "Delete" => "Key",
            other => return invalid(format!("`{other}` is not known here")),
        };
        only(
            body,
            &[
                "TableName",
                attribute,
                "ConditionExpression",
                "ExpressionAttributeNames",
                "ExpressionAttributeValues",
            ],
        )?;
        let attributes = member(body, attribute)?;
        let key = key_of(&attributes)?;
        if kind == "Delete" && attributes.len() != 2 {
            return invalid("a key has two attributes");
        }
        if Value::Object(attributes.clone()).to_string().len() > ITEM_LIMIT {
            return invalid("Item size has exceeded the maximum allowed size");
        }
        let condition = Expression::read(body, "ConditionExpression")?;
        Ok(Self {
            key,
            item: (kind == "Put").then_some(attributes),
            condition,
        })
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }
}

impl Table {
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            items: BTreeMap::new(),
        }
    }

    /// The table that a request is about.
    pub(super) fn of(&mut self, body: &Value) -> Result<&mut Self, Refusal> {
        if body["TableName"] == self.name.as_str() {
            Ok(self)
        } else {
            refuse("ResourceNotFoundException", "Requested resource not found")
        }
    }

    pub(super) fn get(&self, key: &Attributes) -> Result<Option<&Attributes>, Refusal> {
        Ok(self.items.get(&key_of(key)?))
    }

    pub(super) fn allows(&self, write: &Write) -> Result<bool, Refusal> {
        match &write.condition {
            Some(condition) => condition.holds(self.items.get(&write.key)),
            None => Ok(true),
        }
    }

    pub(super) fn apply(&mut self, write: Write) {
        match write.item {
            Some(item) => self.items.insert(write.key, item),
            None => self.items.remove(&write.key),
        };
    }

    pub(super) fn query(&self, body: &Value) -> Result<Value, Refusal> {
        let Some(expression) = Expression::read(body, "KeyConditionExpression")? else {
            return invalid("a query has a key condition");
        };
        let (id, within) = expression.range()?;
        let forward = body["ScanIndexForward"].as_bool().unwrap_or(true);
        let limit = match body["Limit"].as_u64() {
            Some(0) | None => return invalid("a limit is at least 1"),
            Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let start = match body.get("ExclusiveStartKey") {
            Some(Value::Object(key)) => Some(key_of(key)?.1),
            Some(_) => return invalid("a start key is a map"),
            None => None,
        };
        let mut keys: Vec<&Key> = self
            .items
            .keys()
            .filter(|(of, sort)| *of == id && within(sort))
            .collect();
        if !forward {
            keys.reverse();
        }
        keys.retain(|(_, sort)| match &start {
            Some(start) if forward => sort > start,
            Some(start) => sort < start,
            None => true,
        });
        keys.truncate(limit);
        let items: Vec<_> = keys.iter().filter_map(|key| self.items.get(*key)).collect();
        let mut reply = json!({ "Items": items, "Count": items.len() });
        // DynamoDB stops at the limit and does not look whether there is more.
        if let Some((id, sort)) = keys.last().filter(|_| keys.len() == limit) {
            reply["LastEvaluatedKey"] = json!({ "id": { "S": id }, "invocationId": { "S": sort } });
        }
        Ok(reply)
    }
}

fn key_of(attributes: &Attributes) -> Result<Key, Refusal> {
    let text = |name: &str| match attributes.get(name).and_then(|value| value["S"].as_str()) {
        Some(text) if !text.is_empty() && text.len() <= 2_048 => Ok(text.to_owned()),
        _ => invalid(format!(
            "the key attribute {name} is no text of 1 to 2048 bytes"
        )),
    };
    Ok((text("id")?, text("invocationId")?))
}
