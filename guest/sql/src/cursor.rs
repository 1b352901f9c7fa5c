//! Walking over the tokens of a statement.

use crate::lexer::{Token, TokenKind, significant as tokens};
use crate::name::TableName;

/// A position in the tokens of a statement, without semicolons.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'s> {
    tokens: Vec<Token<'s>>,
    position: usize,
}

impl<'s> Cursor<'s> {
    pub(crate) fn new(sql: &'s str) -> Self {
        Self {
            tokens: tokens(sql)
                .filter(|token| token.kind != TokenKind::Semicolon)
                .collect(),
            position: 0,
        }
    }

    pub(crate) fn peek(&self) -> Option<Token<'s>> {
        self.tokens.get(self.position).copied()
    }

    pub(crate) fn next(&mut self) -> Option<Token<'s>> {
        let token = self.peek()?;
        self.position += 1;
        Some(token)
    }

    pub(crate) fn at_end(&self) -> bool {
        self.position >= self.tokens.len()
    }

    /// The tokens from here on.
    pub(crate) fn rest(&self) -> &[Token<'s>] {
        self.tokens.get(self.position..).unwrap_or_default()
    }

    /// Step over these words if they are next, all of them.
    pub(crate) fn eat(&mut self, words: &str) -> bool {
        let mut ahead = self.position;
        for word in words.split(' ') {
            match self.tokens.get(ahead) {
                Some(token) if token.is(word) => ahead += 1,
                _ => return false,
            }
        }
        self.position = ahead;
        true
    }

    /// Step over the first of these that is next.
    pub(crate) fn eat_any(&mut self, choices: &[&str]) -> bool {
        choices.iter().any(|words| self.eat(words))
    }

    pub(crate) fn eat_symbol(&mut self, symbol: char) -> bool {
        let found = self.peek().is_some_and(|token| token.is_symbol(symbol));
        self.position += usize::from(found);
        found
    }

    /// A dotted name.
    pub(crate) fn name(&mut self) -> Option<TableName> {
        let mut parts = vec![self.part()?];
        while self.eat_symbol('.') {
            parts.push(self.part()?);
        }
        TableName::from_parts(&parts)
    }

    /// Dotted names with commas between them.
    pub(crate) fn names(&mut self) -> Option<Vec<TableName>> {
        let mut names = vec![self.name()?];
        while self.eat_symbol(',') {
            names.push(self.name()?);
        }
        Some(names)
    }

    /// Step over tokens up to one of these words outside of brackets, and over the word.
    pub(crate) fn skip_to(&mut self, word: &str) -> bool {
        let mut depth = 0_usize;
        while let Some(token) = self.next() {
            if token.is_symbol('(') {
                depth += 1;
            } else if token.is_symbol(')') {
                depth = depth.saturating_sub(1);
            } else if depth == 0 && token.is(word) {
                return true;
            }
        }
        false
    }

    fn part(&mut self) -> Option<String> {
        let token = self.next()?;
        match token.kind {
            TokenKind::Word => Some(token.text.to_owned()),
            TokenKind::QuotedName => {
                let inside = token.text.strip_prefix('"')?.strip_suffix('"')?;
                Some(inside.replace("\"\"", "\""))
            }
            _ => None,
        }
    }
}
