//! Templates: `Parameters` and `ResultSelector`, in which `"name.$"` takes its value from the data, and the fields of
//! JSONata states, in which `"{% … %}"` does.

use super::{Expression, Language, Miss, Query, Scope};
use serde_json::{Map, Value};

/// A template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Template {
    Value(Value),
    Query(Query),
    Object(Vec<(String, Template)>),
    Array(Vec<Template>),
}

impl Template {
    /// Reads a template.
    pub(crate) fn parse(value: &Value, language: Language) -> Result<Self, String> {
        match value {
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| member(name, value, language))
                .collect::<Result<_, _>>()
                .map(Self::Object),
            Value::Array(values) => values
                .iter()
                .map(|value| Self::parse(value, language))
                .collect::<Result<_, _>>()
                .map(Self::Array),
            Value::String(text) if language == Language::Jsonata => {
                Ok(match Expression::parse(text)? {
                    Some(expression) => Self::Query(Query::Expression(expression)),
                    None => Self::Value(value.clone()),
                })
            }
            other => Ok(Self::Value(other.clone())),
        }
    }

    /// Fills the template.
    pub(crate) fn fill(&self, scope: &Scope<'_>) -> Result<Value, Miss> {
        Ok(match self {
            Self::Value(value) => value.clone(),
            Self::Query(query) => query.value(scope)?,
            Self::Object(members) => {
                let mut object = Map::new();
                for (name, template) in members {
                    object.insert(name.clone(), template.fill(scope)?);
                }
                Value::Object(object)
            }
            Self::Array(templates) => Value::Array(
                templates
                    .iter()
                    .map(|template| template.fill(scope))
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

fn member(name: &str, value: &Value, language: Language) -> Result<(String, Template), String> {
    let plain = match language {
        Language::JsonPath => name.strip_suffix(".$"),
        Language::Jsonata => None,
    };
    let Some(plain) = plain else {
        return Ok((name.to_owned(), Template::parse(value, language)?));
    };
    let text = value
        .as_str()
        .ok_or_else(|| format!("'{name}' must be a text with a path"))?;
    let query = Query::json_path(text).map_err(|reason| format!("in '{name}', {reason}"))?;
    Ok((plain.to_owned(), Template::Query(query)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step_functions::query::Variables;
    use serde_json::json;

    fn filled(template: &Value, language: Language) -> Result<Value, Miss> {
        let variables = Variables::new();
        Template::parse(template, language)
            .expect("template")
            .fill(&Scope {
                data: &json!({"x": 1}),
                context: &json!({"Task": {"Token": "t"}}),
                outcome: None,
                variables: &variables,
            })
    }

    #[test]
    fn paths_are_filled_in() {
        let template = json!({
            "a.$": "$.x", "b": {"c.$": "$$.Task.Token", "d": [1, {"e.$": "$"}]},
            "f.$": "States.Format('{}', $.x)", "g": "{% 1 %}"
        });
        assert_eq!(
            filled(&template, Language::JsonPath),
            Ok(json!({
                "a": 1, "b": {"c": "t", "d": [1, {"e": {"x": 1}}]}, "f": "1", "g": "{% 1 %}"
            }))
        );
    }

    #[test]
    fn expressions_are_filled_in() {
        let template = json!({
            "a": "{% $states.input.x %}", "b": ["{% $states.context.Task.Token %}", "$.x"], "c.$": "$.x"
        });
        assert_eq!(
            filled(&template, Language::Jsonata),
            Ok(json!({"a": 1, "b": ["t", "$.x"], "c.$": "$.x"}))
        );
    }

    #[test]
    fn what_cannot_be_filled_is_named() {
        assert_eq!(
            filled(&json!({"a.$": "$.x.y"}), Language::JsonPath),
            Err(Miss::Path(
                "the path '$.x.y' is not in the input".to_owned()
            ))
        );
    }

    #[test]
    fn other_values_are_refused() {
        for (template, language) in [
            (json!({"a.$": "States.Nothing()"}), Language::JsonPath),
            (json!({"a.$": 1}), Language::JsonPath),
            (json!([{"a.$": "x"}]), Language::JsonPath),
            (json!(["{% ( %}"]), Language::Jsonata),
        ] {
            Template::parse(&template, language).expect_err("refused");
        }
    }
}
