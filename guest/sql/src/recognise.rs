//! Statements that are recognised by their words.
//!
//! The parser lacks many of Redshift's statements, and of others it tells no tables. What is recognised here is
//! read to its end, or is marked as incomplete; a text that only begins like a statement is not recognised.

use crate::Kind;
use crate::cursor::Cursor;
use crate::lexer::{TokenKind, literal_value};
use crate::statement::{Statement, classify};

/// Statements without a query of their own.
pub(crate) fn utility(sql: &str) -> Option<Statement> {
    let mut cursor = Cursor::new(sql);
    let first = cursor.peek()?;
    if first.kind != TokenKind::Word {
        return None;
    }
    match first.text.to_ascii_lowercase().as_str() {
        "copy" => copy(&mut cursor),
        "unload" => unload(&mut cursor),
        "grant" => rights(&mut cursor, Kind::Grant),
        "revoke" => rights(&mut cursor, Kind::Revoke),
        "vacuum" => vacuum(&mut cursor),
        "analyze" | "analyse" => analyze(&mut cursor),
        "truncate" => truncate(&mut cursor),
        "lock" => lock(&mut cursor),
        "refresh" => refresh(&mut cursor),
        "call" => Some(Statement::new(Kind::Call).incomplete()),
        "execute" => Some(Statement::executing()),
        "deallocate" => Some(Statement::new(Kind::Prepared)),
        "fetch" | "close" => Some(Statement::new(Kind::Cursor)),
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" => transaction(&mut cursor),
        "set" | "reset" => Some(set(&mut cursor)),
        "use" => Some(Statement::new(Kind::Set).incomplete()),
        "show" | "desc" | "describe" => Some(Statement::new(Kind::Show).incomplete()),
        "cancel" => Some(Statement::new(Kind::Cancel)),
        "comment" => Some(Statement::new(Kind::Comment).incomplete()),
        "create" => crate::recognise_ddl::create(&mut cursor),
        "alter" => crate::recognise_ddl::alter(&mut cursor),
        "drop" => crate::recognise_ddl::drop(&mut cursor),
        _ => None,
    }
}

/// Whether the SQL begins like a statement for the parser.
pub(crate) fn begins_query(sql: &str) -> bool {
    const WORDS: [&str; 7] = [
        "select", "with", "insert", "update", "delete", "merge", "values",
    ];
    Cursor::new(sql)
        .peek()
        .is_some_and(|token| token.is_symbol('(') || WORDS.iter().any(|word| token.is(word)))
}

/// `SET [SESSION | LOCAL] parameter {TO | =} value`, `RESET parameter`
///
/// The search path and the user decide which tables the statements after it touch, and so may a parameter that is
/// not known here.
fn set(cursor: &mut Cursor<'_>) -> Statement {
    cursor.next();
    cursor.eat_any(&["session", "local"]);
    let is_harmless = cursor.eat_any(&[
        "application_name",
        "datestyle",
        "enable_result_cache_for_session",
        "extra_float_digits",
        "query_group",
        "statement_timeout",
        "timezone",
        "wlm_query_slot_count",
    ]);
    let ends = cursor.at_end() || cursor.eat("to") || cursor.eat_symbol('=');
    let statement = Statement::new(Kind::Set);
    match is_harmless && ends {
        true => statement,
        false => statement.incomplete(),
    }
}

/// `COPY table [(columns)] FROM 'files' …`
fn copy(cursor: &mut Cursor<'_>) -> Option<Statement> {
    cursor.eat("copy");
    // COPY JOB manages a copy that runs by itself.
    if cursor.eat("job") {
        return Some(Statement::new(Kind::Copy).incomplete());
    }
    let table = cursor.name()?;
    cursor
        .skip_to("from")
        .then(|| Statement::new(Kind::Copy).writing(vec![table]))
}

/// `UNLOAD ('query') TO 'files' …`
fn unload(cursor: &mut Cursor<'_>) -> Option<Statement> {
    cursor.eat("unload");
    let query = match (cursor.eat_symbol('('), cursor.next()) {
        (true, Some(token)) => literal_value(&token)?,
        _ => return None,
    };
    if !(cursor.eat_symbol(')') && cursor.eat("to")) {
        return None;
    }
    let statement = Statement::new(Kind::Unload);
    // Nothing but a query can be inside, so that the recursion ends here.
    if !begins_query(&query) {
        return Some(statement.incomplete());
    }
    let inner = classify(&query);
    let is_query = inner.kind == Ok(Kind::Select);
    Some(Statement {
        reads: inner.reads,
        complete: inner.complete && is_query,
        ..statement
    })
}

