//! Statements around a statement.

use super::Kind;
use super::token::{Token, TokenKind, tokens};

/// The statement inside of EXPLAIN, of the declaration of a cursor, or of PREPARE, and which of them it is.
pub(super) fn split(sql: &str) -> Option<(Kind, &str)> {
    let mut rest = tokens(sql);
    let first = rest.next()?;
    if first.is("explain") {
        let mut behind = rest.clone();
        if behind.next().is_some_and(|token| token.is("verbose")) {
            rest = behind;
        }
        return Some((Kind::Explain, rest.remaining()));
    }
    let (kind, word) = if first.is("declare") {
        (Kind::Cursor, "for")
    } else if first.is("prepare") {
        (Kind::Prepared, "as")
    } else {
        return None;
    };
    // A name and a list of types are all that may stand before the statement.
    let before = |token: &Token<'_>| token.kind != TokenKind::Semicolon;
    while let Some(token) = rest.next().filter(before) {
        if token.is(word) {
            return Some((kind, rest.remaining()));
        }
    }
    None
}
