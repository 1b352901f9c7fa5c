//! Where two settings can differ: rules that only one of them has, and the events for which such a rule holds.
//!
//! Rules that both settings begin with, or end with, decide alike. So where two decisions differ, one of the other rules
//! holds, unless a setting beside the rules differs. The events are made of values that stand for what the patterns, bounds
//! and windows of both settings tell apart. A value for which the rule does not hold is left out early, by itself.

use serde_json::{Map, Value, json};
use signalbox_kit::settings::prepare;
use signalbox_lambda::policy_tests::Case;

use super::event::{Decision, Event};
use crate::policy::test::strength::events::Pools;

/// How many tables and executions of the rule itself are tried.
const OWN: usize = 24;
/// How many of all rules are tried beside them.
pub(super) const OTHERS: usize = 40;
/// How many events are tried for one rule.
pub(super) const MOST_EVENTS: usize = 4_000;

/// Settings beside the rules that change what is decided about a statement.
const BESIDE: [&str; 5] = [
    "unparsed",
    "unqualified",
    "unknownTables",
    "knownFunctions",
    "stamp",
];
/// Settings that change what a rule means.
const MEANINGS: [&str; 4] = ["sets", "holidays", "unqualified", "knownFunctions"];
/// Conditions that do not look at the SQL, by what they look at.
const CALLER: [&str; 2] = ["executionArns", "stateMachines"];

/// What events are looked for.
pub(super) struct Focus<'v> {
    /// The rule that has to hold; none for any event.
    rule: Option<&'v Value>,
    /// The settings that it is of.
    settings: &'v Value,
}

/// Events, and whether there are more of the kind than were made.
pub(super) struct Events {
    pub(super) list: Vec<Event>,
    pub(super) is_cut: bool,
}

fn rules(settings: &Value) -> &[Value] {
    let rules = settings.get("rules").and_then(Value::as_array);
    rules.map_or(&[], Vec::as_slice)
}

fn differ(old: &Value, new: &Value, keys: &[&str]) -> bool {
    keys.iter().any(|key| old.get(key) != new.get(key))
}

/// What there is to look at, with at most so many rules, and how many more rules there are.
pub(super) fn focuses<'v>(old: &'v Value, new: &'v Value, most: usize) -> (Vec<Focus<'v>>, usize) {
    let (old_rules, new_rules) = (rules(old), rules(new));
    let (mut before, mut behind) = (0, 0);
    if !differ(old, new, &MEANINGS) {
        let same = |(a, b): &(&Value, &Value)| a == b;
        before = old_rules.iter().zip(new_rules).take_while(same).count();
        let shorter = old_rules.len().min(new_rules.len()) - before;
        let ends = old_rules.iter().rev().zip(new_rules.iter().rev());
        behind = ends.take_while(same).take(shorter).count();
    }
    let mut found: Vec<Focus<'v>> = Vec::new();
    for (settings, rules) in [(new, new_rules), (old, old_rules)] {
        let middle = rules.get(before..rules.len() - behind).unwrap_or_default();
        for rule in middle {
            let is_known = |known: &Focus<'_>| known.rule == Some(rule);
            if differ(old, new, &MEANINGS) || !found.iter().any(is_known) {
                found.push(Focus {
                    rule: Some(rule),
                    settings,
                });
            }
        }
    }
    let left_out = found.len().saturating_sub(most);
    found.truncate(most);
    if differ(old, new, &BESIDE) {
        found.push(Focus {
            rule: None,
            settings: new,
        });
    }
    (found, left_out)
}

