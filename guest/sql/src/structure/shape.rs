//! What the grammar notes on its way.

use super::Structure;
use crate::account::Path;
use crate::name::TableName;

/// A run of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) begin: usize,
    pub(crate) end: usize,
}

/// Something that FROM, USING, UPDATE, DELETE or MERGE names.
#[derive(Debug)]
pub(crate) struct Relation {
    /// The list that it stands in.
    pub(crate) scope: usize,
    /// What columns are qualified with, in lower case; none for a bracket of joined tables.
    pub(crate) name: Option<String>,
    /// Its schema, if it has one and no alias.
    pub(crate) schema: Option<String>,
    /// The first part of a name of several: it may be a table before it, whose array this is.
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

/// A change of rows: the number of the changed relation, and of its condition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) relation: usize,
    pub(crate) condition: Option<usize>,
}

/// Where COPY and UNLOAD say what they move, from the word that begins it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Transfer {
    /// From the location to the last option.
    pub(crate) span: Span,
    /// Whether a manifest lists what is read.
    pub(crate) reads: bool,
}

/// The notes.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    pub(crate) star: bool,
    pub(crate) unlimited: bool,
    pub(crate) makes_table: bool,
    pub(crate) cross_join: bool,
    pub(crate) relations: Vec<Relation>,
    pub(crate) conditions: Vec<Condition>,
    changes: Vec<Change>,
    /// Relations that are linked whatever the conditions are.
    pub(crate) linked: Vec<(usize, usize)>,
    pub(crate) transfer: Option<Transfer>,
    /// Literals that say where a table is.
    pub(crate) locations: Vec<usize>,
    pub(crate) creates: Vec<TableName>,
    pub(crate) drops: Vec<TableName>,
    pub(crate) grants: Vec<TableName>,
    /// What the query in a text has.
    pub(crate) inner: Option<Box<Structure>>,
    /// Whether nobody asks for relations and conditions, so that they are not noted.
    is_off: bool,
    /// The list that is being read, and how many there are.
    scope: usize,
    scopes: usize,
}

impl Shape {
    /// For who asks for the structure, or does not.
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

    /// A change of rows, which is noted once.
    pub(crate) fn change(&mut self, relation: usize, condition: Option<usize>) {
        if !self.is_off && self.changes.is_empty() {
            self.changes.push(Change {
                relation,
                condition,
            });
        }
    }

    /// Another list of tables begins.
    pub(crate) fn begin_list(&mut self) {
        self.scopes += 1;
        self.scope = self.scopes;
    }

    pub(crate) fn scope(&self) -> usize {
        self.scope
    }

    /// Go on with a list, in one of its brackets.
    pub(crate) fn resume(&mut self, scope: usize) {
        self.scope = scope;
    }

    /// A relation, by its name and alias. The number is its place among all.
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

    /// A relation is a function.
    pub(crate) fn has_arguments(&mut self, relation: usize, arguments: Span) {
        if let Some(relation) = self.relations.get_mut(relation) {
            relation.arguments = Some(arguments);
        }
    }

    /// A relation is linked with the one before it in the list.
    pub(crate) fn link_with_last(&mut self, relation: usize) {
        let Some(last) = relation.checked_sub(1) else {
            return;
        };
        let scope = |at: usize| self.relations.get(at).map(|it| it.scope);
        if scope(last) == scope(relation) {
            self.linked.push((last, relation));
        }
    }

    /// A condition of the list that is being read; the number is its place among all.
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
