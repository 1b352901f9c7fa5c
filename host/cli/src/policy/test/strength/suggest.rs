//! Payloads that tell living mutants from the settings, and the smallest tests made of them.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Map, Value, json};
use signalbox_lambda::policy_tests::{Case, NONE, Subject};
use signalbox_tasker::dry_run::DryRun;

use super::{
    LISTS, Strength, Tried, case_of,
    events::{About, Pools, document},
    in_parallel, name_of,
};
use crate::policy::test::{Workbench, bless::observed};

/// How many payloads are tried on one mutant.
const TRIES: usize = 2_000;
/// How many cases are varied.
const SEEDS: usize = 6;

/// A test that would notice mutants.
pub(in crate::policy::test) struct Suggestion {
    /// The case, with what is expected of it.
    pub(in crate::policy::test) case: Value,
    /// What it notices: `place: what`.
    pub(in crate::policy::test) kills: Vec<String>,
}

/// What was found of the mutants that live.
pub(in crate::policy::test) struct Suggested {
    /// The mutants that live though there is a payload that tells them from the settings.
    pub(in crate::policy::test) alive: Vec<String>,
    /// The tests.
    pub(in crate::policy::test) tests: Vec<Suggestion>,
    /// The mutants that no payload tells from the settings, as far as was tried.
    pub(in crate::policy::test) same: Vec<String>,
}

/// Looks for payloads that tell the living mutants from the settings.
pub(in crate::policy::test) async fn suggest(
    bench: &Workbench,
    strength: &Strength,
) -> Result<Suggested, String> {
    let settings: Value = serde_json::from_str(&strength.subject.settings).unwrap_or_default();
    let alive: Vec<&Tried> = strength.alive().collect();
    let known: Arc<Known> = Arc::default();
    let jobs: Vec<_> = alive
        .iter()
        .map(|tried| {
            let cases = seeds(strength, tried);
            Search {
                about: about(tried),
                under: Arc::clone(&tried.under),
                base: Arc::clone(&strength.subject),
                pools: Pools::of(&about_rule(&settings, tried), &cases),
                seeds: cases.iter().map(document).collect(),
                known: Arc::clone(&known),
            }
        })
        .collect();
    let found = in_parallel(jobs, |search| async move { search.run().await }).await?;
    let mut same = Vec::new();
    let mut open = Vec::new();
    for (tried, found) in alive.into_iter().zip(found) {
        match found {
            Some(case) => open.push((tried, case)),
            None => same.push(shown(tried)),
        }
    }
    let alive = open.iter().map(|(tried, _)| shown(tried)).collect();
    let tests = cover(bench, strength, open).await;
    Ok(Suggested { alive, tests, same })
}

fn shown(tried: &Tried) -> String {
    format!("{}: {}", tried.mutant.place, tried.mutant.what)
}

fn about(tried: &Tried) -> About {
    let place = &tried.mutant.place;
    let is_time = ["time", "holidays"].iter().any(|word| place.contains(word));
    match tried.mutant.rule {
        _ if place.starts_with("onStop") || place.starts_with("abortedError") => About::Outcome,
        Some(("callbacks", _)) => About::Outcome,
        _ if is_time => About::Time,
        _ => About::Payload,
    }
}

/// What comes of payloads under the settings as they are.
type Known = Mutex<HashMap<String, Value>>;

/// What of the settings a mutant is about: its rule, and what rules refer to.
fn about_rule(settings: &Value, tried: &Tried) -> Value {
    let Some((list, number)) = tried.mutant.rule else {
        return settings.clone();
    };
    let mut part = settings.clone();
    if let Some(members) = part.as_object_mut() {
        let rule = settings.get(list).and_then(|rules| rules.get(number));
        for other in LISTS {
            members.shift_remove(other);
        }
        members.insert(list.to_owned(), json!([rule]));
    }
    part
}

