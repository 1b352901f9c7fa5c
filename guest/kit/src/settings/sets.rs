//! Named sets of names, which lists of rules refer to as `@name`.

use crate::section::{Findings, Section};
use crate::text::{nearest, quoted};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// The most names that a set may have, those of the sets in it included.
const MAX_NAMES: usize = 1_000;
/// The most sets.
const MAX_SETS: usize = 100;

/// The sets of the settings.
#[derive(Debug, Default)]
pub(super) struct Sets<'v> {
    names: BTreeMap<&'v str, Vec<&'v str>>,
    used: RefCell<BTreeSet<&'v str>>,
}

/// An item of a list.
enum Item<'v> {
    /// A reference to a set: `@name`.
    Set(&'v str),
    /// A name, in which `@@` at the beginning stands for `@`.
    Name(&'v str),
}

impl<'v> Item<'v> {
    fn of(text: &'v str) -> Self {
        match text.strip_prefix('@') {
            Some(rest) if rest.starts_with('@') => Self::Name(rest),
            Some(set) => Self::Set(set),
            None => Self::Name(text),
        }
    }
}

impl<'v> Sets<'v> {
    pub(super) fn read(top: &Section<'v>, findings: &mut Findings) -> Self {
        let mut sets = Self::default();
        let Some(section) = top.map("sets", findings) else {
            return sets;
        };
        let mut items: BTreeMap<&'v str, Vec<(String, &'v str)>> = BTreeMap::new();
        for name in section.names() {
            if !is_name(name) {
                findings.add(
                    &section.at(name),
                    format!("{} is no name of a set.", quoted(name)),
                    "Use 1 to 64 letters, digits, `-` and `_`.",
                );
            }
            items.insert(name, section.texts(name, findings));
        }
        if items.len() > MAX_SETS {
            let message = format!("There are {} sets.", items.len());
            findings.add(
                &section.path,
                message,
                format!("At most {MAX_SETS} are allowed."),
            );
            return sets;
        }
        for name in items.keys().copied() {
            let mut found = Vec::new();
            let mut seen = BTreeSet::from([name]);
            gather(name, name, &items, &mut seen, &mut found, findings);
            found.sort_unstable();
            found.dedup();
            if found.len() > MAX_NAMES {
                let message = format!("This set has {} names.", found.len());
                findings.add(
                    &section.at(name),
                    message,
                    format!("At most {MAX_NAMES} are allowed: use wildcards."),
                );
                found.clear();
            }
            sets.names.insert(name, found);
        }
        sets
    }

    /// The texts of a list, in which the names of a set take the place of a reference to it.
    pub(super) fn texts(
        &self,
        section: &Section<'v>,
        key: &str,
        findings: &mut Findings,
    ) -> Vec<(String, &'v str)> {
        let texts = section.texts(key, findings);
        if !texts.iter().any(|(_, text)| text.starts_with('@')) {
            return texts;
        }
        let mut found = Vec::new();
        for (path, text) in texts {
            match Item::of(text) {
                Item::Name(name) => found.push((path, name)),
                Item::Set(set) => match self.names.get_key_value(set) {
                    Some((set, names)) => {
                        self.used.borrow_mut().insert(set);
                        found.extend(names.iter().map(|name| (path.clone(), *name)));
                    }
                    None => unknown(&path, set, self.names.keys().copied(), findings),
                },
            }
        }
        found
    }

    /// The sets that no rule refers to, directly or through another set.
    pub(super) fn unused(&self, settings: &'v Value) -> Vec<&'v str> {
        let mut used = self.used.borrow().clone();
        let mut work: Vec<&str> = used.iter().copied().collect();
        while let Some(name) = work.pop() {
            let items = settings.get("sets").and_then(|sets| sets.get(name));
            let items: Vec<&Value> = match items {
                Some(Value::Array(items)) => items.iter().collect(),
                item => item.into_iter().collect(),
            };
            for item in items.into_iter().filter_map(Value::as_str) {
                if let Item::Set(set) = Item::of(item)
                    && let Some((set, _)) = self.names.get_key_value(set)
                    && used.insert(set)
                {
                    work.push(set);
                }
            }
        }
        self.names
            .keys()
            .filter(|name| !used.contains(*name))
            .copied()
            .collect()
    }
}

/// Gathers the names of a set and of those in it. The recursion is at most as deep as there are sets.
fn gather<'v>(
    whole: &'v str,
    name: &'v str,
    items: &BTreeMap<&'v str, Vec<(String, &'v str)>>,
    seen: &mut BTreeSet<&'v str>,
    found: &mut Vec<&'v str>,
    findings: &mut Findings,
) {
    for (path, item) in items.get(name).into_iter().flatten() {
        let set = match Item::of(item) {
            Item::Name(name) => {
                found.push(name);
                continue;
            }
            Item::Set(set) => set,
        };
        if set == whole {
            findings.add(
                path,
                format!("The set `{whole}` is in itself."),
                "Remove one of the references that lead in a circle.",
            );
        } else if items.contains_key(set) {
            if seen.insert(set) {
                gather(whole, set, items, seen, found, findings);
            }
        } else if name == whole {
            unknown(path, set, items.keys().copied(), findings);
        }
    }
}

fn unknown<'k>(
    path: &str,
    set: &str,
    known: impl Iterator<Item = &'k str>,
    findings: &mut Findings,
) {
    let help = match nearest(set, known) {
        Some(meant) => format!("Did you mean `@{meant}`?"),
        None => "Add it to `sets`. A name that begins with `@` is written with `@@`.".to_owned(),
    };
    let set = quoted(&format!("@{set}"));
    findings.add(path, format!("There is no set {set}."), help);
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}
