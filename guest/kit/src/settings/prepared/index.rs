//! What a rule is found by.

use crate::settings::glob::{Glob, lower};
use crate::settings::{TablePattern, When};
use std::collections::BTreeMap;

/// What of a statement a word is. A rule is found by one of its conditions; the others are looked at then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A part of a table's name, or a schema.
    Table = 1,
    /// Some schema is named as such and not all is known: a pattern without a schema may mean a table in it.
    AnySchema,
    /// A function.
    Function,
    /// The state machine.
    StateMachine,
    /// The execution.
    Execution,
    /// The target.
    Target,
    /// A kind.
    Kind,
    /// The value of a label.
    Label,
}

/// A word of a statement or its caller to look up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lookup<'a> {
    pub(crate) place: Place,
    /// The label's name, else empty.
    pub(crate) label: &'a str,
    pub(crate) word: &'a str,
}

impl<'a> Lookup<'a> {
    pub(crate) fn new(place: Place, word: &'a str) -> Self {
        Self {
            place,
            label: "",
            word,
        }
    }
}

/// The hash of a word, 28 bits of it. Two words with one hash only make more rules be looked at.
#[derive(Clone, Copy)]
struct Hash(u32);

impl Hash {
    fn new(place: Place, label: &str) -> Self {
        let hash = Self(0x811c_9dc5).byte(place as u8);
        label.bytes().fold(hash, Self::byte).byte(0)
    }

    fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    }

    /// Whole words differ from beginnings.
    fn end(self, is_whole: bool) -> usize {
        let hash = self.byte(if is_whole { 1 } else { 2 }).0;
        ((hash >> 4) ^ (hash & 0xf)) as usize
    }
}

fn any_schema() -> usize {
    Hash::new(Place::AnySchema, "").end(true)
}

/// The hashes that the rules for a word are under: of the word, and of each of its beginnings.
pub(super) struct Words {
    bytes: std::vec::IntoIter<u8>,
    hash: Hash,
    left: usize,
    is_done: bool,
}

impl Words {
    pub(super) fn new(lookup: &Lookup<'_>, longest: usize) -> Self {
        Self {
            bytes: lower(lookup.word).into_bytes().into_iter(),
            hash: Hash::new(lookup.place, lookup.label),
            left: longest,
            is_done: false,
        }
    }
}

impl Iterator for Words {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.left > 0
            && let Some(byte) = self.bytes.next()
        {
            self.left -= 1;
            self.hash = self.hash.byte(byte);
            return Some(self.hash.end(false));
        }
        let is_first = !std::mem::replace(&mut self.is_done, true);
        is_first.then(|| self.bytes.by_ref().fold(self.hash, Hash::byte).end(true))
    }
}

/// What a rule may be found by: one way is enough, and in it all of its words.
#[derive(Debug, Default)]
pub(super) struct Ways {
    ways: Vec<Vec<usize>>,
    /// The longest beginning.
    longest: usize,
}

/// A rule with more words than this is looked at for every statement.
const MOST_WORDS: usize = 200;

impl Ways {
    pub(super) fn of(when: &When) -> Self {
        let mut ways = Self::default();
        ways.tables(&when.tables);
        ways.globs(Place::Table, "", &when.schemas);
        ways.globs(Place::StateMachine, "", &when.state_machines);
        for (label, patterns) in &when.labels {
            ways.globs(Place::Label, label, patterns);
        }
        ways.globs(Place::Execution, "", &when.execution_arns);
        ways.globs(Place::Function, "", &when.functions);
        ways.globs(Place::Target, "", &when.targets);
        ways.globs(Place::Kind, "", &when.kinds);
        ways.any(&when.any);
        ways
    }

    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    pub(super) fn hashes(&self) -> impl Iterator<Item = usize> {
        self.ways.iter().flatten().copied()
    }

    /// The way whose words are the rarest; none if there is no way to find the rule.
    pub(super) fn best(self, counts: &BTreeMap<usize, usize>) -> Option<Vec<usize>> {
        let any_schema = any_schema();
        let rarity = |way: &Vec<usize>| {
            let words = way.iter().filter(|hash| **hash != any_schema);
            words.filter_map(|hash| counts.get(hash)).max().copied()
        };
        self.ways
            .into_iter()
            .min_by(|one, other| rarity(one).cmp(&rarity(other)))
    }

    fn globs(&mut self, place: Place, label: &str, patterns: &[Glob]) {
        let hashes = patterns
            .iter()
            .map(|pattern| self.hash(place, label, pattern))
            .collect();
        self.add(hashes);
    }

    /// By the schemas, and by the names: a schema that is named as such is found by the first alone.
    fn tables(&mut self, patterns: &[TablePattern]) {
        for is_by_name in [false, true] {
            let mut hashes = Some(Vec::new());
            for pattern in patterns {
                let (schema, name) = pattern.parts();
                let by_schema = schema
                    .and_then(|schema| self.hash(Place::Table, "", schema))
                    .map(|hash| vec![hash]);
                let by_name = self
                    .hash(Place::Table, "", name)
                    .map(|hash| vec![hash, any_schema()]);
                let found = match is_by_name {
                    true => by_name.or(by_schema),
                    false => by_schema.or(by_name),
                };
                hashes = hashes.zip(found).map(|(mut hashes, found)| {
                    hashes.extend(found);
                    hashes
                });
            }
            self.add(hashes);
        }
    }

    /// By a way of each of the alternatives.
    fn any(&mut self, alternatives: &[When]) {
        let mut hashes = Some(Vec::new());
        for alternative in alternatives {
            let ways = Self::of(alternative);
            self.longest = self.longest.max(ways.longest);
            let first = ways.ways.into_iter().next();
            hashes = hashes.zip(first).map(|(mut hashes, first)| {
                hashes.extend(first);
                hashes
            });
        }
        self.add(hashes);
    }

    fn add(&mut self, hashes: Option<Vec<usize>>) {
        if let Some(mut hashes) = hashes.filter(|hashes| !hashes.is_empty()) {
            hashes.sort_unstable();
            hashes.dedup();
            if hashes.len() <= MOST_WORDS {
                self.ways.push(hashes);
            }
        }
    }

    /// None for a pattern that begins with a wildcard: any word may match it.
    fn hash(&mut self, place: Place, label: &str, pattern: &Glob) -> Option<usize> {
        let (beginning, is_whole) = pattern.beginning();
        if beginning.is_empty() {
            return None;
        }
        if !is_whole {
            self.longest = self.longest.max(beginning.len());
        }
        let hash = beginning.bytes().fold(Hash::new(place, label), Hash::byte);
        Some(hash.end(is_whole))
    }
}
