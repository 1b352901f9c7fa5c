//! All literals of SQL, for those who do not want them in logs and records.
//!
//! What remains has the form of the SQL, so that a policy sees the same kinds of statements, tables and columns in it.

use super::{looked_at, settled};
use crate::lexer::{TokenKind, tokens};

/// What stands in the place of a text.
const TEXT: &str = "'***'";
/// What stands in the place of a number.
const NUMBER: &str = "0";

/// Replaces the literals and the comments of SQL: texts, dollar-quoted ones included, and numbers.
#[must_use]
pub fn mask_values(sql: &str) -> String {
    settled(sql, TEXT, |sql| Some(once(sql)))
}

fn once(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut number_ends = None;
    for token in tokens(sql) {
        looked_at(token.text.len());
        // What touches a number is a part of it: `0xff`, `1e5x`.
        let touches = number_ends.take() == Some(token.start);
        match token.kind {
            TokenKind::Text(_) => {
                // Two quotes in a row would be one inside a longer text.
                if out.ends_with('\'') {
                    out.push(' ');
                }
                out.push_str(TEXT);
            }
            TokenKind::Number => {
                if !touches {
                    out.push_str(NUMBER);
                }
                number_ends = Some(token.end());
            }
            TokenKind::Word if touches => number_ends = Some(token.end()),
            TokenKind::LineComment => out.push_str("--"),
            TokenKind::BlockComment => out.push_str("/**/"),
            _ => out.push_str(token.text),
        }
    }
    out
}

/// Replaces what stands in quotes of either kind: in messages, which quote values and names alike.
#[must_use]
pub fn mask_quoted(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut within_word = false;
    let mut chars = message.chars().peekable();
    while let Some(c) = chars.next() {
        // An apostrophe (`doesn't`) is no quote.
        if c == '"' || (c == '\'' && !within_word) {
            out.extend([c, '*', '*', '*', c]);
            // To the closing quote, or to the end.
            while let Some(inner) = chars.next() {
                match inner {
                    '\\' => {
                        chars.next();
                    }
                    _ if inner == c && chars.next_if_eq(&c).is_none() => break,
                    _ => {}
                }
            }
            within_word = false;
        } else {
            out.push(c);
            within_word = c.is_alphanumeric();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_form_stays_and_the_values_go() {
        for (sql, masked) in [
            (
                "select a, \"B 1\" from t1 where x = 'Müller' and y > 1.5e-3 limit 10",
                "select a, \"B 1\" from t1 where x = '***' and y > 0 limit 0",
            ),
            ("select 'it''s', e'a\\'b', x", "select '***', '***', x"),
            ("call p($$secret$$, $a$ $$ $a$)", "call p('***', '***')"),
            (
                "select 1 -- of Müller\n/* and /* his */ wife */ from t",
                "select 0 --\n/**/ from t",
            ),
            ("select :n, $1, 0xff", "select :n, $1, 0"),
            (
                "insert into t values ('unterminated",
                "insert into t values ('***'",
            ),
            ("select /* unterminated", "select /**/"),
        ] {
            assert_eq!(mask_values(sql), masked);
        }
    }

    #[test]
    fn what_a_message_quotes_goes() {
        assert_eq!(
            mask_quoted("ERROR: value \"42a\" doesn't fit 'x' of \"t"),
            "ERROR: value \"***\" doesn't fit '***' of \"***\""
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn masking_twice_is_masking_once(sql in "[-a-z0-9 '\"$/*\\\\;.\n]{0,60}") {
            let once = mask_values(&sql);
            prop_assert_eq!(mask_values(&once), once);
        }

        #[test]
        fn no_letter_of_a_literal_is_left(before in "[a-z ,=(]{0,20}", literal in "[A-Z]{4,12}", after in "[a-z ,)]{0,20}") {
            let sql = format!("{before} '{literal}' {after}");
            prop_assert!(!mask_values(&sql).contains(&literal));
        }

        #[test]
        fn any_text_goes_through(text in ".{0,200}") {
            let _ = (mask_values(&text), mask_quoted(&text));
        }
    }
}
