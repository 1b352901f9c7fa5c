//! Lives of several attempts, of executions that are stopped, and of statements of the original.

use std::time::Duration;

use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::ports::ServiceErrorKind;

use super::{NOW, SOON, SWEEP, many, one, scripted};
use crate::{
    policy::Script,
    schedule::{Event, Schedule, TaskPlan},
};

/// An attempt at the work of the first task.
pub fn attempt(plan: TaskPlan) -> TaskPlan {
    TaskPlan {
        work: Some(0),
        ..plan
    }
}

/// Attempts at a work that has a name: after a time-out, a failure, an end, during a stop.
pub fn attempts() -> Vec<(&'static str, Schedule)> {
    let plain = TaskPlan::default;
    let secs = Duration::from_secs;
    let two = |first: TaskPlan| vec![attempt(first), attempt(plain())];
    let failing = || TaskPlan {
        ends_as: StatementStatus::Failed,
        ..plain()
    };
    let silent = |plan: TaskPlan| TaskPlan {
        events: Vec::new(),
        ..plan
    };
    vec![
        (
            "a fresh attempt takes over",
            many(
                two(plain()),
                vec![(secs(5), Event::Stop(0)), (SOON, Event::Invoke(1))],
            ),
        ),
        (
            "two attempts wait, and the event is lost",
            many(
                two(silent(plain())),
                vec![(secs(5), Event::Invoke(1)), (SWEEP, Event::Sweep)],
            ),
        ),
        (
            "an attempt after the end",
            many(two(plain()), vec![(secs(60), Event::Invoke(1))]),
        ),
        (
            "an attempt after a failure",
            many(two(failing()), vec![(secs(60), Event::Invoke(1))]),
        ),
        (
            "an attempt after a failure that nobody told",
            many(two(silent(failing())), vec![(secs(60), Event::Invoke(1))]),
        ),
        (
            "an attempt while the statement is being stopped",
            many(
                two(TaskPlan {
                    runs_for: secs(60 * 60),
                    ..scripted(Script {
                        deadline_seconds: Some(30),
                        ..Script::default()
                    })
                }),
                vec![(SWEEP, Event::Sweep), (NOW, Event::Invoke(1))],
            ),
        ),
        (
            "an attempt after a refusal",
            many(
                two(TaskPlan {
                    redshift_refuses: Some(ServiceErrorKind::Limit),
                    ..plain()
                }),
                vec![(secs(60), Event::Invoke(1))],
            ),
        ),
    ]
}

/// Executions that are stopped, really or by somebody's word, and redriven.
pub fn stops() -> Vec<(&'static str, Schedule)> {
    let long = || TaskPlan {
        runs_for: Duration::from_secs(60 * 60),
        ..TaskPlan::default()
    };
    let soon = Duration::from_secs(5);
    vec![
        (
            "the execution is stopped",
            one(
                long(),
                vec![(soon, Event::StopExecution(0)), (SWEEP, Event::Sweep)],
            ),
        ),
        (
            "the execution is stopped, and a cancel is refused",
            one(
                TaskPlan {
                    refuse_cancels: 2,
                    ..long()
                },
                vec![
                    (soon, Event::StopExecution(0)),
                    (SWEEP, Event::Sweep),
                    (SWEEP, Event::Sweep),
                ],
            ),
        ),
        (
            "a stop that is not true",
            one(TaskPlan::default(), vec![(soon, Event::ForgedStop(0))]),
        ),
        (
            "the execution is stopped and redriven",
            many(
                vec![
                    attempt(long()),
                    attempt(TaskPlan {
                        execution: Some(0),
                        ..TaskPlan::default()
                    }),
                ],
                vec![
                    (soon, Event::StopExecution(0)),
                    (soon, Event::Invoke(1)),
                    (SWEEP, Event::Sweep),
                ],
            ),
        ),
    ]
}

/// Statements that the original started before it was replaced.
pub fn originals() -> Vec<(&'static str, Schedule)> {
    let original = |ends_as, events| {
        one(
            TaskPlan {
                original: true,
                ends_as,
                events,
                ..TaskPlan::default()
            },
            vec![],
        )
    };
    vec![
        (
            "a statement of the original",
            original(StatementStatus::Finished, vec![NOW]),
        ),
        (
            "a statement of the original that fails, and its event comes twice",
            original(StatementStatus::Failed, vec![NOW, SOON]),
        ),
    ]
}
