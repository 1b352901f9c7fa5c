//! What a statement touches, as far as it was read.

use crate::name::TableName;
use crate::structure::Structure;

/// The facts of a statement.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) reads: Vec<TableName>,
    pub(crate) writes: Vec<TableName>,
    pub(crate) schemas: Vec<String>,
    pub(crate) functions: Vec<String>,
    /// Words of a text in the statement that were not understood.
    pub(crate) unread: Vec<String>,
    /// What it does beyond its names.
    pub(crate) structure: Structure,
    /// Whether the statement reaches further than its names.
    pub(crate) not_all_known: bool,
}
