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
    match is_short_word(text) {
        true => text.to_owned(),
        false => mask_literals(&redact::without_lookalikes(text)),
    }
}

/// Whether a text is one short word, as the names of most fields are. It is shorter than any key or signature, and nothing
/// stands behind it that it could make a secret.
fn is_short_word(text: &str) -> bool {
    text.len() < lookalike::SHORTEST
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Short words are passed over: nothing would be found in them.
        #[test]
        fn a_short_word_has_no_secret(text in "(password|pwd|AKIA|ASIA|secret|token)?[A-Za-z0-9_]{0,15}") {
            prop_assume!(is_short_word(&text));
            prop_assert_eq!(mask_literals(&redact::without_lookalikes(&text)), text);
        }
    }
}
