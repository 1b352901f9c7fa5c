//! The checker is checked: each of the deliberate bugs is found.

use super::{
    bugs::{Bug, Shows},
    cores::share,
    exhaustive::first_broken,
    lasting,
    random::run_seed_with,
    say,
};

/// Random schedules in which a bug is looked for before the lives with a single fault are.
const SCHEDULES: u64 = 2_000;

/// Crowds in which one has to show.
const CROWDS: u64 = 200;

/// The first schedule that shows a bug, and what is said of it.
fn found(bug: Bug, shows: Shows, by: &str) -> Option<(String, String)> {
    if shows == Shows::Beside {
        return (0..CROWDS).find_map(|seed| {
            let (_, report, _) = lasting::run_seed(seed, Some(bug), false);
            let broken = report.broken.into_iter().find(|it| it.contains(by))?;
            Some((format!("crowd {seed}"), broken))
        });
    }
    let random = (0..SCHEDULES).find_map(|seed| {
        let (_, report) = run_seed_with(seed, Some(bug), false);
        let broken = report.broken.into_iter().find(|it| it.contains(by))?;
        Some((format!("seed {seed}"), broken))
    });
    random.or_else(|| first_broken(bug, by))
}

#[test]
fn every_deliberate_bug_is_found() {
    let missed = share(Bug::ALL.len(), |at| {
        let (bug, shows, by) = Bug::ALL[at];
        let Some((schedule, broken)) = found(bug, shows, by) else {
            return Some(format!("{bug:?} was not found by \"{by}\""));
        };
        let broken: String = broken.chars().take(120).collect();
        say(&format!("{bug:?} was found by {schedule}: {broken}"));
        None
    });
    let missed: Vec<String> = missed.into_iter().flatten().collect();
    assert!(missed.is_empty(), "{missed:#?}");
}
