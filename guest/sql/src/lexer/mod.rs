//! The one lexer of SQL: Redshift's lexical rules, for everything in this repository that reads SQL.
//!
//! [`tokens`] covers every byte of a text: joining the texts of all tokens gives the text again, so a caller can mask or
//! rewrite single tokens. [`significant`] leaves white space and comments out.
//!
//! ```
//! use signalbox_sql::lexer::{TokenKind, literal_value, significant, tokens};
//!
//! let sql = "create user u password -- the new one\n 'it''s'";
//! assert_eq!(tokens(sql).map(|token| token.text).collect::<String>(), sql);
//! let after = significant(sql).skip_while(|token| !token.is("password")).nth(1).unwrap();
//! assert!(matches!(after.kind, TokenKind::Text(_)));
//! assert_eq!(literal_value(&after).as_deref(), Some("it's"));
//! assert_eq!(&sql[after.start..after.end()], "'it''s'");
//! ```
//!
//! The lexer never fails, never recurses and takes time in proportion to the text. An unterminated literal, quoted name or
//! comment reaches to the end of the text and is marked ([`Token::unterminated`]), so that nothing is read twice.
//!
//! The rules that differ from other databases:
//!
//! - A backslash escapes the character after it in every literal in single quotes (`'…'`, `E'…'`, `B'…'`, `X'…'`, `N'…'`,
//!   `U&'…'`), and nowhere else.
//! - Literals with nothing but white space that has a line break, and `--` comments, between them are one literal to the
//!   database ([`continues_literal`]). They are separate tokens here: a secret can be split over several.
//! - White space is space, tab, line feed, carriage return and form feed, and vertical tab, which is doubtful. Every
//!   character outside ASCII is a letter.
//! - Block comments nest. `--` ends at a line feed or a carriage return.
//! - A dollar quote (`$$`, `$tag$`) cannot begin inside a word or a number.
//!
//! Where another program would read the same text in another way, a token has a [`Doubt`]. [`first_doubt`] also finds what
//! only the whole text shows. Redshift's reading is the one that the tokens have.

mod doubt;
mod literal;
mod scan;

pub use doubt::{Doubt, Doubtful, first_doubt};
pub use literal::{continues_literal, has_doubtful_escape, literal_value, quoted_name};

use scan::Quotes;

/// The longest name that the database keeps whole, in bytes.
pub const MAX_NAME_BYTES: usize = 127;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A run of white space.
    Space,
    /// `-- …`, without the end of the line.
    LineComment,
    /// `/* … */`.
    BlockComment,
    /// A keyword or a bare name, also of a temporary table (`#t`).
    Word,
    /// A name in double quotes, quotes included.
    QuotedName,
    /// A literal in quotes, quotes and prefix included.
    Text(TextForm),
    /// A number.
    Number,
    /// `:name`, colon included.
    Placeholder,
    /// `$1`.
    Position,
    /// `::`.
    Cast,
    /// `;`.
    Semicolon,
    /// Any other character.
    Symbol(char),
}

/// How a literal is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextForm {
    /// `'…'`.
    Plain,
    /// `E'…'`.
    Escape,
    /// `N'…'`.
    National,
    /// `B'…'`.
    Bits,
    /// `X'…'`.
    Hex,
    /// `U&'…'`.
    Unicode,
    /// `$$…$$` or `$tag$…$tag$`.
    Dollar,
}

/// A token: a part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'s> {
    /// What it is.
    pub kind: TokenKind,
    /// As written.
    pub text: &'s str,
    /// Where it begins, in bytes.
    pub start: usize,
    /// Whether its end is missing: it reaches to the end of the text.
    pub unterminated: bool,
    /// Why another program may read this differently.
    pub doubt: Option<Doubt>,
}

impl Token<'_> {
    /// Whether this is the bare word `word`, in any case.
    #[must_use]
    pub fn is(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether this is one of these bare words, in any case.
    #[must_use]
    pub fn is_any(&self, words: &[&str]) -> bool {
        self.kind == TokenKind::Word
            && words
                .iter()
                .any(|word| self.text.eq_ignore_ascii_case(word))
    }

    /// Whether this is the symbol `symbol`.
    #[must_use]
    pub fn is_symbol(&self, symbol: char) -> bool {
        self.kind == TokenKind::Symbol(symbol)
    }

    /// Whether this is a literal in quotes of any form.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self.kind, TokenKind::Text(_))
    }

    /// Whether this is white space or a comment, which say nothing to the database.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        matches!(
            self.kind,
            TokenKind::Space | TokenKind::LineComment | TokenKind::BlockComment
        )
    }

    /// Where it ends, in bytes.
    #[must_use]
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// All tokens of a text, white space and comments included: together they are the text.
#[must_use]
pub fn tokens(text: &str) -> Tokens<'_> {
    Tokens::new(text, Quotes::Redshift)
}

/// The tokens of a text without white space and comments.
pub fn significant(text: &str) -> impl Iterator<Item = Token<'_>> + Clone {
    tokens(text).filter(|token| !token.is_blank())
}

/// The iterator of [`tokens`].
#[derive(Debug, Clone)]
pub struct Tokens<'s> {
    text: &'s str,
    position: usize,
    quotes: Quotes,
}

impl<'s> Tokens<'s> {
    fn new(text: &'s str, quotes: Quotes) -> Self {
        Self {
            text,
            position: 0,
            quotes,
        }
    }
}

impl<'s> Iterator for Tokens<'s> {
    type Item = Token<'s>;

    fn next(&mut self) -> Option<Token<'s>> {
        let rest = self.text.get(self.position..)?;
        let first = rest.chars().next()?;
        let before = self.text.get(..self.position)?.chars().next_back();
        let found = scan::scan(first, rest, before, self.quotes);
        let text = rest.get(..found.length)?;
        let start = self.position;
        self.position += found.length;
        Some(Token {
            kind: found.kind,
            text,
            start,
            unterminated: found.unterminated,
            doubt: found.doubt,
        })
    }
}

#[cfg(test)]
mod tests;
