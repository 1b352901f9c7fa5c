//! Settings with one thing changed.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

/// Settings that differ from the tested ones in one thing.
#[derive(Debug, Clone)]
pub(super) struct Mutant {
    /// What it was made of.
    pub(super) change: Change,
    /// Where, for people: `rule "no drops": when.kinds`.
    pub(super) place: String,
    /// What was done there.
    pub(super) what: String,
    /// The rule that was changed: its list and number.
    pub(super) rule: Option<(&'static str, usize)>,
    /// The settings.
    pub(super) settings: String,
}

/// What was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// A whole rule, or callback rule, was taken out.
    NoRule,
    /// A branch was taken out: one of several alternatives of a rule, or a default was turned round.
    NoBranch,
    /// Anything else.
    Altered,
}

/// The lists of rules.
pub(super) const LISTS: [&str; 2] = ["rules", "callbacks"];
/// Keys of conditions whose texts have wildcards.
const GLOBS: [&str; 17] = [
    "kinds",
    "tables",
    "schemas",
    "functions",
    "targets",
    "executionArns",
    "stateMachines",
    "locations",
    "iamRoles",
    "options",
    "creates",
    "drops",
    "grants",
    "labels",
    "codes",
    "texts",
    "steps",
];
/// Words for people, of which no decision depends.
const WORDS: [&str; 3] = ["name", "help", "cause"];

/// All mutants of settings, each once.
pub(super) fn all(settings: &Value) -> Vec<Mutant> {
    let mut maker = Maker {
        settings,
        known: HashSet::from([settings.to_string()]),
        mutants: Vec::new(),
    };
    for list in LISTS {
        let rules = settings.get(list).and_then(Value::as_array);
        for (number, rule) in rules.into_iter().flatten().enumerate() {
            maker.rule(list, number, rule);
        }
    }
    maker.defaults();
    maker.sets();
    maker.mutants
}

/// A rule's place, for people.
pub(super) fn name_of(list: &str, rule: &Value, number: usize) -> String {
    let kind = if list == "callbacks" {
        "callback"
    } else {
        "rule"
    };
    match rule.get("name").and_then(Value::as_str) {
        Some(name) => format!("{kind} {name:?}"),
        None => format!("{kind} {}", number + 1),
    }
}

struct Maker<'s> {
    settings: &'s Value,
    known: HashSet<String>,
    mutants: Vec<Mutant>,
}

/// Where a value stands: the pointer, and the words for people.
struct Place<'p> {
    pointer: &'p str,
    shown: &'p str,
    rule: Option<(&'static str, usize)>,
}

