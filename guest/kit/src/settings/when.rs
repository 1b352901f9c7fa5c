//! What a rule looks for.

use super::glob::{Glob, LocationPattern, TablePattern};
use super::window::Window;

/// What a rule looks for. Of a list, one item must match. Empty lists and `None` match everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct When {
    /// Kinds of statements.
    pub kinds: Vec<Glob>,
    /// Tables.
    pub tables: Vec<TablePattern>,
    /// Schemas.
    pub schemas: Vec<Glob>,
    /// Functions and procedures that are called.
    pub functions: Vec<Glob>,
    /// Whether it calls a function that is known to have effects.
    pub functions_with_effects: Option<bool>,
    /// Only tables that are read, or only those that are written.
    pub access: Option<Access>,
    /// The target that the payload asked for.
    pub targets: Vec<Glob>,
    /// The execution that asks.
    pub execution_arns: Vec<Glob>,
    /// The state machine of that execution.
    pub state_machines: Vec<Glob>,
    /// Labels of the payload, all of which must match.
    pub labels: Vec<(String, Vec<Glob>)>,
    /// The time: one of these.
    pub time: Vec<Window>,
    /// SQL of more bytes than this.
    pub longer_than: Option<usize>,
    /// Whether the SQL does not parse.
    pub unparsed: Option<bool>,
    /// Whether it names a table without a schema.
    pub unqualified: Option<bool>,
    /// What it does beyond its kind and its names.
    pub structure: Option<Box<StructureWhen>>,
    /// What must not hold.
    pub not: Option<Box<When>>,
    /// One of these must hold.
    pub any: Vec<When>,
}

/// What a rule looks for in what a statement does beyond its kind and its names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StructureWhen {
    /// Whether it changes rows without a condition that selects them.
    pub without_where: Option<bool>,
    /// Whether a list of SELECT has `*`.
    pub select_star: Option<bool>,
    /// Whether it returns rows without a limit.
    pub without_limit: Option<bool>,
    /// Whether it joins tables that no condition links.
    pub cross_join: Option<bool>,
    /// Where COPY reads and UNLOAD writes.
    pub locations: Vec<LocationPattern>,
    /// The IAM roles that it uses for that.
    pub iam_roles: Vec<Glob>,
    /// Options of COPY and UNLOAD.
    pub options: Vec<Glob>,
    /// Tables that it creates.
    pub creates: Vec<TablePattern>,
    /// Tables that it drops.
    pub drops: Vec<TablePattern>,
    /// Tables that it grants rights on.
    pub grants: Vec<TablePattern>,
}

/// What is done to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It is read.
    Read,
    /// It is changed, created or dropped.
    Write,
}

impl When {
    /// Whether it looks at which tables are touched, `not` and `any` aside.
    #[must_use]
    pub fn looks_at_tables(&self) -> bool {
        !self.tables.is_empty() || !self.schemas.is_empty() || self.access.is_some()
    }

    /// Whether it looks at names of tables in any way, `not` and `any` aside.
    #[must_use]
    pub fn looks_at_names(&self) -> bool {
        let makes = |structure: &StructureWhen| {
            !structure.creates.is_empty()
                || !structure.drops.is_empty()
                || !structure.grants.is_empty()
        };
        self.looks_at_tables()
            || self.unqualified.is_some()
            || self.structure.as_deref().is_some_and(makes)
    }

    /// Whether it looks at functions, `not` and `any` aside.
    #[must_use]
    pub fn looks_at_functions(&self) -> bool {
        !self.functions.is_empty() || self.functions_with_effects.is_some()
    }

    /// Whether it looks at what the SQL is, so that the SQL must be understood, `not` and `any` aside.
    #[must_use]
    pub fn looks_at_sql(&self) -> bool {
        self.looks_at_names()
            || !self.kinds.is_empty()
            || self.looks_at_functions()
            || self.unparsed.is_some()
            || self.structure.is_some()
    }

    /// Whether this holds for it, or for what is in its `not` and `any`.
    #[must_use]
    pub fn anywhere(&self, looks: &dyn Fn(&Self) -> bool) -> bool {
        looks(self)
            || self.not.iter().any(|not| not.anywhere(looks))
            || self.any.iter().any(|one| one.anywhere(looks))
    }

    /// Whether it looks at nothing: it holds always.
    #[must_use]
    pub fn is_always(&self) -> bool {
        *self == Self::default()
    }
}
