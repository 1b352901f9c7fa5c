//! Fields of a state or machine, each checked for its type.

use super::{After, DefinitionError, Seconds, Selector, Shape, Text};
use crate::step_functions::query::{Expression, Language, Path, Query, Template};
use serde_json::{Map, Value};

/// The largest number of seconds that AWS takes.
const MOST_SECONDS: u64 = 99_999_999;

/// The fields of a state, and where it stands.
pub(super) struct Fields<'d> {
    pub(super) object: &'d Map<String, Value>,
    pub(super) place: &'d str,
    pub(super) language: Language,
}

impl<'d> Fields<'d> {
    pub(super) fn wrong(&self, reason: impl Into<String>) -> DefinitionError {
        DefinitionError {
            place: self.place.to_owned(),
            reason: reason.into(),
        }
    }

    pub(super) fn part<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
        value: &Value,
    ) -> Result<T, DefinitionError> {
        serde_json::from_value(value.clone())
            .map_err(|error| self.wrong(format!("{name}: {error}")))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, DefinitionError> {
        match self.object.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.wrong(format!("{name} must be a text"))),
        }
    }

    pub(super) fn list(&self, name: &str) -> Result<Option<&'d [Value]>, DefinitionError> {
        match self.object.get(name) {
            None => Ok(None),
            Some(Value::Array(values)) => Ok(Some(values)),
            Some(_) => Err(self.wrong(format!("{name} must be a list"))),
        }
    }

    pub(super) fn seconds(&self, name: &str) -> Result<Option<u32>, DefinitionError> {
        let Some(value) = self.object.get(name) else {
            return Ok(None);
        };
        value
            .as_u64()
            .filter(|seconds| *seconds <= MOST_SECONDS)
            .and_then(|seconds| u32::try_from(seconds).ok())
            .map(Some)
            .ok_or_else(|| {
                self.wrong(format!(
                    "{name} must be a whole number of seconds, at most {MOST_SECONDS}"
                ))
            })
    }

    /// Seconds that are written, found by a path under another name, or computed in JSONata.
    pub(super) fn seconds_or_query(
        &self,
        name: &str,
        path_name: &str,
    ) -> Result<Option<Seconds>, DefinitionError> {
        if let Some(query) = self.expression(name)? {
            return Ok(Some(Seconds::At(query)));
        }
        match (self.seconds(name)?, self.text(path_name)?) {
            (Some(_), Some(_)) => {
                Err(self.wrong(format!("{name} and {path_name} exclude each other")))
            }
            (Some(seconds), None) => Ok(Some(Seconds::Fixed(seconds))),
            (None, Some(path)) => Ok(Some(Seconds::At(Query::Path(self.path(&path)?)))),
            (None, None) => Ok(None),
        }
    }

    /// A text that is written, found under another name, or computed in JSONata.
    pub(super) fn text_or_query(
        &self,
        name: &str,
        path_name: &str,
    ) -> Result<Text, DefinitionError> {
        if let Some(query) = self.expression(name)? {
            return Ok(Text::At(query));
        }
        match (self.text(name)?, self.text(path_name)?) {
            (Some(_), Some(_)) => {
                Err(self.wrong(format!("{name} and {path_name} exclude each other")))
            }
            (text, None) => Ok(Text::Fixed(text)),
            (None, Some(path)) => Query::json_path(&path)
                .map(Text::At)
                .map_err(|reason| self.wrong(reason)),
        }
    }

    /// The expression in a field of a JSONata state, if it holds one.
    fn expression(&self, name: &str) -> Result<Option<Query>, DefinitionError> {
        match self.object.get(name) {
            Some(Value::String(text)) if self.language == Language::Jsonata => {
                Expression::parse(text)
                    .map(|expression| expression.map(Query::Expression))
                    .map_err(|reason| self.wrong(reason))
            }
            _ => Ok(None),
        }
    }

    /// `Output` and `Assign`.
    pub(super) fn shape(&self) -> Result<Shape, DefinitionError> {
        let assign = self.template("Assign")?;
        let names = assign.as_ref().map(|assign| assign.names());
        match names {
            Some(None) => Err(self.wrong("Assign must be an object")),
            Some(Some(names)) if names.contains(&"states") => {
                Err(self.wrong("Assign cannot give a value to 'states', which is reserved"))
            }
            _ => Ok(Shape {
                output: self.template("Output")?,
                assign,
            }),
        }
    }

    pub(super) fn path(&self, text: &str) -> Result<Path, DefinitionError> {
        Path::parse(text).map_err(|reason| self.wrong(reason))
    }

    pub(super) fn template(&self, name: &str) -> Result<Option<Template>, DefinitionError> {
        self.object
            .get(name)
            .map(|value| Template::parse(value, self.language).map_err(|reason| self.wrong(reason)))
            .transpose()
    }

    /// `InputPath` and `OutputPath`: the whole if it is missing, nothing if it is null.
    pub(super) fn selector(&self, name: &str) -> Result<Selector, DefinitionError> {
        match self.object.get(name) {
            None => Ok(Some(Path::data())),
            Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => self.path(text).map(Some),
            Some(_) => Err(self.wrong(format!("{name} must be a path or null"))),
        }
    }

    pub(super) fn result_path(&self) -> Result<Selector, DefinitionError> {
        self.data_path(self.object.get("ResultPath"), "ResultPath")
    }

    pub(super) fn data_path(
        &self,
        value: Option<&Value>,
        name: &str,
    ) -> Result<Selector, DefinitionError> {
        match value {
            None => Ok(Some(Path::data())),
            Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => {
                let path = self.path(text)?;
                if path.is_data() {
                    Ok(Some(path))
                } else {
                    Err(self.wrong(format!("{name} cannot lead into the context object")))
                }
            }
            Some(_) => Err(self.wrong(format!("{name} must be a path or null"))),
        }
    }

    pub(super) fn after(&self) -> Result<After, DefinitionError> {
        let is_end = match self.object.get("End") {
            None => false,
            Some(Value::Bool(end)) => *end,
            Some(_) => return Err(self.wrong("End must be true or false")),
        };
        match (self.text("Next")?, is_end) {
            (Some(next), false) => Ok(After::Next(next)),
            (None, true) => Ok(After::End),
            _ => Err(self.wrong("needs either Next or End")),
        }
    }
}