impl Maker<'_> {
    fn add(
        &mut self,
        change: Change,
        place: &str,
        what: impl Into<String>,
        rule: Option<(&'static str, usize)>,
        alter: impl FnOnce(&mut Value),
    ) {
        let mut settings = self.settings.clone();
        alter(&mut settings);
        let settings = settings.to_string();
        if self.known.insert(settings.clone()) {
            self.mutants.push(Mutant {
                change,
                place: place.to_owned(),
                what: what.into(),
                rule,
                settings,
            });
        }
    }

    fn rule(&mut self, list: &'static str, number: usize, rule: &Value) {
        let name = name_of(list, rule, number);
        let at = Some((list, number));
        let items = format!("/{list}");
        self.add(Change::NoRule, &name, "taken out", at, |settings| {
            remove_item(settings, &items, number);
        });
        let next = number + 1;
        let count = self
            .settings
            .get(list)
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        if next < count {
            self.add(
                Change::Altered,
                &name,
                "after the next one",
                at,
                |settings| {
                    if let Some(rules) = settings.pointer_mut(&items).and_then(Value::as_array_mut)
                    {
                        rules.swap(number, next);
                    }
                },
            );
        }
        let pointer = format!("/{list}/{number}");
        if let Some(when) = rule.get("when") {
            let place = Place {
                pointer: &format!("{pointer}/when"),
                shown: &format!("{name}: when"),
                rule: at,
            };
            self.when(&place, when);
        }
        if let Some(then) = rule.get("then").and_then(Value::as_object) {
            let place = Place {
                pointer: &format!("{pointer}/then"),
                shown: &format!("{name}: then"),
                rule: at,
            };
            self.then(&place, then);
        }
    }

    /// Conditions, and those within `not` and `any`.
    fn when(&mut self, place: &Place<'_>, when: &Value) {
        let Some(members) = when.as_object() else {
            return;
        };
        for (key, value) in members {
            let Place {
                pointer,
                shown,
                rule,
            } = place;
            let inner = Place {
                pointer: &format!("{pointer}/{key}"),
                shown: &format!("{shown}.{key}"),
                rule: *rule,
            };
            self.add(
                Change::Altered,
                inner.shown,
                "taken out",
                *rule,
                |settings| {
                    remove_member(settings, pointer, key);
                },
            );
            match (key.as_str(), value) {
                ("not", value) => self.when(&inner, value),
                ("any", Value::Array(items)) => self.each(&inner, items, Self::when),
                ("time", Value::Array(items)) => self.each(&inner, items, Self::window),
                ("time", value) => self.window(&inner, value),
                ("labels", Value::Object(labels)) => {
                    for (label, pattern) in labels {
                        let inner = Place {
                            pointer: &format!("{}/{label}", inner.pointer),
                            shown: &format!("{}.{label}", inner.shown),
                            rule: *rule,
                        };
                        self.value("labels", &inner, pattern);
                    }
                }
                (key, value) => self.value(key, &inner, value),
            }
        }
    }

    /// The alternatives of a list, each of which can be taken out.
    fn each(
        &mut self,
        place: &Place<'_>,
        items: &[Value],
        inside: fn(&mut Self, &Place<'_>, &Value),
    ) {
        for (number, item) in items.iter().enumerate() {
            let inner = Place {
                pointer: &format!("{}/{number}", place.pointer),
                shown: &format!("{}[{number}]", place.shown),
                rule: place.rule,
            };
            if items.len() > 1 {
                self.add(
                    Change::NoBranch,
                    inner.shown,
                    "taken out",
                    place.rule,
                    |settings| {
                        remove_item(settings, place.pointer, number);
                    },
                );
            }
            inside(self, &inner, item);
        }
    }

    fn window(&mut self, place: &Place<'_>, window: &Value) {
        for (key, value) in window.as_object().into_iter().flatten() {
            let inner = Place {
                pointer: &format!("{}/{key}", place.pointer),
                shown: &format!("{}.{key}", place.shown),
                rule: place.rule,
            };
            // Hours go together.
            if !matches!(key.as_str(), "zone" | "from" | "to") {
                self.add(
                    Change::Altered,
                    inner.shown,
                    "taken out",
                    place.rule,
                    |settings| {
                        remove_member(settings, place.pointer, key);
                    },
                );
            }
            self.value(key, &inner, value);
        }
    }

    /// A value that is no table: alternatives, bounds, words.
    fn value(&mut self, key: &str, place: &Place<'_>, value: &Value) {
        match value {
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    let shown = match item.as_str() {
                        Some(text) => format!("{} {text:?}", place.shown),
                        None => format!("{}[{number}]", place.shown),
                    };
                    let inner = Place {
                        pointer: &format!("{}/{number}", place.pointer),
                        shown: &shown,
                        rule: place.rule,
                    };
                    if items.len() > 1 {
                        self.add(
                            Change::NoBranch,
                            inner.shown,
                            "taken out",
                            place.rule,
                            |settings| {
                                remove_item(settings, place.pointer, number);
                            },
                        );
                    }
                    self.value(key, &inner, item);
                }
            }
            Value::Object(range) => {
                for (end, value) in range {
                    let inner = Place {
                        pointer: &format!("{}/{end}", place.pointer),
                        shown: &format!("{}.{end}", place.shown),
                        rule: place.rule,
                    };
                    self.value(end, &inner, value);
                }
            }
            scalar => {
                for new in altered(key, scalar) {
                    let what = format!("{scalar} → {new}");
                    self.add(Change::Altered, place.shown, what, place.rule, |settings| {
                        if let Some(there) = settings.pointer_mut(place.pointer) {
                            *there = new;
                        }
                    });
                }
            }
        }
    }

    fn then(&mut self, place: &Place<'_>, then: &Map<String, Value>) {
        let effects = then.keys().filter(|key| !WORDS.contains(&key.as_str()));
        let several = effects.count() > 1;
        for (key, value) in then {
            if WORDS.contains(&key.as_str()) {
                continue;
            }
            let inner = Place {
                pointer: &format!("{}/{key}", place.pointer),
                shown: &format!("{}.{key}", place.shown),
                rule: place.rule,
            };
            if several {
                self.add(
                    Change::Altered,
                    inner.shown,
                    "taken out",
                    place.rule,
                    |settings| {
                        remove_member(settings, place.pointer, key);
                    },
                );
            }
            let other = |pairs: Value| {
                move |settings: &mut Value, pointer: &str| {
                    if let Some(there) = settings.pointer_mut(pointer) {
                        *there = pairs;
                    }
                }
            };
            match (key.as_str(), value) {
                ("deny", reason) => {
                    let warn = other(json!({ "warn": reason }));
                    self.add(
                        Change::Altered,
                        inner.shown,
                        "only warns",
                        place.rule,
                        |settings| {
                            warn(settings, place.pointer);
                        },
                    );
                }
                ("allow", _) => {
                    let deny = other(json!({ "deny": "It is a mutant." }));
                    self.add(
                        Change::Altered,
                        inner.shown,
                        "denies",
                        place.rule,
                        |settings| {
                            deny(settings, place.pointer);
                        },
                    );
                }
                ("succeed", Value::Bool(true)) => {
                    let fail = other(json!({ "error": "Mutant" }));
                    self.add(
                        Change::Altered,
                        inner.shown,
                        "fails",
                        place.rule,
                        |settings| {
                            fail(settings, place.pointer);
                        },
                    );
                }
                ("error", _) => {
                    self.add(
                        Change::Altered,
                        inner.shown,
                        "another name",
                        place.rule,
                        |settings| {
                            if let Some(there) = settings.pointer_mut(inner.pointer) {
                                *there = json!("Mutant");
                            }
                        },
                    );
                }
                ("singleton" | "session", Value::Object(_)) | ("deadlineSeconds", _) => {
                    self.value(key, &inner, value);
                }
                _ => {}
            }
        }
    }

    /// What holds where no rule ends.
    fn defaults(&mut self) {
        for (key, value) in self.settings.as_object().into_iter().flatten() {
            match (key.as_str(), value) {
                ("unparsed" | "unqualified" | "unknownTables", value) => {
                    let new = if value == "deny" { "allow" } else { "deny" };
                    let what = format!("{value} → {new:?}");
                    self.add(Change::NoBranch, key, what, None, |settings| {
                        if let Some(there) = settings.get_mut(key) {
                            *there = json!(new);
                        }
                    });
                }
                ("abortedError", _) => {
                    self.add(Change::NoBranch, key, "taken out", None, |settings| {
                        remove_member(settings, "", key);
                    });
                }
                ("onStop", Value::Object(members)) => {
                    for (reason, value) in members {
                        let new = if value == "leave" { "cancel" } else { "leave" };
                        let shown = format!("onStop.{reason}");
                        self.add(
                            Change::NoBranch,
                            &shown,
                            format!("{value} → {new:?}"),
                            None,
                            |settings| {
                                if let Some(there) =
                                    settings.pointer_mut(&format!("/onStop/{reason}"))
                                {
                                    *there = json!(new);
                                }
                            },
                        );
                    }
                }
                _ => {}
            }
        }
    }

    /// Names that rules refer to.
    fn sets(&mut self) {
        for (name, items) in self
            .settings
            .get("sets")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let place = Place {
                pointer: &format!("/sets/{name}"),
                shown: &format!("sets.{name}"),
                rule: None,
            };
            self.value("tables", &place, items);
        }
        for key in ["knownFunctions", "holidays"] {
            if let Some(items) = self.settings.get(key).and_then(Value::as_array) {
                let place = Place {
                    pointer: &format!("/{key}"),
                    shown: key,
                    rule: None,
                };
                self.each(&place, items, |maker, place, item| {
                    maker.value(
                        if place.shown.starts_with("holidays") {
                            "dates"
                        } else {
                            "functions"
                        },
                        place,
                        item,
                    );
                });
            }
        }
    }
}