/// The cases to begin with: those in which the rule has a part first.
fn seeds(strength: &Strength, tried: &Tried) -> Vec<Case> {
    let mut order: Vec<usize> = tried.changed.iter().copied().collect();
    let settings: Value = serde_json::from_str(&strength.subject.settings).unwrap_or_default();
    if let Some((list, number)) = tried.mutant.rule {
        let rule = settings.get(list).and_then(|rules| rules.get(number));
        let name = name_of(list, rule.unwrap_or(&Value::Null), number);
        for rule in strength.rules.iter().filter(|rule| rule.name == name) {
            order.extend(rule.decided.iter().chain(&rule.matched));
        }
    }
    order.extend(0..strength.tests.len());
    let mut seen = HashSet::new();
    order.retain(|number| seen.insert(*number));
    let tests = order
        .into_iter()
        .filter_map(|number| strength.tests.get(number));
    tests.take(SEEDS).map(|test| test.case.clone()).collect()
}

struct Search {
    about: About,
    under: Arc<Subject>,
    base: Arc<Subject>,
    pools: Pools,
    seeds: Vec<Value>,
    known: Arc<Known>,
}

impl Search {
    /// The first payload with another outcome.
    async fn run(self) -> Option<Value> {
        let around = |seed: &Value| self.pools.around(seed, self.about);
        let mut queue: Vec<Value> = Vec::new();
        match self.about {
            About::Outcome => {
                queue.extend(around(
                    &json!({ "payload": { "sqlStatement": "select 1" } }),
                ));
            }
            // The simplest first; then what a case has, with one thing changed.
            About::Payload => queue.extend(self.pools.first()),
            About::Time => {}
        }
        let varied: Vec<_> = self.seeds.iter().map(around).collect();
        // In turns, so that a long list does not hide the others.
        let longest = varied.iter().map(Vec::len).max().unwrap_or(0);
        let turns = (0..longest).flat_map(|at| varied.iter().filter_map(move |list| list.get(at)));
        let first = queue.len().min(TRIES / 2);
        queue.truncate(first);
        queue.extend(turns.cloned());
        let mut seen = HashSet::new();
        queue.retain(|document| seen.insert(document.to_string()));
        for document in queue.into_iter().take(TRIES) {
            let Some(case) = case_of(&document) else {
                continue;
            };
            let other = self.under.run(&case).await.outcome();
            if self.base_of(&document, &case).await != other {
                return Some(document);
            }
        }
        None
    }

    /// What comes of a case under the settings as they are.
    async fn base_of(&self, document: &Value, case: &Case) -> Value {
        let key = document.to_string();
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&key) {
            return known.clone();
        }
        let outcome = self.base.run(case).await.outcome();
        lock().insert(key, outcome.clone());
        outcome
    }
}

/// The fewest of these cases that notice all mutants, the one that notices most first.
async fn cover(
    bench: &Workbench,
    strength: &Strength,
    open: Vec<(&Tried, Value)>,
) -> Vec<Suggestion> {
    let mut cases: Vec<Value> = Vec::new();
    for (_, case) in &open {
        if !cases.contains(case) {
            cases.push(case.clone());
        }
    }
    let mut kills: Vec<(Value, Vec<usize>)> = Vec::new();
    for document in cases {
        let Some(case) = case_of(&document) else {
            continue;
        };
        let base = strength.subject.run(&case).await;
        let mut others = Vec::new();
        let mut told_apart = Vec::new();
        for (number, (tried, _)) in open.iter().enumerate() {
            let other = tried.under.run(&case).await;
            if other.outcome() != base.outcome() {
                told_apart.push(number);
                others.push(other);
            }
        }
        let mut document = document;
        if let Some(members) = document.as_object_mut() {
            let expect = expectation(&base, &others);
            members.insert("expect".to_owned(), Value::Object(expect));
        }
        // What counts is that the test fails.
        let mut killed = Vec::new();
        if let Some(case) = case_of(&document) {
            for number in told_apart {
                if let Some((tried, _)) = open.get(number)
                    && !tried
                        .under
                        .test(&bench.engine, &case)
                        .await
                        .differences
                        .is_empty()
                {
                    killed.push(number);
                }
            }
        }
        kills.push((document, killed));
    }
    let mut left: Vec<usize> = (0..open.len()).collect();
    let mut chosen = Vec::new();
    loop {
        let count = |killed: &[usize]| killed.iter().filter(|one| left.contains(one)).count();
        let best = kills.iter().max_by_key(|(case, killed)| {
            (count(killed), std::cmp::Reverse(case.to_string().len()))
        });
        let Some((case, killed)) = best.filter(|(_, killed)| count(killed) > 0) else {
            break;
        };
        let noticed: Vec<usize> = killed
            .iter()
            .copied()
            .filter(|one| left.contains(one))
            .collect();
        left.retain(|one| !noticed.contains(one));
        let names = noticed
            .iter()
            .filter_map(|one| open.get(*one))
            .map(|(tried, _)| shown(tried));
        chosen.push(Suggestion {
            case: case.clone(),
            kills: names.collect(),
        });
    }
    chosen
}

