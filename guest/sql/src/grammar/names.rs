//! Names that WITH gives to queries, and whether a name in FROM is one of them.

use crate::account::{Part, Path};
use crate::facts::Facts;
use std::collections::HashMap;

/// How often a name may be given in one statement. Each use of the name looks at all of them.
const MAX_DEFINITIONS: usize = 1_000;

/// The names that were given and used so far.
#[derive(Debug, Default)]
pub(super) struct QueryNames {
    given: HashMap<String, Vec<Given>>,
    /// Where a relation is read, and its name.
    used: Vec<Path>,
}

/// A name and the tokens between which it holds.
#[derive(Debug)]
struct Given {
    exact: String,
    begin: usize,
    end: usize,
}

impl QueryNames {
    /// A query of WITH has this name, from one token to another.
    pub(super) fn give(&mut self, name: &Part, begin: usize, end: usize) {
        let given = Given {
            exact: name.exact.clone(),
            begin,
            end,
        };
        self.given.entry(name.folded()).or_default().push(given);
    }

    /// A relation is read here.
    pub(super) fn read(&mut self, path: Path) {
        self.used.push(path);
    }

    /// Add what is read and is no query's name to the facts.
    ///
    /// A name that is a query's only if upper and lower case are the same may be a table: it depends on a setting of the
    /// session.
    ///
    /// # Errors
    /// The token where a name is used that was given too often.
    pub(super) fn resolve(self, facts: &mut Facts) -> Result<(), usize> {
        for path in self.used {
            let is_query = match path.parts.as_slice() {
                [name] => {
                    let given = self
                        .given
                        .get(&name.folded())
                        .map_or(&[][..], Vec::as_slice);
                    if given.len() > MAX_DEFINITIONS {
                        return Err(path.begin);
                    }
                    given.iter().any(|given| {
                        given.begin <= path.begin
                            && path.begin < given.end
                            && given.exact == name.exact
                    })
                }
                _ => false,
            };
            if !is_query {
                match path.table() {
                    Some(table) => facts.reads.push(table),
                    None => facts.not_all_known = true,
                }
            }
        }
        Ok(())
    }
}
