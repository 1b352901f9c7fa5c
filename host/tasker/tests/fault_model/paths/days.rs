//! Lives in which what lasts long, or changes meanwhile, matters: a pause of more than a day, a wait for the end, rows, a
//! swap of policies, clocks and lists that are behind.

use std::time::Duration;

use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::ports::ServiceErrorKind;

use super::{NOW, SOON, SWEEP, attempts::attempt, many, one, scripted};
use crate::{
    policy::Script,
    schedule::{Event, Manners, Schedule, TaskPlan},
};

/// More than Redshift remembers a statement that has ended.
const DAY: Duration = Duration::from_secs(30 * 60 * 60);

pub fn days() -> Vec<(&'static str, Schedule)> {
    let plain = TaskPlan::default;
    let silent = || TaskPlan {
        events: Vec::new(),
        ..plain()
    };
    let reads = || Script {
        reads: true,
        ..Script::default()
    };
    let waits = |wait_seconds| Script {
        wait_seconds: Some(wait_seconds),
        ..Script::default()
    };
    let leaves = || Script {
        leave: true,
        ..Script::default()
    };
    vec![
        (
            "nobody looks for more than a day",
            one(silent(), vec![(DAY, Event::Sweep)]),
        ),
        (
            "an attempt after more than a day in which nobody looked",
            many(
                vec![attempt(silent()), attempt(plain())],
                vec![(DAY, Event::Sweep), (SOON, Event::Invoke(1))],
            ),
        ),
        ("the policy reads rows", one(scripted(reads()), vec![])),
        (
            "the policy reads rows, and the event is lost",
            one(
                TaskPlan {
                    events: Vec::new(),
                    ..scripted(reads())
                },
                vec![(SWEEP, Event::Sweep)],
            ),
        ),
        (
            "the first call waits for the end",
            one(
                TaskPlan {
                    runs_for: Duration::from_secs(2),
                    ..scripted(waits(30))
                },
                vec![],
            ),
        ),
        (
            "the first call waits for an end that comes later",
            one(
                TaskPlan {
                    queue: true,
                    ..scripted(waits(30))
                },
                vec![],
            ),
        ),
        (
            "a stop that leaves the statement to run",
            one(
                scripted(leaves()),
                vec![
                    (Duration::from_secs(5), Event::StopExecution(0)),
                    (SWEEP, Event::Sweep),
                ],
            ),
        ),
        (
            "the policy is replaced while the statement runs",
            one(plain(), vec![(SOON, Event::Swap(1))]),
        ),
        (
            "there is no policy when the statement ends",
            one(
                TaskPlan {
                    ends_as: StatementStatus::Failed,
                    ..plain()
                },
                vec![(SOON, Event::Swap(2))],
            ),
        ),
        (
            "Redshift refuses once, and says so again under the same token",
            one(
                TaskPlan {
                    redshift_refuses: Some(ServiceErrorKind::Limit),
                    refusals: 1,
                    waits: false,
                    comes_again: true,
                    ..plain()
                },
                vec![(SWEEP, Event::Sweep)],
            ),
        ),
        (
            "clocks differ, and lists and describes are behind",
            Schedule {
                manners: Manners {
                    skew_ms: 5_000,
                    describe_lag: Duration::from_secs(5),
                    list_lag: Duration::from_secs(30),
                    ..Manners::default()
                },
                ..one(silent(), vec![(NOW, Event::Sweep), (SWEEP, Event::Sweep)])
            },
        ),
    ]
}
