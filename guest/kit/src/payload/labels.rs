//! Labels: names and values with which the caller describes its request.

use super::read::{InvalidRequest, wrong_type};
use crate::text::{kind_of, quoted};
use serde_json::Value;
use std::collections::BTreeMap;

/// The most labels that a payload may have.
pub const MAX_LABELS: usize = 20;
/// The longest name of a label, in characters.
pub const MAX_LABEL_NAME: usize = 64;
/// The longest value of a label, in characters.
const MAX_VALUE: usize = 256;

pub(super) fn read(value: Option<&Value>) -> Result<BTreeMap<String, String>, InvalidRequest> {
    let object = match value {
        None => return Ok(BTreeMap::new()),
        Some(Value::Object(object)) => object,
        Some(other) => {
            let wanted = "an object of names and texts";
            return Err(wrong_type("labels", other, wanted));
        }
    };
    if object.len() > MAX_LABELS {
        return Err(InvalidRequest::new(format!(
            "`labels` has {} members. At most {MAX_LABELS} are allowed.",
            object.len()
        )));
    }
    let mut labels = BTreeMap::new();
    for (name, value) in object {
        if name.is_empty() || name.chars().count() > MAX_LABEL_NAME {
            return Err(InvalidRequest::new(format!(
                "`labels` has the name {}. A name has 1 to {MAX_LABEL_NAME} characters.",
                quoted(name)
            )));
        }
        let Value::String(text) = value else {
            return Err(InvalidRequest::new(format!(
                "The label {} must be a text, it is {}.",
                quoted(name),
                kind_of(value)
            )));
        };
        if text.chars().count() > MAX_VALUE {
            return Err(InvalidRequest::new(format!(
                "The label {} is longer than {MAX_VALUE} characters. Shorten it.",
                quoted(name)
            )));
        }
        labels.insert(name.clone(), text.clone());
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_are_texts_and_few() {
        let good = json!({ "team": "finance", "stage": "" });
        assert_eq!(read(Some(&good)).unwrap().len(), 2);
        assert!(read(None).unwrap().is_empty());
        let many: serde_json::Map<String, Value> =
            (0..21).map(|n| (n.to_string(), json!("x"))).collect();
        let mut text = String::new();
        for bad in [
            json!(["team"]),
            json!("team"),
            json!({ "team": 1 }),
            json!({ "team": null }),
            json!({ "team": ["a"] }),
            json!({ "": "x" }),
            json!({ "x".repeat(65): "x" }),
            json!({ "team": "x".repeat(257) }),
            Value::Object(many),
        ] {
            text.push_str(&format!("{}\n", read(Some(&bad)).unwrap_err()));
        }
        insta::assert_snapshot!(text, @r"
        `labels` must be an object of names and texts, it is a list.
        `labels` must be an object of names and texts, it is a text.
        The label `team` must be a text, it is a number.
        The label `team` must be a text, it is null.
        The label `team` must be a text, it is a list.
        `labels` has the name ``. A name has 1 to 64 characters.
        `labels` has the name `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…`. A name has 1 to 64 characters.
        The label `team` is longer than 256 characters. Shorten it.
        `labels` has 21 members. At most 20 are allowed.
        ");
    }
}
