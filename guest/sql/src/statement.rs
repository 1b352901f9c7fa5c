//! What one statement is and touches.

use crate::Kind;
use crate::depth;
use crate::lexer::{Doubtful, first_doubt};
use crate::name::TableName;
use crate::parsed::{self, Refused};
use crate::recognise_ddl::{self, Definition};
use crate::text::{count_statements, leading_word};
use crate::{recognise, stack, wrapper};

/// What is known of one statement.
///
/// An empty list of tables never means that nothing is touched: see [`complete`](Statement::complete).
/// Views, procedures, functions and dynamic SQL reach further than their text shows in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it does, or why that is not known.
    pub kind: Result<Kind, Unparsed>,
    /// What the statement does that it prepares, runs as prepared, or declares a cursor for; none of any other.
    pub inner: Option<Result<Kind, Unparsed>>,
    /// Tables it reads.
    pub reads: Vec<TableName>,
    /// Tables it changes, makes, removes, or changes the rights of.
    pub writes: Vec<TableName>,
    /// Schemas it names as such (`CREATE SCHEMA s`), beside those of the tables.
    pub schemas: Vec<String>,
    /// Whether the lists name everything that the text touches. False for CALL, for SQL that does not parse,
    /// and wherever a part was not understood.
    pub complete: bool,
}

/// Why SQL was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unparsed {
    /// The parser does not know it.
    Syntax {
        /// Its first word, in lower case: a hint, no evidence.
        leading_word: Option<String>,
    },
    /// A part of it has two readings, and the database may have either.
    Ambiguous(Doubtful),
    /// It is nested, or chained, deeper than can be parsed safely.
    TooDeep,
    /// It is not in the text: EXECUTE runs what was prepared elsewhere.
    Elsewhere,
}

impl Statement {
    /// Of this kind, touching nothing so far.
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind: Ok(kind),
            inner: None,
            reads: Vec::new(),
            writes: Vec::new(),
            schemas: Vec::new(),
            complete: true,
        }
    }

    fn unparsed(why: Unparsed) -> Self {
        Self {
            kind: Err(why),
            inner: None,
            reads: Vec::new(),
            writes: Vec::new(),
            schemas: Vec::new(),
            complete: false,
        }
    }

    /// The kinds that are known of it: its own, and that of the statement in it.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        let inner = self.inner.iter();
        std::iter::once(&self.kind)
            .chain(inner)
            .filter_map(|kind| kind.as_ref().ok().copied())
    }

    /// Why one of its kinds is not known.
    #[must_use]
    pub fn unparsed_part(&self) -> Option<&Unparsed> {
        let inner = self.inner.iter();
        std::iter::once(&self.kind)
            .chain(inner)
            .find_map(|kind| kind.as_ref().err())
    }

    /// EXECUTE: what it does is written where it was prepared.
    pub(crate) fn executing() -> Self {
        Self {
            inner: Some(Err(Unparsed::Elsewhere)),
            complete: false,
            ..Self::new(Kind::Prepared)
        }
    }

    /// The same tables under another kind, where it was understood.
    fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = self.kind.map(|_| kind);
        self
    }

    /// The statement around this one, where this was understood.
    fn inside(mut self, kind: Kind) -> Self {
        if self.inner.is_none() {
            self.inner = self.kind.clone().ok().map(Ok);
        }
        self.of_kind(kind)
    }

    /// A definition with its query: it reads what the query reads.
    fn made_of(mut self, query: Result<Self, Refused>) -> Self {
        match query {
            Ok(query) if query.kind == Ok(Kind::Select) => {
                self.reads = query.reads;
                self.complete &= query.complete;
            }
            _ => self.complete = false,
        }
        self
    }

    pub(crate) fn writing(mut self, tables: Vec<TableName>) -> Self {
        self.writes.extend(tables);
        self
    }

    pub(crate) fn naming_schemas(mut self, schemas: Vec<String>) -> Self {
        self.schemas.extend(schemas);
        self
    }

    pub(crate) fn incomplete(mut self) -> Self {
        self.complete = false;
        self
    }
}

/// Say what one statement is and touches. `sql` should hold one statement; several are *unparsed*.
///
/// It never fails and its stack is bounded, whatever the text.
#[must_use]
pub fn classify(sql: &str) -> Statement {
    if let Some(doubtful) = first_doubt(sql) {
        return Statement::unparsed(Unparsed::Ambiguous(doubtful));
    }
    match wrapper::split(sql) {
        Some((Kind::Explain, inner)) => {
            let mut statement = classify_plain(inner);
            statement.reads.append(&mut statement.writes);
            statement.reads.sort();
            statement.reads.dedup();
            // It runs nothing, whatever it explains.
            statement.inner = None;
            statement.of_kind(Kind::Explain)
        }
        Some((kind, inner)) => classify_plain(inner).inside(kind),
        None => classify_plain(sql),
    }
}

fn classify_plain(sql: &str) -> Statement {
    let syntax = || {
        Statement::unparsed(Unparsed::Syntax {
            leading_word: leading_word(sql),
        })
    };
    if count_statements(sql) != 1 {
        return syntax();
    }
    // Statements that are a few words and names need no parser, and the parser lacks many of Redshift's.
    if let Some(statement) = recognise::utility(sql) {
        return statement;
    }
    if let Some(Definition { statement, query }) = recognise_ddl::definition(sql) {
        return match query {
            Some(query) => statement.made_of(parse(query)),
            None => statement,
        };
    }
    if !recognise::begins_query(sql) {
        return syntax();
    }
    parse(sql).unwrap_or_else(|refused| match refused {
        Refused::TooDeep => Statement::unparsed(Unparsed::TooDeep),
        Refused::Syntax => syntax(),
    })
}

fn parse(sql: &str) -> Result<Statement, Refused> {
    let bound = depth::bound(sql);
    match bound.is_safe() {
        true => stack::with_room(bound, || parsed::parse(sql)).unwrap_or(Err(Refused::TooDeep)),
        false => Err(Refused::TooDeep),
    }
}
