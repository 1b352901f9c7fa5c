//! Names that WITH gives to queries, and whether a name in FROM is one of them.

use crate::account::{Part, Path};
use crate::facts::Facts;
use std::collections::HashMap;

/// The names that were given and used so far.
#[derive(Debug, Default)]
pub(super) struct QueryNames {
    given: HashMap<String, Vec<Given>>,
    /// Where relations are read, and their names.
    used: Vec<Path>,
}

/// A name and the tokens between which it holds. Of two such ranges one is inside of the other, or they have nothing in
/// common.
#[derive(Debug)]
struct Given {
    exact: String,
    begin: usize,
    end: usize,
}

/// The ranges of one name that are open at a token.
#[derive(Debug, Default)]
struct Open {
    /// Those that begin later, the last first.
    later: Vec<Given>,
    /// Those that have begun: each ends before the one below it.
    open: Vec<Given>,
    /// How often each spelling is open.
    spellings: HashMap<String, usize>,
}

impl Open {
    fn new(mut given: Vec<Given>) -> Self {
        // Of two that begin together the one that ends later is the outer one.
        given.sort_by_key(|given| (std::cmp::Reverse(given.begin), given.end));
        Self {
            later: given,
            ..Self::default()
        }
    }

    /// Whether the name, so spelled, is a query's at this token, which is none before the last one that was asked for.
    fn holds(&mut self, exact: &str, at: usize) -> bool {
        while let Some(given) = self.later.pop_if(|given| given.begin <= at) {
            self.close(given.begin);
            *self.spellings.entry(given.exact.clone()).or_default() += 1;
            self.open.push(given);
        }
        self.close(at);
        self.spellings.get(exact).is_some_and(|count| *count > 0)
    }

    fn close(&mut self, at: usize) {
        while let Some(given) = self.open.pop_if(|given| given.end <= at) {
            if let Some(count) = self.spellings.get_mut(&given.exact) {
                *count -= 1;
            }
        }
    }
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
    pub(super) fn resolve(mut self, facts: &mut Facts) {
        let mut names: HashMap<String, Open> = self
            .given
            .into_iter()
            .map(|(name, given)| (name, Open::new(given)))
            .collect();
        self.used.sort_by_key(|path| path.begin);
        for path in self.used {
            let is_query = match path.parts.as_slice() {
                [name] => names
                    .get_mut(&name.folded())
                    .is_some_and(|open| open.holds(&name.exact, path.begin)),
                _ => false,
            };
            if !is_query {
                match path.table() {
                    Some(table) => facts.reads.push(table),
                    None => facts.not_all_known = true,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(exact: &str) -> Part {
        Part {
            exact: exact.to_owned(),
        }
    }

    fn ranges() -> impl Strategy<Value = Vec<(usize, usize)>> {
        // Ranges that are inside of each other, or apart: halves of halves.
        prop::collection::vec((0_u32..5, 0_usize..16), 0..8).prop_map(|halves| {
            halves
                .into_iter()
                .map(|(level, at)| {
                    let size = 16 >> level.min(4);
                    let begin = at / size * size;
                    (begin, begin + size)
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn a_name_is_a_querys_where_one_of_its_ranges_is_open(ranges in ranges(), spelled in prop::collection::vec(any::<bool>(), 8)) {
            let mut names = QueryNames::default();
            let spelling = |quoted: bool| if quoted { "A" } else { "a" };
            for ((begin, end), quoted) in ranges.iter().zip(&spelled) {
                names.give(&part(spelling(*quoted)), *begin, *end);
            }
            for at in (0..16).rev() {
                names.read(Path { begin: at, end: at + 1, parts: vec![part("a")] });
            }
            let mut facts = Facts::default();
            names.resolve(&mut facts);
            let open = |at: usize| {
                ranges.iter().zip(&spelled).any(|((begin, end), quoted)| !quoted && *begin <= at && at < *end)
            };
            prop_assert_eq!(facts.reads.len(), (0..16).filter(|at| !open(*at)).count());
        }
    }
}
