//! Where the tokens of SQL begin and end. It knows quotes, comments (nested ones too) and dollar quotes, accepts
//! any text and loses no character: the tokens put together are the text.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// White space.
    Space,
    /// A comment.
    Comment,
    /// A keyword or a plain identifier.
    Word,
    /// An identifier in double quotes.
    Quoted,
    /// A text in single quotes, also with an `E` before it.
    Text,
    /// A text in dollar quotes.
    DollarText,
    /// A number.
    Number,
    /// A named parameter, `:name`.
    Parameter,
    /// A cast, `::`.
    Cast,
    /// The end of a statement, `;`.
    Semicolon,
    /// Any other character.
    Symbol,
}

/// A piece of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its text, quotes and all.
    pub text: &'a str,
}

impl Token<'_> {
    /// Whether it separates tokens and means nothing.
    pub fn is_blank(&self) -> bool {
        matches!(self.kind, Kind::Space | Kind::Comment)
    }

    /// Whether it is the keyword `word`, in any case.
    pub fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is the character `symbol`.
    pub fn is_symbol(&self, symbol: char) -> bool {
        self.kind == Kind::Symbol && self.text.starts_with(symbol)
    }

    /// The text between the dollar quotes of a [`Kind::DollarText`].
    pub fn dollar_body(&self) -> Option<&str> {
        if self.kind != Kind::DollarText {
            return None;
        }
        let tag = dollar_tag(self.text)?;
        self.text.strip_prefix(tag)?.strip_suffix(tag)
    }
}

/// Splits SQL into tokens. A quote or comment that is not closed goes to the end.
pub fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut rest = sql;
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (kind, length) = scan(rest, first);
        // A length inside a character cannot be; were it so, the rest as one symbol loses nothing.
        let (text, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        tokens.push(Token { kind, text });
        rest = after;
    }
    tokens
}