/// `GRANT rights ON things TO …`, `GRANT rights FOR things IN SCHEMA schemas TO …`, and the same with REVOKE
fn rights(cursor: &mut Cursor<'_>, kind: Kind) -> Option<Statement> {
    cursor.next();
    let mut scoped = cursor.clone();
    if !cursor.skip_to("on") {
        return Some(match scoped.skip_to("in") {
            true if scoped.eat("schema") => on_schemas(&mut scoped, kind),
            true => Statement::new(kind).incomplete(),
            // Membership in a role, or a right of the whole system.
            false => Statement::new(kind),
        });
    }
    if cursor.eat_any(&[
        "schema",
        "all tables in schema",
        "all functions in schema",
        "all procedures in schema",
    ]) {
        return Some(on_schemas(cursor, kind));
    }
    if !cursor.eat("external table") {
        cursor.eat("table");
    }
    let other_things = [
        "function",
        "procedure",
        "database",
        "language",
        "external",
        "model",
        "datashare",
        "copy",
        "all",
        "identity",
        "template",
    ];
    if other_things.iter().any(|thing| cursor.clone().eat(thing)) {
        return Some(Statement::new(kind).incomplete());
    }
    Some(match cursor.names() {
        Some(tables) if ends_rights(cursor) => Statement::new(kind).writing(tables),
        _ => Statement::new(kind).incomplete(),
    })
}

/// What is done to schemas as a whole: the tables in them are not named.
pub(crate) fn on_schemas(cursor: &mut Cursor<'_>, kind: Kind) -> Statement {
    let names = cursor.names().unwrap_or_default();
    Statement::new(kind)
        .naming_schemas(names.into_iter().map(|name| name.name).collect())
        .incomplete()
}

fn ends_rights(cursor: &Cursor<'_>) -> bool {
    cursor
        .peek()
        .is_some_and(|token| token.is("to") || token.is("from"))
}

/// `VACUUM [FULL | SORT ONLY | …] [table [TO n PERCENT] [BOOST]]`
fn vacuum(cursor: &mut Cursor<'_>) -> Option<Statement> {
    cursor.eat("vacuum");
    cursor.eat_any(&["full", "sort only", "delete only", "reindex", "recluster"]);
    if cursor.at_end() {
        return Some(Statement::new(Kind::Vacuum).incomplete());
    }
    let table = cursor.name()?;
    let ends = cursor.at_end() || cursor.eat_any(&["to", "boost"]);
    ends.then(|| Statement::new(Kind::Vacuum).writing(vec![table]))
}

/// `ANALYZE [COMPRESSION] [VERBOSE] [table [(columns)]] …`
fn analyze(cursor: &mut Cursor<'_>) -> Option<Statement> {
    cursor.next();
    cursor.eat("compression");
    cursor.eat("verbose");
    if cursor.at_end() || cursor.eat_any(&["predicate columns", "all columns"]) {
        return Some(Statement::new(Kind::Analyze).incomplete());
    }
    let table = cursor.name()?;
    let ends = cursor.at_end()
        || cursor.eat_symbol('(')
        || cursor.eat_any(&["predicate columns", "all columns", "comprows"]);
    ends.then(|| Statement::new(Kind::Analyze).writing(vec![table]))
}

fn truncate(cursor: &mut Cursor<'_>) -> Option<Statement> {
    cursor.eat("truncate");
    cursor.eat("table");
    let tables = cursor.names()?;
    cursor
        .at_end()
        .then(|| Statement::new(Kind::Truncate).writing(tables))
}

fn lock(cursor: &mut Cursor<'_>) -> Option<Statement> {
    cursor.eat("lock");
    cursor.eat("table");
    let tables = cursor.names()?;
    cursor
        .at_end()
        .then(|| Statement::new(Kind::Lock).writing(tables))
}

fn refresh(cursor: &mut Cursor<'_>) -> Option<Statement> {
    if !cursor.eat("refresh materialized view") {
        return None;
    }
    let view = cursor.name()?;
    // What the view is made of is not in the text, and neither are views on it (CASCADE).
    let ends = cursor.at_end() || cursor.eat_any(&["cascade", "restrict"]);
    ends.then(|| Statement::new(Kind::Refresh).writing(vec![view]))
}

fn transaction(cursor: &mut Cursor<'_>) -> Option<Statement> {
    cursor.next();
    let plain = cursor
        .rest()
        .iter()
        .all(|token| matches!(token.kind, TokenKind::Word) || token.is_symbol(','));
    plain.then(|| Statement::new(Kind::Transaction))
}
