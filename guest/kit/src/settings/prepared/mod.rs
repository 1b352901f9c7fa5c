//! Settings in the form that is read for each event: a text in which a statement's rules are found without reading the others.
//!
//! The host keeps it beside the settings from their approval on (`signalbox:policy/preparation`). It holds the rules as they
//! were written, a place for each, and an index from what a rule looks for to its number. A rule that the index leaves out is
//! sure not to hold; of each other one its conditions decide, as without the index.

mod index;
mod write;

use super::read::Refused;
use super::read_rules::read_rule;
use super::read_when::Names;
use super::sets::Sets;
use super::{Rule, Settings, keys, read};
use crate::section::{Findings, Section};
use index::Words;
use serde_json::Value;
use std::fmt;
use std::rc::Rc;

pub(crate) use index::{Lookup, Place};
pub use write::prepare;

/// What the form begins with. No JSON does.
const MAGIC: &str = "\u{1}rules1\n";
/// The bytes of a number, seven bits in each, the lowest first, so that the whole stays a text.
const NUMBER: usize = 4;

/// Rules in the form that is read for each event.
#[derive(Clone, PartialEq)]
pub struct Prepared {
    text: Rc<String>,
    layout: Layout,
    /// `holidays` of the settings, which rules refer to.
    holidays: Option<Value>,
    /// Whether one of the rules looks at what the SQL is.
    pub(super) looks_at_sql: bool,
    /// Whether one of them looks at what it does beyond its kind and its names.
    pub(super) looks_at_structure: bool,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("rules", &self.layout.rules.count)
            .finish_non_exhaustive()
    }
}

/// Where the parts begin, in bytes.
#[derive(Debug, Clone, PartialEq)]
struct Layout {
    /// Place and length of each rule.
    rules: Table,
    /// Numbers of the rules that the index does not know.
    others: Table,
    /// Hashes and places of lists, with zeros between them.
    slots: Table,
    /// The longest beginning that the index knows.
    longest: usize,
    /// Place and length of the sets.
    sets: (usize, usize),
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Table {
    at: usize,
    count: usize,
}

/// Read settings that were approved, in either form.
///
/// # Errors
/// Everything that is wrong with them.
pub fn read_approved(text: String) -> Result<Settings, Refused> {
    if !text.starts_with(MAGIC) {
        return read::read_without_warnings(&text);
    }
    Prepared::open(text).ok_or_else(|| (Vec::new(), None))
}

impl Prepared {
    fn open(text: String) -> Option<Settings> {
        let mut at = MAGIC.len();
        let mut next = || {
            let number = number(&text, at);
            at += NUMBER;
            number
        };
        let mut pair = || Some((next()?, next()?));
        let table = |(at, count)| Table { at, count };
        let layout = Layout {
            rules: table(pair()?),
            others: table(pair()?),
            slots: table(pair()?),
            sets: pair()?,
            longest: 0,
        };
        let ((longest, looks), common) = (pair()?, pair()?);
        let common: Value = serde_json::from_str(slice(&text, common)?).ok()?;
        let mut settings = read::settings_of(&common).ok()?;
        settings.prepared = Some(Self {
            text: Rc::new(text),
            layout: Layout { longest, ..layout },
            holidays: common.get("holidays").cloned(),
            looks_at_sql: looks & 1 != 0,
            looks_at_structure: looks & 2 != 0,
        });
        Some(settings)
    }

    /// The rules that may hold for what is looked up, in their order, each with its number. None if the text is damaged.
    pub(crate) fn rules_for(&self, lookups: &[Lookup<'_>]) -> Option<Vec<(usize, Rule)>> {
        let mut numbers = self.list(self.layout.others)?;
        for lookup in lookups {
            for hash in Words::new(lookup, self.layout.longest) {
                if let Some(list) = self.find(hash) {
                    numbers.extend(self.list(list)?);
                }
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        self.read(&numbers)
    }

    /// Every rule, in order, each with its number. None if the text is damaged.
    #[must_use]
    pub fn all(&self) -> Option<Vec<(usize, Rule)>> {
        self.read(&(0..self.layout.rules.count).collect::<Vec<_>>())
    }

    fn read(&self, numbers: &[usize]) -> Option<Vec<(usize, Rule)>> {
        let mut values = Vec::with_capacity(numbers.len());
        let mut refers = false;
        for number in numbers {
            let entry = self.layout.rules.at + number * 2 * NUMBER;
            let place = (self.number(entry)?, self.number(entry + NUMBER)?);
            let text = slice(&self.text, place)?;
            refers |= text.contains("\"@");
            values.push((*number, serde_json::from_str::<Value>(text).ok()?));
        }
        let sets: Value = match refers {
            true => serde_json::from_str(slice(&self.text, self.layout.sets)?).ok()?,
            false => Value::Object(serde_json::Map::new()),
        };
        let holidays = self
            .holidays
            .as_ref()
            .map(|holidays| serde_json::json!({ "holidays": holidays }));
        let mut findings = Findings::default();
        let top = Section::open(String::new(), &sets, keys::TOP, &mut findings)?;
        let sets = Sets::read(&top, &mut findings);
        let holidays = holidays.as_ref().and_then(|value| {
            let top = Section::open(String::new(), value, keys::TOP, &mut findings)?;
            super::read_time::read_holidays(&top, &mut findings)
        });
        let names = Names::new(&sets, holidays);
        values
            .iter()
            .map(|(number, value)| {
                let rule = read_rule(String::new(), value, &names, &mut findings)?;
                Some((*number, rule))
            })
            .collect()
    }

    /// Where the list of a hash is.
    fn find(&self, hash: usize) -> Option<Table> {
        let Table { at, count } = self.layout.slots;
        let mut slot = hash.checked_rem(count)?;
        for _ in 0..count {
            let entry = at + slot * 2 * NUMBER;
            let list = self.number(entry + NUMBER)?;
            if list == 0 {
                return None;
            }
            if self.number(entry)? == hash {
                return Some(Table {
                    at: list + NUMBER,
                    count: self.number(list)?,
                });
            }
            slot = (slot + 1) % count;
        }
        None
    }

    fn list(&self, list: Table) -> Option<Vec<usize>> {
        (0..list.count)
            .map(|position| self.number(list.at + position * NUMBER))
            .collect()
    }

    fn number(&self, at: usize) -> Option<usize> {
        number(&self.text, at)
    }
}

fn number(text: &str, at: usize) -> Option<usize> {
    let digits = text.as_bytes().get(at..at + NUMBER)?;
    let value = digits
        .iter()
        .rev()
        .fold(0, |value, digit| (value << 7) | usize::from(*digit));
    Some(value)
}

fn slice(text: &str, (at, length): (usize, usize)) -> Option<&str> {
    text.get(at..at.checked_add(length)?)
}