fn remove_item(settings: &mut Value, pointer: &str, number: usize) {
    if let Some(items) = settings.pointer_mut(pointer).and_then(Value::as_array_mut)
        && number < items.len()
    {
        items.remove(number);
    }
}

fn remove_member(settings: &mut Value, pointer: &str, key: &str) {
    if let Some(members) = settings.pointer_mut(pointer).and_then(Value::as_object_mut) {
        members.shift_remove(key);
    }
}

/// Other values in the place of one.
fn altered(key: &str, value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(truth) => vec![json!(!truth)],
        Value::Number(number) => {
            let number = number.as_i64().unwrap_or_default();
            // There is no day 0 of a month.
            let step = |by: i64| match number + by {
                0 => number + 2 * by,
                other => other,
            };
            vec![json!(step(1)), json!(step(-1))]
        }
        Value::String(text) => altered_text(key, text)
            .into_iter()
            .map(Value::from)
            .collect(),
        _ => Vec::new(),
    }
}

fn altered_text(key: &str, text: &str) -> Vec<String> {
    match key {
        "access" => vec![if text == "read" { "write" } else { "read" }.to_owned()],
        "zone" => vec![if text == "UTC" { "Asia/Tokyo" } else { "UTC" }.to_owned()],
        "from" | "to" if text.contains(':') => {
            let minutes = |text: &str| {
                let (hours, minutes) = text.split_once(':')?;
                Some(hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?)
            };
            let of = |by: i32| {
                let moved = (minutes(text)? + by).rem_euclid(24 * 60);
                Some(format!("{:02}:{:02}", moved / 60, moved % 60))
            };
            [of(1), of(-1)].into_iter().flatten().collect()
        }
        // One set in place of another is no slip of a letter.
        key if GLOBS.contains(&key) && !text.starts_with('@') => {
            let mut wider = Vec::new();
            match text.strip_suffix('*') {
                // All of it begins so.
                Some("") => {}
                Some(stem) => {
                    wider.push("*".to_owned());
                    // And one letter more has to be there.
                    wider.push(format!("{stem}_*"));
                }
                None => wider.push(format!("{text}*")),
            }
            wider
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_changed_once() {
        let settings = json!({
            "sets": { "books": ["a.*", "b"] },
            "unparsed": "deny",
            "rules": [
                {
                    "name": "x",
                    "when": { "tables": "@books", "access": "write", "not": { "kinds": ["select", "drop-*"] },
                        "time": { "zone": "UTC", "daysOfMonth": [-1], "from": "00:00", "to": "06:30" } },
                    "then": { "deny": "No.", "help": "there" },
                },
                { "name": "y", "when": { "any": [{ "longerThan": 9 }, { "selectStar": true }] },
                    "then": { "target": "t", "deadlineSeconds": 5 } },
            ],
            "callbacks": [{ "name": "z", "when": { "codes": "1023" }, "then": { "error": "E" } }],
        });
        let mutants = all(&settings);
        let lines: Vec<_> = mutants
            .iter()
            .map(|mutant| format!("{:?} {}: {}", mutant.change, mutant.place, mutant.what))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
        let mut texts: Vec<_> = mutants.iter().map(|mutant| &mutant.settings).collect();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), mutants.len());
    }
}
