//! How strong tests are: which rules they see, and which changes of the settings they notice.
//!
//! Settings are changed in one thing at a time and every case is run again. A rule has decided in a case if without it the
//! outcome is another one. So nothing has to be known of how a policy works: it is asked.

pub(in crate::policy) mod events;
mod mutants;
mod report;
mod suggest;

use std::{collections::BTreeSet, path::Path, sync::Arc};

use serde_json::{Value, json};
use signalbox_lambda::policy_tests::{Case, Subject};
use tokio::task::JoinSet;

use self::mutants::{Change, LISTS, Mutant, all, name_of};
use self::{
    report::{Report, percent},
    suggest::{Suggested, suggest},
};
use super::{Ran, Test, TestArgs, Workbench};
use crate::out;

/// What the cases of one policy with its settings are worth.
pub(super) struct Strength {
    /// Whose settings: for people.
    pub(super) name: String,
    subject: Arc<Subject>,
    tests: Vec<Arc<Test>>,
    rules: Vec<Rule>,
    tried: Vec<Tried>,
    vacuous: Vec<usize>,
}

/// A rule, or callback rule, and the tests in which it had a part.
struct Rule {
    name: String,
    /// Those whose outcome is another without it.
    decided: BTreeSet<usize>,
    /// Those in which its conditions hold.
    matched: BTreeSet<usize>,
}

/// A mutant that was tried.
pub(super) struct Tried {
    mutant: Mutant,
    under: Arc<Subject>,
    /// The tests whose outcome it changes.
    changed: BTreeSet<usize>,
    /// Those that fail by it.
    killed_by: BTreeSet<usize>,
}

/// Measures what the tests are worth, and says so: whether they are worth what was asked for, and the document for programs.
pub(super) async fn run(
    args: &TestArgs,
    bench: &Arc<Workbench>,
    ran: &[Ran],
) -> Result<(bool, Value), String> {
    let progress = out::Progress::of("changing the settings");
    let measured = measure(bench, ran).await?;
    drop(progress);
    let mut is_strong = true;
    let mut documents = Vec::new();
    let mut written = 0;
    for strength in &measured {
        let progress =
            out::Progress::of("looking for payloads that tell changed settings from these");
        let suggested = match args.mutate {
            Some(_) => Some(suggest(bench, strength).await?),
            None => None,
        };
        drop(progress);
        let report = Report {
            strength,
            coverage: args.coverage.is_some(),
            suggested: suggested.as_ref(),
        };
        report.lines().into_iter().for_each(out::line);
        documents.push(report.document());
        let mut wanted = |least: Option<u8>, (part, all): (usize, usize), what: &str| {
            if let Some(least) = least.filter(|least| percent(part, all) < usize::from(*least)) {
                out::error(format_args!(
                    "{}: {} % {what}, and {least} % are wanted",
                    strength.name,
                    percent(part, all)
                ));
                is_strong = false;
            }
        };
        wanted(
            args.coverage,
            report.covered(),
            "of the rules and branches decide in a test",
        );
        if suggested.is_some() {
            wanted(args.mutate, report.killed(), "of the mutants are killed");
        }
        if let (Some(folder), Some(found)) = (&args.suggest, &suggested) {
            written += write(folder, strength, found, measured.len() > 1, written)?;
        }
    }
    Ok((is_strong, json!(documents)))
}

