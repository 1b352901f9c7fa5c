//! Masking for people and records.

use super::{
    find::find,
    looked_at,
    place::{Place, Places},
    settled,
    words::has_secret,
};
use crate::lexer::{Parts, TextForm, Token, TokenKind, tokens};

/// What stands in the place of a literal.
const LITERAL: &str = "'***'";
/// What stands in the place of a quoted name.
const NAME: &str = "\"***\"";
/// What stands in the place of a value without quotes.
const BARE: &str = "***";
/// What stands in the place of a text whose masking does not come to an end.
const REMOVED: &str = "[a text with secrets was removed]";

/// Texts within each other that are looked into: literals, comments and quoted names.
const DEPTH: u32 = 4;
/// Replaces the literals that follow a word such as `PASSWORD` or `SECRET_ACCESS_KEY`, whatever stands between, in SQL
/// and in texts that hold SQL: literals, comments, quoted names. A text that is masked stays as it is.
#[must_use]
pub fn mask(text: &str) -> String {
    settled(text, REMOVED, |text| {
        // What is a secret as the database reads it is hidden first, whatever another reading would make of it.
        let exact = hide_found(text);
        once(exact.as_deref().unwrap_or(text), 0).text.or(exact)
    })
}

/// Hides the values that [`find`] names; none if there are none.
fn hide_found(text: &str) -> Option<String> {
    let found = find(text);
    if found.is_empty() {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for range in found {
        out.push_str(text.get(done..range.start).unwrap_or_default());
        out.push_str(BARE);
        done = range.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Some(out)
}

/// A text that was looked at.
struct Looked {
    /// What it became; none if nothing changed.
    text: Option<String>,
    /// Whether a literal behind it would be a secret.
    is_armed: bool,
}

fn once(text: &str, depth: u32) -> Looked {
    let mut out = Out {
        text,
        done: 0,
        changed: None,
    };
    let mut places = Places::default();
    let mut from = 0;
    while let Some(rest) = text.get(from..).filter(|rest| !rest.is_empty()) {
        let mut resume = None;
        for token in tokens(rest) {
            let token = Token {
                start: token.start + from,
                ..token
            };
            looked_at(token.text.len());
            match places.at(&token) {
                Place::Secret if token.kind == TokenKind::QuotedName => out.replace(&token, NAME),
                Place::Secret => out.replace(&token, LITERAL),
                Place::Bare => {
                    let end = out.replace_until(token.start, is_end_of_bare);
                    places.end_bare();
                    resume = Some(end);
                    break;
                }
                Place::Plain => {
                    let inner = inside(&token, depth);
                    if let Some(masked) = &inner.text {
                        out.replace(&token, masked);
                    }
                    // The word of a comment may be that of another reading.
                    if inner.is_armed && token.is_blank() {
                        places.arm();
                    }
                    if inner.is_armed && token.is_text() && !token.unterminated {
                        match joined(text, &token) {
                            Joined::Text => places.arm(),
                            Joined::Nothing => {}
                            // Not a literal but what stands between two: an apostrophe came before.
                            Joined::Word => {
                                let end = out.replace_until(token.end(), |c| c == '\'');
                                let hidden = text.get(token.end()..end).unwrap_or_default();
                                if has_secret(hidden) {
                                    places.arm();
                                }
                                resume = Some(end);
                                break;
                            }
                        }
                    }
                }
            }
        }
        match resume {
            Some(at) => from = at,
            None => break,
        }
    }
    Looked {
        text: out.finish(),
        is_armed: places.is_armed(),
    }
}

/// A text on its way out.
struct Out<'t> {
    text: &'t str,
    /// So much of it is taken over.
    done: usize,
    changed: Option<String>,
}

impl<'t> Out<'t> {
    fn replace(&mut self, token: &Token<'_>, by: &str) {
        self.put(token.start, token.end(), by);
    }

    fn put(&mut self, start: usize, end: usize, by: &str) {
        if self.text.get(start..end) == Some(by) {
            return;
        }
        let before = self.text.get(self.done..start).unwrap_or_default();
        let changed = self.changed.get_or_insert_default();
        changed.push_str(before);
        changed.push_str(by);
        self.done = end;
    }

    /// Replaces what follows up to a character that ends it; says where that is.
    fn replace_until(&mut self, start: usize, ends: impl Fn(char) -> bool) -> usize {
        let rest = self.text.get(start..).unwrap_or_default();
        let end = start + rest.find(ends).unwrap_or(rest.len());
        self.put(start, end, BARE);
        end
    }

    fn finish(self) -> Option<String> {
        let mut changed = self.changed?;
        changed.push_str(self.text.get(self.done..).unwrap_or_default());
        Some(changed)
    }
}

fn is_end_of_bare(c: char) -> bool {
    c.is_whitespace() || matches!(c, ';' | ',' | '\'' | '"' | ')' | '&')
}

/// What stands behind a literal.
enum Joined {
    /// `||`: another literal may be joined to it.
    Text,
    /// A word, without white space between.
    Word,
    Nothing,
}

fn joined(text: &str, literal: &Token<'_>) -> Joined {
    let rest = text.get(literal.end()..).unwrap_or_default();
    if rest.trim_start().starts_with("||") {
        return Joined::Text;
    }
    let is_apostrophe = literal.kind != TokenKind::Text(TextForm::Dollar);
    match rest.chars().next() {
        Some(c)
            if is_apostrophe
                && !c.is_whitespace()
                && !matches!(
                    c,
                    ',' | ';' | ')' | '|' | ':' | '=' | ']' | '}' | '.' | '\'' | '"'
                ) =>
        {
            Joined::Word
        }
        _ => Joined::Nothing,
    }
}

/// Looks into a token that may hold SQL, or a list of names and values.
fn inside(token: &Token<'_>, depth: u32) -> Looked {
    let nothing = Looked {
        text: None,
        is_armed: false,
    };
    let Some(parts) = Parts::of(token) else {
        return nothing;
    };
    let content = parts.content();
    if depth == DEPTH {
        if !has_secret(&content) {
            return nothing;
        }
        let hidden = format!("{}{BARE}{}", parts.opening, parts.closing);
        return Looked {
            text: Some(hidden),
            is_armed: false,
        };
    }
    let mut looked = once(&content, depth + 1);
    looked.text = looked.text.map(|masked| parts.around(&masked));
    looked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
            ("password $x$ hunter2", "password '***'"),
            ("password E'a\\'b' x", "password '***' x"),
            ("password -- c\n'x'", "password -- c\n'***'"),
            (
                "password /* c /* d */ */ 'x'",
                "password /* c /* d */ */ '***'",
            ),
            ("password 'ab'\n  'cd', 'e'", "password '***'\n  '***', 'e'"),
            ("password 'ab' || 'cd'", "password '***' || '***'"),
            (
                "password quote_literal ( 'x' )",
                "password quote_literal ( '***' )",
            ),
            (
                "where u.password in ('x', 'y') and a = 'b'",
                "where u.password in ('***', '***') and a = 'b'",
            ),
            ("where db_password <> 'x'", "where db_password <> '***'"),
            (
                "EXECUTE 'create user u password ''hunter2'' '",
                "EXECUTE 'create user u password ''***'' '",
            ),
            (
                "unload ('select \\'a\\' where password = \\'x\\'') to 's3://b'",
                "unload ('select \\'a\\' where password = \\'***\\'') to 's3://b'",
            ),
            (
                "execute 'create user u password ' || quote_literal('x')",
                "execute 'create user u password ' || quote_literal('***')",
            ),
            (
                "execute 'create user u \\160assword ''x'''",
                "execute 'create user u \\160assword ''***'''",
            ),
            (
                "$$ begin execute 'password ''x'''; end $$",
                "$$ begin execute 'password ''***'''; end $$",
            ),
            (
                "-- create user u password 'x'\nselect 1",
                "-- create user u password '***'\nselect 1",
            ),
            (
                "/* password 'x' */ select 'y'",
                "/* password '***' */ select 'y'",
            ),
            (
                "ERROR: near password 'x': syntax",
                "ERROR: near password '***': syntax",
            ),
            (
                "ERROR: near \"password 'x'\" in 'y'",
                "ERROR: near \"password '***'\" in 'y'",
            ),
            (
                "it doesn't take password 'hunter2' at 'y'",
                "it doesn't take password '***' at 'y'",
            ),
            (
                "invalid aws_secret_access_key=abc123+/= in request",
                "invalid aws_secret_access_key=*** in request",
            ),
            (
                "secret_access_key=/abc/*d secret_key=+x",
                "secret_access_key=*** secret_key=***",
            ),
            (
                "'{\"client_secret\": \"x\", \"id\": \"y\"}'",
                "'{\"client_secret\": \"***\", \"id\": \"y\"}'",
            ),
            ("select 'plain', 1 from t", "select 'plain', 1 from t"),
            (
                "select 'password' from t where a = 'b'",
                "select 'password' from t where a = 'b'",
            ),
            (
                "select password from t where a in ('b')",
                "select password from t where a in ('b')",
            ),
            ("select $a$$b$$c$", "select $a$$b$$c$"),
        ] {
            assert_eq!(mask(sql), masked, "{sql}");
            assert_eq!(mask(masked), masked);
        }
    }

    #[test]
    fn texts_within_texts_are_looked_into_and_what_is_deeper_is_hidden() {
        let mut sql = "password 'SECRET'".to_owned();
        for _ in 0..12 {
            sql = format!("execute '{}'", sql.replace('\'', "''"));
            let masked = mask(&sql);
            assert!(!masked.contains("SECRET"), "{masked}");
            assert_eq!(mask(&masked), masked);
        }
    }

    /// Words and marks of which everything is made that a lexer can stumble over.
    fn sql() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec![
            "'",
            "''",
            "\"",
            "$$",
            "$a$",
            "\\",
            "/*",
            "*/",
            "--",
            "\n",
            "\r",
            " ",
            "=",
            "(",
            ")",
            ",",
            "|",
            ";",
            ":",
            ".",
            "e",
            "password",
            "PWD ",
            "token=",
            "as ",
            "x",
            "7",
            "é",
            "***",
            "'***'",
            "\"password\"",
            "db_secret ",
            "in ",
            "f",
        ]);
        prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]

        #[test]
        fn a_masked_text_stays_as_it_is(text in sql()) {
            let once = mask(&text);
            prop_assert_eq!(mask(&once), once);
        }

        #[test]
        fn never_shows_the_literal_whatever_stands_around(
            // A quote before would make the word part of a literal; those cases are above.
            before in "[ !#%&(-\\[\\]-~]{0,40}",
            gap in prop::sample::select(vec![" ", "\n", "/* ' */", " -- '\n", " = ", " as ", "("]),
            quote in prop::sample::select(vec![("'", "'"), ("E'\\'", "'"), (" $x$", "$x$"), ("'", "")]),
            secret in "[A-Z]{12}", after in "[ -~é]{0,40}",
        ) {
            let masked = mask(&format!("{before} PASSWORD{gap}{}{secret}{} {after}", quote.0, quote.1));
            prop_assert!(!masked.contains(&secret), "{masked}");
        }

        #[test]
        fn a_prefix_that_was_cut_shows_no_part(at in 0..60_usize) {
            let sql = "create user u password /* c */ E'HUNTER''HUNTER' x 'y'";
            let masked = mask(&sql[..at.min(sql.len())]);
            prop_assert!(!masked.contains("HU"), "{masked}");
        }

        #[test]
        fn a_text_without_such_words_stays_as_it_is(text in "[b-c0-9 '$;=()]{0,80}") {
            prop_assert_eq!(mask(&text), text);
        }

        #[test]
        fn what_is_found_is_masked(text in sql()) {
            let mut marked = text.clone();
            for range in find(&text).into_iter().rev() {
                marked.replace_range(range, "QQQ");
            }
            let masked = mask(&marked);
            prop_assert!(!masked.contains('Q'), "{marked} {masked}");
        }
    }
}
