//! `signalbox policy diff`: events that two settings of the standard policy decide differently.
//!
//! The search runs the rules natively. A difference is reported only if the built-in component decides differently too.

mod event;
mod focus;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clap::Args as ClapArgs;
use serde_json::{Map, Value, json};
use signalbox_kit::settings::prepare;
use signalbox_lambda::policy_tests::{Case, Subject, answer};

use self::{
    event::{Decision, Event},
    focus::focuses,
};
use super::{
    STANDARD, explain, set,
    test::{Workbench, strength::events::Pools},
};
use crate::{Done, out};

#[derive(Debug, ClapArgs)]
pub(crate) struct DiffArgs {
    /// The settings of the standard policy that are in use: a JSON file
    old: PathBuf,
    /// The settings that are to replace them: a JSON file
    new: PathBuf,
}

/// The time of an event whose time does not matter: a Sunday in the middle of a month.
const BASE_TIME: &str = "2026-11-15T12:00:00Z";
/// How many rules are looked at.
const MOST_RULES: usize = 200;
/// How many events are tried, of all rules together.
const MOST_TRIED: usize = 100_000;
/// Settings that change what outcomes mean.
const OUTCOMES: [&str; 5] = [
    "callbacks",
    "abortedError",
    "transientError",
    "onStop",
    "custom",
];

/// How two decisions differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Denied,
    Allowed,
    Rerouted,
    Renamed,
    Changed,
}

impl Group {
    const ALL: [Self; 5] = [
        Self::Denied,
        Self::Allowed,
        Self::Rerouted,
        Self::Renamed,
        Self::Changed,
    ];

    fn heading(self) -> &'static str {
        match self {
            Self::Denied => "newly denied",
            Self::Allowed => "newly allowed",
            Self::Rerouted => "rerouted",
            Self::Renamed => "renamed",
            Self::Changed => "changed otherwise",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Denied => "newlyDenied",
            Self::Allowed => "newlyAllowed",
            Self::Rerouted => "rerouted",
            Self::Renamed => "renamed",
            Self::Changed => "changed",
        }
    }
}

/// A difference, with an event that shows it.
struct Difference {
    group: Group,
    event: String,
    witness: Value,
    old: String,
    new: String,
}

/// Both settings in the built-in component.
struct Both {
    old: Subject,
    new: Subject,
}

pub(crate) async fn run(args: &DiffArgs) -> Done {
    let old = read(&args.old)?;
    let new = read(&args.new)?;
    let progress = out::Progress::of("comparing the settings");
    let both = json!([old, new]);
    let base = case(&json!({ "payload": { "sqlStatement": "select 1" }, "at": BASE_TIME }))?;
    let pools = Pools::bounded(
        &both,
        std::slice::from_ref(&base),
        focus::OTHERS,
        focus::OTHERS,
    );
    let components = Both::load(&old, &new, &pools).await?;
    let mut search = Search::default();
    search.rules(&old, &new, &pools, &base, &components).await?;
    search.outcomes(&old, &new, &pools, &components).await?;
    drop(progress);
    search.show();
    Ok(search.found.is_empty())
}

/// Settings that are valid, without what only explains decisions.
fn read(path: &Path) -> Result<Value, String> {
    let name = path.display();
    if set::is_set(&name.to_string()) {
        return Err(format!(
            "{name} is the manifest of a policy set, and `policy diff` compares settings. Give the settings of one of its policies \
             as a JSON file"
        ));
    }
    let mut members = explain::settings(path)?;
    for key in ["$schema", "explain"] {
        members.shift_remove(key);
    }
    Ok(Value::Object(members))
}

fn case(document: &Value) -> Result<Case, String> {
    Case::of_file(document, "witness").map_err(|notes| {
        format!("an event of the search is no event, which is a bug of this command: {notes:?}")
    })
}

impl Both {
    async fn load(old: &Value, new: &Value, pools: &Pools) -> Result<Self, String> {
        let bench = Workbench::new()?;
        let mut targets = vec!["default".to_owned()];
        targets.extend(pools.targets.iter().flatten().cloned());
        let subject =
            |settings: &Value| bench.subject(STANDARD, settings.to_string(), targets.clone());
        Ok(Self {
            old: subject(old).await?,
            new: subject(new).await?,
        })
    }

    /// Whether the components decide differently, and where they do, whether each refuses.
    async fn differ(&self, case: &Case) -> Option<(bool, bool)> {
        let old = self.old.run(case).await;
        let new = self.new.run(case).await;
        (old.outcome() != new.outcome()).then_some((old.raised.is_some(), new.raised.is_some()))
    }
}

/// What was looked at, and found.
#[derive(Default)]
struct Search {
    found: Vec<Difference>,
    /// How many events were tried.
    tried: usize,
    /// Whether there are combinations of values that were not tried.
    is_cut: bool,
    /// How many rules were not looked at.
    left_out: usize,
}

