//! The grammar: what each word of a statement is.
//!
//! It is read from the tokens, one level of brackets after the other: what is in a bracket is put on a list of work and
//! read later. So nothing recurses, however deep the text is, and a chain (`a AND b AND …`, `… UNION ALL …`) is a loop.
//! Time and memory are linear in the text.
//!
//! It accepts more than the database does where that changes no name (the database refuses the rest), and is strict where a
//! table could hide: every word is given a [`Role`], a word that can only be a keyword is never a name, and where an
//! expression stands only `(SELECT …)` leads to tables. What it does not know it leaves without a role, which makes the
//! statement incomplete.

mod alter;
mod arguments;
mod change;
mod commands;
mod create;
mod drop;
mod expression;
mod from;
mod level;
mod names;
mod rights;
mod select;
mod types;
mod unload;
mod users;
mod wrappers;

use crate::Kind;
use crate::account::{Account, Role};
use crate::facts::Facts;
use crate::name::TableName;
use crate::source::Source;
use crate::statement::Unparsed;
use crate::structure::{Shape, Structure};
pub(crate) use commands::COPY_OPTIONS;
pub(crate) use level::Level;
use names::QueryNames;
pub(crate) use types::DATE_PARTS;
pub(crate) use unload::UNLOAD_OPTIONS;

/// Where a text stops to make sense: at this token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stop(pub(crate) usize);

pub(crate) type Read<T = ()> = Result<T, Stop>;

/// What is in a bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// A query; `leading` if INTO in it makes the table of the whole statement, `outermost` if its rows are those of the
    /// whole statement and nothing around it says how many.
    Query { leading: bool, outermost: bool },
    /// Values with commas between them, as the arguments of a function.
    Values,
    /// Those of a list that is being read: the list, and the relation that stands for the bracket.
    From { scope: usize, group: usize },
    /// `PARTITION BY … ORDER BY …`.
    Window,
    /// `WHERE …`.
    Filter,
    /// One value.
    Expression,
    /// `value AS type`.
    Cast,
    /// `type, value`.
    Convert,
    /// `part FROM value`.
    Extract,
    /// Values with FROM, FOR, IN, PLACING, BOTH … between them.
    Separated,
    /// `value KEEP … SET …`.
    ObjectTransform,
    /// Names of columns.
    Columns,
    /// Names of columns, perhaps with their types.
    TypedColumns,
    /// The sizes of a type.
    Sizes,
    /// `aggregate FOR column IN (…)`.
    Pivot,
    /// `value FOR column IN (…)`.
    Unpivot,
    /// `value [AS alias], …`.
    AliasedValues,
    /// Columns and constraints of a table.
    TableParts,
    /// Columns of an external table, whose types nest.
    ExternalColumns,
    /// Options: words, literals and numbers that name nothing.
    Words,
}

/// A query whose rows stay inside of the statement.
const SUBQUERY: Content = Content::Query {
    leading: false,
    outermost: false,
};

/// A bracket that is still to be read.
#[derive(Debug)]
struct Work {
    level: Level,
    content: Content,
}

/// Reads a statement.
#[derive(Debug)]
pub(crate) struct Reader<'a, 's> {
    source: &'a Source<'s>,
    account: &'a mut Account,
    facts: Facts,
    names: QueryNames,
    shape: Shape,
    work: Vec<Work>,
    kind: Option<Kind>,
    inner: Option<Result<Kind, Unparsed>>,
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) kind: Kind,
    /// That of the statement inside of PREPARE, EXECUTE and DECLARE.
    pub(crate) inner: Option<Result<Kind, Unparsed>>,
    pub(crate) facts: Facts,
    /// Where the rest of a definition stopped to make sense.
    pub(crate) stopped: Option<usize>,
}

