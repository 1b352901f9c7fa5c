//! Items and their attributes.
//!
//! Members of an item's body are attributes of the same name, so that a person sees them one by one and the
//! original's rows read like ours. JSON's types have their DynamoDB counterparts; a number keeps its value, not
//! its spelling (`1.0` comes back as `1`). Sets and binary values, which we never write, read as lists and
//! base64 texts.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};
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

/// A value as DynamoDB has it: `{"S": "text"}`.
pub(super) struct Attribute<'a>(pub(super) &'a Value);

impl Serialize for Attribute<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self.0 {
            Value::Null => map.serialize_entry("NULL", &true)?,
            Value::Bool(truth) => map.serialize_entry("BOOL", truth)?,
            Value::Number(number) => map.serialize_entry("N", &number.to_string())?,
            Value::String(text) => map.serialize_entry("S", text)?,
            Value::Array(list) => map.serialize_entry("L", &Each(list))?,
            Value::Object(members) => map.serialize_entry("M", &Members(members))?,
        }
        map.end()
    }
}

struct Each<'a>(&'a [Value]);

impl Serialize for Each<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Attribute))
    }
}

/// The members of an object as attributes.
struct Members<'a>(&'a Map<String, Value>);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, Attribute(value))))
    }
}

/// A key as DynamoDB has it.
pub(super) struct KeyAttributes<'a>(pub(super) &'a Key);

impl Serialize for KeyAttributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(ID, &Text(&self.0.id))?;
        map.serialize_entry(INVOCATION_ID, &Text(&self.0.invocation_id))?;
        map.end()
    }
}

/// A text as DynamoDB has it.
pub(super) struct Text<'a>(pub(super) &'a str);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("S", self.0)])
    }
}

/// A number as DynamoDB has it.
pub(super) struct Whole<N>(pub(super) N);

impl<N: ToString> Serialize for Whole<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("N", self.0.to_string())])
    }
}

/// An item as DynamoDB has it. Revision 0 is that of an item without the attribute.
pub(super) struct ItemAttributes<'a>(&'a Item);

impl<'a> ItemAttributes<'a> {
    /// # Errors
    /// A member of the body has the name of an attribute that the item has already.
    pub(super) fn of(item: &'a Item) -> Result<Self, String> {
        let taken = [ID, INVOCATION_ID, REVISION, TTL];
        match taken.iter().find(|name| item.body.contains_key(**name)) {
            Some(name) => Err(format!(
                "an item's body has a member `{name}`, which is an attribute of every item"
            )),
            None => Ok(Self(item)),
        }
    }
}

impl Serialize for ItemAttributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let item = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(ID, &Text(&item.key.id))?;
        map.serialize_entry(INVOCATION_ID, &Text(&item.key.invocation_id))?;
        if item.revision > 0 {
            map.serialize_entry(REVISION, &Whole(item.revision))?;
        }
        if let Some(time) = item.expires_at {
            map.serialize_entry(TTL, &Whole(time))?;
        }
        for (name, value) in &item.body {
            map.serialize_entry(name, &Attribute(value))?;
        }
        map.end()
    }
}

/// Attributes as they are read, with plain JSON for values.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Found(#[serde(deserialize_with = "members")] Map<String, Value>);

impl Found {
    /// The item of these attributes.
    ///
    /// # Errors
    /// A key is missing or no text.
    pub(super) fn item(self) -> Result<Item, String> {
        let mut attributes = self.0;
        let mut text = |name: &str| match attributes.remove(name) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(format!("an item of the table has no text `{name}`")),
        };
        let key = Key {
            id: text(ID)?,
            invocation_id: text(INVOCATION_ID)?,
        };
        let revision = attributes
            .remove(REVISION)
            .and_then(|value| whole(&value))
            .and_then(|n| u64::try_from(n).ok())
            .unwrap_or(0);
        let expires_at = attributes.remove(TTL).and_then(|value| whole(&value));
        // DynamoDB keeps no order; a stable one is kinder to readers of a dump.
        attributes.sort_keys();
        Ok(Item {
            key,
            revision,
            expires_at,
            body: attributes,
        })
    }
}

/// A number of seconds or a count; the original's may have a fraction.
fn whole(value: &Value) -> Option<i64> {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "`as` saturates, which is what is wanted of a time"
    )]
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|number| number.floor() as i64))
}

/// A value as it is read: `{"S": "text"}` is `"text"`.
struct Plain(Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfKind;
        impl<'de> Visitor<'de> for OfKind {
            type Value = Plain;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an attribute's value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Plain, A::Error> {
                let kind: String = map
                    .next_key()?
                    .ok_or_else(|| A::Error::custom("an attribute has no value"))?;
                let value = match kind.as_str() {
                    "S" | "B" => Value::String(map.next_value()?),
                    "N" => number(map.next_value()?),
                    "BOOL" => Value::Bool(map.next_value()?),
                    "L" => map
                        .next_value::<Vec<Plain>>()?
                        .into_iter()
                        .map(|plain| plain.0)
                        .collect(),
                    "M" => Value::Object(map.next_value::<Found>()?.0),
                    "SS" | "BS" => map.next_value::<Vec<String>>()?.into(),
                    "NS" => map
                        .next_value::<Vec<String>>()?
                        .into_iter()
                        .map(number)
                        .collect(),
                    // Null, and kinds that DynamoDB may add.
                    _ => {
                        map.next_value::<IgnoredAny>()?;
                        Value::Null
                    }
                };
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Plain(value))
            }
        }
        deserializer.deserialize_map(OfKind)
    }
}

fn members<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    struct All;
    impl<'de> Visitor<'de> for All {
        type Value = Map<String, Value>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("attributes")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Map::new();
            while let Some((name, Plain(value))) = map.next_entry()? {
                members.insert(name, value);
            }
            members.sort_keys();
            Ok(members)
        }
    }
    deserializer.deserialize_map(All)
}

/// DynamoDB's numbers have 38 digits. One that no JSON number of ours holds stays a text.
fn number(text: String) -> Value {
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
