//! CREATE, ALTER and DROP, recognised by their words.

use crate::Kind;
use crate::cursor::Cursor;
use crate::lexer::Token;
use crate::recognise::on_schemas;
use crate::statement::Statement;

/// Things that are users or groups of them.
const USERS: [&str; 4] = ["user", "group", "role", "identity provider"];

/// CREATE of what has no query and no columns.
pub(crate) fn create(cursor: &mut Cursor<'_>) -> Option<Statement> {
    cursor.eat("create");
    cursor.eat("or replace");
    if cursor.eat("external schema") {
        return schemas(cursor, Kind::CreateExternalSchema);
    }
    if cursor.eat("schema") {
        // Statements may follow in the same one: CREATE SCHEMA s CREATE TABLE t.
        let creates_more = cursor
            .rest()
            .iter()
            .any(|token| token.is("create") || token.is("grant"));
        let statement = schemas(cursor, Kind::CreateSchema)?;
        return Some(if creates_more {
            statement.incomplete()
        } else {
            statement
        });
    }
    if cursor.eat("database") {
        return Some(Statement::new(Kind::CreateDatabase));
    }
    if cursor.eat_any(&["procedure"]) {
        return Some(Statement::new(Kind::CreateProcedure).incomplete());
    }
    if cursor.eat_any(&["function", "external function"]) {
        return Some(Statement::new(Kind::CreateFunction).incomplete());
    }
    if cursor.eat_any(&USERS) {
        return Some(Statement::new(Kind::CreateUser));
    }
    let others = [
        "model",
        "external model",
        "library",
        "datashare",
        "masking policy",
        "rls policy",
        "template",
    ];
    cursor
        .eat_any(&others)
        .then(|| Statement::new(Kind::CreateOther).incomplete())
}

/// `[IF NOT EXISTS] name …`, or for a schema only its owner: `AUTHORIZATION name`.
fn schemas(cursor: &mut Cursor<'_>, kind: Kind) -> Option<Statement> {
    cursor.eat("if not exists");
    if cursor.eat("authorization") {
        return Some(Statement::new(kind).incomplete());
    }
    let name = cursor.name()?;
    Some(Statement::new(kind).naming_schemas(vec![name.name]))
}

/// A CREATE of a table or a view.
pub(crate) struct Definition<'s> {
    /// Its kind and its target, which are certain whatever the query is. Complete but for the query.
    pub(crate) statement: Statement,
    /// The query that it is made of.
    pub(crate) query: Option<&'s str>,
}

/// CREATE TABLE, EXTERNAL TABLE or VIEW.
pub(crate) fn definition(sql: &str) -> Option<Definition<'_>> {
    let mut cursor = Cursor::new(sql);
    if !cursor.eat("create") {
        return None;
    }
    cursor.eat("or replace");
    let kind = if cursor.eat("external table") {
        Kind::CreateExternalTable
    } else if cursor.eat_any(&[
        "view",
        "materialized view",
        "external view",
        "external protected view",
    ]) {
        Kind::CreateView
    } else {
        cursor.eat("local");
        cursor.eat_any(&["temp", "temporary"]);
        if !cursor.eat("table") {
            return None;
        }
        Kind::CreateTable
    };
    cursor.eat("if not exists");
    let target = cursor.name()?;
    let statement = Statement::new(kind).writing(vec![target]);
    let (head, query) = at_query(sql, cursor.rest());
    let names_others = ["like", "references", "select"];
    let alone = !head
        .iter()
        .any(|token| names_others.iter().any(|word| token.is(word)));
    let has_query_if_view = kind != Kind::CreateView || query.is_some();
    let statement = match alone && has_query_if_view {
        true => statement,
        false => statement.incomplete(),
    };
    Some(Definition { statement, query })
}

