//! Results of SQL.

use serde::{Deserialize, Serialize};

/// A value in a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// An integer.
    Long(i64),
    /// A floating-point number.
    Double(f64),
    /// A text; also dates, times and decimals, which the Data API gives as text.
    Text(String),
    /// A truth value, of a column declared so.
    Bool(bool),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Cell {
    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) => 1,
            Self::Long(_) | Self::Double(_) => 8,
            Self::Text(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
        }
    }
}

/// A column of a result or of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as Redshift would name it, such as `int8` or `varchar`.
    pub type_name: String,
    /// The declared length of a text, the digits of a number; none where the type says it or nobody knows.
    pub precision: Option<i32>,
    /// The digits after the point of a decimal number.
    pub scale: i32,
    /// The column of a table may not be NULL.
    pub not_null: bool,
    /// The schema of the table it is from, as far as known.
    pub schema: String,
    /// The table it is from, as far as known.
    pub table: String,
    /// The expression of its default.
    pub default: Option<String>,
}

impl Column {
    /// A column of which no more is known.
    pub fn new(name: impl Into<String>, type_name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            type_name: type_name.into(),
            ..Self::default()
        }
    }
}

/// What a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// A table that somebody made.
    Table,
    /// A view.
    View,
    /// A table of the engine's own.
    SystemTable,
}

/// A table or view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The schema it is in.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: TableKind,
}

/// The rows a statement returned.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResultSet {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
    /// About how many bytes the cells take.
    pub size: usize,
}

/// What a statement that succeeded did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Its rows, for a statement that returns some (or could have).
    pub result: Option<ResultSet>,
    /// How many rows it changed; 0 for one that returns rows.
    pub changed: u64,
}
