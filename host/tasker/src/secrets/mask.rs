//! Literals that are secrets by their place in the SQL.
//!
//! Works on any text: SQL that does not parse, a part of it inside an engine's message, a prefix that was cut.

/// Words whose literal is a secret: of CREATE USER, COPY, UNLOAD, external schemas and data shares.
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "credentials",
    "access_key_id",
    "secret_access_key",
    "session_token",
    "token",
    "master_symmetric_key",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_iam_token",
    "secret",
    "secret_key",
    "private_key",
    "api_key",
];

/// Words that may stand between such a word and its literal.
const FILLERS: &[&str] = &[
    "as",
    "is",
    "to",
    "with",
    "encrypted",
    "unencrypted",
    "valid",
];

/// What stands in the place of a literal.
const MASK: &str = "'***'";

/// Whether a name says that its value is a secret, however it is spelt: `Password`, `secret-key`, `apiKey`.
#[must_use]
pub fn is_secret_word(name: &str) -> bool {
    let plain = |name: &str| {
        name.chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_ascii_lowercase()
    };
    let name = plain(name);
    SECRET_WORDS.iter().any(|word| plain(word) == name)
}

/// Replaces the literals that follow a word such as `PASSWORD` or `SECRET_ACCESS_KEY`.
#[must_use]
pub fn mask_literals(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut armed = false;
    while let Some(c) = rest.chars().next() {
        let taken = if c.is_ascii_alphabetic() || c == '_' {
            let word = leading(rest, |c| c.is_ascii_alphanumeric() || c == '_');
            let lower = word.to_ascii_lowercase();
            let was_armed = armed;
            armed = SECRET_WORDS.contains(&lower.as_str())
                || (armed && FILLERS.contains(&lower.as_str()));
            // `aws_secret_access_key=abc`: a bare value directly after the sign.
            if was_armed && !armed && out.ends_with('=') {
                out.push_str("***");
                rest = after(
                    rest,
                    leading(rest, |c| {
                        !c.is_whitespace() && !matches!(c, ';' | ',' | '\'' | '"' | ')')
                    }),
                );
                continue;
            }
            out.push_str(word);
            word
        } else if c == '\'' || (c == '"' && armed) {
            let literal = quoted(rest, c);
            if armed {
                out.push_str(MASK);
            } else {
                out.push_str(&mask_inside(literal));
            }
            armed = false;
            literal
        } else if let Some(literal) = dollar_quoted(rest) {
            if armed {
                out.push_str(MASK);
            } else {
                out.push_str(&mask_inside(literal));
            }
            armed = false;
            literal
        } else {
            let end = c.len_utf8();
            let (one, _) = rest.split_at_checked(end).unwrap_or((rest, ""));
            if armed && !c.is_whitespace() && !matches!(c, '=' | ':' | '(' | '-') {
                armed = false;
                if out.ends_with('=') && c.is_ascii_alphanumeric() {
                    out.push_str("***");
                    rest = after(
                        rest,
                        leading(rest, |c| {
                            !c.is_whitespace() && !matches!(c, ';' | ',' | '\'' | '"' | ')')
                        }),
                    );
                    continue;
                }
            }
            out.push_str(one);
            one
        };
        rest = after(rest, taken);
    }
    out
}

/// A literal that is not a secret itself may hold SQL or a credentials string that is
/// (`EXECUTE 'CREATE USER …'`, `'aws_secret_access_key=…'`).
fn mask_inside(literal: &str) -> String {
    let Some(quote) = literal.chars().next() else {
        return String::new();
    };
    let inner = literal.get(quote.len_utf8()..).unwrap_or_default();
    if !SECRET_WORDS
        .iter()
        .any(|word| contains_ignoring_case(inner, word))
    {
        return literal.to_owned();
    }
    // Doubled quotes are quotes of the inner text.
    format!("{quote}{}", mask_literals(&inner.replace("''", "'")))
}

