//! A text as pieces, in Redshift's words and in PostgreSQL's.
//!
//! Redshift has syntax that PostgreSQL lacks. A piece of it carries what does the same in PostgreSQL: what is classified is
//! the one, what runs is the other.

use crate::rng::Rng;

/// Between the words of Redshift and those of PostgreSQL.
const BETWEEN: char = '\u{1}';

/// A piece that Redshift and PostgreSQL write differently.
#[must_use]
pub fn dual(redshift: &str, postgres: &str) -> String {
    format!("{redshift}{BETWEEN}{postgres}")
}

/// Whether a piece is one.
#[must_use]
pub fn is_dual(piece: &str) -> bool {
    piece.contains(BETWEEN)
}

/// A statement, and what it is wrapped in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Tokens and what is between them.
    pub pieces: Vec<String>,
    /// How it is written inside of UNLOAD.
    pub unload: Option<Unload>,
}

/// Ways to write a query as a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unload {
    /// `''` and `\\\\`.
    Doubled,
    /// `\\'` and `\\\\`.
    Escaped,
    /// Between dollars.
    Dollars,
    /// With letters by their octal numbers.
    Octal,
    /// In two literals, one below the other.
    Split,
}

impl Unload {
    /// One of them.
    pub fn any(rng: &mut Rng) -> Self {
        [
            Self::Doubled,
            Self::Escaped,
            Self::Dollars,
            Self::Octal,
            Self::Split,
        ][rng.below(5)]
    }

    fn literal(self, query: &str) -> String {
        let doubled = |text: &str| text.replace('\\', "\\\\").replace('\'', "''");
        match self {
            Unload::Doubled => format!("'{}'", doubled(query)),
            Unload::Escaped => {
                format!("'{}'", query.replace('\\', "\\\\").replace('\'', "\\'"))
            }
            Unload::Dollars => match query.contains("$q$") {
                true => format!("'{}'", doubled(query)),
                false => format!("$q${query}$q$"),
            },
            Unload::Octal => {
                let written: String = query
                    .char_indices()
                    .map(|(at, c)| match c.is_ascii() && at % 3 == 0 {
                        true => format!("\\{:03o}", c as u32),
                        false => doubled(&c.to_string()),
                    })
                    .collect();
                format!("'{written}'")
            }
            Unload::Split => {
                let middle = (query.len() / 2..query.len())
                    .find(|at| query.is_char_boundary(*at))
                    .unwrap_or(0);
                let (first, second) = query.split_at(middle);
                format!("'{}'\n'{}'", doubled(first), doubled(second))
            }
        }
    }
}

impl From<Vec<String>> for Text {
    fn from(pieces: Vec<String>) -> Self {
        Self {
            pieces,
            unload: None,
        }
    }
}

impl Text {
    /// The same in other pieces.
    #[must_use]
    pub fn with(&self, pieces: Vec<String>) -> Self {
        Self {
            pieces,
            unload: self.unload,
        }
    }

    /// What is classified.
    #[must_use]
    pub fn redshift(&self) -> String {
        let query = self.side(|redshift, _| redshift);
        match self.unload {
            Some(unload) => format!(
                "unload ({}) to 's3://bucket/prefix' iam_role default parquet",
                unload.literal(&query)
            ),
            None => query,
        }
    }

    /// What runs.
    #[must_use]
    pub fn postgres(&self) -> String {
        self.side(|_, postgres| postgres)
    }

    fn side<'p>(&'p self, choose: impl Fn(&'p str, &'p str) -> &'p str) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece.split_once(BETWEEN) {
                Some((redshift, postgres)) => choose(redshift, postgres),
                None => piece,
            })
            .collect()
    }
}
