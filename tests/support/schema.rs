//! Whether a value is as a JSON Schema says, for the keywords that the project's own schemas have. Another keyword is a
//! failure: nothing is taken for checked that is not.

use serde_json::{Map, Value};

/// What is wrong with a value, each with its place; empty if it is as the schema says.
pub fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(schema, schema, value, "", &mut faults);
    faults
}

fn is_good(root: &Value, schema: &Value, value: &Value) -> bool {
    let mut faults = Vec::new();
    check(root, schema, value, "", &mut faults);
    faults.is_empty()
}

fn check(root: &Value, schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    let schema = schema.as_object().expect("a schema is an object");
    for (keyword, wanted) in schema {
        let good = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => true,
            // With `properties` beside it, below.
            "additionalProperties" => true,
            // The forms that are used are checked by hand where they matter.
            "format" => wanted == "json-pointer" && is_pointer(value),
            "$ref" => {
                let pointer = wanted.as_str().and_then(|it| it.strip_prefix('#'));
                let meant = pointer.and_then(|pointer| root.pointer(pointer));
                check(root, meant.expect("a definition"), value, place, faults);
                true
            }
            "const" => value == wanted,
            "enum" => list(wanted).contains(value),
            "type" => match wanted {
                Value::String(name) => is_of_type(name, value),
                names => list(names)
                    .iter()
                    .any(|name| is_of_type(name.as_str().expect("a name"), value)),
            },
            "minimum" => value.as_f64().is_none_or(|it| wanted.as_f64() <= Some(it)),
            "maximum" => value.as_f64().is_none_or(|it| wanted.as_f64() >= Some(it)),
            "minItems" => value
                .as_array()
                .is_none_or(|it| it.len() as u64 >= number(wanted)),
            "minLength" => value
                .as_str()
                .is_none_or(|it| it.chars().count() as u64 >= number(wanted)),
            "maxLength" => value
                .as_str()
                .is_none_or(|it| it.chars().count() as u64 <= number(wanted)),
            "not" => !is_good(root, wanted, value),
            "dependentRequired" => value.as_object().is_none_or(|fields| {
                wanted
                    .as_object()
                    .expect("lists by name")
                    .iter()
                    .all(|(name, others)| {
                        !fields.contains_key(name)
                            || list(others)
                                .iter()
                                .all(|other| fields.contains_key(other.as_str().expect("a name")))
                    })
            }),
            "pattern" => value
                .as_str()
                .is_none_or(|text| matches(wanted.as_str().expect("a text"), text)),
            "minProperties" => value
                .as_object()
                .is_none_or(|it| it.len() as u64 >= number(wanted)),
            "maxProperties" => value
                .as_object()
                .is_none_or(|it| it.len() as u64 <= number(wanted)),
            "propertyNames" => value.as_object().is_none_or(|fields| {
                fields
                    .keys()
                    .all(|name| is_good(root, wanted, &Value::from(name.as_str())))
            }),
            "required" => value.as_object().is_none_or(|fields| {
                list(wanted)
                    .iter()
                    .all(|name| fields.contains_key(name.as_str().expect("a name")))
            }),
            "properties" => true,
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, wanted, item, &format!("{place}/{n}"), faults);
                }
                true
            }
            "anyOf" => list(wanted).iter().any(|one| is_good(root, one, value)),
            "oneOf" => {
                list(wanted)
                    .iter()
                    .filter(|one| is_good(root, one, value))
                    .count()
                    == 1
            }
            other => panic!("the keyword `{other}` is not known here"),
        };
        if !good {
            faults.push(format!("{place}: {keyword} {wanted}"));
        }
    }
    if let Value::Object(fields) = value {
        check_fields(root, schema, fields, place, faults);
    }
}

/// Whether a text is of one of the forms that the schemas have.
fn matches(pattern: &str, text: &str) -> bool {
    let is_digits = |text: &str, count: usize| {
        text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    match pattern {
        "^[0-9a-f]{64}$" | "^[0-9A-Fa-f]{64}$" => {
            let upper = pattern.contains("A-F");
            text.len() == 64
                && text.bytes().all(|byte| {
                    matches!(byte, b'0'..=b'9' | b'a'..=b'f') || (upper && byte.is_ascii_hexdigit())
                })
        }
        "^([01][0-9]|2[0-3]):[0-5][0-9]$" => {
            text.split_once(':').is_some_and(|(hours, minutes)| {
                is_digits(hours, 2) && is_digits(minutes, 2) && hours < "24" && minutes < "60"
            })
        }
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" => {
            let parts: Vec<_> = text.split('-').collect();
            matches!(parts.as_slice(), [year, month, day] if is_digits(year, 4) && is_digits(month, 2) && is_digits(day, 2))
        }
        "^[A-Za-z0-9_-]{1,64}$" => {
            (1..=64).contains(&text.len())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        }
        "^https?://" => text.starts_with("http://") || text.starts_with("https://"),
        r"^(States|Lambda)\." => text.starts_with("States.") || text.starts_with("Lambda."),
        other => panic!("the pattern `{other}` is not known here"),
    }
}

fn check_fields(
    root: &Value,
    schema: &Map<String, Value>,
    fields: &Map<String, Value>,
    place: &str,
    faults: &mut Vec<String>,
) {
    let known = schema.get("properties").and_then(Value::as_object);
    for (name, field) in fields {
        let place = format!("{place}/{name}");
        match (
            known.and_then(|known| known.get(name)),
            schema.get("additionalProperties"),
        ) {
            (Some(known), _) => check(root, known, field, &place, faults),
            (None, None | Some(Value::Bool(true))) => {}
            (None, Some(Value::Bool(false))) => faults.push(format!("{place}: is not known")),
            (None, Some(any)) => check(root, any, field, &place, faults),
        }
    }
}

fn is_of_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type `{other}` is not known here"),
    }
}

fn is_pointer(value: &Value) -> bool {
    value
        .as_str()
        .is_none_or(|text| text.is_empty() || text.starts_with('/'))
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("a list")
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}