fn contains_ignoring_case(text: &str, word: &str) -> bool {
    text.as_bytes()
        .windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

/// The longest prefix of characters that fit.
pub(super) fn leading(text: &str, fits: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !fits(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

pub(super) fn after<'a>(text: &'a str, taken: &str) -> &'a str {
    text.get(taken.len()..).unwrap_or("")
}

/// A quoted literal with its quotes; one that does not end goes to the end.
pub(super) fn quoted(text: &str, quote: char) -> &str {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else {
                return text.get(..at + quote.len_utf8()).unwrap_or(text);
            }
        }
    }
    text
}

/// `$tag$ … $tag$`; one that does not end goes to the end.
pub(super) fn dollar_quoted(text: &str) -> Option<&str> {
    let body = text.strip_prefix('$')?;
    let tag = leading(body, |c| c.is_ascii_alphanumeric() || c == '_');
    if tag.starts_with(|c: char| c.is_ascii_digit()) || !after(body, tag).starts_with('$') {
        return None;
    }
    let delimiter = text.get(..tag.len() + 2)?;
    let content = text.get(delimiter.len()..)?;
    match content.find(delimiter) {
        Some(at) => text.get(..delimiter.len() * 2 + at),
        None => Some(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn masks_what_is_a_secret_by_its_place() {
        for (sql, masked) in [
            (
                "CREATE USER u PASSWORD 'hunter2' VALID UNTIL '2027-01-01'",
                "CREATE USER u PASSWORD '***' VALID UNTIL '2027-01-01'",
            ),
            (
                "alter user u with password='a''b'",
                "alter user u with password='***'",
            ),
            (
                "COPY t FROM 's3://b' CREDENTIALS AS 'aws_access_key_id=A;aws_secret_access_key=B' CSV",
                "COPY t FROM 's3://b' CREDENTIALS AS '***' CSV",
            ),
            (
                "COPY t FROM 's3://b' access_key_id 'A' secret_access_key 'B' session_token 'C'",
                "COPY t FROM 's3://b' access_key_id '***' secret_access_key '***' session_token '***'",
            ),
            (
                "create user u password 'unterminated",
                "create user u password '***'",
            ),
            (
                "CREATE USER u PASSWORD $x$ hunter2 $x$",
                "CREATE USER u PASSWORD '***'",
            ),
            (
                "EXECUTE 'create user u password ''hunter2'' '",
                "EXECUTE 'create user u password '***' '",
            ),
            (
                "ERROR: near password 'x': syntax",
                "ERROR: near password '***': syntax",
            ),
            (
                "invalid aws_secret_access_key=abc123+/= in request",
                "invalid aws_secret_access_key=*** in request",
            ),
            ("select 'plain', 1 from t", "select 'plain', 1 from t"),
        ] {
            assert_eq!(mask_literals(sql), masked);
        }
    }

    #[test]
    fn names_of_secrets_are_known_however_they_are_spelt() {
        for name in ["password", "PassWd", "secret-access-key", "apiKey", "Token"] {
            assert!(is_secret_word(name), "{name}");
        }
        for name in ["NextToken", "clientToken", "secretArn", "passwords", ""] {
            assert!(!is_secret_word(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn never_shows_the_literal_whatever_stands_around(before in "[ -~]{0,40}", secret in "[A-Z]{12}", after in "[ -~é]{0,40}") {
            // A quote before would make the word part of a literal; that case is the one above.
            prop_assume!(!before.contains(['\'', '$', '"', '\\']));
            let masked = mask_literals(&format!("{before} PASSWORD '{secret}' {after}"));
            let shown = masked.contains(&format!("'{secret}'"));
            prop_assert!(!shown, "{masked}");
        }

        #[test]
        fn any_text_goes_through(text in ".{0,200}") {
            let _ = mask_literals(&text);
        }

        #[test]
        fn a_text_without_such_words_stays_as_it_is(text in "[b-c0-9 '$;=()]{0,80}") {
            prop_assert_eq!(mask_literals(&text), text);
        }
    }
}
