//! What is known of each word of a statement.

use crate::lexer::{Token, TokenKind, quoted_name};
use crate::name::TableName;
use crate::source::Source;

/// What a word or a quoted name is in its statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A word of the grammar.
    Keyword,
    /// A table, a view or a part of their name.
    Relation,
    /// A schema.
    Schema,
    /// The name of a query of WITH, where it is defined.
    QueryName,
    /// A function or a part of its name.
    Function,
    /// A type.
    Type,
    /// A name that the statement itself gives: of a table, of a column.
    Alias,
    /// A column, or a part of its name.
    Column,
    /// Anything else that is no table, no schema and no function: a user, a format, an option.
    Other,
}

/// A name of one to several parts, with the tokens that it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    /// The first of its tokens.
    pub(crate) begin: usize,
    /// Behind the last of its tokens.
    pub(crate) end: usize,
    pub(crate) parts: Vec<Part>,
}

/// One part of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// As a session sees it that tells upper and lower case of quoted names apart.
    pub(crate) exact: String,
}

impl Part {
    pub(crate) fn of(token: &Token<'_>) -> Option<Self> {
        let exact = match token.kind {
            TokenKind::Word => token.text.to_ascii_lowercase(),
            TokenKind::QuotedName => quoted_name(token).filter(|name| !name.is_empty())?,
            _ => return None,
        };
        Some(Self { exact })
    }

    /// As any other session sees it.
    pub(crate) fn folded(&self) -> String {
        self.exact.to_ascii_lowercase()
    }
}

impl Path {
    pub(crate) fn table(&self) -> Option<TableName> {
        let parts: Vec<String> = self.parts.iter().map(|part| part.exact.clone()).collect();
        TableName::from_parts(&parts)
    }

    /// As a session sees it that tells upper and lower case of quoted names apart, with dots.
    pub(crate) fn exact(&self) -> String {
        let parts: Vec<&str> = self.parts.iter().map(|part| part.exact.as_str()).collect();
        parts.join(".")
    }

    /// In lower case, with dots.
    pub(crate) fn folded(&self) -> String {
        let parts: Vec<String> = self.parts.iter().map(Part::folded).collect();
        parts.join(".")
    }
}

/// The roles that were given so far.
#[derive(Debug)]
pub(crate) struct Account {
    roles: Vec<Option<Role>>,
}

impl Account {
    pub(crate) fn new(length: usize) -> Self {
        Self {
            roles: vec![None; length],
        }
    }

    pub(crate) fn give(&mut self, at: usize, role: Role) {
        if let Some(slot) = self.roles.get_mut(at) {
            *slot = Some(role);
        }
    }

    /// Give a role to all parts of a name.
    pub(crate) fn give_path(&mut self, path: &Path, role: Role) {
        for at in path.begin..path.end {
            self.give(at, role);
        }
    }

    pub(crate) fn role(&self, at: usize) -> Option<Role> {
        self.roles.get(at).copied().flatten()
    }

    /// The words and quoted names that nobody gave a role to.
    pub(crate) fn without_role(&self, source: &Source<'_>) -> Vec<usize> {
        (0..source.len())
            .filter(|at| self.role(*at).is_none())
            .filter(|at| {
                source.token(*at).is_some_and(|token| {
                    matches!(token.kind, TokenKind::Word | TokenKind::QuotedName)
                })
            })
            .collect()
    }
}
