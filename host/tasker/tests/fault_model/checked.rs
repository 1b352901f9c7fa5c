//! The checker is checked: each of the deliberate bugs is found.

use super::{bugs::Bug, cores::share, exhaustive::first_broken, random::run_seed_with, say};

/// Random schedules in which a bug is looked for before the lives with a single fault are.
const SCHEDULES: u64 = 2_000;

/// The first schedule that shows a bug, and what is said of it.
fn found(bug: Bug, by: &str) -> Option<(String, String)> {
    let random = (0..SCHEDULES).find_map(|seed| {
        let (_, report) = run_seed_with(seed, Some(bug), false);
        let broken = report.broken.into_iter().find(|it| it.contains(by))?;
        Some((format!("seed {seed}"), broken))
    });
    random.or_else(|| first_broken(bug, by))
}

#[test]
fn every_deliberate_bug_is_found() {
    let all = Bug::ALL;
    let finds = share(all.len(), |at| found(all[at].0, all[at].1));
    for ((bug, by), find) in all.into_iter().zip(finds) {
        let Some((schedule, broken)) = find else {
            panic!("{bug:?} was not found by \"{by}\"");
        };
        let broken: String = broken.chars().take(120).collect();
        say(&format!("{bug:?} was found by {schedule}: {broken}"));
    }
}

#[test]
#[ignore = "says what a bug breaks"]
fn what_a_bug_breaks() {
    let wanted = std::env::var("SIGNALBOX_BUG").unwrap_or_default();
    for (bug, _) in Bug::ALL
        .into_iter()
        .filter(|(bug, _)| format!("{bug:?}") == wanted)
    {
        for seed in 0..SCHEDULES {
            let (_, report) = run_seed_with(seed, Some(bug), false);
            for broken in report.broken {
                say(&format!(
                    "seed {seed}: {}",
                    broken.chars().take(150).collect::<String>()
                ));
            }
        }
    }
}
