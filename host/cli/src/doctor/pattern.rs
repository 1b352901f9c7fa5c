//! Event patterns of EventBridge: whether one takes an event of which a part is known.
//!
//! Fields whose values nobody knows beforehand, and comparisons that are not known here, leave it open.

use serde_json::{Map, Value};

use super::fit::{Fit, glob};

/// Whether a pattern, JSON, takes an event.
pub(super) fn takes(pattern: &str, event: &Value) -> Fit {
    match serde_json::from_str::<Value>(pattern) {
        Ok(Value::Object(fields)) => object(&fields, Some(event), ""),
        // EventBridge stores no such pattern.
        _ => Fit::No,
    }
}

fn object(fields: &Map<String, Value>, event: Option<&Value>, path: &str) -> Fit {
    Fit::all(fields.iter().map(|(name, pattern)| {
        if let ("$or", Value::Array(choices)) = (name.as_str(), pattern) {
            return Fit::any(choices.iter().map(|choice| match choice {
                Value::Object(fields) => object(fields, event, path),
                _ => Fit::No,
            }));
        }
        let path = match path {
            "" => name.clone(),
            _ => format!("{path}.{name}"),
        };
        let value = event.and_then(|event| event.get(name));
        match pattern {
            Value::Object(fields) => object(fields, value, &path),
            Value::Array(choices) => {
                Fit::any(choices.iter().map(|choice| compare(choice, value, &path)))
            }
            _ => Fit::No,
        }
    }))
}

fn compare(choice: &Value, value: Option<&Value>, path: &str) -> Fit {
    let Some(value) = value else {
        return Fit::Open(format!("it also looks at `{path}`"));
    };
    let Value::Object(operators) = choice else {
        return Fit::of(choice == value);
    };
    let text = value.as_str().unwrap_or_default();
    Fit::all(
        operators
            .iter()
            .map(|(operator, operand)| match operator.as_str() {
                "exists" => Fit::of(operand == &Value::Bool(true)),
                "anything-but" => anything_but(operand, text, path).not(),
                _ => operate(operator, operand, text, path),
            }),
    )
}

/// Whether a text is what `anything-but` excludes: a value, one of several, or what an operator takes.
fn anything_but(operand: &Value, text: &str, path: &str) -> Fit {
    match operand {
        Value::Object(operators) => Fit::any(operators.iter().map(|(operator, operand)| {
            match operand {
                Value::Array(operands) => Fit::any(
                    operands
                        .iter()
                        .map(|operand| operate(operator, operand, text, path)),
                ),
                operand => operate(operator, operand, text, path),
            }
        })),
        Value::Array(values) => Fit::of(values.iter().any(|value| value == text)),
        value => Fit::of(value == text),
    }
}

fn operate(operator: &str, operand: &Value, text: &str, path: &str) -> Fit {
    let (operand, folded) = match operand {
        Value::Object(inner) => match inner.get("equals-ignore-case") {
            Some(operand) => (operand, true),
            None => return unknown(operator, path),
        },
        operand => (operand, operator == "equals-ignore-case"),
    };
    let Some(operand) = operand.as_str() else {
        return unknown(operator, path);
    };
    let fold = |text: &str| {
        if folded {
            text.to_lowercase()
        } else {
            text.to_owned()
        }
    };
    let (operand, text) = (fold(operand), fold(text));
    match operator {
        "prefix" => Fit::of(text.starts_with(&operand)),
        "suffix" => Fit::of(text.ends_with(&operand)),
        "equals-ignore-case" => Fit::of(text == operand),
        // A star can be escaped there.
        "wildcard" if !operand.contains('\\') => Fit::of(glob(&operand, &text, false)),
        _ => unknown(operator, path),
    }
}

fn unknown(operator: &str, path: &str) -> Fit {
    Fit::Open(format!(
        "its comparison `{operator}` of `{path}` is not known here"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(detail: Value) -> Fit {
        let event = json!({
            "source": "aws.redshift-data",
            "detail-type": "Redshift Data Statement Status Change",
            "detail": { "statementName": "sbx-tasker:00", "state": "ABORTED" }
        });
        let pattern = json!({ "source": ["aws.redshift-data"], "detail": detail });
        takes(&pattern.to_string(), &event)
    }

    #[test]
    fn comparisons_are_those_of_eventbridge() {
        for detail in [
            json!({}),
            json!({ "state": ["FINISHED", "ABORTED"] }),
            json!({ "statementName": [{ "prefix": "sbx-" }] }),
            json!({ "statementName": [{ "prefix": { "equals-ignore-case": "SBX-TASKER:" } }] }),
            json!({ "statementName": [{ "suffix": "00" }, "other"] }),
            json!({ "statementName": [{ "wildcard": "sbx-*:*" }] }),
            json!({ "statementName": [{ "equals-ignore-case": "SBX-tasker:00" }] }),
            json!({ "statementName": [{ "exists": true }] }),
            json!({ "statementName": [{ "anything-but": ["a", "b"] }] }),
            json!({ "statementName": [{ "anything-but": { "prefix": "sbx-other" } }] }),
            json!({ "state": [{ "anything-but": "FINISHED" }] }),
            json!({ "$or": [{ "state": ["FINISHED"] }, { "statementName": [{ "prefix": "sbx" }] }] }),
        ] {
            assert_eq!(of(detail.clone()), Fit::Yes, "{detail}");
        }
        for detail in [
            json!({ "state": ["FINISHED", "FAILED"] }),
            json!({ "state": [] }),
            json!({ "state": "ABORTED" }),
            json!({ "statementName": [{ "prefix": "sbx-task:" }] }),
            json!({ "statementName": [{ "exists": false }] }),
            json!({ "statementName": [{ "anything-but": { "prefix": "sbx-" } }] }),
            json!({ "statementName": [{ "anything-but": { "prefix": ["x", "sbx-"] } }] }),
            json!({ "statementName": [{ "anything-but": { "wildcard": "sbx*" } }] }),
            json!({ "$or": [{ "state": ["FINISHED"] }, { "statementName": [1] }] }),
            // What does not fit settles it, whatever is open.
            json!({ "principal": ["x"], "state": ["FINISHED"] }),
        ] {
            assert_eq!(of(detail.clone()), Fit::No, "{detail}");
        }
    }

    #[test]
    fn what_nobody_knows_beforehand_leaves_it_open() {
        for (detail, part) in [
            (
                json!({ "principal": [{ "suffix": "role" }] }),
                "`detail.principal`",
            ),
            (
                json!({ "statementName": [{ "cidr": "10.0.0.0/8" }] }),
                "`cidr`",
            ),
            (
                json!({ "statementName": [{ "wildcard": "sbx\\*" }] }),
                "`wildcard`",
            ),
        ] {
            let fit = of(detail);
            assert!(
                matches!(&fit, Fit::Open(why) if why.contains(part)),
                "{fit:?}"
            );
        }
    }

    #[test]
    fn what_is_no_pattern_takes_nothing() {
        for text in ["", "[]", "{\"source\": \"aws.redshift-data\"}"] {
            assert_eq!(
                takes(text, &json!({"source": "aws.redshift-data"})),
                Fit::No
            );
        }
    }
}
