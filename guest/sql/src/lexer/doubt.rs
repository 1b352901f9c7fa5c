//! Texts with two readings.

use super::scan::Quotes;
use super::{Token, TokenKind, Tokens, tokens};
use std::fmt;

/// Why a text has two readings. The database has one of them, and which one depends on its version, its settings or the
/// driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// `\'`: Redshift goes on with the literal, standard SQL ends it.
    Backslash,
    /// The end of a literal, a quoted name or a comment is missing.
    Unterminated,
    /// `/*` inside a block comment.
    NestedComment,
    /// A carriage return without a line feed ends a `--` comment.
    CarriageReturn,
    /// A number or a parameter that touches a name: `1FROM`, `0x1`, `1$$`.
    Touching,
    /// `#` that is not the beginning of a table's name.
    Hash,
    /// `{…}`, which a driver rewrites.
    Braces,
    /// `?`, which a driver takes for a parameter.
    QuestionMark,
    /// A backtick: an operator or a quote.
    Backtick,
    /// `U&'…'`, `U&"…"`, or a backslash or a quote inside `B'…'` or `X'…'`.
    Prefix,
    /// A character that cannot be seen, or that looks like white space or punctuation and is a letter to the database.
    Invisible,
    /// A name that the database cuts.
    LongName,
    /// `[` where a name or a value belongs.
    Bracket,
    /// An escape inside the text of UNLOAD.
    UnloadEscape,
}

impl fmt::Display for Doubt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Backslash => {
                "a backslash before a quote ends the literal in standard SQL and does not in Redshift"
            }
            Self::Unterminated => "the end of a literal, a quoted name or a comment is missing",
            Self::NestedComment => "a comment inside a comment does not end alike everywhere",
            Self::CarriageReturn => {
                "a carriage return without a line feed ends a comment in Redshift and not everywhere"
            }
            Self::Touching => "a number and a name touch each other",
            Self::Hash => "`#` can be an operator or a part of a name",
            Self::Braces => "a driver may rewrite what is in braces",
            Self::QuestionMark => "a driver may take `?` for a parameter",
            Self::Backtick => "a backtick can be an operator or a quote",
            Self::Prefix => "a literal or a name with this prefix is not read alike by all versions",
            Self::Invisible => {
                "it contains a character that cannot be seen or is easily taken for another"
            }
            Self::LongName => "the database cuts names after 127 bytes",
            Self::Bracket => "brackets can be a subscript or quote a name",
            Self::UnloadEscape => "an escape in the text of UNLOAD is not read alike by all versions",
        })
    }
}

/// The part of a text that has two readings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubtful {
    /// The words, shortened to some 40 characters. Control and other unseen characters are written as `\u{…}`.
    pub words: String,
    /// Why.
    pub doubt: Doubt,
}

impl Doubtful {
    /// This part of a text.
    #[must_use]
    pub fn new(part: &str, doubt: Doubt) -> Self {
        const SHOWN: usize = 40;
        let mut words = String::new();
        for c in part.chars().take(SHOWN) {
            if c.is_control() || doubtful_letter(c) {
                words.extend(c.escape_unicode());
            } else {
                words.push(c);
            }
        }
        if part.chars().nth(SHOWN).is_some() {
            words.push('…');
        }
        Self { words, doubt }
    }
}

/// The first part of a text that has two readings, if there is one.
#[must_use]
pub fn first_doubt(text: &str) -> Option<Doubtful> {
    // A text ends at a zero byte for a server written in C, wherever it stands.
    if let Some(at) = text.find('\0') {
        return Some(Doubtful::new(text.get(at..)?, Doubt::Invisible));
    }
    tokens(text)
        .find_map(|token| token.doubt.map(|doubt| Doubtful::new(token.text, doubt)))
        .or_else(|| backslash(text))
}

/// Whether the text is also SQL where a backslash is an ordinary character, and other SQL than this.
///
/// A literal without an end, or a backslash outside of quotes, is an error there, so nothing runs.
fn backslash(text: &str) -> Option<Doubtful> {
    if !text.contains('\\') {
        return None;
    }
    let standard = || Tokens::new(text, Quotes::Standard);
    let differs = |(ours, theirs): &(Token<'_>, Token<'_>)| ours.text.len() != theirs.text.len();
    let (ours, _) = tokens(text).zip(standard()).find(differs)?;
    let is_error = |token: Token<'_>| token.unterminated || token.kind == TokenKind::Symbol('\\');
    (!standard().any(is_error)).then(|| Doubtful::new(ours.text, Doubt::Backslash))
}

/// Whether this is a letter to the database that a person or another program may take for something else: white space,
/// punctuation, nothing at all.
pub(super) fn doubtful_letter(c: char) -> bool {
    !c.is_ascii() && !c.is_alphanumeric()
}
