//! The tables of a parsed statement, without the names that a WITH gave to queries.

use crate::name::TableName;
use sqlparser::ast::{Expr, ObjectName, Query, SetExpr, TableFactor, Visit, Visitor};
use std::ops::ControlFlow;

/// The tables that occur in a part of a syntax tree, once for each time.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// Those with names of one to three parts.
    pub(crate) found: Vec<TableName>,
    /// Whether a name was found that is no table's, so that the list is not complete.
    pub(crate) incomplete: bool,
    /// Whether `TABLE name` stands for a query somewhere. Redshift does not have it, and the parser gives its name
    /// as no table's.
    pub(crate) has_table_command: bool,
    scopes: Vec<Scope>,
}

/// The names of one WITH. The query of each sees the names before it (its own too, if recursive); the body
/// sees all.
#[derive(Debug)]
struct Scope {
    names: Vec<String>,
    queries: Vec<*const Query>,
    recursive: bool,
    visible: usize,
}

/// Find the tables.
pub(crate) fn tables(tree: &impl Visit) -> Tables {
    let mut tables = Tables::default();
    let _: ControlFlow<()> = tree.visit(&mut tables);
    tables
}

/// A table's name as the parser gives it.
pub(crate) fn table_name(name: &ObjectName) -> Option<TableName> {
    let parts: Option<Vec<String>> = name
        .0
        .iter()
        .map(|part| part.as_ident().map(|ident| ident.value.clone()))
        .collect();
    TableName::from_parts(&parts?)
}

/// A table's name where the grammar has an expression.
pub(crate) fn table_of_expression(expression: &Expr) -> Option<TableName> {
    match expression {
        Expr::Identifier(ident) => TableName::from_parts(std::slice::from_ref(&ident.value)),
        Expr::CompoundIdentifier(parts) => {
            let parts: Vec<String> = parts.iter().map(|part| part.value.clone()).collect();
            TableName::from_parts(&parts)
        }
        _ => None,
    }
}

/// Whether `TABLE name` is the body of a query or an operand of its set operations. Queries in brackets are
/// visited on their own.
fn is_table_command(body: &SetExpr) -> bool {
    let mut pending = vec![body];
    while let Some(part) = pending.pop() {
        match part {
            SetExpr::Table(_) => return true,
            SetExpr::SetOperation { left, right, .. } => pending.extend([&**left, &**right]),
            _ => {}
        }
    }
    false
}

impl Tables {
    fn is_query_name(&self, name: &TableName) -> bool {
        name.schema.is_none()
            && self.scopes.iter().any(|scope| {
                scope
                    .names
                    .iter()
                    .take(scope.visible)
                    .any(|known| *known == name.name)
            })
    }
}

impl Visitor for Tables {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let Some(scope) = self.scopes.last_mut()
            && let Some(position) = scope
                .queries
                .iter()
                .position(|known| std::ptr::eq(*known, query))
        {
            scope.visible = position + usize::from(scope.recursive);
        }
        let with = query.with.as_ref();
        let tables = with
            .map(|with| with.cte_tables.as_slice())
            .unwrap_or_default();
        self.scopes.push(Scope {
            names: tables
                .iter()
                .map(|table| table.alias.name.value.to_lowercase())
                .collect(),
            queries: tables.iter().map(|table| &raw const *table.query).collect(),
            recursive: with.is_some_and(|with| with.recursive),
            visible: tables.len(),
        });
        // A change inside of a query: Redshift has none, so what it would touch is not known.
        let is_change = matches!(
            *query.body,
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
        );
        self.incomplete |= is_change && self.scopes.len() > 1;
        self.has_table_command |= is_table_command(&query.body);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.scopes.pop();
        if let Some(scope) = self.scopes.last_mut() {
            scope.visible = scope.names.len();
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        // What a function of rows reads is not known.
        self.incomplete |= matches!(factor, TableFactor::TableFunction { .. });
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        match table_name(relation) {
            Some(name) if self.is_query_name(&name) => {}
            Some(name) => self.found.push(name),
            None => self.incomplete = true,
        }
        ControlFlow::Continue(())
    }
}
