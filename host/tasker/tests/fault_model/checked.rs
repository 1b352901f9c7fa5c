//! The checker is checked: each of the deliberate bugs is found.

use signalbox_tasker::sabotage::{ALL, Bug, switch_on};

use super::{exhaustive::first_broken, random::run_seed};

/// Random schedules in which a bug has to show, if it has not shown in a life with a single fault.
const SCHEDULES: u64 = 2_000;

/// The first schedule that shows a bug, of the exhaustive ones and of the random ones.
fn found(bug: Bug) -> [Option<(String, String)>; 2] {
    switch_on(Some(bug));
    let random = (0..SCHEDULES).find_map(|seed| {
        let (_, report) = run_seed(seed, false);
        Some((format!("seed {seed}"), report.broken.into_iter().next()?))
    });
    let found = [first_broken(), random];
    switch_on(None);
    found
}

#[test]
fn every_deliberate_bug_is_found() {
    for bug in ALL {
        let [single, random] = found(bug);
        assert!(
            single.is_some() || random.is_some(),
            "{bug:?} was not found"
        );
        for (schedule, broken) in [single, random].into_iter().flatten() {
            let broken: String = broken.chars().take(120).collect();
            super::say(&format!("{bug:?} was found by {schedule}: {broken}"));
        }
    }
    assert_eq!(first_broken(), None, "without a bug nothing breaks");
}
