//! All literals of SQL, for those who do not want them in logs and records.
//!
//! What remains has the form of the SQL, so that a policy sees the same kinds of statements, tables and columns in it.
//! Works on any text, as the masking of secrets does.

use super::mask::{after, dollar_quoted, leading, quoted};

/// What stands in the place of a text.
const TEXT: &str = "'***'";
/// What stands in the place of a number.
const NUMBER: &str = "0";

/// Replaces the literals and the comments of SQL: texts, dollar-quoted ones included, and numbers.
#[must_use]
pub fn mask_sql(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let taken = if c.is_alphabetic() || c == '_' {
            let word = leading(rest, |c| c.is_alphanumeric() || matches!(c, '_' | '$'));
            out.push_str(word);
            word
        } else if c == '"' {
            let name = quoted(rest, c);
            out.push_str(name);
            name
        } else if c == '\'' {
            push_text(&mut out);
            quoted(rest, c)
        } else if c.is_ascii_digit() {
            out.push_str(NUMBER);
            number(rest)
        } else if let Some(literal) = dollar_quoted(rest) {
            push_text(&mut out);
            literal
        } else if rest.starts_with("--") {
            out.push_str("--");
            leading(rest, |c| c != '\n')
        } else if rest.starts_with("/*") {
            out.push_str("/**/");
            block_comment(rest)
        } else {
            out.push(c);
            rest.get(..c.len_utf8()).unwrap_or(rest)
        };
        rest = after(rest, taken);
    }
    out
}

/// Two quotes in a row would be one inside a longer text.
fn push_text(out: &mut String) {
    if out.ends_with('\'') {
        out.push(' ');
    }
    out.push_str(TEXT);
}

/// Replaces what stands in quotes of either kind: in messages, which quote values and names alike.
#[must_use]
pub fn mask_quoted(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(c) = rest.chars().next() {
        // An apostrophe (`doesn't`) is no quote.
        let within_word = out.ends_with(char::is_alphanumeric);
        if c == '"' || (c == '\'' && !within_word) {
            out.push(c);
            out.push_str("***");
            out.push(c);
            rest = after(rest, quoted(rest, c));
        } else {
            out.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    out
}

/// A number: `1`, `1.5`, `1e-9`, `0xff`.
fn number(text: &str) -> &str {
    let mut end = 0;
    let mut before = ' ';
    for c in text.chars() {
        let is_sign_of_exponent = matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
        if !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || is_sign_of_exponent) {
            break;
        }
        before = c;
        end += c.len_utf8();
    }
    text.get(..end).unwrap_or(text)
}

/// A comment with those inside it; one that does not end goes to the end.
fn block_comment(text: &str) -> &str {
    let (mut depth, mut at) = (0_u32, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return text.get(..at).unwrap_or(text);
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text
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
            ("select 'it''s', e'a\\'b', x", "select '***', e'***', x"),
            ("call p($$secret$$, $a$ $$ $a$)", "call p('***', '***')"),
            (
                "select 1 -- of Müller\n/* and /* his */ wife */ from t",
                "select 0 --\n/**/ from t",
            ),
            ("select :n, $1", "select :n, $0"),
            (
                "insert into t values ('unterminated",
                "insert into t values ('***'",
            ),
            ("select /* unterminated", "select /**/"),
        ] {
            assert_eq!(mask_sql(sql), masked);
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
        #[test]
        fn masking_twice_is_masking_once(sql in "[-a-z0-9 '\"$/*\\\\;.]{0,60}") {
            let once = mask_sql(&sql);
            prop_assert_eq!(mask_sql(&once), once);
        }

        #[test]
        fn no_letter_of_a_literal_is_left(before in "[a-z ,=(]{0,20}", literal in "[A-Z]{4,12}", after in "[a-z ,)]{0,20}") {
            let sql = format!("{before} '{literal}' {after}");
            prop_assert!(!mask_sql(&sql).contains(&literal));
        }

        #[test]
        fn any_text_goes_through(text in ".{0,200}") {
            let _ = (mask_sql(&text), mask_quoted(&text));
        }
    }
}