impl Search {
    /// Differences in what is decided about a statement.
    async fn rules(
        &mut self,
        old: &Value,
        new: &Value,
        pools: &Pools,
        base: &Case,
        components: &Both,
    ) -> Result<(), String> {
        let text = |settings: &Value| {
            let text = settings.to_string();
            prepare(&text).unwrap_or(text)
        };
        let (old_text, new_text) = (text(old), text(new));
        let mut known: BTreeSet<(Group, String, String)> = BTreeSet::new();
        let names_time = !pools.times.is_empty();
        let (focuses, left_out) = focuses(old, new, MOST_RULES);
        self.left_out = left_out;
        let most = focus::MOST_EVENTS.min(MOST_TRIED / focuses.len().max(1));
        for focus in focuses {
            let events = focus.events(pools, base, most);
            self.is_cut |= events.is_cut;
            for event in events.list {
                self.tried += 1;
                let before = Decision::of(&old_text, &event);
                let after = Decision::of(&new_text, &event);
                if before == after {
                    continue;
                }
                let group = group(&before, &after);
                let (old, new) = (before.sentence(), after.sentence());
                // Of a statement that only one of them runs, the refusal is the difference, however it would run.
                let kind = match group {
                    Group::Denied => (String::new(), new.clone()),
                    Group::Allowed => (old.clone(), String::new()),
                    _ => (old.clone(), new.clone()),
                };
                if !known.insert((group, kind.0, kind.1)) {
                    continue;
                }
                let refused = (before.refused.is_some(), after.refused.is_some());
                let witness = event.case();
                if components.differ(&case(&witness)?).await == Some(refused) {
                    self.found.push(Difference {
                        group,
                        event: Event::sentence(&event, names_time),
                        witness,
                        old,
                        new,
                    });
                }
            }
        }
        Ok(())
    }

    /// Differences in what a task is told of the same outcome, and in what becomes of a statement whose task is gone.
    async fn outcomes(
        &mut self,
        old: &Value,
        new: &Value,
        pools: &Pools,
        components: &Both,
    ) -> Result<(), String> {
        if OUTCOMES.iter().all(|key| old.get(key) == new.get(key)) {
            return Ok(());
        }
        let ended = pools
            .statements
            .iter()
            .map(|ended| ("statement", ended.clone()));
        let closed = pools
            .closings
            .iter()
            .map(|reason| ("closed", json!(reason)));
        for sql in [
            "select id from elsewhere.a limit 1",
            "insert into elsewhere.a values (1)",
        ] {
            for (key, value) in ended.clone().chain(closed.clone()) {
                self.tried += 1;
                let mut witness = Map::from_iter([
                    ("payload".to_owned(), json!({ "sqlStatement": sql })),
                    ("at".to_owned(), json!(BASE_TIME)),
                ]);
                witness.insert(key.to_owned(), value.clone());
                let witness = Value::Object(witness);
                let case = case(&witness)?;
                let before = components.old.run(&case).await;
                let after = components.new.run(&case).await;
                if (&before.answer, before.on_stop) == (&after.answer, after.on_stop) {
                    continue;
                }
                let words =
                    |run: &signalbox_tasker::dry_run::DryRun| match (&run.answer, run.on_stop) {
                        (_, Some(on_stop)) => format!("{on_stop:?}").to_lowercase(),
                        (Some(given), None) => told(&answer(given)),
                        (None, None) => "nothing is told".to_owned(),
                    };
                let (old, new) = (words(&before), words(&after));
                if self
                    .found
                    .iter()
                    .any(|known| known.old == old && known.new == new)
                {
                    continue;
                }
                self.found.push(Difference {
                    group: Group::Renamed,
                    event: format!("`{sql}` that ends with {key} {value}"),
                    witness,
                    old,
                    new,
                });
            }
        }
        Ok(())
    }

    fn note(&self) -> String {
        let rest = match (self.left_out, self.is_cut) {
            (0, false) => {
                "all combinations of the values that the search made of the settings".to_owned()
            }
            (0, true) => "and there are more combinations of what the settings name".to_owned(),
            (rules, _) => format!(
                "for {MOST_RULES} of the rules that differ; {rules} were not looked at, so compare fewer at a time"
            ),
        };
        format!(
            "{} events were tried, {rest}: this is a search and no proof that nothing else differs.",
            self.tried
        )
    }

    fn show(&self) {
        let mut document = Map::new();
        document.insert("same".to_owned(), json!(self.found.is_empty()));
        document.insert("exact".to_owned(), json!(false));
        document.insert("eventsTried".to_owned(), json!(self.tried));
        document.insert(
            "allCombinations".to_owned(),
            json!(!self.is_cut && self.left_out == 0),
        );
        document.insert("rulesLeftOut".to_owned(), json!(self.left_out));
        for group in Group::ALL {
            let found: Vec<&Difference> = self
                .found
                .iter()
                .filter(|difference| difference.group == group)
                .collect();
            let list: Vec<Value> = found
                .iter()
                .map(|one| json!({ "event": one.event, "witness": one.witness, "old": one.old, "new": one.new }))
                .collect();
            document.insert(group.key().to_owned(), Value::Array(list));
            if !found.is_empty() {
                out::line(out::styled(out::HEAD, group.heading()));
            }
            for one in found {
                out::line(format_args!("  {}", one.event));
                out::line(format_args!("    old: {}", one.old));
                out::line(format_args!("    new: {}", one.new));
            }
        }
        out::json(&Value::Object(document));
        if self.found.is_empty() {
            out::line(format_args!(
                "{} no difference was found",
                out::styled(out::GOOD, "good:")
            ));
        }
        out::line(self.note());
    }
}

fn group(old: &Decision, new: &Decision) -> Group {
    match (&old.refused, &new.refused) {
        (None, Some(_)) => Group::Denied,
        (Some(_), None) => Group::Allowed,
        (None, None) if old.target != new.target => Group::Rerouted,
        _ => Group::Changed,
    }
}

/// An answer in words: a failure's name, and of its cause what a person has to see of it.
fn told(answer: &Value) -> String {
    const SHOWN: usize = 80;
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => {
            let cause = answer.get("cause").map(Value::to_string);
            let cause = cause.unwrap_or_default();
            let shown: String = cause.chars().take(SHOWN).collect();
            let more = if shown.len() < cause.len() { "…" } else { "" };
            format!("the task fails with `{error}`: {shown}{more}")
        }
        None => "the task succeeds".to_owned(),
    }
}