/// Read a statement, with its structure if that is wanted.
///
/// # Errors
/// Where it is none.
pub(crate) fn read(
    source: &Source<'_>,
    account: &mut Account,
    wants_structure: bool,
) -> Read<Outcome> {
    let mut reader = Reader {
        source,
        account,
        facts: Facts::default(),
        names: QueryNames::default(),
        shape: Shape::new(wants_structure),
        work: Vec::new(),
        kind: None,
        inner: None,
    };
    let mut level = Level::new(0, source.len());
    let stopped = match reader.all(&mut level) {
        Ok(()) => None,
        // What a definition is and makes is certain, whatever the rest of it is.
        Err(Stop(at)) if reader.kind.is_some_and(is_definition) => Some(at),
        Err(stop) => return Err(stop),
    };
    let Reader {
        account,
        names,
        shape,
        kind,
        inner,
        mut facts,
        ..
    } = reader;
    facts.not_all_known |= stopped.is_some();
    names.resolve(&mut facts);
    let kind = kind.unwrap_or(Kind::Select);
    let is_unread = stopped.is_some() || (facts.not_all_known && kind != Kind::Call);
    facts.structure = Structure::of(shape, source, account, kind, is_unread);
    Ok(Outcome {
        kind,
        inner,
        facts,
        stopped,
    })
}

/// Whether a statement of this kind is known by its first words and its target.
fn is_definition(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::CreateTable
            | Kind::CreateExternalTable
            | Kind::CreateView
            | Kind::AlterTable
            | Kind::Call
            | Kind::Unload
    )
}

impl Reader<'_, '_> {
    fn all(&mut self, level: &mut Level) -> Read {
        self.statement(level)?;
        self.finish(level)
    }

    /// Read what is still to be read.
    fn finish(&mut self, level: &Level) -> Read {
        self.expect_end(level)?;
        while let Some(Work { mut level, content }) = self.work.pop() {
            self.content(&mut level, content)?;
            self.expect_end(&level)?;
        }
        Ok(())
    }

    /// `[WITH …] {query | INSERT | UPDATE | DELETE}` or `MERGE`
    fn query_or_change(&mut self, level: &mut Level) -> Read {
        if self.eat(level, "merge") {
            return self.merge(level);
        }
        self.with_clause(level)?;
        if self.eat(level, "insert") {
            self.insert(level)
        } else if self.eat(level, "update") {
            self.update(level)
        } else if self.eat(level, "delete") {
            self.delete(level)
        } else {
            self.kind = Some(Kind::Select);
            self.query_behind_with(level, true, true)
        }
    }

    fn content(&mut self, level: &mut Level, content: Content) -> Read {
        match content {
            Content::Query { leading, outermost } => self.query(level, leading, outermost),
            Content::Values => self.values(level),
            Content::From { scope, group } => self.joined_bracket(level, scope, group),
            Content::Window => self.window(level),
            Content::Filter => {
                self.expect(level, "where")?;
                self.expression(level)
            }
            Content::Expression => self.expression(level),
            Content::Cast => {
                self.expression(level)?;
                self.expect(level, "as")?;
                self.type_name(level)
            }
            Content::Convert => {
                self.type_name(level)?;
                self.expect_symbol(level, ',')?;
                self.expression(level)
            }
            Content::Extract => self.extract(level),
            Content::Separated => self.separated(level),
            Content::ObjectTransform => self.object_transform(level),
            Content::Columns => self.columns(level),
            Content::TypedColumns => self.typed_columns(level),
            Content::Sizes => self.sizes(level),
            Content::Pivot => self.pivot(level),
            Content::Unpivot => self.unpivot(level),
            Content::AliasedValues => self.aliased_values(level),
            Content::TableParts => self.table_parts(level),
            Content::ExternalColumns => self.external_columns(level),
            Content::Words => self.words(level),
        }
    }

    /// Read the bracket that opens here later, and go on behind it.
    fn later(&mut self, level: &mut Level, content: Content) {
        let close = self.source.close_of(level.at);
        self.work.push(Work {
            level: Level::new(level.at + 1, close),
            content,
        });
        level.at = close + 1;
    }

    /// The bracket that opens here holds a query, or what is said.
    fn later_query_or(&mut self, level: &mut Level, otherwise: Content) {
        let content = if self.source.holds_query(level.at) {
            SUBQUERY
        } else {
            otherwise
        };
        self.later(level, content);
    }

    /// A table that the statement changes.
    fn target(&mut self, level: &mut Level) -> Read<TableName> {
        let at = level.at;
        let path = self.path(level)?;
        self.account.give_path(&path, Role::Relation);
        path.table().ok_or(Stop(at))
    }

    /// Leave the rest to nobody: its words have no role, and the statement is not complete.
    #[allow(
        clippy::unnecessary_wraps,
        reason = "it ends a reading, as the others do"
    )]
    fn leave(&mut self, level: &mut Level) -> Read {
        self.facts.not_all_known = true;
        level.at = level.end;
        Ok(())
    }
}
