//! What a statement does beyond its kind and its names: to which rows, with which joins, from and to which places.
//!
//! The [grammar](crate::grammar) notes where conditions, joins and lists are ([`Shape`]). What they amount to is told from the
//! tokens afterwards.

mod condition;
mod restrict;
mod shape;
mod transfer;

mod link;

use crate::Kind;
use crate::account::Account;
use crate::name::TableName;
use crate::source::Source;

pub(crate) use shape::{Shape, Span, Transfer};
pub use transfer::{is_option, option_names};

/// Whether a statement has a property.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Seen {
    /// A part of it has.
    Yes,
    /// No part of it has.
    #[default]
    No,
    /// A part was not understood, so that it may have.
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

/// Names or places that a statement has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Those that the text says.
    pub found: Vec<String>,
    /// Whether there may be others: a text is no plain literal, or a list of files stands elsewhere.
    pub unsure: bool,
}

/// What a statement does beyond its kind and its names. A part of it is enough: a query of WITH, a subquery, a branch of UNION,
/// what EXPLAIN, DECLARE, PREPARE and UNLOAD hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Structure {
    /// It changes or deletes rows of a table, and no condition says which: UPDATE and DELETE without WHERE, MERGE without a
    /// condition behind ON. A condition counts only if each of its alternatives names a column that is not another table's.
    pub without_where: Seen,
    /// A list of SELECT has `*` or `t.*`.
    pub select_star: Seen,
    /// It gives rows of tables to its caller, or to files, without LIMIT, TOP or FETCH FIRST in its outermost query.
    pub without_limit: Seen,
    /// It joins tables that no condition links, or says CROSS JOIN.
    pub cross_join: Seen,
    /// Where COPY reads, UNLOAD writes, and external tables are.
    pub locations: Places,
    /// The roles that it does that with; `default` for the cluster's.
    pub iam_roles: Places,
    /// The options of COPY and UNLOAD, in lower case; with `-on` or `-off` behind those that are switched.
    pub options: Places,
    /// Tables and views that it makes.
    pub creates: Vec<TableName>,
    /// Tables and views that it drops.
    pub drops: Vec<TableName>,
    /// Tables that it gives rights on.
    pub grants: Vec<TableName>,
}

impl Structure {
    /// Of what was not understood.
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

    /// A part of the statement may be something else than it was read as.
    pub(crate) fn doubt(&mut self, kind: Kind) {
        if may_hold_query(kind) {
            self.take(&Self::unknown());
        }
        self.doubt_places(kind, true);
    }

    /// What was not read may say where rows come from and go to.
    fn doubt_places(&mut self, kind: Kind, is_unread: bool) {
        let moves = matches!(kind, Kind::Copy | Kind::Unload);
        let has_location = moves || matches!(kind, Kind::CreateExternalTable | Kind::AlterTable);
        self.locations.unsure |= is_unread && has_location;
        self.iam_roles.unsure |= is_unread && moves;
        self.options.unsure |= is_unread && moves;
    }

    /// Add what a query in a text of the statement has.
    pub(crate) fn take(&mut self, inner: &Self) {
        let add = |mine: &mut Seen, theirs: Seen| match (*mine, theirs) {
            (Seen::Yes, _) | (_, Seen::No) => {}
            _ => *mine = theirs,
        };
        add(&mut self.without_where, inner.without_where);
        add(&mut self.select_star, inner.select_star);
        add(&mut self.without_limit, inner.without_limit);
        add(&mut self.cross_join, inner.cross_join);
    }

    /// What the notes of the grammar amount to. `inner` is what a query in a text has.
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
            structure.take(inner);
        }
        structure.creates = shape.creates;
        structure.drops = shape.drops;
        structure.grants = shape.grants;
        structure
    }

    /// Each table that it makes, drops or gives rights on.
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