fn scan(rest: &str, first: char) -> (Kind, usize) {
    match first {
        c if c.is_whitespace() => (Kind::Space, while_in(rest, char::is_whitespace)),
        '\'' => (Kind::Text, quoted(rest, '\'')),
        'e' | 'E' if rest.get(1..).is_some_and(|rest| rest.starts_with('\'')) => {
            (Kind::Text, 1 + escaped(rest.get(1..).unwrap_or_default()))
        }
        '"' => (Kind::Quoted, quoted(rest, '"')),
        '-' if rest.starts_with("--") => (Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => (Kind::Comment, block_comment(rest)),
        '$' => match dollar_tag(rest) {
            Some(tag) => (Kind::DollarText, dollar_text(rest, tag)),
            None => (Kind::Symbol, 1),
        },
        ':' if rest.starts_with("::") => (Kind::Cast, 2),
        ':' => {
            let name = while_in(rest.get(1..).unwrap_or_default(), |c| {
                c.is_ascii_alphanumeric() || c == '_'
            });
            if name == 0 {
                (Kind::Symbol, 1)
            } else {
                (Kind::Parameter, 1 + name)
            }
        }
        ';' => (Kind::Semicolon, 1),
        c if c.is_ascii_digit() => (
            Kind::Number,
            while_in(rest, |c| c.is_ascii_alphanumeric() || c == '.'),
        ),
        c if is_word_start(c) => (
            Kind::Word,
            while_in(rest, |c| is_word_start(c) || c.is_ascii_digit() || c == '$'),
        ),
        c => (Kind::Symbol, c.len_utf8()),
    }
}

fn is_word_start(c: char) -> bool {
    c == '_' || c.is_alphabetic() || (!c.is_ascii() && !c.is_whitespace())
}

/// How many bytes at the start of `text` consist of characters that `belongs` accepts.
fn while_in(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// The length of a quoted text; a doubled quote stands for itself.
fn quoted(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c == quote {
            match characters.peek() {
                Some((_, next)) if *next == quote => {
                    characters.next();
                }
                _ => return at + 1,
            }
        }
    }
    text.len()
}

/// The length of a quoted text in which a backslash takes the next character's meaning away: `E'it\'s'`.
fn escaped(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        match (c, characters.peek()) {
            ('\\', _) | ('\'', Some((_, '\''))) => {
                characters.next();
            }
            ('\'', _) => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn block_comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'/'), Some(b'*')) => {
                depth += 1;
                at += 2;
            }
            (Some(b'*'), Some(b'/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    text.len()
}

/// `$$` or `$name$` at the start of `text`.
fn dollar_tag(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('$')?;
    let name = while_in(inner, |c| is_word_start(c) || c.is_ascii_digit());
    let starts_with_digit = inner.chars().next().is_some_and(|c| c.is_ascii_digit());
    if starts_with_digit || !inner.get(name..)?.starts_with('$') {
        return None;
    }
    text.get(..name + 2)
}

fn dollar_text(text: &str, tag: &str) -> usize {
    text.get(tag.len()..)
        .and_then(|body| body.find(tag))
        .map_or(text.len(), |end| tag.len() + end + tag.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds(sql: &str) -> Vec<(Kind, &str)> {
        tokens(sql)
            .into_iter()
            .filter(|token| token.kind != Kind::Space)
            .map(|token| (token.kind, token.text))
            .collect()
    }

    #[test]
    fn tells_tokens_apart() {
        assert_eq!(
            kinds("select 'it''s', \"a\"\"b\", 1.5e3 -- ; end\n, x::int, :p;"),
            [
                (Kind::Word, "select"),
                (Kind::Text, "'it''s'"),
                (Kind::Symbol, ","),
                (Kind::Quoted, "\"a\"\"b\""),
                (Kind::Symbol, ","),
                (Kind::Number, "1.5e3"),
                (Kind::Comment, "-- ; end"),
                (Kind::Symbol, ","),
                (Kind::Word, "x"),
                (Kind::Cast, "::"),
                (Kind::Word, "int"),
                (Kind::Symbol, ","),
                (Kind::Parameter, ":p"),
                (Kind::Semicolon, ";"),
            ]
        );
    }

    #[test]
    fn comments_nest() {
        assert_eq!(
            kinds("/* a /* b */ ; */ x"),
            [(Kind::Comment, "/* a /* b */ ; */"), (Kind::Word, "x")]
        );
    }

    #[test]
    fn backslashes_count_in_escaped_texts_only() {
        assert_eq!(
            kinds(r"E'it\'s; ''x''' 'a\' e"),
            [
                (Kind::Text, r"E'it\'s; ''x'''"),
                (Kind::Text, r"'a\'"),
                (Kind::Word, "e"),
            ]
        );
        assert_eq!(kinds(r"name'x'").first(), Some(&(Kind::Word, "name")));
    }

    #[test]
    fn dollar_quotes_end_at_their_own_tag() {
        let all = tokens("$a$ ; $$ ; $b$ $a$;");
        assert_eq!(all.first().map(|t| t.kind), Some(Kind::DollarText));
        assert_eq!(
            all.first().and_then(Token::dollar_body),
            Some(" ; $$ ; $b$ ")
        );
        assert_eq!(all.len(), 2);
        assert_eq!(kinds("$1"), [(Kind::Symbol, "$"), (Kind::Number, "1")]);
    }

    #[test]
    fn what_is_not_closed_goes_to_the_end() {
        for sql in ["'a;b", "\"a;b", "/* a;b", "$$a;b", "-- a;b"] {
            assert_eq!(tokens(sql).len(), 1, "{sql}");
        }
    }

    proptest! {
        #[test]
        fn loses_nothing(sql in "(\\PC|[ \n'\"$;:/*-])*") {
            let again: String = tokens(&sql).iter().map(|token| token.text).collect();
            prop_assert_eq!(again, sql);
        }

        #[test]
        fn a_quoted_text_is_one_token(text in "\\PC*") {
            let quoted = format!("'{}'", text.replace('\'', "''"));
            prop_assert_eq!(tokens(&quoted).len(), 1);
        }
    }
}
