//! Payload templates: `Parameters` and `ResultSelector`, in which `"name.$"` takes its value from a path.

use super::paths::Path;
use serde_json::{Map, Value};

/// A template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Template {
    Value(Value),
    Path(Path),
    Object(Vec<(String, Template)>),
    Array(Vec<Template>),
}

impl Template {
    /// Reads a template. Intrinsic functions are refused by name.
    pub(crate) fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| member(name, value))
                .collect::<Result<_, _>>()
                .map(Self::Object),
            Value::Array(values) => values
                .iter()
                .map(Self::parse)
                .collect::<Result<_, _>>()
                .map(Self::Array),
            other => Ok(Self::Value(other.clone())),
        }
    }

    /// Fills the template. The error names the path that led nowhere.
    pub(crate) fn fill(&self, data: &Value, context: &Value) -> Result<Value, String> {
        Ok(match self {
            Self::Value(value) => value.clone(),
            Self::Path(path) => path
                .find(data, context)
                .cloned()
                .ok_or_else(|| format!("the path '{path}' is not in the input"))?,
            Self::Object(members) => {
                let mut object = Map::new();
                for (name, template) in members {
                    object.insert(name.clone(), template.fill(data, context)?);
                }
                Value::Object(object)
            }
            Self::Array(templates) => Value::Array(
                templates
                    .iter()
                    .map(|template| template.fill(data, context))
                    .collect::<Result<_, _>>()?,
            ),
        })
    }

    /// The names of the members, if it is an object.
    pub(crate) fn names(&self) -> Option<Vec<&str>> {
        match self {
            Self::Object(members) => Some(members.iter().map(|(name, _)| name.as_str()).collect()),
            _ => None,
        }
    }
}

fn member(name: &str, value: &Value) -> Result<(String, Template), String> {
    let Some(plain) = name.strip_suffix(".$") else {
        return Ok((name.to_owned(), Template::parse(value)?));
    };
    let text = value
        .as_str()
        .ok_or_else(|| format!("'{name}' must be a text with a path"))?;
    if text.starts_with("States.") {
        return Err(format!(
            "'{name}' uses an intrinsic function ({text}), which is not supported here"
        ));
    }
    Ok((plain.to_owned(), Template::Path(Path::parse(text)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_filled_in() {
        let template = json!({"a.$": "$.x", "b": {"c.$": "$$.Task.Token", "d": [1, {"e.$": "$"}]}});
        let filled = Template::parse(&template)
            .expect("template")
            .fill(&json!({"x": 1}), &json!({"Task": {"Token": "t"}}));
        assert_eq!(
            filled,
            Ok(json!({"a": 1, "b": {"c": "t", "d": [1, {"e": {"x": 1}}]}}))
        );
    }

    #[test]
    fn what_cannot_be_filled_is_named() {
        let template = Template::parse(&json!({"a.$": "$.x.y"})).expect("template");
        let error = template.fill(&json!({}), &json!({})).expect_err("missing");
        assert_eq!(error, "the path '$.x.y' is not in the input");
    }

    #[test]
    fn intrinsics_and_other_values_are_refused() {
        Template::parse(&json!({"a.$": "States.UUID()"})).expect_err("intrinsic");
        Template::parse(&json!({"a.$": 1})).expect_err("number");
        Template::parse(&json!([{"a.$": "x"}])).expect_err("no path");
    }
}
