//! What a query of a contract may be.

use crate::sql::lexer::{TokenKind, significant};
use crate::sql::{Kind, Unparsed, classify, classify_names, count_statements, placeholders};

/// Why a text cannot be the query of a contract, and what to do.
pub(super) fn fault(sql: &str) -> Option<(String, &'static str)> {
    const ONE: &str = "Write one SELECT.";
    match count_statements(sql) {
        1 => {}
        0 => return Some(("This has no SQL in it.".to_owned(), ONE)),
        count => return Some((format!("This has {count} statements."), ONE)),
    }
    let statement = classify(sql);
    if let Some(why) = statement.unparsed_part() {
        let near = match why {
            Unparsed::Syntax {
                near: Some(near), ..
            } => format!(" near `{near}`"),
            Unparsed::Ambiguous(doubtful) => {
                format!(" at `{}`: {}", doubtful.words, doubtful.doubt)
            }
            _ => String::new(),
        };
        return Some((format!("This SQL is not understood{near}."), ONE));
    }
    if let Some(kind) = statement.kinds().find(|kind| *kind != Kind::Select) {
        return Some((
            format!("This is no query: it does `{}`.", kind.name()),
            "Write one SELECT that changes nothing.",
        ));
    }
    if !statement.writes.is_empty() || !statement.structure.creates.is_empty() {
        return Some((
            "This query changes tables.".to_owned(),
            "Write one SELECT that changes nothing.",
        ));
    }
    None
}

/// A name of a parameter in it, which only a payload's own query may have.
pub(crate) fn parameter_of(sql: &str) -> Option<&str> {
    placeholders(sql).into_iter().next()
}

/// The query without the semicolon and the comments behind it.
pub(super) fn text(sql: &str) -> &str {
    let end = significant(sql)
        .filter(|token| token.kind != TokenKind::Semicolon)
        .last()
        .map_or(0, |token| token.end());
    sql.get(..end).unwrap_or(sql)
}

/// Whether a statement may end the transaction that it is in.
pub(crate) fn ends_transaction(sql: &str) -> bool {
    let statement = classify_names(sql);
    statement.unparsed_part().is_some()
        || statement.kinds().any(|kind| {
            matches!(
                kind,
                Kind::Truncate | Kind::Call | Kind::Transaction | Kind::Prepared | Kind::Other
            )
        })
}
