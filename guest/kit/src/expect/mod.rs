//! Contracts: what must be true once SQL has run, so that nobody is told of a success that is none.
//!
//! A query of a contract runs as one of the last statements of the batch, and fails if the contract is broken: in a transaction
//! that takes back what the batch did. Which contract it was is in the engine's message, as a number.

mod judge;
mod query;
mod read;

pub(crate) use judge::{Verdict, judge};
pub(crate) use query::{ends_transaction, parameter_of};
pub(crate) use read::read;
#[cfg(test)]
pub(crate) use read::{EXPECTATION, ROWS};

use serde_json::{Value, json};

/// The most expectations of a request, its own and those of rules.
pub const MAX_EXPECTATIONS: usize = 20;

/// What must be true once SQL has run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// Its name, for who is told that it is broken.
    pub name: String,
    /// What must be true.
    pub check: Check,
}

/// What must be true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// The query has rows, and its only column is true in each.
    IsTrue(String),
    /// The query has no rows.
    NoRows(String),
    /// The query has so many rows.
    Rows(String, Bounds),
    /// The statements of the request return or change so many rows, together.
    OwnRows(Bounds),
}

/// Numbers from a least to a most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The least; none for 0.
    pub min: Option<u64>,
    /// The most; none for any number.
    pub max: Option<u64>,
}

impl Bounds {
    fn contain(self, number: u64) -> bool {
        self.min.is_none_or(|min| min <= number) && self.max.is_none_or(|max| number <= max)
    }
}

impl Expectation {
    /// Its query, as it was written.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        match &self.check {
            Check::IsTrue(query) | Check::NoRows(query) | Check::Rows(query, _) => Some(query),
            Check::OwnRows(_) => None,
        }
    }

    /// The statement that fails if it is broken; `number` tells which one it is. None if it is read from the counts of rows.
    #[must_use]
    pub fn statement(&self, number: usize) -> Option<String> {
        let query = query::text(self.query()?);
        let counts = "SELECT COUNT(*) AS n FROM q";
        let (columns, holds, found, counts) = match &self.check {
            Check::IsTrue(_) => (
                "(v)",
                "n > 0 AND n = t".to_owned(),
                "CAST(n - t AS VARCHAR) || ' of ' || CAST(n AS VARCHAR)",
                "SELECT COUNT(*) AS n, COALESCE(SUM(CASE WHEN v THEN 1 ELSE 0 END), 0) AS t FROM q",
            ),
            Check::NoRows(_) => ("", "n = 0".to_owned(), "CAST(n AS VARCHAR)", counts),
            Check::Rows(_, bounds) => {
                let least = bounds.min.map(|min| format!("n >= {min}"));
                let most = bounds.max.map(|max| format!("n <= {max}"));
                let holds: Vec<String> = least.into_iter().chain(most).collect();
                ("", holds.join(" AND "), "CAST(n AS VARCHAR)", counts)
            }
            Check::OwnRows(_) => return None,
        };
        // The text is no number, which the engine says, with the text.
        let broken = format!("('{}{number}: ' || {found})::INTEGER", judge::MARK);
        Some(format!(
            "WITH q{columns} AS (\n{query}\n) SELECT CASE WHEN {holds} THEN 0 ELSE {broken} END AS contract FROM ({counts}) AS c"
        ))
    }

    /// What was expected, in words.
    #[must_use]
    pub fn expected(&self) -> String {
        match &self.check {
            Check::IsTrue(_) => "true in every row, and a row".to_owned(),
            Check::NoRows(_) => "no rows".to_owned(),
            Check::Rows(_, bounds) | Check::OwnRows(bounds) => match (bounds.min, bounds.max) {
                (Some(min), Some(max)) if min == max => judge::rows_of(&min.to_string()),
                (Some(min), Some(max)) => format!("{min} to {max} rows"),
                (Some(min), None) => format!("at least {}", judge::rows_of(&min.to_string())),
                (None, Some(0)) => judge::rows_of("0"),
                (None, Some(max)) => format!("at most {}", judge::rows_of(&max.to_string())),
                (None, None) => "any number of rows".to_owned(),
            },
        }
    }

    /// What is noted of it for when the statement has ended.
    fn noted(&self) -> Value {
        match self.check {
            Check::OwnRows(bounds) => {
                json!({ "name": self.name, "expected": self.expected(), "min": bounds.min, "max": bounds.max })
            }
            _ => json!({ "name": self.name, "expected": self.expected(), "query": true }),
        }
    }
}

/// What is noted of a request's expectations for when its statements have ended: `own` is the number of its own statements.
pub(crate) fn noted(expectations: &[Expectation], own: usize, load: Load) -> Value {
    let list: Vec<Value> = expectations.iter().map(Expectation::noted).collect();
    json!({ "own": own, "load": load.word(), "list": list })
}

/// What becomes of what the statements did if a contract is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// The transaction takes it back.
    RolledBack,
    /// It is in a transaction that a statement of it may have ended before.
    MayStand,
    /// Each statement was committed alone.
    Stands,
}

impl Load {
    fn word(self) -> &'static str {
        match self {
            Self::RolledBack => "rolledBack",
            Self::MayStand => "mayStand",
            Self::Stands => "stands",
        }
    }

    fn by_word(word: Option<&str>) -> Self {
        match word {
            Some("rolledBack") => Self::RolledBack,
            Some("stands") => Self::Stands,
            _ => Self::MayStand,
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::RolledBack => "The transaction was rolled back.",
            Self::MayStand => {
                "The transaction was rolled back, but what ran before a statement that ends transactions (TRUNCATE, CALL, \
                 COMMIT) may stand."
            }
            Self::Stands => "What the statements did stands.",
        }
    }
}

#[cfg(test)]
mod tests;
