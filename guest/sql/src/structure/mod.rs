//! What a statement does beyond its kind and its names: to which rows, with which joins, from and to which places.
//!
//! The [grammar](crate::grammar) records where conditions, joins and lists are ([`Shape`]). This module then reads their tokens.

mod condition;
mod link;
mod restrict;
mod shape;
mod transfer;

use crate::Kind;
use crate::account::Account;
use crate::name::TableName;
use crate::source::Source;

pub(crate) use shape::{Shape, Span, Transfer};
pub use transfer::{is_option, option_names};

/// Whether a statement has a property.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Seen {
    /// A part of it has it.
    Yes,
    /// No part of it has it.
    #[default]
    No,
    /// A part was not understood and may have it.
    Unknown,
}

impl Seen {
    fn of(found: bool, unsure: bool) -> Self {
        match (found, unsure) {
            (true, _) => Self::Yes,
            (false, true) => Self::Unknown,
            (false, false) => Self::No,
        }
    }
}

/// Names or places in a statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Those that the text spells out.
    pub found: Vec<String>,
    /// Whether there may be others: a value is no plain literal, or a file elsewhere lists them.
    pub unsure: bool,
}

/// What a statement does beyond its kind and its names.
///
/// A statement has a property if a part of it has: a query of WITH, a subquery, a branch of UNION, or the statement inside
/// EXPLAIN, DECLARE, PREPARE or UNLOAD.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Structure {
    /// It changes or deletes rows of a table, and no condition selects them: WHERE of UPDATE and DELETE, ON of MERGE. A
    /// condition counts only if each of its alternatives names a column that can be the table's own.
    pub without_where: Seen,
    /// A list of SELECT has `*` or `t.*`.
    pub select_star: Seen,
    /// It returns rows of tables, or writes them to files, without LIMIT, TOP or FETCH FIRST in its outermost query.
    pub without_limit: Seen,
    /// It joins tables that no condition links, or has CROSS JOIN.
    pub cross_join: Seen,
    /// Where COPY reads, UNLOAD writes, and external tables are.
    pub locations: Places,
    /// The IAM roles that it uses for that; `default` for the cluster's default role.
    pub iam_roles: Places,
    /// The options of COPY and UNLOAD, in lower case. One that is set to ON or OFF has `-on` or `-off` behind it.
    pub options: Places,
    /// Tables and views that it creates.
    pub creates: Vec<TableName>,
    /// Tables and views that it drops.
    pub drops: Vec<TableName>,
    /// Tables that it grants rights on, or gives another owner.
    pub grants: Vec<TableName>,
}

impl Structure {
    /// The structure of a statement that was not understood.
    pub(crate) fn unknown() -> Self {
        let places = || Places {
            found: Vec::new(),
            unsure: true,
        };
        Self {
            without_where: Seen::Unknown,
            select_star: Seen::Unknown,
            without_limit: Seen::Unknown,
            cross_join: Seen::Unknown,
            locations: places(),
            iam_roles: places(),
            options: places(),
            ..Self::default()
        }
    }

    /// Marks as unknown what this kind of statement can have, because a part of it may mean something else than was read.
    pub(crate) fn doubt(&mut self, kind: Kind) {
        if may_hold_query(kind) {
            self.add_inner(&Self::unknown());
        }
        self.doubt_places(kind, true);
    }

    /// Unread parts may say where rows come from and go to.
    fn doubt_places(&mut self, kind: Kind, is_unread: bool) {
        let moves = matches!(kind, Kind::Copy | Kind::Unload);
        let has_location = moves || matches!(kind, Kind::CreateExternalTable | Kind::AlterTable);
        self.locations.unsure |= is_unread && has_location;
        self.iam_roles.unsure |= is_unread && moves;
        self.options.unsure |= is_unread && moves;
    }

    /// Adds the properties of a query inside the statement.
    fn add_inner(&mut self, inner: &Self) {
        let add = |mine: &mut Seen, theirs: Seen| match (*mine, theirs) {
            (Seen::Yes, _) | (_, Seen::No) => {}
            _ => *mine = theirs,
        };
        add(&mut self.without_where, inner.without_where);
        add(&mut self.select_star, inner.select_star);
        add(&mut self.without_limit, inner.without_limit);
        add(&mut self.cross_join, inner.cross_join);
    }

    /// The structure of a statement from what the grammar recorded. `is_unread`: whether parts of it were not read.
    pub(crate) fn of(
        shape: Shape,
        source: &Source<'_>,
        account: &Account,
        kind: Kind,
        is_unread: bool,
    ) -> Self {
        if shape.is_off() {
            return Self::unknown();
        }
        let unsure = is_unread && may_hold_query(kind);
        let links = link::Links::new(&shape);
        let mut structure = Self {
            without_where: Seen::of(restrict::changes_all(&shape, source, account), unsure),
            select_star: Seen::of(shape.star, unsure),
            without_limit: Seen::of(shape.unlimited && !shape.makes_table, unsure),
            cross_join: Seen::of(
                shape.cross_join || links.leave_apart(&shape, source, account),
                unsure,
            ),
            ..Self::default()
        };
        transfer::places(&shape, source, kind, &mut structure);
        structure.doubt_places(kind, is_unread);
        if let Some(inner) = &shape.inner {
            structure.add_inner(inner);
        }
        structure.creates = shape.creates;
        structure.drops = shape.drops;
        structure.grants = shape.grants;
        structure
    }

    /// Each table that it creates, drops or grants rights on.
    pub fn tables_mut(&mut self) -> impl Iterator<Item = &mut TableName> {
        self.creates
            .iter_mut()
            .chain(&mut self.drops)
            .chain(&mut self.grants)
    }
}

/// Whether a query or a change of rows can be in a statement of this kind.
fn may_hold_query(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Select
            | Kind::Insert
            | Kind::Update
            | Kind::Delete
            | Kind::Merge
            | Kind::Copy
            | Kind::Unload
            | Kind::Call
            | Kind::Explain
            | Kind::CreateTable
            | Kind::CreateExternalTable
            | Kind::CreateView
            | Kind::Prepared
            | Kind::Cursor
    )
}
