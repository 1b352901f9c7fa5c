//! Statements around a statement.

use crate::Kind;
use crate::lexer::{Token, TokenKind, significant};

/// The statement inside of EXPLAIN, of the declaration of a cursor, or of PREPARE, and which of them it is.
pub(crate) fn split(sql: &str) -> Option<(Kind, &str)> {
    let mut rest = significant(sql);
    let first = rest.next()?;
    if first.is("explain") {
        let verbose = rest.next().filter(|token| token.is("verbose"));
        let end = verbose.unwrap_or(first).end();
        return Some((Kind::Explain, sql.get(end..)?));
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
            return Some((kind, sql.get(token.end()..)?));
        }
    }
    None
}
