//! The values that intrinsic functions take, checked, and those that need more than a line to make.

use serde_json::{Value, json};

/// The most characters that the functions for Base64 and digests take.
const TEXT: usize = 10_000;
/// The most members of an array that `States.ArrayRange` makes.
const RANGE: i64 = 1_000;

/// An array.
pub(super) fn array(value: Value) -> Result<Vec<Value>, String> {
    match value {
        Value::Array(items) => Ok(items),
        other => Err(format!("an array is needed, not {other}")),
    }
}

/// A text.
pub(super) fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(format!("a text is needed, not {other}")),
    }
}

/// A text that is no longer than AWS allows.
pub(super) fn bounded(value: Value) -> Result<String, String> {
    let text = text(value)?;
    match text.chars().count() {
        count if count > TEXT => Err(format!(
            "the text has {count} characters; at most {TEXT} are allowed"
        )),
        _ => Ok(text),
    }
}

/// A whole number; others are rounded, as AWS does it. The range is that of AWS's: 32 bits.
pub(super) fn integer(value: &Value) -> Result<i64, String> {
    let number = value
        .as_f64()
        .map(f64::round)
        .filter(|number| (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(number))
        .ok_or_else(|| format!("a whole number of 32 bits is needed, not {value}"))?;
    #[allow(clippy::cast_possible_truncation, reason = "it is whole and in range")]
    Ok(number as i64)
}

/// The numbers from `start` to `end` in steps.
pub(super) fn range(start: i64, end: i64, step: i64) -> Result<Value, String> {
    if step == 0 {
        return Err("a step of 0 leads nowhere".to_owned());
    }
    let count = (end - start) / step + 1;
    if count > RANGE {
        return Err(format!(
            "the array would have {count} members; at most {RANGE} are allowed"
        ));
    }
    let is_empty = (end - start).signum() == -step.signum();
    let count = if is_empty { 0 } else { count };
    Ok((0..count).map(|n| json!(start + n * step)).collect())
}

/// A whole number from `start` to below `end`, by a fraction of the way.
pub(super) fn random(start: i64, end: i64, fraction: f64) -> Value {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "both are of 32 bits"
    )]
    let offset = ((end - start) as f64 * fraction) as i64;
    json!(start + offset)
}

/// Fills the `{}` of a template; `\` takes the meaning from what follows it.
pub(super) fn format(template: &str, arguments: Vec<Value>) -> Result<Value, String> {
    let count = arguments.len();
    let mut arguments = arguments.into_iter();
    let (mut filled, mut places) = (String::new(), 0);
    let mut characters = template.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' => filled.push(characters.next().unwrap_or('\\')),
            '{' if characters.peek() == Some(&'}') => {
                characters.next();
                places += 1;
                match arguments.next() {
                    Some(Value::String(text)) => filled.push_str(&text),
                    Some(Value::Array(_) | Value::Object(_)) => {
                        return Err(format!(
                            "the {places}. value is an array or object; texts, numbers, booleans and null are allowed"
                        ));
                    }
                    Some(other) => filled.push_str(&other.to_string()),
                    None => {}
                }
            }
            '{' | '}' => return Err(format!("'{c}' is written '\\\\{c}' in a template")),
            c => filled.push(c),
        }
    }
    if places == count {
        Ok(Value::String(filled))
    } else {
        Err(format!(
            "the template has {places} places '{{}}' for {count} values"
        ))
    }
}
