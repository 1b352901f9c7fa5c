//! The loop: make a statement, take its facts, run it, compare.

use crate::corpus::{Entry, shape};
use crate::facts::{Classifier, Facts};
use crate::grammar;
use crate::minimise::minimise;
use crate::mutate::{mutate, pieces_of};
use crate::probe::{Observation, Outcome, Probe, Strings, World};
use crate::rng::Rng;
use crate::text::{Text, Unload, is_dual};
use crate::verdict::{Hole, holes};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

/// Statements that ran, to be changed.
const POOL: usize = 3_000;

/// How a run was.
#[derive(Debug, Default, Clone)]
pub struct Figures {
    /// Statements that were made.
    pub statements: usize,
    /// Runs on the server: some texts are run under both readings.
    pub runs: usize,
    /// Statements that ran without an error.
    pub executed: usize,
    /// Statements that failed as they ran: what their analysis locked was compared.
    pub analysed: usize,
    /// Statements whose facts claim to be all.
    pub complete: usize,
    /// Of those that ran, the ones whose facts claim to be all: where a hole would show.
    pub executed_complete: usize,
    /// Of these, the ones with syntax that only Redshift has.
    pub redshift: usize,
    /// Shapes of statements that ran, by their hashes.
    pub shapes: HashSet<u64>,
    /// Runs by the tag of the command.
    pub tags: BTreeMap<String, usize>,
    /// Errors by their codes.
    pub errors: BTreeMap<String, usize>,
    /// Sessions that were opened.
    pub sessions: usize,
    /// Some that were refused.
    pub samples: Vec<String>,
    /// Finds before they were found alike.
    pub finds: usize,
}

impl Figures {
    fn add(&mut self, other: Figures) {
        self.statements += other.statements;
        self.runs += other.runs;
        self.executed += other.executed;
        self.analysed += other.analysed;
        self.complete += other.complete;
        self.executed_complete += other.executed_complete;
        self.redshift += other.redshift;
        self.shapes.extend(other.shapes);
        for (tag, count) in other.tags {
            *self.tags.entry(tag).or_default() += count;
        }
        for (code, count) in other.errors {
            *self.errors.entry(code).or_default() += count;
        }
        self.sessions += other.sessions;
        self.samples.extend(other.samples);
        self.finds += other.finds;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |part: usize| 100.0 * part as f64 / self.statements.max(1) as f64;
        write!(
            formatter,
            "{} statements, {} runs; {:.1} % executed, {:.1} % analysed; facts of {:.1} % complete, and of {:.1} % both executed and complete ({} with syntax of Redshift's alone); \
             {} shapes, {} kinds of command, {} sessions, {} finds",
            self.statements,
            self.runs,
            share(self.executed),
            share(self.analysed),
            share(self.complete),
            share(self.executed_complete),
            self.redshift,
            self.shapes.len(),
            self.tags.len(),
            self.sessions,
            self.finds,
        )
    }
}

/// What a run gave.
#[derive(Debug, Default)]
pub struct Report {
    /// Figures.
    pub figures: Figures,
    /// Finds, by shape, each as short as it was made.
    pub finds: BTreeMap<String, Entry>,
}

/// What a run is made of.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Where the random numbers start.
    pub seed: u64,
    /// How many statements are made.
    pub statements: usize,
    /// How many sessions work at a time.
    pub workers: usize,
    /// Whose facts are held against the server.
    pub classify: Classifier,
    /// How many finds of one kind each worker makes short.
    pub kept: usize,
    /// How many refused statements of each error are shown.
    pub samples: usize,
}

/// Runs a plan. `seeds` are texts to begin changing with.
pub fn run(socket: &Path, world: &World, seeds: &[String], plan: Plan) -> Report {
    let workers: Vec<Report> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..plan.workers)
            .map(|number| {
                let probe = Probe::new(socket.to_owned(), world.clone());
                scope.spawn(move || Worker::new(probe, seeds, plan, number).run())
            })
            .collect();
        started
            .into_iter()
            .map(|worker| worker.join().expect("a worker"))
            .collect()
    });
    let mut report = Report::default();
    for worker in workers {
        report.figures.add(worker.figures);
        for (shape, entry) in worker.finds {
            report.finds.entry(shape).or_insert(entry);
        }
    }
    report
}

struct Worker {
    probe: Probe,
    plan: Plan,
    count: usize,
    rng: Rng,
    pool: Vec<Vec<String>>,
    report: Report,
    minimised: HashMap<String, usize>,
}

impl Worker {
    fn new(probe: Probe, seeds: &[String], plan: Plan, number: usize) -> Self {
        let count =
            plan.statements / plan.workers + usize::from(number < plan.statements % plan.workers);
        let seed = plan
            .seed
            .wrapping_add(number as u64)
            .wrapping_mul(0x2545_f491_4f6c_dd1d);
        Self {
            probe,
            plan,
            count,
            rng: Rng::new(seed),
            pool: seeds.iter().map(|text| pieces_of(text)).collect(),
            report: Report::default(),
            minimised: HashMap::new(),
        }
    }

    fn run(mut self) -> Report {
        for _ in 0..self.count {
            let text = self.make();
            self.examine(&text);
        }
        self.report.figures.sessions = self.probe.opened;
        self.report
    }

