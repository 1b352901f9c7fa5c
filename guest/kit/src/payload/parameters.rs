//! Values for the placeholders of the SQL, by the rules of the Data API.

use super::read::{InvalidRequest, wrong_type};
use crate::contract::Parameter;
use crate::sql::placeholders;
use crate::text::{choice, kind_of, nearest, quoted};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Parameters as a list of `{"name", "value"}` or as a map. Numbers and booleans become their text.
pub(super) fn read(value: Option<&Value>) -> Result<Vec<Parameter>, InvalidRequest> {
    let mut parameters = Vec::new();
    match value {
        None => {}
        Some(Value::Object(map)) => {
            for (name, value) in map {
                parameters.push(parameter(
                    &format!("parameters.{}", shown(name)),
                    name,
                    value,
                )?);
            }
        }
        Some(Value::Array(list)) => {
            for (position, item) in list.iter().enumerate() {
                parameters.push(list_item(&format!("parameters[{position}]"), item)?);
            }
        }
        Some(other) => {
            let wanted = "a list of {\"name\", \"value\"} or an object of names and values";
            return Err(wrong_type("parameters", other, wanted));
        }
    }
    let mut seen = BTreeSet::new();
    for parameter in &parameters {
        if !seen.insert(parameter.name.as_str()) {
            return Err(InvalidRequest::new(format!(
                "`parameters` has {} twice. Give each name once.",
                quoted(&parameter.name)
            )));
        }
    }
    Ok(parameters)
}

/// Every parameter is used by one statement at least, and every placeholder has its parameter.
pub(super) fn check<'s>(
    parameters: &[Parameter],
    sqls: impl Iterator<Item = &'s str>,
) -> Result<(), InvalidRequest> {
    let used: BTreeSet<&str> = sqls.flat_map(placeholders).collect();
    let given: BTreeSet<&str> = parameters.iter().map(|p| p.name.as_str()).collect();
    // A digit after a colon may be a part of something else (a slice): only a name is surely one.
    let missing = used
        .difference(&given)
        .find(|name| !name.starts_with(|c: char| c.is_ascii_digit()));
    let unused = given.difference(&used).next();
    match (unused, missing) {
        (None, None) => Ok(()),
        (Some(unused), Some(missing)) if nearest(unused, [*missing]).is_some() => {
            Err(InvalidRequest::new(format!(
                "The SQL uses {}, `parameters` has {}. Make the two names the same.",
                quoted(&format!(":{missing}")),
                quoted(unused)
            )))
        }
        (_, Some(missing)) => Err(InvalidRequest::new(format!(
            "The SQL uses {}, which `parameters` does not have. Add it there.",
            quoted(&format!(":{missing}"))
        ))),
        (Some(unused), None) => Err(InvalidRequest::new(format!(
            "`parameters` has {}, which no SQL uses. Remove it, or use it as {} outside of quotes.",
            quoted(unused),
            quoted(&format!(":{unused}"))
        ))),
    }
}

fn list_item(place: &str, item: &Value) -> Result<Parameter, InvalidRequest> {
    let Value::Object(object) = item else {
        return Err(wrong_type(place, item, "an object with `name` and `value`"));
    };
    check_keys(place, object)?;
    let name = match object.get("name") {
        Some(Value::String(name)) => name,
        Some(other) => return Err(wrong_type(&format!("{place}.name"), other, "a text")),
        None => {
            return Err(InvalidRequest::new(format!(
                "`{place}` has no `name`. Add it."
            )));
        }
    };
    match object.get("value") {
        Some(value) => parameter(&format!("{place}.value"), name, value),
        None => Err(InvalidRequest::new(format!(
            "`{place}` has no `value`. Add it."
        ))),
    }
}

fn check_keys(place: &str, object: &Map<String, Value>) -> Result<(), InvalidRequest> {
    const KEYS: [&str; 2] = ["name", "value"];
    match object.keys().find(|key| !KEYS.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(InvalidRequest::new(format!(
            "`{place}` has a field {}. It may have {} only.",
            quoted(key),
            choice(KEYS).replace(" or ", " and ")
        ))),
    }
}

fn parameter(place: &str, name: &str, value: &Value) -> Result<Parameter, InvalidRequest> {
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return Err(InvalidRequest::new(format!(
            "`parameters` has the name {}. A name is letters, digits and underscores.",
            quoted(name)
        )));
    }
    let value = match value {
        Value::String(text) if text.is_empty() => {
            return Err(InvalidRequest::new(format!(
                "`{place}` is empty. Redshift takes no empty text as a parameter: write '' into the SQL, \
                 or give at least one character."
            )));
        }
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null => {
            return Err(InvalidRequest::new(format!(
                "`{place}` is null. Redshift has no way to pass NULL as a parameter: write NULL into the \
                 SQL, or use nullif(:{name}, 'some text')."
            )));
        }
        Value::Array(_) | Value::Object(_) => {
            return Err(InvalidRequest::new(format!(
                "`{place}` must be a text, a number, true or false, it is {}.",
                kind_of(value)
            )));
        }
    };
    Ok(Parameter {
        name: name.to_owned(),
        value,
    })
}

/// A key as a part of a place in a message.
fn shown(name: &str) -> String {
    quoted(name).trim_matches('`').to_owned()
}
