//! Reading fields of a payload with messages that say what, where and what to do.

use crate::text::{choice, kind_of, nearest, quoted, thousands};
use serde_json::{Map, Value};
use std::fmt;

/// A payload that breaks a rule. Its text is for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRequest(String);

impl InvalidRequest {
    /// With a text that says what is wrong, where, and what to do.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for InvalidRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for InvalidRequest {}

/// A payload's fields. `null` counts as absent, as paths in a state machine yield it.
pub(super) struct Reader<'p> {
    object: &'p Map<String, Value>,
    texts_for_values: bool,
}

impl<'p> Reader<'p> {
    /// With `texts_for_values` the texts `"true"` and `"30"` count as the values they show.
    pub(super) fn new(object: &'p Map<String, Value>, texts_for_values: bool) -> Self {
        Self {
            object,
            texts_for_values,
        }
    }

    /// Whether the field is there, be it `null`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    pub(super) fn value(&self, name: &str) -> Option<&'p Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// A text of `least` to `most` characters.
    pub(super) fn text(
        &self,
        name: &str,
        least: usize,
        most: usize,
    ) -> Result<Option<String>, InvalidRequest> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let Value::String(text) = value else {
            return Err(wrong_type(name, value, "a text"));
        };
        let length = text.chars().count();
        if length < least {
            return Err(InvalidRequest::new(format!(
                "`{name}` is empty. Give it a value or leave it out."
            )));
        }
        if length > most {
            return Err(InvalidRequest::new(format!(
                "`{name}` has {} characters. At most {} are allowed.",
                thousands(length),
                thousands(most)
            )));
        }
        Ok(Some(text.clone()))
    }

    /// A text that must be there and be a text; `null` is the wrong type.
    pub(super) fn required_text(&self, name: &str) -> Result<&'p str, InvalidRequest> {
        match self.object.get(name) {
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(wrong_type(name, other, "a text")),
            None => Err(InvalidRequest::new(format!(
                "The payload has no `{name}`. Add it."
            ))),
        }
    }

    /// A whole number from `least` to `most`.
    pub(super) fn whole(
        &self,
        name: &str,
        least: u32,
        most: u32,
    ) -> Result<Option<u32>, InvalidRequest> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let wanted = format!("a whole number from {least} to {most}");
        let number = match value {
            Value::Number(number) => number.as_u64().or_else(|| whole_float(number.as_f64()?)),
            Value::String(text) if self.texts_for_values => text.parse().ok(),
            other => return Err(wrong_type(name, other, &wanted)),
        };
        number
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (least..=most).contains(number))
            .map(Some)
            .ok_or_else(|| InvalidRequest::new(format!("`{name}` must be {wanted}.")))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, InvalidRequest> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if self.texts_for_values && text == "true" => Ok(Some(true)),
            Some(Value::String(text)) if self.texts_for_values && text == "false" => {
                Ok(Some(false))
            }
            Some(other) => Err(wrong_type(name, other, "true or false")),
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &self,
        name: &str,
        words: &[(&'static str, T)],
    ) -> Result<Option<T>, InvalidRequest> {
        let known = || words.iter().map(|(word, _)| *word);
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let Value::String(text) = value else {
            return Err(wrong_type(name, value, &choice(known())));
        };
        if let Some((_, meaning)) = words.iter().find(|(word, _)| word == text) {
            return Ok(Some(*meaning));
        }
        let help = match nearest(text, known()) {
            Some(word) => format!("Did you mean `{word}`?"),
            None => format!("It must be {}.", choice(known())),
        };
        Err(InvalidRequest::new(format!(
            "`{name}` is {}. {help}",
            quoted(text)
        )))
    }
}

pub(super) fn wrong_type(name: &str, value: &Value, wanted: &str) -> InvalidRequest {
    InvalidRequest::new(format!(
        "`{name}` must be {wanted}, it is {}.",
        kind_of(value)
    ))
}

/// `30.0` is a whole number: state machines compute in floating point.
fn whole_float(number: f64) -> Option<u64> {
    let whole = number.trunc();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (whole == number && (0.0..=4_294_967_295.0).contains(&number)).then_some(whole as u64)
}