    fn make(&mut self) -> Text {
        let pieces = if self.pool.len() < 50 || self.rng.percent(55) {
            let tokens = grammar::statement(&mut self.rng);
            grammar::lay_out(&mut self.rng, &tokens)
        } else {
            let at = self.rng.below(self.pool.len());
            let other = self.rng.below(self.pool.len());
            mutate(&mut self.rng, &self.pool[at], &self.pool[other])
        };
        let is_query = pieces
            .first()
            .is_some_and(|first| ["select", "with", "("].contains(&first.to_lowercase().as_str()));
        let unload = (is_query && self.rng.percent(4)).then(|| Unload::any(&mut self.rng));
        Text { pieces, unload }
    }

    fn examine(&mut self, text: &Text) {
        let sql = text.postgres();
        let facts = (self.plan.classify)(&text.redshift());
        let figures = &mut self.report.figures;
        figures.statements += 1;
        figures.complete += usize::from(facts.claims_all());
        // Only these read differently.
        let has_two = sql.contains('\\') || sql.contains("U&") || sql.contains("u&");
        // What only Redshift has is read as Redshift reads it.
        let is_own = text.unload.is_some() || text.pieces.iter().any(|piece| is_dual(piece));
        let readings = match has_two && !is_own {
            true => &Strings::ALL[..],
            false => &Strings::ALL[..1],
        };
        let mut ran = false;
        let mut analysed = false;
        let mut found: Option<(Strings, Hole)> = None;
        for strings in readings {
            let seen = self.probe.observe(&sql, *strings);
            let figures = &mut self.report.figures;
            figures.runs += 1;
            match &seen.outcome {
                Outcome::Ran { tag } => {
                    ran = true;
                    let tag = tag.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ');
                    *figures.tags.entry(tag.to_owned()).or_default() += 1;
                }
                Outcome::FailedRunning(code) => {
                    analysed = true;
                    *figures.errors.entry(code.clone()).or_default() += 1;
                }
                Outcome::Refused(code, text) => {
                    let count = figures.errors.entry(code.clone()).or_default();
                    *count += 1;
                    if *count < self.plan.samples {
                        figures
                            .samples
                            .push(format!("{code} {text}: {}", crate::corpus::escape(&sql)));
                    }
                }
                Outcome::Several | Outcome::Empty => {}
            }
            let open = open_holes(text, &facts, &seen, *strings, self.probe.world());
            if found.is_none() {
                found = open.into_iter().next().map(|hole| (*strings, hole));
            }
        }
        let figures = &mut self.report.figures;
        figures.executed += usize::from(ran);
        figures.analysed += usize::from(analysed && !ran);
        if ran {
            figures.executed_complete += usize::from(facts.claims_all());
            figures.redshift += usize::from(facts.claims_all() && is_own);
            let mut hasher = DefaultHasher::new();
            shape(&sql).hash(&mut hasher);
            let is_new = figures.shapes.insert(hasher.finish());
            // Those next to what is not complete are worth more changes.
            if is_new && !is_own && sql.len() < 1_200 && (facts.claims_all() || self.rng.percent(5))
            {
                match self.pool.len() < POOL {
                    true => self.pool.push(text.pieces.clone()),
                    false => {
                        let at = self.rng.below(POOL);
                        self.pool[at].clone_from(&text.pieces);
                    }
                }
            }
        }
        if let Some((strings, hole)) = found {
            self.keep(text, strings, &hole, facts.kind.as_deref().unwrap_or(""));
        }
    }

    /// Makes a find short and keeps it, unless there are enough alike.
    fn keep(&mut self, text: &Text, strings: Strings, hole: &Hole, kind: &str) {
        self.report.figures.finds += 1;
        let sort = match hole {
            Hole::Read(_) => "reads",
            Hole::Write(_) => "writes",
            Hole::Effect(what) => what,
            Hole::Several => "several",
            Hole::Command(_) => "is",
        };
        let same = |other: &Hole| match (hole, other) {
            (Hole::Effect(a), Hole::Effect(b)) => a == b,
            _ => std::mem::discriminant(hole) == std::mem::discriminant(other),
        };
        let tries = self.minimised.entry(format!("{kind} {sort}")).or_default();
        *tries += 1;
        // The first ones, and then fewer and fewer: others are alike, most likely.
        if *tries > self.plan.kept && !tries.is_power_of_two() {
            return;
        }
        let classify = self.plan.classify;
        let probe = &mut self.probe;
        let mut last = hole.clone();
        let short = minimise(&text.pieces, |pieces| {
            let text = text.with(pieces.to_vec());
            let facts = classify(&text.redshift());
            let seen = probe.observe(&text.postgres(), strings);
            let open = open_holes(&text, &facts, &seen, strings, probe.world());
            match open.into_iter().find(|hole| same(hole)) {
                Some(hole) => {
                    last = hole;
                    true
                }
                None => false,
            }
        });
        let short = text.with(short);
        let sql = short.redshift();
        let ran = Some(short.postgres()).filter(|ran| *ran != sql);
        let key = format!("{sort} {}", shape(&sql));
        self.report.finds.entry(key).or_insert(Entry {
            strings,
            hole: last,
            sql,
            ran,
        });
    }
}

/// The holes of facts, and of the count of statements, which in Redshift's reading has to be right of any text.
fn open_holes(
    text: &Text,
    facts: &Facts,
    seen: &Observation,
    strings: Strings,
    world: &World,
) -> BTreeSet<Hole> {
    let mut open = holes(facts, seen, world);
    // What runs in the place of Redshift's own syntax may be another command.
    if text.unload.is_some() || text.pieces.iter().any(|piece| is_dual(piece)) {
        open.retain(|hole| !matches!(hole, Hole::Command(_)));
    }
    if seen.outcome == Outcome::Several
        && strings == Strings::Escaping
        && text.unload.is_none()
        && facts.statements < 2
    {
        open.insert(Hole::Several);
    }
    open
}
