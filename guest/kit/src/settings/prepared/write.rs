//! Writes settings in the form that is read for each event.

use super::index::Ways;
use super::{MAGIC, NUMBER};
use crate::settings::{Rule, Settings, When, read};
use serde_json::Value;
use std::collections::BTreeMap;

/// The numbers at the beginning: five pairs and the place of what is read for every event.
const HEADER: usize = MAGIC.len() + 12 * NUMBER;
/// The largest number that the form holds.
const MOST: usize = 1 << 28;

/// The settings in the form that is read for each event. None if they are better as they are: without rules, wrong, or larger
/// than the form can hold.
#[must_use]
pub fn prepare(text: &str) -> Option<String> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    let settings = read::settings_of(&value).ok()?;
    if settings.rules.is_empty() {
        return None;
    }
    let common = value.as_object_mut()?;
    let rules = common.remove("rules")?;
    let sets = serde_json::json!({ "sets": common.remove("sets") });
    // What refers to a set here is no rule.
    let known: Vec<Value> = common
        .get("knownFunctions")
        .map(|_| known_functions(&settings))
        .unwrap_or_default();
    if !known.is_empty() {
        common.insert("knownFunctions".to_owned(), Value::Array(known));
    }
    let index = Index::of(&settings.rules);

    let mut form = Form::default();
    let common = form.text(&value.to_string());
    let sets = match sets.get("sets") {
        Some(Value::Null) | None => form.text("{}"),
        Some(_) => form.text(&sets.to_string()),
    };
    let rules = rules
        .as_array()?
        .iter()
        .map(|rule| form.text(&rule.to_string()))
        .collect::<Vec<_>>();
    let rules = form.table(&rules);
    let others = form.numbers(&index.others);
    let slots = form.slots(&index.lists);
    let looks = usize::from(settings.look_at_rules(&When::looks_at_sql))
        | (usize::from(settings.look_at_rules(&|when: &When| when.structure.is_some())) << 1);
    form.finish(&[rules, others, slots, sets, (index.longest, looks), common])
}

/// The patterns of `knownFunctions` with the names of sets in their place.
fn known_functions(settings: &Settings) -> Vec<Value> {
    let patterns = settings.known_functions.iter();
    patterns
        .map(|pattern| match pattern.text() {
            text if text.starts_with('@') => Value::String(format!("@{text}")),
            text => Value::String(text.to_owned()),
        })
        .collect()
}

/// Which rules are found by which words.
#[derive(Debug, Default)]
struct Index {
    lists: BTreeMap<usize, Vec<usize>>,
    others: Vec<usize>,
    longest: usize,
}

impl Index {
    fn of(rules: &[Rule]) -> Self {
        let ways: Vec<Ways> = rules.iter().map(|rule| Ways::of(&rule.when)).collect();
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for hash in ways.iter().flat_map(Ways::hashes) {
            *counts.entry(hash).or_default() += 1;
        }
        let mut index = Self::default();
        for (number, ways) in ways.into_iter().enumerate() {
            index.longest = index.longest.max(ways.longest());
            match ways.best(&counts) {
                Some(way) => {
                    for hash in way {
                        index.lists.entry(hash).or_default().push(number);
                    }
                }
                None => index.others.push(number),
            }
        }
        index
    }
}

/// The text so far, behind the numbers at the beginning.
#[derive(Debug, Default)]
struct Form(String);

impl Form {
    fn at(&self) -> usize {
        HEADER + self.0.len()
    }

    fn number(&mut self, number: usize) {
        for digit in 0..NUMBER {
            let bits = (number >> (7 * digit)) & 0x7f;
            self.0.push(char::from(u8::try_from(bits).unwrap_or(0)));
        }
    }

    fn text(&mut self, text: &str) -> (usize, usize) {
        let at = self.at();
        self.0.push_str(text);
        (at, text.len())
    }

    fn table(&mut self, pairs: &[(usize, usize)]) -> (usize, usize) {
        let at = self.at();
        for (one, other) in pairs {
            self.number(*one);
            self.number(*other);
        }
        (at, pairs.len())
    }

    fn numbers(&mut self, numbers: &[usize]) -> (usize, usize) {
        let at = self.at();
        for number in numbers {
            self.number(*number);
        }
        (at, numbers.len())
    }

    /// Lists under their hashes, a hash as near behind its own place as there is room.
    fn slots(&mut self, lists: &BTreeMap<usize, Vec<usize>>) -> (usize, usize) {
        let count = lists.len() + lists.len() / 2 + 1;
        let mut slots = vec![(0, 0); count];
        for (hash, numbers) in lists {
            let (at, length) = (self.at(), numbers.len());
            self.number(length);
            self.numbers(numbers);
            let places = (0..count).map(|step| (hash + step) % count);
            for place in places {
                if let Some(slot @ (_, 0)) = slots.get_mut(place) {
                    *slot = (*hash, at);
                    break;
                }
            }
        }
        self.table(&slots)
    }

    fn finish(self, header: &[(usize, usize)]) -> Option<String> {
        let mut form = Self(String::with_capacity(self.at()));
        form.0.push_str(MAGIC);
        for (one, other) in header {
            form.number(*one);
            form.number(*other);
        }
        form.0.push_str(&self.0);
        (form.0.len() < MOST).then_some(form.0)
    }
}
