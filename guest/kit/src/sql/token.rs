//! SQL as tokens: enough of Redshift's lexical rules to tell what is text, comment or name.

/// What a token is. Comments and white space are no tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A keyword or a bare name.
    Word,
    /// A name in double quotes, quotes included.
    QuotedName,
    /// A text in single quotes or dollar quotes, quotes included.
    Text,
    /// A number.
    Number,
    /// `:name`, colon included.
    Placeholder,
    /// `::`.
    Cast,
    /// `;`.
    Semicolon,
    /// Any other character.
    Symbol(char),
}

/// A token and its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'s> {
    /// What it is.
    pub kind: TokenKind,
    /// As written.
    pub text: &'s str,
}

impl Token<'_> {
    /// Whether this is the bare word `word`, in any case.
    #[must_use]
    pub(crate) fn is(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether this is the symbol `symbol`.
    #[must_use]
    pub(crate) fn is_symbol(&self, symbol: char) -> bool {
        self.kind == TokenKind::Symbol(symbol)
    }
}

/// Where a token of `sql` begins in it, in bytes.
pub(crate) fn offset(sql: &str, token: Token<'_>) -> Option<usize> {
    token.text.as_ptr().addr().checked_sub(sql.as_ptr().addr())
}

/// The tokens of a text of SQL, in order. An unterminated quote or comment reaches to the end.
///
/// A backslash escapes in single quotes, as it does in Redshift. Comments nest. A dollar quote
/// (`$$`, `$tag$`) cannot begin inside a word.
#[must_use]
pub(crate) fn tokens(sql: &str) -> Tokens<'_> {
    Tokens { rest: sql }
}

/// The iterator of [`tokens`].
#[derive(Debug, Clone)]
pub(crate) struct Tokens<'s> {
    rest: &'s str,
}

impl<'s> Tokens<'s> {
    /// What was not read yet.
    pub(crate) fn remaining(&self) -> &'s str {
        self.rest
    }
}

impl<'s> Iterator for Tokens<'s> {
    type Item = Token<'s>;

    fn next(&mut self) -> Option<Token<'s>> {
        self.rest = skip_blank(self.rest);
        let first = self.rest.chars().next()?;
        let (kind, length) = measure(first, self.rest);
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(Token { kind, text })
    }
}

/// Behind white space and comments.
fn skip_blank(mut rest: &str) -> &str {
    loop {
        rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment
                .find(['\n', '\r'])
                .and_then(|end| comment.get(end..))
                .unwrap_or("");
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = behind_block_comment(comment);
        } else {
            return rest;
        }
    }
}

fn behind_block_comment(mut rest: &str) -> &str {
    let mut depth = 1_usize;
    while depth > 0 {
        let Some(at) = rest.find(['*', '/']) else {
            return "";
        };
        rest = rest.get(at..).unwrap_or("");
        if let Some(after) = rest.strip_prefix("*/") {
            depth -= 1;
            rest = after;
        } else if let Some(after) = rest.strip_prefix("/*") {
            depth += 1;
            rest = after;
        } else {
            rest = rest.get(1..).unwrap_or("");
        }
    }
    rest
}

/// The kind and the length in bytes of the token at the beginning of `rest`.
fn measure(first: char, rest: &str) -> (TokenKind, usize) {
    match first {
        '\'' => (TokenKind::Text, quoted_length(rest, '\'', true)),
        '"' => (TokenKind::QuotedName, quoted_length(rest, '"', false)),
        '$' => match dollar_quoted_length(rest) {
            Some(length) => (TokenKind::Text, length),
            None => (TokenKind::Symbol('$'), 1),
        },
        ';' => (TokenKind::Semicolon, 1),
        ':' if rest.starts_with("::") => (TokenKind::Cast, 2),
        ':' => match run(rest, 1, |c| c.is_ascii_alphanumeric() || c == '_') {
            1 => (TokenKind::Symbol(':'), 1),
            length => (TokenKind::Placeholder, length),
        },
        c if c.is_ascii_digit() => (TokenKind::Number, number_length(rest)),
        c if begins_word(c) => (TokenKind::Word, run(rest, 0, continues_word)),
        c => (TokenKind::Symbol(c), c.len_utf8()),
    }
}

fn begins_word(c: char) -> bool {
    // `#` begins the name of a temporary table.
    c.is_alphabetic() || c == '_' || c == '#' || !c.is_ascii()
}

fn continues_word(c: char) -> bool {
    begins_word(c) || c.is_ascii_digit() || c == '$'
}

/// The length of the characters from byte `from` on for which `belongs` holds, and of what is before.
fn run(rest: &str, from: usize, belongs: impl Fn(char) -> bool) -> usize {
    rest.get(from..)
        .and_then(|tail| tail.find(|c| !belongs(c)))
        .map_or(rest.len(), |length| from + length)
}

