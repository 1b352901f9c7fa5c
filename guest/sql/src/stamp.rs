//! Stamps: a comment before SQL that says who runs it, in the form of sqlcommenter, for the warehouse's own history of queries.

use std::fmt::Write as _;

/// What every stamp begins with.
const BEGINNING: &str = "/*application='signalbox'";
const END: &str = "*/ ";

/// A comment with these names and values, sorted by name. Whatever they hold, and whatever SQL comes behind, it is one comment.
///
/// Letters, digits, `-`, `.`, `_` and `~` stay as they are and everything else is written as `%XX`, so that no value ends the comment
/// or looks like a parameter.
#[must_use]
pub fn stamp(fields: &[(&str, &str)]) -> String {
    let mut fields = fields.to_vec();
    fields.sort_unstable();
    let mut text = BEGINNING.to_owned();
    for (name, value) in fields {
        text.push(',');
        encode(name, &mut text);
        text.push_str("='");
        encode(value, &mut text);
        text.push('\'');
    }
    text.push_str(END);
    text
}

/// SQL without the stamp before it.
#[must_use]
pub fn without_stamp(sql: &str) -> &str {
    let is_field = |c: char| c.is_ascii_alphanumeric() || "-._~%,='".contains(c);
    let stamp = sql
        .strip_prefix(BEGINNING)
        .and_then(|rest| rest.split_once(END));
    match stamp {
        Some((fields, rest)) if fields.chars().all(is_field) => rest,
        _ => sql,
    }
}

fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            // Writing to a text cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::{TokenKind, tokens};
    use crate::{classify, count_statements, placeholders};
    use proptest::prelude::*;

    #[test]
    fn a_stamp_is_readable() {
        let arn = "arn:aws:states:eu-west-1:1:execution:nightly:a b*/'";
        assert_eq!(
            stamp(&[("step", "load"), ("execution", arn)]),
            "/*application='signalbox',execution='arn%3Aaws%3Astates%3Aeu-west-1%3A1%3Aexecution%3Anightly%3Aa%20b%2A%2F%27',step='load'*/ "
        );
    }

    #[test]
    fn only_a_stamp_is_taken_off() {
        for sql in [
            "select 1",
            "/* application='signalbox'*/ select 1",
            "/*application='signalbox' x*/ select 1",
            "/*application='signalbox'*/",
            "/*application='signalbox",
        ] {
            assert_eq!(without_stamp(sql), sql);
        }
        assert_eq!(
            without_stamp("/*application='signalbox'*/ select 1"),
            "select 1"
        );
    }

    proptest! {
        #[test]
        fn a_stamp_changes_nothing_of_what_sql_is(
            name in "\\PC{0,8}", value in "\\PC{0,20}",
            sql in "(select|delete from t|:a|'|\"|--|/\\*|\\*/|\\$\\$|;|\\?|\\\\| |\n|\r|[a-z]|\\PC){0,12}"
        ) {
            let stamp = stamp(&[(&name, &value)]);
            let stamped = format!("{stamp}{sql}");
            let first = tokens(&stamped).next().unwrap();
            prop_assert_eq!((first.kind, first.text, first.doubt), (TokenKind::BlockComment, stamp.trim_end(), None));
            prop_assert_eq!(without_stamp(&stamped), sql.as_str());
            prop_assert_eq!(count_statements(&stamped), count_statements(&sql));
            prop_assert_eq!(placeholders(&stamped), placeholders(&sql));
            prop_assert_eq!(classify(&stamped), classify(&sql));
        }
    }
}