impl Focus<'_> {
    /// Events for which the rule holds by itself, at most so many.
    pub(super) fn events(&self, all: &Pools, base: &Case, most: usize) -> Events {
        let cases = std::slice::from_ref(base);
        let own = json!({
            "sets": self.settings.get("sets"),
            "holidays": self.settings.get("holidays"),
            "rules": [self.rule.unwrap_or(&Value::Null)],
        });
        let own = Pools::bounded(&own, cases, OWN, OWN);
        let at = i64::try_from(base.at).unwrap_or_default();
        let plain = Event {
            sql: "select 1".to_owned(),
            execution_arn: None,
            target: None,
            labels: None,
            at,
        };
        let is_sql = |key: &str| {
            !CALLER.contains(&key) && !["targets", "labels", "time", "not", "any"].contains(&key)
        };
        let sqls = self.values(
            joined(own.sqls, &all.sqls),
            &is_sql,
            &plain,
            |event, sql| {
                event.sql.clone_from(sql);
            },
        );
        let arns = self.values(
            joined(own.arns, &all.arns),
            &|key| CALLER.contains(&key),
            &plain,
            |event, arn| event.execution_arn.clone_from(arn),
        );
        let targets = self.values(
            joined(own.targets, &all.targets),
            &|key| key == "targets",
            &plain,
            |event, target| event.target.clone_from(target),
        );
        let mut labels = joined(own.labels, &all.labels);
        let together = labels.iter().flatten().filter_map(Value::as_object);
        let mut every = Map::new();
        for (name, value) in together.flatten() {
            every.entry(name.clone()).or_insert_with(|| value.clone());
        }
        if every.len() > 1 {
            labels.push(Some(Value::Object(every)));
        }
        let labels = self.values(labels, &|key| key == "labels", &plain, |event, labels| {
            event.labels.clone_from(labels);
        });
        let mut times = joined(vec![at], &joined(own.times, &all.times));
        times.retain(|at| *at >= 0);
        let times = self.values(times, &|key| key == "time", &plain, |event, at| {
            event.at = *at;
        });
        let sizes = [
            sqls.len(),
            arns.len(),
            targets.len(),
            labels.len(),
            times.len(),
        ];
        let total = sizes
            .iter()
            .fold(1_usize, |all, size| all.saturating_mul(*size));
        let list = spread(total, most).filter_map(|number| {
            let mut rest = number;
            let mut digit = |size: usize| {
                let digit = rest % size;
                rest /= size;
                digit
            };
            Some(Event {
                sql: sqls.get(digit(sqls.len()))?.clone(),
                execution_arn: arns.get(digit(arns.len()))?.clone(),
                target: targets.get(digit(targets.len()))?.clone(),
                labels: labels.get(digit(labels.len()))?.clone(),
                at: *times.get(digit(times.len()))?,
            })
        });
        Events {
            list: list.collect(),
            is_cut: total > most,
        }
    }

    /// The values for which those conditions of the rule hold that look at nothing else.
    fn values<T>(
        &self,
        mut values: Vec<T>,
        looks_at: &dyn Fn(&str) -> bool,
        plain: &Event,
        set: impl Fn(&mut Event, &T),
    ) -> Vec<T> {
        let Some(probe) = self.probe(looks_at) else {
            return values;
        };
        values.retain(|value| {
            let mut event = plain.clone();
            set(&mut event, value);
            probe.holds_for(&event)
        });
        values
    }

    /// Settings that tell whether some of the conditions hold; none if the rule has none of them.
    fn probe(&self, looks_at: &dyn Fn(&str) -> bool) -> Option<Probe> {
        let rule = self.rule?;
        let when = rule.get("when")?.as_object()?;
        let when: Map<String, Value> = when
            .iter()
            .filter(|(key, _)| looks_at(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if when.is_empty() {
            return None;
        }
        let allows = rule.pointer("/then/allow") == Some(&Value::Bool(true));
        let deny = json!({ "deny": "It does not hold." });
        let rules = match allows {
            true => json!([
                { "name": "probe", "when": when, "then": { "allow": true } },
                { "name": "rest", "then": deny },
            ]),
            false => json!([{ "name": "probe", "when": when, "then": deny }]),
        };
        // What the conditions do not hold for is to run: without these three, settings with rules are not valid.
        let mut settings = Map::from_iter([("rules".to_owned(), rules)]);
        for key in ["unparsed", "unqualified", "unknownTables"] {
            settings.insert(key.to_owned(), json!("allow"));
        }
        for key in MEANINGS {
            let value = self.settings.get(key);
            settings.extend(value.map(|value| (key.to_owned(), value.clone())));
        }
        let text = Value::Object(settings).to_string();
        Some(Probe {
            settings: prepare(&text).unwrap_or(text),
            allows,
        })
    }
}

struct Probe {
    settings: String,
    allows: bool,
}

impl Probe {
    fn holds_for(&self, event: &Event) -> bool {
        Decision::of(&self.settings, event).refused.is_some() != self.allows
    }
}

fn joined<T: PartialEq + Clone>(mut one: Vec<T>, other: &[T]) -> Vec<T> {
    let own = one.len();
    for value in other {
        if !one.iter().take(own).any(|known| known == value) {
            one.push(value.clone());
        }
    }
    one
}

/// At most so many of the numbers below `total`, each once, spread over all of them.
fn spread(total: usize, most: usize) -> impl Iterator<Item = usize> {
    let mut step = if total > most { total / 8 * 5 + 1 } else { 1 };
    while gcd(step, total) > 1 {
        step += 1;
    }
    (0..total.min(most)).scan(0, move |at: &mut usize, _| {
        let now = *at;
        // Neither is larger than `total`, which a sum of two must not overflow.
        *at = now.checked_add(step).map_or(0, |next| next % total);
        Some(now)
    })
}

fn gcd(a: usize, b: usize) -> usize {
    match b {
        0 => a,
        _ => gcd(b, a % b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_and_none_comes_twice() {
        for (total, most) in [
            (0, 5),
            (1, 5),
            (5, 5),
            (12, 5),
            (1_000_003, 4_000),
            (96, 95),
        ] {
            let mut numbers: Vec<usize> = spread(total, most).collect();
            assert_eq!(numbers.len(), total.min(most));
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), total.min(most), "{total} {most}");
            assert!(numbers.iter().all(|number| *number < total));
        }
    }

    #[test]
    fn rules_at_both_ends_that_are_the_same_are_left_out() {
        let rule = |name: &str| json!({ "name": name, "then": { "warn": "w" } });
        let of = |names: &[&str]| json!({ "rules": names.iter().map(|name| rule(name)).collect::<Vec<_>>() });
        let count = |old: &[&str], new: &[&str]| focuses(&of(old), &of(new), 9).0.len();
        assert_eq!(count(&["a", "b", "c"], &["a", "b", "c"]), 0);
        assert_eq!(count(&["a", "b", "c"], &["a", "c"]), 1);
        assert_eq!(count(&["a", "a"], &["a"]), 1);
        assert_eq!(count(&["a", "b", "c"], &["a", "x", "c"]), 2);
        assert_eq!(count(&["a", "b"], &["b", "a"]), 2);
    }
}