fn number_length(rest: &str) -> usize {
    let whole = run(rest, 0, |c| c.is_ascii_digit());
    let with_fraction = match rest.get(whole..).and_then(|tail| tail.strip_prefix('.')) {
        Some(tail) if tail.starts_with(|c: char| c.is_ascii_digit()) => {
            run(rest, whole + 1, |c| c.is_ascii_digit())
        }
        _ => whole,
    };
    // An exponent, or letters that would be an error anyway.
    run(rest, with_fraction, |c| c.is_ascii_alphanumeric())
}

/// Length of a quoted text; a doubled quote stands for itself.
fn quoted_length(rest: &str, quote: char, backslash_escapes: bool) -> usize {
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c == '\\' && backslash_escapes {
            characters.next();
        } else if c == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return at + c.len_utf8();
        }
    }
    rest.len()
}

/// Length of a dollar-quoted text; none if `rest` does not begin with a tag.
fn dollar_quoted_length(rest: &str) -> Option<usize> {
    let tag_end = rest.get(1..)?.find('$')? + 2;
    let tag = rest.get(..tag_end)?;
    let name = tag.get(1..tag_end - 1)?;
    let is_tag = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii())
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if !is_tag {
        return None;
    }
    let body = rest.get(tag_end..)?;
    Some(
        body.find(tag)
            .map_or(rest.len(), |at| tag_end + at + tag.len()),
    )
}

#[cfg(test)]
mod tests {
    use super::{TokenKind, tokens};
    use proptest::prelude::*;

    fn texts(sql: &str) -> Vec<&str> {
        tokens(sql).map(|token| token.text).collect()
    }

    #[test]
    fn texts_comments_and_names_are_told_apart() {
        assert_eq!(
            texts("select 'a;b', \"c;\"\"d\" -- e;f\n from /* g; /* h; */ i; */ t;"),
            ["select", "'a;b'", ",", "\"c;\"\"d\"", "from", "t", ";"]
        );
        assert_eq!(texts("as $$ a; b $$ x"), ["as", "$$ a; b $$", "x"]);
        assert_eq!(texts("$t$ $$ ; $t$;"), ["$t$ $$ ; $t$", ";"]);
        assert_eq!(texts("a$b$c;d$b$"), ["a$b$c", ";", "d$b$"]);
        assert_eq!(texts(r"'it\'s; here' x"), [r"'it\'s; here'", "x"]);
        assert_eq!(texts("'it''s; here' x"), ["'it''s; here'", "x"]);
        assert_eq!(
            texts("$\u{e9}\u{20ac}$ a; b $\u{e9}\u{20ac}$;"),
            ["$\u{e9}\u{20ac}$ a; b $\u{e9}\u{20ac}$", ";"]
        );
        assert_eq!(texts("$1$ a; $1$").len(), 8, "no tag begins with a digit");
        assert_eq!(texts("1.5e3+x1 #tmp"), ["1.5e3", "+", "x1", "#tmp"]);
    }

    #[test]
    fn a_line_ends_at_either_character() {
        for end in ["\n", "\r", "\r\n"] {
            assert_eq!(texts(&format!("a -- b{end}c")), ["a", "c"], "{end:?}");
        }
    }

    #[test]
    fn what_is_not_closed_reaches_to_the_end() {
        for open in ["'a; b", "\"a; b", "$$ a; b", "$x$ a; $$"] {
            assert_eq!(texts(open), [open]);
        }
        assert!(texts("/* a; /* b */ c").is_empty());
        assert!(texts("-- a; b").is_empty());
    }

    #[test]
    fn a_cast_is_no_placeholder() {
        let kinds: Vec<TokenKind> = tokens("a::int :b : c:=d").map(|token| token.kind).collect();
        assert_eq!(
            kinds,
            [
                TokenKind::Word,
                TokenKind::Cast,
                TokenKind::Word,
                TokenKind::Placeholder,
                TokenKind::Symbol(':'),
                TokenKind::Word,
                TokenKind::Symbol(':'),
                TokenKind::Symbol('='),
                TokenKind::Word,
            ]
        );
    }

    proptest! {
        #[test]
        fn every_text_ends_in_tokens_that_are_parts_of_it(sql in any::<String>()) {
            let mut position = 0;
            for token in tokens(&sql) {
                prop_assert!(!token.text.is_empty());
                let at = sql[position..].find(token.text);
                prop_assert!(at.is_some());
                position += at.unwrap() + token.text.len();
            }
        }

        #[test]
        fn a_quoted_text_is_one_token(inside in "[^'\\\\]*") {
            let sql = format!("'{inside}'");
            prop_assert_eq!(texts(&sql), vec![sql.as_str()]);
        }

        #[test]
        fn a_semicolon_in_quotes_or_comments_is_none(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "'a;b'", "\"c;d\"", "$$e;f$$", "$q$;$$;$q$", "/* ; /* ; */ ; */", "-- ; '\n", "x", "1", "::int",
                ]),
                0..20,
            )
        ) {
            let sql = pieces.join(" ");
            prop_assert!(tokens(&sql).all(|token| token.kind != TokenKind::Semicolon));
        }
    }
}
