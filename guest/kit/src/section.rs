//! Reading members of settings, gathering every fault with its place.

use crate::contract::Finding;
use crate::text::{choice, kind_of, nearest, quoted};
use serde_json::{Map, Value};

/// What is wrong, so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(crate) fn add(&mut self, path: &str, message: impl Into<String>, help: impl Into<String>) {
        self.0.push(Finding {
            path: path.to_owned(),
            message: message.into(),
            help: Some(help.into()),
        });
    }

    pub(crate) fn wrong_type(&mut self, path: &str, value: &Value, wanted: &str) {
        self.add(
            path,
            format!("This is {}.", kind_of(value)),
            format!("It must be {wanted}."),
        );
    }

    pub(crate) fn wrong_word(&mut self, path: &str, text: &str, known: &[&str]) {
        let help = match nearest(text, known.iter().copied()) {
            Some(meant) => format!("Did you mean `{meant}`?"),
            None => format!("It must be {}.", choice(known.iter().copied())),
        };
        self.add(path, format!("{} is not known here.", quoted(text)), help);
    }
}

/// An object in the settings and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Section<'v> {
    pub(crate) path: String,
    object: &'v Map<String, Value>,
}

impl<'v> Section<'v> {
    /// The object at a place; refuses other values and unknown members.
    pub(crate) fn open(
        path: String,
        value: &'v Value,
        keys: &[&str],
        findings: &mut Findings,
    ) -> Option<Self> {
        let Value::Object(object) = value else {
            findings.wrong_type(&path, value, "an object");
            return None;
        };
        let section = Self { path, object };
        for key in object.keys().filter(|key| !keys.contains(&key.as_str())) {
            findings.wrong_word(&section.at(key), key, keys);
        }
        Some(section)
    }

    /// The JSON Pointer of a member.
    pub(crate) fn at(&self, key: &str) -> String {
        format!(
            "{}/{}",
            self.path,
            key.replace('~', "~0").replace('/', "~1")
        )
    }

