//! Keeps secrets out of guests, logs, records and messages.

mod known;
mod lend;
mod lookalike;
mod redact;
mod search;

pub use redact::{LENT_MAX, Misplaced, Secrets, TAKEN_MAX};
pub use signalbox_sql::secrets::{
    is_secret_word, mask as mask_literals, mask_quoted, mask_values as mask_sql,
};

use serde_json::Value;

/// Applies `change` to every text in a JSON value; names of members stay.
pub fn for_each_text(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| for_each_text(item, change)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| for_each_text(member, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text without anything that looks like a secret: for the log and for records, whatever a policy read.
#[must_use]
pub fn secrets_out(text: &str) -> String {
    mask_literals(&Secrets::default().scrubbed(text))
}
