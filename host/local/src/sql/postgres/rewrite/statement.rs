//! Statements that cannot be run here, or mean nothing here.

use super::{next, starts_with};
use signalbox_sql::lexer::{Token, TokenKind};

/// A statement that does nothing.
const NOTHING: &str = "do 'begin end'";

/// Says why a statement cannot be run.
pub(super) fn refuse(all: &[Token<'_>]) -> Result<(), String> {
    match next(all) {
        Some((first, _)) if first.is("copy") || first.is("unload") => Err(format!(
            "{} is not in this stand-in: it has no Amazon S3. Fill tables with INSERT, read them with SELECT",
            first.text.to_ascii_uppercase()
        )),
        _ => Ok(()),
    }
}

/// What is run instead of a statement that is about storage only.
pub(super) fn replaced(all: &[Token<'_>]) -> Option<String> {
    let (first, rest) = next(all)?;
    if first.is("vacuum") {
        return Some(vacuum(rest));
    }
    (first.is("alter") && starts_with(rest, &["table"]) && changes_storage(rest))
        .then(|| NOTHING.to_owned())
}

/// `ALTER TABLE t ALTER DISTKEY a`, `… ALTER COLUMN a ENCODE zstd` and their kin.
fn changes_storage(tokens: &[Token<'_>]) -> bool {
    let words = [
        "compound",
        "distkey",
        "diststyle",
        "encode",
        "interleaved",
        "sortkey",
    ];
    let Some(at) = tokens.iter().position(|token| token.is("alter")) else {
        return false;
    };
    let change = tokens.get(at + 1..).unwrap_or_default();
    if words.iter().any(|word| starts_with(change, &[word])) {
        return true;
    }
    starts_with(change, &["column"])
        && next(change)
            .and_then(|(_, rest)| next(rest))
            .is_some_and(|(_, rest)| starts_with(rest, &["encode"]))
}

/// Without the words that say how much Redshift is to sort.
fn vacuum(rest: &[Token<'_>]) -> String {
    let dropped = [
        "boost",
        "delete",
        "only",
        "percent",
        "recluster",
        "reindex",
        "sort",
        "to",
    ];
    let mut sql = "vacuum ".to_owned();
    for token in rest {
        let is_dropped =
            token.kind == TokenKind::Number || dropped.iter().any(|word| token.is(word));
        if !is_dropped {
            sql.push_str(token.text);
        }
    }
    sql
}
