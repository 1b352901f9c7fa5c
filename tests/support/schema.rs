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
            "pattern" => {
                assert_eq!(wanted, "^[0-9a-f]{64}$", "the one pattern that is known");
                value.as_str().is_none_or(|text| {
                    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
                })
            }
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
