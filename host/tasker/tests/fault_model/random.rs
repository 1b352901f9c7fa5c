//! Random schedules under random faults, each from its seed.

use std::{collections::BTreeMap, fmt, time::Instant};

use super::{
    bugs::Bug,
    choice::{Order, Plan, Rng},
    cores::share,
    run::{Report, run},
    schedule::Schedule,
};

/// Schedules that are run, unless `SIGNALBOX_SCHEDULES` says how many.
const SCHEDULES: u64 = 200_000;
/// Schedules that one core runs at a time.
const BLOCK: u64 = 250;

/// Runs the schedule of a seed.
fn run_seed(seed: u64, traced: bool) -> (Schedule, Report) {
    run_seed_with(seed, None, traced)
}

/// Runs the schedule of a seed on a program with a bug, or with none.
pub fn run_seed_with(seed: u64, bug: Option<Bug>, traced: bool) -> (Schedule, Report) {
    let mut rng = Rng::new(seed);
    let schedule = Schedule {
        bug,
        ..Schedule::random(&mut rng).with_sessions_and_batches(&mut Rng::new(!seed))
    };
    let per_mille = rng.pick(&[0, 10, 30, 100, 300]);
    let plan = Plan::Random {
        rng: Rng::new(rng.next()),
        per_mille,
    };
    let order = Order::Random(Rng::new(rng.next()));
    let report = run(&schedule, order, plan, traced);
    (schedule, report)
}

/// Says all there is to know of a schedule that broke something.
pub fn explain(schedule: &Schedule, report: &Report) -> String {
    format!(
        "{}\n\n{schedule:#?}\n\n{}\n",
        report.broken.join("\n"),
        report.trace.join("\n")
    )
}

pub fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("`{name}` is a number, not `{text}`")),
    )
}

#[test]
fn random_schedules_break_nothing() {
    if let Some(seed) = number("SIGNALBOX_SEED") {
        let (schedule, report) = run_seed(seed, true);
        eprintln!("seed {seed}:\n{}", explain(&schedule, &report));
        assert!(report.broken.is_empty(), "{}", report.broken.join("\n"));
        return;
    }
    let count = number("SIGNALBOX_SCHEDULES").unwrap_or(SCHEDULES);
    let began = Instant::now();
    let blocks = usize::try_from(count.div_ceil(BLOCK)).unwrap();
    let mut sum = Tally::default();
    for tally in share(blocks, |block| {
        let first = block as u64 * BLOCK;
        let mut tally = Tally::default();
        for seed in first..(first + BLOCK).min(count) {
            tally.add(seed, &run_seed(seed, false).1);
        }
        tally
    }) {
        sum.join(tally);
    }
    let Tally {
        calls,
        faults,
        deaths,
        batches,
        failures,
    } = sum;
    assert!(count < 1_000 || batches > 0, "no schedule has a batch");
    super::say(&format!(
        "{count} random schedules: {calls} calls, {faults} faults, {deaths} of them deaths, {batches} batches, in {} s",
        began.elapsed().as_secs()
    ));
    if let Some(seed) = failures.first() {
        let (schedule, report) = run_seed(seed, true);
        panic!(
            "{failures}\nThe first one (SIGNALBOX_SEED={seed} runs it alone):\n{}",
            explain(&schedule, &report)
        );
    }
}

/// What came of many schedules.
#[derive(Default)]
struct Tally {
    calls: usize,
    faults: usize,
    deaths: usize,
    batches: usize,
    failures: Failures,
}

impl Tally {
    fn add(&mut self, seed: u64, report: &Report) {
        let deaths = report.faults.iter().filter(|(.., fault)| fault.is_death());
        self.calls += report.calls;
        self.faults += report.faults.len();
        self.deaths += deaths.count();
        self.batches += report.batches;
        self.failures.add(seed, report);
    }

    fn join(&mut self, other: Self) {
        self.calls += other.calls;
        self.faults += other.faults;
        self.deaths += other.deaths;
        self.batches += other.batches;
        for (kind, (count, seed)) in other.failures.0 {
            let known = self.failures.0.entry(kind).or_insert((0, seed));
            *known = (known.0 + count, known.1.min(seed));
        }
    }
}

/// What broke, by its kind, with how often and the first seed.
#[derive(Default)]
struct Failures(BTreeMap<String, (u64, u64)>);

impl Failures {
    fn add(&mut self, seed: u64, report: &Report) {
        for broken in &report.broken {
            let kind: String = broken
                .chars()
                .filter(|c| !c.is_ascii_digit())
                .take(70)
                .collect();
            self.0.entry(kind).or_insert((0, seed)).0 += 1;
        }
    }

    fn first(&self) -> Option<u64> {
        self.0.values().map(|(_, seed)| *seed).min()
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, (count, seed)) in &self.0 {
            writeln!(f, "{count} times, first with seed {seed}: {kind}")?;
        }
        Ok(())
    }
}
