//! Looks for several needles in one text: the leftmost one, and of those that begin there the longest.

use std::{cmp::Reverse, ops::Range};

use aho_corasick::{AhoCorasick, Input, MatchKind};
use memchr::memmem;

/// Up to so many needles are looked for one by one. A finder is made for each event, and making an automaton takes longer
/// than a few looks at a text.
const FEW: usize = 4;

/// Needles.
#[derive(Debug)]
pub(super) enum Finder {
    /// They are looked for one by one.
    Few(Vec<Vec<u8>>),
    /// They are looked for in one pass.
    Many(Box<AhoCorasick>),
}

impl Default for Finder {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Finder {
    /// A finder of these. None of them is empty.
    pub(super) fn new(needles: &[&str]) -> Self {
        let automaton = || {
            let mut builder = AhoCorasick::builder();
            builder
                .match_kind(MatchKind::LeftmostLongest)
                .build(needles)
        };
        match needles.len() > FEW {
            true => automaton().map_or_else(|_| Self::few(needles), |it| Self::Many(Box::new(it))),
            false => Self::few(needles),
        }
    }

    fn few(needles: &[&str]) -> Self {
        Self::Few(needles.iter().map(|it| it.as_bytes().to_vec()).collect())
    }

    /// A search in a text, from its beginning to its end.
    pub(super) fn search<'s>(&'s self, text: &'s str) -> Search<'s> {
        let text = text.as_bytes();
        match self {
            Self::Few(needles) => Search::Few {
                text,
                needles: needles
                    .iter()
                    .map(|needle| (needle.as_slice(), memmem::find(text, needle)))
                    .collect(),
            },
            Self::Many(automaton) => Search::Many { text, automaton },
        }
    }
}

/// A search that only goes on: each needle looks at each byte once.
pub(super) enum Search<'s> {
    /// Each needle with where it is next, if it is.
    Few {
        text: &'s [u8],
        needles: Vec<(&'s [u8], Option<usize>)>,
    },
    Many {
        text: &'s [u8],
        automaton: &'s AhoCorasick,
    },
}

impl Search<'_> {
    /// Where the next needle is that begins at `from` or later.
    pub(super) fn next_from(&mut self, from: usize) -> Option<Range<usize>> {
        match self {
            Self::Few { text, needles } => {
                for (needle, next) in needles.iter_mut() {
                    if next.is_some_and(|at| at < from) {
                        let rest = text.get(from..).unwrap_or_default();
                        *next = memmem::find(rest, needle).map(|at| from + at);
                    }
                }
                let found = needles
                    .iter()
                    .filter_map(|(needle, next)| Some(((*next)?, needle.len())));
                let (at, length) = found.min_by_key(|(at, length)| (*at, Reverse(*length)))?;
                Some(at..at + length)
            }
            Self::Many { text, automaton } => {
                let found = automaton.find(Input::new(*text).range(from..))?;
                Some(found.start()..found.end())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(finder: &Finder, text: &str) -> Vec<Range<usize>> {
        let mut search = finder.search(text);
        let mut found: Vec<Range<usize>> = Vec::new();
        while let Some(next) = search.next_from(found.last().map_or(0, |last| last.end)) {
            found.push(next);
        }
        found
    }

    proptest! {
        #[test]
        fn few_are_found_as_many_are(needles in prop::collection::vec("[ab\u{e4}]{1,4}", 0..=FEW), text in "[abc\u{e4}]{0,60}") {
            let needles: Vec<&str> = needles.iter().map(String::as_str).collect();
            let few = Finder::new(&needles);
            prop_assert!(matches!(few, Finder::Few(_)));
            let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&needles);
            let many = Finder::Many(Box::new(automaton.expect("an automaton")));
            prop_assert_eq!(all(&few, &text), all(&many, &text));
        }
    }
}
