//! Reading of cases: every key has a name that is known and a value of its type, or a note says what is wrong.

use serde_json::{Map, Value};

use crate::nearest::nearest;

/// Something that is wrong with a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where: a JSON Pointer (RFC 6901) into the case; empty for the whole.
    pub path: String,
    /// What is wrong there, and what to do.
    pub message: String,
}

/// One object of a case.
pub(super) struct Fields<'v> {
    members: &'v Map<String, Value>,
    path: String,
}

/// All that is wrong so far.
#[derive(Debug, Default)]
pub(super) struct Notes(pub(super) Vec<Note>);

impl Notes {
    pub(super) fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Note {
            path: path.into(),
            message: message.into(),
        });
    }
}

/// What a value is, in the words of whoever writes it.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

impl<'v> Fields<'v> {
    /// The members of a table, whose keys have to be among those that are known.
    pub(super) fn of(
        value: &'v Value,
        path: &str,
        known: &[&str],
        notes: &mut Notes,
    ) -> Option<Self> {
        let Some(members) = value.as_object() else {
            notes.add(
                path,
                format!(
                    "is {}, and has to be a table with the keys {}",
                    type_of(value),
                    known.join(", ")
                ),
            );
            return None;
        };
        for name in members.keys() {
            if !known.contains(&name.as_str()) {
                let message = match nearest(name, known.iter().copied()) {
                    Some(meant) => format!("there is no key `{name}`; did you mean `{meant}`?"),
                    None => format!(
                        "there is no key `{name}`; the keys here are {}",
                        known.join(", ")
                    ),
                };
                notes.add(format!("{path}/{}", escaped(name)), message);
            }
        }
        Some(Self {
            members,
            path: path.to_owned(),
        })
    }

    pub(super) fn path(&self, name: &str) -> String {
        format!("{}/{}", self.path, escaped(name))
    }

    pub(super) fn get(&self, name: &str) -> Option<&'v Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn typed<T>(
        &self,
        name: &str,
        wanted: &str,
        read: impl FnOnce(&'v Value) -> Option<T>,
        notes: &mut Notes,
    ) -> Option<T> {
        let value = self.get(name)?;
        let read = read(value);
        if read.is_none() {
            notes.add(
                self.path(name),
                format!("is {}, and has to be {wanted}", type_of(value)),
            );
        }
        read
    }

    pub(super) fn text(&self, name: &str, notes: &mut Notes) -> Option<String> {
        let read = |value: &Value| value.as_str().map(str::to_owned);
        self.typed(name, "a text", read, notes)
    }

    pub(super) fn truth(&self, name: &str, notes: &mut Notes) -> Option<bool> {
        self.typed(name, "true or false", Value::as_bool, notes)
    }

    pub(super) fn list(&self, name: &str, notes: &mut Notes) -> Option<&'v [Value]> {
        let read = |value: &'v Value| value.as_array().map(Vec::as_slice);
        self.typed(name, "a list", read, notes)
    }

    pub(super) fn table(&self, name: &str, notes: &mut Notes) -> Option<&'v Value> {
        let read = |value: &'v Value| value.is_object().then_some(value);
        self.typed(name, "a table", read, notes)
    }

    /// A text or a list of texts.
    pub(super) fn texts(&self, name: &str, notes: &mut Notes) -> Option<Vec<String>> {
        let read = |value: &Value| match value {
            Value::String(text) => Some(vec![text.clone()]),
            Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect(),
            _ => None,
        };
        self.typed(name, "a text or a list of texts", read, notes)
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(
        &self,
        name: &str,
        known: &[(&str, T)],
        notes: &mut Notes,
    ) -> Option<T> {
        let text = self.text(name, notes)?;
        let found = known.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let words: Vec<_> = known.iter().map(|(word, _)| *word).collect();
            let message = match nearest(&text, words.iter().copied()) {
                Some(meant) => format!("{text:?} is not known; did you mean \"{meant}\"?"),
                None => format!("{text:?} is not known; it is one of {}", words.join(", ")),
            };
            notes.add(self.path(name), message);
        }
        found.map(|(_, value)| *value)
    }
}

/// A name as a step of a JSON Pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
