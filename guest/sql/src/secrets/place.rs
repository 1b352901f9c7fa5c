//! Where in SQL a literal is a secret: the state between a secret word and its literal.

use super::words::{ends_secret, is_comparison, is_secret, is_secret_name};
use crate::lexer::{Token, TokenKind};

/// What stands at a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing secret.
    Plain,
    /// A literal or a quoted name that is a secret.
    Secret,
    /// A value without quotes, directly behind `=`, begins here.
    Bare,
}

/// Follows the tokens of a text that is masked: where it is in doubt, it takes a literal for a secret.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Places {
    state: State,
    /// Where a `=` ended, while its value may follow.
    equals: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Idle,
    /// Behind a secret word.
    Armed,
    /// Behind a word that is a function if a parenthesis follows.
    Called,
    /// In parentheses behind a secret word, so many deep.
    Within(usize),
    /// Behind a secret literal, which another one may continue.
    After,
}

impl Places {
    /// Whether a literal that came next would be a secret.
    pub(super) fn is_armed(&self) -> bool {
        matches!(self.state, State::Armed | State::Within(_))
    }

    /// A literal came that ends in a secret word, and text is joined to it.
    pub(super) fn arm(&mut self) {
        self.state = State::Armed;
    }

    /// The value without quotes is over.
    pub(super) fn end_bare(&mut self) {
        if self.state == State::Armed {
            self.state = State::Idle;
        }
    }

    /// What stands at the next token.
    pub(super) fn at(&mut self, token: &Token<'_>) -> Place {
        if token.is_blank() {
            return Place::Plain;
        }
        let is_value = self.equals.take() == Some(token.start) && self.is_armed();
        let (next, place) = self.step(token, is_value);
        self.state = next;
        if self.is_armed() && token.is_symbol('=') {
            self.equals = Some(token.end());
        }
        place
    }

    fn step(&self, token: &Token<'_>, is_value: bool) -> (State, Place) {
        use State::{After, Armed, Called, Idle, Within};
        let state = self.state;
        match token.kind {
            TokenKind::Text(_) => match state {
                Armed | After => (After, Place::Secret),
                Within(_) => (state, Place::Secret),
                Called | Idle => (Idle, Place::Plain),
            },
            TokenKind::QuotedName => match state {
                Armed => (After, Place::Secret),
                Within(_) => (state, Place::Secret),
                _ if is_secret_name(token.text) => (Armed, Place::Plain),
                _ => (Idle, Place::Plain),
            },
            TokenKind::Semicolon => (Idle, Place::Plain),
            TokenKind::Word | TokenKind::Number if is_value => (state, Place::Bare),
            TokenKind::Symbol('/' | '+' | '-' | '%') if is_value => (state, Place::Bare),
            TokenKind::Word if matches!(state, Within(_)) => (state, Place::Plain),
            TokenKind::Word if is_secret(token.text) || ends_secret(token.text) => {
                (Armed, Place::Plain)
            }
            TokenKind::Word => match state {
                Armed if is_comparison(token.text) => (Armed, Place::Plain),
                Armed => (Called, Place::Plain),
                _ => (Idle, Place::Plain),
            },
            // A function's schema.
            TokenKind::Symbol('.') if state == Called => (Armed, Place::Plain),
            TokenKind::Symbol('(') => match state {
                Armed | Called => (Within(1), Place::Plain),
                Within(depth) => (Within(depth.saturating_add(1)), Place::Plain),
                _ => (Idle, Place::Plain),
            },
            TokenKind::Symbol(')') => match state {
                Within(depth) if depth > 1 => (Within(depth - 1), Place::Plain),
                Within(_) => (After, Place::Plain),
                _ => (Idle, Place::Plain),
            },
            _ if matches!(state, Within(_)) => (state, Place::Plain),
            TokenKind::Symbol(',' | '.' | ']' | '}') => (Idle, Place::Plain),
            // Two literals may be joined.
            TokenKind::Symbol('|') if state == After => (After, Place::Plain),
            TokenKind::Symbol(_) | TokenKind::Cast if state == Armed => (Armed, Place::Plain),
            _ => (Idle, Place::Plain),
        }
    }
}