/// What is expected of a case: what came, as far as it is another under a mutant.
fn expectation(base: &DryRun, others: &[DryRun]) -> Map<String, Value> {
    let all = |run: &DryRun| {
        let mut all = observed(run);
        all.entry("warnings").or_insert_with(|| json!([]));
        Value::Object(all)
    };
    let came = all(base);
    let others: Vec<_> = others.iter().map(all).collect();
    let mut expect = Map::new();
    for (key, value) in came.as_object().into_iter().flatten() {
        let theirs: Vec<_> = others.iter().filter_map(|other| other.get(key)).collect();
        if theirs.len() < others.len() {
            expect.insert(key.clone(), value.clone());
        } else if theirs.iter().any(|other| *other != value) {
            expect.insert(key.clone(), different(value, &theirs));
        }
    }
    // Without the error's name nothing else is looked at.
    if let Some(error) = came.get("error") {
        expect.insert("error".to_owned(), error.clone());
        // Of a refusal the words are enough.
        if expect.contains_key("message") {
            expect.shift_remove("calls");
            expect.shift_remove("warnings");
        }
    }
    if expect.is_empty()
        && let Value::Object(members) = came
    {
        return members;
    }
    expect
}

/// The parts of a value that are others in at least one of these.
fn different(value: &Value, others: &[&Value]) -> Value {
    match value {
        Value::Object(members) => {
            let mut kept: Map<String, Value> = members
                .iter()
                .filter_map(|(key, value)| {
                    let theirs: Vec<_> = others.iter().filter_map(|other| other.get(key)).collect();
                    if theirs.len() < others.len() {
                        return Some((key.clone(), value.clone()));
                    }
                    let is_other = theirs.iter().any(|other| *other != value);
                    // Which call it is has to be said.
                    (is_other || key == "call").then(|| (key.clone(), different(value, &theirs)))
                })
                .collect();
            // What they have and this one has not.
            for other in others.iter().filter_map(|other| other.as_object()) {
                for key in other.keys().filter(|key| !members.contains_key(*key)) {
                    kept.entry(key.clone()).or_insert_with(|| json!(NONE));
                }
            }
            kept.into()
        }
        Value::Array(items) => {
            let lists: Vec<_> = others.iter().filter_map(|other| other.as_array()).collect();
            let is_long =
                lists.len() == others.len() && lists.iter().all(|list| list.len() == items.len());
            if !is_long {
                return value.clone();
            }
            items
                .iter()
                .enumerate()
                .map(|(at, item)| {
                    let theirs: Vec<_> = lists.iter().filter_map(|list| list.get(at)).collect();
                    different(item, &theirs)
                })
                .collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_expected() {
        let one = json!({ "task": { "error": "A", "cause": { "x": 1 } }, "calls": [{ "call": "c", "a": 1, "b": 2 }], "w": [] });
        let other = json!({ "task": { "error": "B", "cause": { "x": 1 } }, "calls": [{ "call": "c", "a": 1, "b": 3 }], "w": ["z"] });
        assert_eq!(
            different(&one, &[&other]),
            json!({ "task": { "error": "A" }, "calls": [{ "call": "c", "b": 2 }], "w": [] })
        );
        assert_eq!(different(&one, &[&json!({})]), one);
        // What is there in the other alone must not be there.
        assert_eq!(
            different(
                &json!([{ "call": "c" }]),
                &[&json!([{ "call": "c", "target": "t" }])]
            ),
            json!([{ "call": "c", "target": NONE }])
        );
    }
}