/// What stands before the AS that begins the query, and the text behind it, without the WITH NO SCHEMA BINDING at
/// the end of a view.
fn at_query<'s, 't>(sql: &'s str, tokens: &'t [Token<'s>]) -> (&'t [Token<'s>], Option<&'s str>) {
    let mut depth = 0_usize;
    let mut stored = false;
    for (position, token) in tokens.iter().enumerate() {
        if token.is_symbol('(') {
            depth += 1;
        } else if token.is_symbol(')') {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && token.is("as") && !stored {
            let (head, query) = tokens.split_at_checked(position).unwrap_or((tokens, &[]));
            return (head, query_text(sql, query));
        }
        // STORED AS is a format.
        stored = token.is("stored");
    }
    (tokens, None)
}

fn query_text<'s>(sql: &'s str, tokens: &[Token<'s>]) -> Option<&'s str> {
    let (as_word, query) = tokens.split_first()?;
    let begin = as_word.end();
    let end = match query {
        [.., with, no, schema, binding]
            if with.is("with") && no.is("no") && schema.is("schema") && binding.is("binding") =>
        {
            with.start
        }
        _ => sql.len(),
    };
    sql.get(begin..end)
}

pub(crate) fn alter(cursor: &mut Cursor<'_>) -> Option<Statement> {
    cursor.eat("alter");
    if cursor.eat("table") {
        return alter_table(cursor);
    }
    if cursor.eat("schema") {
        return schemas(cursor, Kind::AlterOther).map(Statement::incomplete);
    }
    if cursor.eat_any(&USERS) {
        return Some(Statement::new(Kind::AlterUser));
    }
    if cursor.eat("default privileges") && cursor.skip_to("in") && cursor.eat("schema") {
        return Some(on_schemas(cursor, Kind::AlterOther));
    }
    Some(Statement::new(Kind::AlterOther).incomplete())
}

fn alter_table(cursor: &mut Cursor<'_>) -> Option<Statement> {
    let table = cursor.name()?;
    if cursor.eat("append from") {
        let source = cursor.name()?;
        let ends = cursor.at_end() || cursor.eat_any(&["ignoreextra", "filltarget"]);
        return ends.then(|| Statement::new(Kind::AlterTableAppend).writing(vec![table, source]));
    }
    let statement = Statement::new(Kind::AlterTable).writing(vec![table]);
    let names_others = [
        "references",
        "rename",
        "schema",
        "append",
        "policy",
        "location",
    ];
    let alone = !cursor
        .rest()
        .iter()
        .any(|token| names_others.iter().any(|word| token.is(word)));
    Some(if alone && !cursor.at_end() {
        statement
    } else {
        statement.incomplete()
    })
}

pub(crate) fn drop(cursor: &mut Cursor<'_>) -> Option<Statement> {
    cursor.eat("drop");
    let tables = if cursor.eat("table") || cursor.eat("external table") {
        Some(Kind::DropTable)
    } else if cursor.eat_any(&[
        "view",
        "materialized view",
        "external view",
        "external protected view",
    ]) {
        Some(Kind::DropView)
    } else {
        None
    };
    if let Some(kind) = tables {
        cursor.eat("if exists");
        let names = cursor.names()?;
        let cascades = cursor.eat("cascade");
        cursor.eat("restrict");
        let statement = Statement::new(kind).writing(names);
        // CASCADE reaches views that are not named.
        let statement = if cascades {
            statement.incomplete()
        } else {
            statement
        };
        return cursor.at_end().then_some(statement);
    }
    if cursor.eat_any(&["schema", "external schema"]) {
        cursor.eat("if exists");
        return Some(on_schemas(cursor, Kind::DropSchema));
    }
    let kind = if cursor.eat("database") {
        Kind::DropDatabase
    } else if cursor.eat("procedure") {
        Kind::DropProcedure
    } else if cursor.eat("function") {
        Kind::DropFunction
    } else if cursor.eat_any(&USERS) {
        return Some(Statement::new(Kind::DropUser));
    } else {
        Kind::DropOther
    };
    Some(Statement::new(kind).incomplete())
}
