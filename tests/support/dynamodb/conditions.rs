//! The expressions that the ledger sends.

use serde_json::Value;

use super::{Attributes, Refusal, invalid};

/// Whether a sort key is in a range.
type Within = Box<dyn Fn(&str) -> bool>;

/// An expression with the names that its placeholders stand for put in, and the values of its others.
pub(super) struct Expression {
    text: String,
    values: Attributes,
}

impl Expression {
    /// Reads the expression of a request; none if it has none. A placeholder without a meaning, or a meaning
    /// without its placeholder, is refused, as DynamoDB does.
    pub(super) fn read(body: &Value, name: &str) -> Result<Option<Self>, Refusal> {
        let of = |name: &str| {
            body.get(name)
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        };
        let (names, values) = (
            of("ExpressionAttributeNames"),
            of("ExpressionAttributeValues"),
        );
        let Some(expression) = body.get(name) else {
            if names.is_empty() && values.is_empty() {
                return Ok(None);
            }
            return invalid("names or values are given without an expression");
        };
        let Some(mut text) = expression.as_str().map(str::to_owned) else {
            return invalid("no text as expression");
        };
        for (placeholder, name) in &names {
            let Some(name) = name.as_str().filter(|_| contains(&text, placeholder)) else {
                return invalid(format!("the name {placeholder} is not used"));
            };
            text = text.replace(placeholder, name);
        }
        if text.contains('#') {
            return invalid(format!("a name of {text} is not given"));
        }
        for placeholder in values.keys() {
            if !contains(&text, placeholder) {
                return invalid(format!("the value {placeholder} is not used"));
            }
        }
        let given = text.matches(':').count();
        if given < values.len() {
            return invalid("a value is not used");
        }
        Ok(Some(Self { text, values }))
    }

    /// Whether the condition of a write holds for the item that is there.
    pub(super) fn holds(&self, item: Option<&Attributes>) -> Result<bool, Refusal> {
        let has = |name: &str| item.is_some_and(|item| item.contains_key(name));
        let number = |name: &str| item.and_then(|item| item.get(name)).and_then(number_of);
        // A comparison with an attribute that is not there does not hold.
        let ttl_before_now = || {
            Ok::<_, Refusal>(
                matches!((number("TTL"), self.number(":now")?), (Some(ttl), now) if ttl < now),
            )
        };
        let live = || Ok::<_, Refusal>(!has("TTL") || !ttl_before_now()?);
        let revision = || Ok::<_, Refusal>(number("revision") == Some(self.number(":revision")?));
        Ok(match self.text.as_str() {
            "attribute_not_exists(id) OR TTL < :now" => !has("id") || ttl_before_now()?,
            "revision = :revision AND (attribute_not_exists(TTL) OR TTL >= :now)" => {
                revision()? && live()?
            }
            "attribute_exists(id) AND (attribute_not_exists(revision) OR revision = :revision) AND \
             (attribute_not_exists(TTL) OR TTL >= :now)" => {
                has("id") && (!has("revision") || revision()?) && live()?
            }
            other => return invalid(format!("the condition `{other}` is not known here")),
        })
    }

    /// The partition and a test of sort keys, of a key condition.
    pub(super) fn range(&self) -> Result<(String, Within), Refusal> {
        let id = self.string(":id")?;
        let test: Within = match self.text.as_str() {
            "id = :id" => Box::new(|_| true),
            "id = :id AND invocationId > :after" => {
                let after = self.string(":after")?;
                Box::new(move |key| key > after.as_str())
            }
            "id = :id AND invocationId <= :upTo" => {
                let up_to = self.string(":upTo")?;
                Box::new(move |key| key <= up_to.as_str())
            }
            "id = :id AND invocationId BETWEEN :after AND :upTo" => {
                let (after, up_to) = (self.string(":after")?, self.string(":upTo")?);
                Box::new(move |key| key >= after.as_str() && key <= up_to.as_str())
            }
            other => return invalid(format!("the key condition `{other}` is not known here")),
        };
        Ok((id, test))
    }

    fn string(&self, name: &str) -> Result<String, Refusal> {
        match self.values.get(name).and_then(|value| value["S"].as_str()) {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => invalid(format!("{name} is no text")),
        }
    }

    fn number(&self, name: &str) -> Result<i64, Refusal> {
        match self.values.get(name).and_then(number_of) {
            Some(number) => Ok(number),
            None => invalid(format!("{name} is no number")),
        }
    }
}

fn number_of(value: &Value) -> Option<i64> {
    value["N"].as_str()?.parse().ok()
}

/// Whether a placeholder is in the text, and not only as the beginning of a longer one.
fn contains(text: &str, placeholder: &str) -> bool {
    text.match_indices(placeholder).any(|(at, _)| {
        let after = text[at + placeholder.len()..].chars().next();
        !after.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}
