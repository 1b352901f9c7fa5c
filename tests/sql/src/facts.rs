//! What Signalbox says of a text: the one place that knows its classifier.

use crate::world;
use serde::Serialize;
use signalbox_sql as sql;

/// A relation's name as facts have it, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Name {
    /// The database, if it is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The schema, if it is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The relation.
    pub name: String,
}

/// Facts of one statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Its kind, where it is known.
    pub kind: Option<String>,
    /// Why a kind is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unparsed: Option<String>,
    /// Whether the lists name all that it touches.
    pub complete: bool,
    /// What it reads.
    pub reads: Vec<Name>,
    /// What it changes.
    pub writes: Vec<Name>,
    /// Schemas that it names as such.
    pub schemas: Vec<String>,
    /// Functions that it calls.
    pub functions: Vec<String>,
    /// Words that nobody accounted for.
    pub unaccounted: Vec<String>,
    /// How many statements the text holds.
    pub statements: usize,
}

impl Facts {
    /// Whether they claim to be all: then they must be.
    #[must_use]
    pub fn claims_all(&self) -> bool {
        self.complete && self.kind.is_some() && self.unparsed.is_none()
    }
}

/// What makes facts of a text. A test can put a worse one in its place.
pub type Classifier = fn(&str) -> Facts;

/// The product's, where somebody vouches for the functions that touch no table.
#[must_use]
pub fn classify(text: &str) -> Facts {
    classify_trusting(text, |function| world::PURE.contains(&function))
}

/// The same, where somebody vouches for others.
#[must_use]
pub fn classify_trusting(text: &str, is_known: impl Fn(&str) -> bool) -> Facts {
    let statement = sql::classify(text).trusting(is_known);
    let names = |tables: &[sql::TableName]| {
        tables
            .iter()
            .map(|table| Name {
                database: table.database.clone(),
                schema: table.schema.clone(),
                name: table.name.clone(),
            })
            .collect()
    };
    Facts {
        kind: statement
            .kind
            .as_ref()
            .ok()
            .map(|kind| kind.name().to_owned()),
        unparsed: statement.unparsed_part().map(|why| format!("{why:?}")),
        complete: statement.complete,
        reads: names(&statement.reads),
        writes: names(&statement.writes),
        schemas: statement.schemas.clone(),
        functions: statement.functions.clone(),
        unaccounted: statement.unaccounted.clone(),
        statements: sql::count_statements(text),
    }
}
