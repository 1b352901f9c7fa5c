//! What the grammar records about structure while it reads a statement.

use super::Structure;
use crate::account::Path;
use crate::name::TableName;

/// A range of tokens: `end` is behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) begin: usize,
    pub(crate) end: usize,
}

/// Something that FROM, USING, UPDATE, DELETE or MERGE names.
#[derive(Debug)]
pub(crate) struct Relation {
    /// The list of tables that it stands in.
    pub(crate) scope: usize,
    /// The name that qualifies its columns, in lower case; none for a bracket of joined tables.
    pub(crate) name: Option<String>,
    /// Its schema, if it has one and no alias.
    pub(crate) schema: Option<String>,
    /// The first part of a qualified name. It may be a table earlier in the list, whose array this is.
    pub(crate) first: Option<String>,
    /// The arguments, if it is a function.
    pub(crate) arguments: Option<Span>,
}

/// A condition behind WHERE or ON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Condition {
    pub(crate) scope: usize,
    pub(crate) span: Span,
}

/// A change of rows: the indices of the changed relation and of its condition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) relation: usize,
    pub(crate) condition: Option<usize>,
}

/// The location and the options of COPY or UNLOAD.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Transfer {
    /// From the location to the last option.
    pub(crate) span: Span,
    /// Whether it is COPY, whose manifest lists the files to read.
    pub(crate) reads: bool,
}

/// What the grammar recorded.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    pub(crate) star: bool,
    pub(crate) unlimited: bool,
    pub(crate) makes_table: bool,
    pub(crate) cross_join: bool,
    pub(crate) relations: Vec<Relation>,
    pub(crate) conditions: Vec<Condition>,
    changes: Vec<Change>,
    /// Pairs of relations that are linked without a condition, such as by USING.
    pub(crate) linked: Vec<(usize, usize)>,
    pub(crate) transfer: Option<Transfer>,
    /// The literals behind LOCATION.
    pub(crate) locations: Vec<usize>,
    pub(crate) creates: Vec<TableName>,
    pub(crate) drops: Vec<TableName>,
    pub(crate) grants: Vec<TableName>,
    /// The structure of a query in a literal.
    pub(crate) inner: Option<Box<Structure>>,
    /// Whether the caller does not want the structure, so that relations and conditions are not recorded.
    is_off: bool,
    /// The list that is being read.
    scope: usize,
    /// How many lists there are.
    scopes: usize,
}

impl Shape {
    /// `wanted`: whether the caller wants the structure.
    pub(crate) fn new(wanted: bool) -> Self {
        Self {
            is_off: !wanted,
            ..Self::default()
        }
    }

    pub(crate) fn is_off(&self) -> bool {
        self.is_off
    }

    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Records the change of rows of the statement. Only the first call counts.
    pub(crate) fn change(&mut self, relation: usize, condition: Option<usize>) {
        if !self.is_off && self.changes.is_empty() {
            self.changes.push(Change {
                relation,
                condition,
            });
        }
    }

    /// Begins another list of tables.
    pub(crate) fn begin_list(&mut self) {
        self.scopes += 1;
        self.scope = self.scopes;
    }

    pub(crate) fn scope(&self) -> usize {
        self.scope
    }

    /// Goes on with a list, in one of its brackets.
    pub(crate) fn resume(&mut self, scope: usize) {
        self.scope = scope;
    }

    /// Records a relation by its name and alias, and returns its index.
    pub(crate) fn relation(&mut self, path: Option<&Path>, alias: Option<String>) -> usize {
        if self.is_off {
            return 0;
        }
        let parts = path.map_or(&[][..], |path| path.parts.as_slice());
        let schema = match parts {
            [.., schema, _] if alias.is_none() => Some(schema.folded()),
            _ => None,
        };
        let first = match parts {
            [first, _, ..] => Some(first.folded()),
            _ => None,
        };
        self.relations.push(Relation {
            scope: self.scope,
            name: alias.or_else(|| parts.last().map(crate::account::Part::folded)),
            schema,
            first,
            arguments: None,
        });
        self.relations.len() - 1
    }

    /// Records the arguments of a relation that is a function.
    pub(crate) fn has_arguments(&mut self, relation: usize, arguments: Span) {
        if let Some(relation) = self.relations.get_mut(relation) {
            relation.arguments = Some(arguments);
        }
    }

    /// Links a relation with the one before it in the list.
    pub(crate) fn link_with_last(&mut self, relation: usize) {
        let Some(last) = relation.checked_sub(1) else {
            return;
        };
        let scope = |at: usize| self.relations.get(at).map(|it| it.scope);
        if scope(last) == scope(relation) {
            self.linked.push((last, relation));
        }
    }

    /// Records a condition of the list that is being read, and returns its index.
    pub(crate) fn condition(&mut self, begin: usize, end: usize) -> usize {
        if self.is_off {
            return 0;
        }
        self.conditions.push(Condition {
            scope: self.scope,
            span: Span { begin, end },
        });
        self.conditions.len() - 1
    }
}