/// Writes suggested tests as files, and returns how many.
fn write(
    folder: &Path,
    strength: &Strength,
    found: &Suggested,
    several: bool,
    before: usize,
) -> Result<usize, String> {
    let failed = |path: &Path, error: std::io::Error| {
        format!("{} cannot be written: {error}", path.display())
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let mut number = before;
    for suggestion in &found.tests {
        let path = loop {
            number += 1;
            let path = folder.join(format!("suggested-{number}.toml"));
            if !path.exists() {
                break path;
            }
        };
        let mut case = suggestion.case.clone();
        if let Some(members) = case.as_object_mut().filter(|_| several) {
            members.insert("policy".to_owned(), json!(strength.name));
        }
        let document = toml::to_string(&case).map_err(|error| error.to_string())?;
        let mut text = String::from("# Without this test nobody would notice:\n");
        for kill in &suggestion.kills {
            text.push_str(&format!("# - {kill}\n"));
        }
        text.push_str(&document);
        std::fs::write(&path, text).map_err(|error| failed(&path, error))?;
        out::line(format_args!(
            "{} {}: read it before you keep it",
            out::styled(out::NOTE, "written"),
            path.display()
        ));
    }
    Ok(found.tests.len())
}

/// The policies that were tested, each with its cases.
async fn measure(bench: &Arc<Workbench>, ran: &[Ran]) -> Result<Vec<Strength>, String> {
    let mut groups: Vec<(Arc<Subject>, Vec<&Ran>)> = Vec::new();
    for ran in ran {
        let subject = &ran.test.subject;
        let is_same = |other: &Arc<Subject>| {
            other.settings == subject.settings && other.granted.name() == subject.granted.name()
        };
        match groups.iter_mut().find(|(other, _)| is_same(other)) {
            Some((_, tests)) => tests.push(ran),
            None => groups.push((Arc::clone(subject), vec![ran])),
        }
    }
    let mut all = Vec::new();
    for (subject, ran) in groups {
        all.push(Strength::measure(bench, subject, &ran).await?);
    }
    Ok(all)
}

impl Strength {
    async fn measure(
        bench: &Arc<Workbench>,
        subject: Arc<Subject>,
        ran: &[&Ran],
    ) -> Result<Self, String> {
        let tests: Vec<_> = ran.iter().map(|ran| Arc::clone(&ran.test)).collect();
        let settings: Value = serde_json::from_str(&subject.settings).unwrap_or_default();
        let outcomes: Arc<Vec<Value>> =
            Arc::new(ran.iter().map(|ran| ran.verdict.run.outcome()).collect());
        let all_tests = Arc::new(tests.clone());
        let tried = in_parallel(all(&settings), |mutant| {
            let (bench, subject) = (Arc::clone(bench), Arc::clone(&subject));
            let (tests, outcomes) = (Arc::clone(&all_tests), Arc::clone(&outcomes));
            async move { attempt(&bench, &subject, &tests, &outcomes, mutant).await }
        })
        .await?;
        let tried: Vec<Tried> = tried.into_iter().flatten().collect();
        let mut rules = Vec::new();
        for list in LISTS {
            let items = settings.get(list).and_then(Value::as_array);
            for (number, rule) in items.into_iter().flatten().enumerate() {
                let without = tried.iter().find(|it| {
                    it.mutant.change == Change::NoRule && it.mutant.rule == Some((list, number))
                });
                rules.push(Rule {
                    name: name_of(list, rule, number),
                    decided: without.map(|it| it.changed.clone()).unwrap_or_default(),
                    matched: matches(bench, &subject, &settings, list, rule, &tests).await,
                });
            }
        }
        let mut strength = Self {
            name: subject.granted.name().to_owned(),
            subject,
            tests,
            rules,
            tried,
            vacuous: Vec::new(),
        };
        strength.vacuous = strength.find_vacuous();
        Ok(strength)
    }

    /// The tests that pass without any of the rules that decide in them.
    fn find_vacuous(&self) -> Vec<usize> {
        let removed = self
            .tried
            .iter()
            .filter(|it| it.mutant.change == Change::NoRule);
        let removed: Vec<_> = removed.collect();
        (0..self.tests.len())
            .filter(|test| {
                let mut deciding = removed
                    .iter()
                    .filter(|it| it.changed.contains(test))
                    .peekable();
                deciding.peek().is_some() && deciding.all(|it| !it.killed_by.contains(test))
            })
            .collect()
    }

    /// The mutants that no test notices.
    pub(super) fn alive(&self) -> impl Iterator<Item = &Tried> {
        self.tried.iter().filter(|it| it.killed_by.is_empty())
    }
}

/// Runs all tests under a mutant; none if the policy refuses its settings.
async fn attempt(
    bench: &Workbench,
    subject: &Subject,
    tests: &[Arc<Test>],
    outcomes: &[Value],
    mutant: Mutant,
) -> Option<Tried> {
    let under = subject
        .under(&bench.engine, mutant.settings.clone())
        .await
        .ok()?;
    let mut tried = Tried {
        mutant,
        under: Arc::new(under),
        changed: BTreeSet::new(),
        killed_by: BTreeSet::new(),
    };
    for (number, (test, outcome)) in tests.iter().zip(outcomes).enumerate() {
        if tried.under.run(&test.case).await.outcome() == *outcome {
            continue;
        }
        tried.changed.insert(number);
        let verdict = tried.under.test(&bench.engine, &test.case).await;
        if !verdict.differences.is_empty() {
            tried.killed_by.insert(number);
        }
    }
    Some(tried)
}

/// The tests in which the conditions of a rule hold: those that a policy with this rule alone decides by it.
async fn matches(
    bench: &Workbench,
    subject: &Subject,
    settings: &Value,
    list: &str,
    rule: &Value,
    tests: &[Arc<Test>],
) -> BTreeSet<usize> {
    const PROBE: &str = "SignalboxProbe";
    let when = rule.get("when").cloned().unwrap_or_else(|| json!({}));
    let allows = rule.pointer("/then/allow") == Some(&json!(true));
    // What allows needs more to hold than what denies.
    let probe = match (list, allows) {
        ("rules", true) => json!([
            { "name": "it", "when": when, "then": { "allow": true } },
            { "name": "else", "then": { "deny": PROBE } },
        ]),
        ("rules", false) => json!([{ "name": "it", "when": when, "then": { "deny": PROBE } }]),
        _ => json!([{ "name": "it", "when": when, "then": { "error": PROBE } }]),
    };
    let mut probed = settings.clone();
    if let Some(members) = probed.as_object_mut() {
        let other = if list == "rules" {
            "callbacks"
        } else {
            "rules"
        };
        if list == "rules" {
            members.shift_remove(other);
        }
        for key in ["unparsed", "unknownTables"] {
            if members.contains_key(key) && list == "rules" {
                members.insert(key.to_owned(), json!("allow"));
            }
        }
        if members.get("unqualified") == Some(&json!("deny")) && list == "rules" {
            members.insert("unqualified".to_owned(), json!("allow"));
        }
        members.insert(list.to_owned(), probe);
    }
    let mut found = BTreeSet::new();
    let Ok(under) = subject.under(&bench.engine, probed.to_string()).await else {
        return found;
    };
    for (number, test) in tests.iter().enumerate() {
        let outcome = under.run(&test.case).await.outcome().to_string();
        let is_seen = outcome.contains(PROBE);
        let is_served = !outcome.contains("InvalidRequest");
        if is_seen != allows && is_served {
            found.insert(number);
        }
    }
    found
}

/// Does something with all of these, as many at once as there are processors; in their order.
pub(super) async fn in_parallel<T, R, F>(
    all: Vec<T>,
    act: impl Fn(T) -> F,
) -> Result<Vec<R>, String>
where
    R: Send + 'static,
    F: Future<Output = R> + Send + 'static,
{
    let width = std::thread::available_parallelism().map_or(1, usize::from);
    let mut running = JoinSet::new();
    let mut waiting = all.into_iter().enumerate();
    let mut done = Vec::new();
    loop {
        while running.len() < width {
            let Some((number, one)) = waiting.next() else {
                break;
            };
            let work = act(one);
            running.spawn(async move { (number, work.await) });
        }
        match running.join_next().await {
            Some(Ok(one)) => done.push(one),
            Some(Err(error)) => return Err(format!("a run ended without a result: {error}")),
            None => break,
        }
    }
    done.sort_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, one)| one).collect())
}

/// A case by itself, for whoever makes one.
fn case_of(document: &Value) -> Option<Case> {
    Case::of_file(document, "a case").ok()
}