    pub(crate) fn value(&self, key: &str) -> Option<&'v Value> {
        self.object.get(key)
    }

    pub(crate) fn section(
        &self,
        key: &str,
        keys: &[&str],
        findings: &mut Findings,
    ) -> Option<Section<'v>> {
        Self::open(self.at(key), self.value(key)?, keys, findings)
    }

    /// An object whose members have names of the author's own.
    pub(crate) fn map(&self, key: &str, findings: &mut Findings) -> Option<Section<'v>> {
        match self.value(key)? {
            Value::Object(object) => Some(Section {
                path: self.at(key),
                object,
            }),
            other => {
                findings.wrong_type(&self.at(key), other, "an object");
                None
            }
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'v str> {
        self.object.keys().map(String::as_str)
    }

    /// Whether one of these members is there.
    pub(crate) fn has_any(&self, keys: &[&str]) -> bool {
        self.object.keys().any(|key| keys.contains(&key.as_str()))
    }

    /// Whether each member of another object is here and the same.
    pub(crate) fn includes(&self, other: &Section<'_>) -> bool {
        !other.object.is_empty()
            && other
                .object
                .iter()
                .all(|(key, value)| self.object.get(key) == Some(value))
    }

    /// A text of 1 to `most` characters.
    pub(crate) fn text(&self, key: &str, most: usize, findings: &mut Findings) -> Option<&'v str> {
        match self.value(key)? {
            Value::String(text) if text.is_empty() => {
                findings.add(
                    &self.at(key),
                    "This is empty.",
                    "Give it a value or leave it out.",
                );
                None
            }
            Value::String(text) if text.chars().count() > most => {
                let help = format!("It may have {most} characters at most.");
                findings.add(&self.at(key), "This is too long.", help);
                None
            }
            Value::String(text) => Some(text),
            other => {
                findings.wrong_type(&self.at(key), other, "a text");
                None
            }
        }
    }

    /// A list of texts with their places, or one text for a list of one.
    pub(crate) fn texts(&self, key: &str, findings: &mut Findings) -> Vec<(String, &'v str)> {
        let path = self.at(key);
        let mut texts = Vec::new();
        match self.value(key) {
            None => {}
            Some(Value::String(text)) => texts.push((path, text.as_str())),
            Some(Value::Array(items)) => {
                if items.is_empty() {
                    findings.add(
                        &path,
                        "This list is empty.",
                        "Leave it out, or name something.",
                    );
                }
                for (position, item) in items.iter().enumerate() {
                    let path = format!("{path}/{position}");
                    match item {
                        Value::String(text) => texts.push((path, text.as_str())),
                        other => findings.wrong_type(&path, other, "a text"),
                    }
                }
            }
            Some(other) => findings.wrong_type(&path, other, "a text or a list of texts"),
        }
        texts.retain(|(path, text)| {
            if text.is_empty() {
                findings.add(path, "This is empty.", "Give it a value or leave it out.");
            }
            !text.is_empty()
        });
        texts
    }

    pub(crate) fn flag(&self, key: &str, findings: &mut Findings) -> Option<bool> {
        match self.value(key)? {
            Value::Bool(flag) => Some(*flag),
            other => {
                findings.wrong_type(&self.at(key), other, "true or false");
                None
            }
        }
    }

    /// A whole number in a range.
    pub(crate) fn whole(
        &self,
        key: &str,
        range: std::ops::RangeInclusive<u32>,
        findings: &mut Findings,
    ) -> Option<u32> {
        let value = self.value(key)?;
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| range.contains(number)) {
            Some(number) => Some(number),
            None => {
                let wanted = format!("a whole number from {} to {}", range.start(), range.end());
                if value.is_number() {
                    let help = format!("It must be {wanted}.");
                    findings.add(&self.at(key), "This number is not allowed here.", help);
                } else {
                    findings.wrong_type(&self.at(key), value, &wanted);
                }
                None
            }
        }
    }

    /// A number that is not negative, however large.
    pub(crate) fn amount(&self, key: &str, findings: &mut Findings) -> Option<f64> {
        let value = self.value(key)?;
        let number = value.as_f64().filter(|number| number.is_finite());
        match number.filter(|number| *number >= 0.0) {
            Some(number) => Some(number),
            None if value.is_number() => {
                let help = "It must be 0 or more.";
                findings.add(&self.at(key), "This number is not allowed here.", help);
                None
            }
            None => {
                findings.wrong_type(&self.at(key), value, "a number from 0 on");
                None
            }
        }
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(
        &self,
        key: &str,
        words: &[(&str, T)],
        findings: &mut Findings,
    ) -> Option<T> {
        let text = self.text(key, usize::MAX, findings)?;
        word(&self.at(key), text, words, findings)
    }

    /// The values of a list with their places, or one value for a list of one.
    pub(crate) fn values(&self, key: &str, findings: &mut Findings) -> Vec<(String, &'v Value)> {
        match self.value(key) {
            Some(Value::Array(items)) if items.is_empty() => {
                let help = "Leave it out, or name something.";
                findings.add(&self.at(key), "This list is empty.", help);
                Vec::new()
            }
            Some(Value::Array(_)) | None => self.list(key, findings),
            Some(value) => vec![(self.at(key), value)],
        }
    }

    /// The objects of a list, with their places.
    pub(crate) fn list(&self, key: &str, findings: &mut Findings) -> Vec<(String, &'v Value)> {
        match self.value(key) {
            None => Vec::new(),
            Some(Value::Array(items)) => items
                .iter()
                .enumerate()
                .map(|(position, item)| (format!("{}/{position}", self.at(key)), item))
                .collect(),
            Some(other) => {
                findings.wrong_type(&self.at(key), other, "a list");
                Vec::new()
            }
        }
    }
}

/// What a word stands for.
pub(crate) fn word<T: Copy>(
    path: &str,
    text: &str,
    words: &[(&str, T)],
    findings: &mut Findings,
) -> Option<T> {
    let found = words.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        findings.wrong_word(path, text, &known);
    }
    found.map(|(_, meaning)| *meaning)
}
