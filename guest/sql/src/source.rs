//! A statement as tokens, with its brackets matched.

use crate::lexer::{Token, TokenKind, continues_literal, significant, tokens};

/// The tokens of one statement, without white space, comments and the semicolons around it.
#[derive(Debug)]
pub(crate) struct Source<'s> {
    sql: &'s str,
    tokens: Vec<Token<'s>>,
    /// For an opening bracket where it closes; 0 for any other token.
    closes: Vec<usize>,
    /// For an opening bracket whether a query is all that is in it.
    holds_query: Vec<bool>,
}

/// Words that begin a query.
pub(crate) const QUERY_WORDS: [&str; 3] = ["select", "with", "values"];
const SET_OPERATORS: [&str; 4] = ["union", "intersect", "except", "minus"];

impl<'s> Source<'s> {
    /// Of a text that holds one statement; none if it holds another number of them.
    pub(crate) fn new(sql: &'s str) -> Option<Self> {
        let is_semicolon = |token: &Token<'_>| token.kind == TokenKind::Semicolon;
        let mut all: Vec<Token<'s>> = significant(sql).skip_while(is_semicolon).collect();
        while all.last().is_some_and(is_semicolon) {
            all.pop();
        }
        if all.is_empty() || all.iter().any(is_semicolon) {
            return None;
        }
        Some(Self {
            sql,
            closes: vec![0; all.len()],
            holds_query: vec![false; all.len()],
            tokens: all,
        })
    }

    /// Match the brackets; at the first that is alone this ends with its position.
    pub(crate) fn match_brackets(&mut self) -> Result<(), usize> {
        let mut open: Vec<(usize, char)> = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            match token.kind {
                TokenKind::Symbol('(') => open.push((at, ')')),
                TokenKind::Symbol('[') => open.push((at, ']')),
                TokenKind::Symbol(closing @ (')' | ']')) => match open.pop() {
                    Some((opening, expected)) if expected == closing => {
                        if let Some(slot) = self.closes.get_mut(opening) {
                            *slot = at;
                        }
                    }
                    _ => return Err(at),
                },
                _ => {}
            }
        }
        if let Some((opening, _)) = open.pop() {
            return Err(opening);
        }
        // Inner brackets open later, so that from the end each is known before what is around it.
        for at in (0..self.tokens.len()).rev() {
            let holds = self.is_symbol(at, '(') && self.begins_query(at + 1, self.close_of(at));
            if let Some(slot) = self.holds_query.get_mut(at) {
                *slot = holds;
            }
        }
        Ok(())
    }

    fn begins_query(&self, begin: usize, end: usize) -> bool {
        match self.token(begin) {
            Some(token) if token.is_symbol('(') => {
                let behind = self.close_of(begin) + 1;
                self.holds_query(begin)
                    && (behind >= end
                        || self.token(behind).is_some_and(|token| {
                            token.is_any(&SET_OPERATORS)
                                || token.is_any(&["order", "limit", "offset", "fetch"])
                        }))
            }
            Some(token) => token.is_any(&QUERY_WORDS),
            None => false,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(crate) fn token(&self, at: usize) -> Option<Token<'s>> {
        self.tokens.get(at).copied()
    }

    pub(crate) fn is_symbol(&self, at: usize, symbol: char) -> bool {
        self.token(at).is_some_and(|token| token.is_symbol(symbol))
    }

    /// Where the bracket that opens at `at` closes.
    pub(crate) fn close_of(&self, at: usize) -> usize {
        self.closes.get(at).copied().unwrap_or_default()
    }

    /// Whether the bracket at `at` holds a query and nothing else.
    pub(crate) fn holds_query(&self, at: usize) -> bool {
        self.holds_query.get(at).copied().unwrap_or_default()
    }

    /// Whether the token at `at` follows the one before it without a gap.
    pub(crate) fn touches_before(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| self.token(before));
        matches!((before, self.token(at)), (Some(before), Some(token)) if before.end() == token.start)
    }

    /// Whether the literal at `at` is the rest of the one before it.
    pub(crate) fn continues_literal(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| self.token(before));
        let (Some(before), Some(token)) = (before, self.token(at)) else {
            return false;
        };
        let between = self.sql.get(before.end()..token.start).unwrap_or("");
        continues_literal(tokens(between))
    }
}
