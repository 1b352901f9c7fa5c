//! Statements with queries in them, by the parser.

use crate::Kind;
use crate::lexer::{TextForm, TokenKind, significant};
use crate::name::TableName;
use crate::scope::{Tables, table_name, table_of_expression, tables};
use crate::statement::Statement;
use sqlparser::ast;
use sqlparser::ast::{FromTable, SetExpr, TableFactor, TableObject};
use sqlparser::dialect::RedshiftSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

/// How deep the parser may recurse; its own default is 50 and the stack is measured with this.
const RECURSION_LIMIT: usize = 50;

/// Why nothing was made of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Syntax,
    TooDeep,
}

/// Parse a query, or an INSERT, UPDATE, DELETE or MERGE, and say what it touches.
///
/// The parser's entry for any statement is not used: it knows statements of many databases that Redshift does not
/// have, some of which nest, and they would be half of the component.
pub(crate) fn parse(sql: &str) -> Result<Statement, Refused> {
    let sql = for_the_parser(sql);
    let parsed = Parser::new(&RedshiftSqlDialect {})
        .with_recursion_limit(RECURSION_LIMIT)
        .try_with_sql(&sql)
        .and_then(|mut parser| Ok((parser.parse_query()?, parser.next_token().token)));
    match parsed {
        Ok((query, Token::EOF)) => analyse(&query),
        Err(ParserError::RecursionLimitExceeded) => Err(Refused::TooDeep),
        _ => Err(Refused::Syntax),
    }
}

/// The SQL without comments, which the parser does not nest, without what dollar quotes say, of whose tags it knows
/// fewer, and without APPROXIMATE, which it does not know: none of them changes anything about the tables.
fn for_the_parser(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut end = 0;
    let mut pending = significant(sql).peekable();
    let mut is_first = true;
    while let Some(token) = pending.next() {
        let gap = sql.get(end..token.start).unwrap_or("");
        // Two texts with a line break between them are one.
        if gap.contains(['\n', '\r']) {
            text.push('\n');
        } else if !gap.is_empty() {
            text.push(' ');
        }
        end = token.end();
        let is_approximate = token.is("approximate")
            && pending
                .peek()
                .is_some_and(|next| next.is("count") || next.is("percentile_disc"));
        if token.kind == TokenKind::Text(TextForm::Dollar) {
            text.push_str(" '' ");
        } else if !is_approximate && token.kind != TokenKind::Semicolon {
            text.push_str(token.text);
        }
        // Redshift lets FROM away here, the parser does not.
        if is_first && token.is("delete") && pending.peek().is_some_and(|next| !next.is("from")) {
            text.push_str(" from");
        }
        is_first = false;
    }
    text
}

fn analyse(query: &ast::Query) -> Result<Statement, Refused> {
    let found = tables(query);
    if found.has_table_command {
        return Err(Refused::Syntax);
    }
    Ok(match leftmost(&query.body) {
        SetExpr::Insert(ast::Statement::Insert(insert)) => {
            let target = match &insert.table {
                TableObject::TableName(name) => table_name(name),
                _ => None,
            };
            build(Kind::Insert, target, found)
        }
        SetExpr::Update(ast::Statement::Update(update)) => {
            build(Kind::Update, table_of_factor(&update.table.relation), found)
        }
        SetExpr::Delete(ast::Statement::Delete(delete)) => {
            let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
            let target = match from.as_slice() {
                [table] if delete.tables.is_empty() => table_of_factor(&table.relation),
                _ => None,
            };
            build(Kind::Delete, target, found)
        }
        SetExpr::Merge(ast::Statement::Merge(merge)) => {
            build(Kind::Merge, table_of_factor(&merge.table), found)
        }
        SetExpr::Select(select) => match &select.into {
            None => read_only(Kind::Select, found),
            Some(into) => {
                let target = match into.targets.as_slice() {
                    [target] => table_of_expression(target),
                    _ => None,
                };
                build(Kind::CreateTable, target, found)
            }
        },
        SetExpr::Values(_) => read_only(Kind::Select, found),
        _ => read_only(Kind::Other, found).incomplete(),
    })
}

/// The leftmost part of a query: where INTO may stand, and what a change is wrapped in.
fn leftmost(mut body: &SetExpr) -> &SetExpr {
    loop {
        body = match body {
            SetExpr::Query(query) => &query.body,
            SetExpr::SetOperation { left, .. } => left,
            other => return other,
        }
    }
}

fn table_of_factor(factor: &TableFactor) -> Option<TableName> {
    match factor {
        TableFactor::Table { name, .. } => table_name(name),
        _ => None,
    }
}

fn read_only(kind: Kind, found: Tables) -> Statement {
    let mut statement = Statement::new(kind);
    statement.complete = !found.incomplete;
    statement.reads = found.found;
    statement.reads.sort();
    statement.reads.dedup();
    statement
}

/// A statement that changes one table. Of the times it occurs one is as the target; without a target the
/// lists are not complete.
fn build(kind: Kind, target: Option<TableName>, mut found: Tables) -> Statement {
    let Some(target) = target else {
        return read_only(kind, found).incomplete();
    };
    if let Some(position) = found.found.iter().position(|table| *table == target) {
        found.found.swap_remove(position);
    }
    read_only(kind, found).writing(vec![target])
}
