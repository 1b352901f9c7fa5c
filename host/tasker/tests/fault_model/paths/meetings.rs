//! What can meet at the same moment.

use std::time::Duration;

use signalbox_tasker::ports::ServiceErrorKind;

use super::{NOW, SOON, SWEEP, attempts::attempt, many, one, scripted, told};
use crate::{
    policy::Script,
    schedule::{Event, Schedule, TaskPlan},
};

/// What meets at the same moment: every order of its calls is to be tried.
pub fn meetings() -> Vec<(&'static str, Schedule)> {
    let plain = TaskPlan::default;
    let silent = || TaskPlan {
        events: Vec::new(),
        ..plain()
    };
    let exclusive = |runs_for| TaskPlan {
        runs_for,
        ..scripted(Script {
            exclusive: Some(0),
            ..Script::default()
        })
    };
    let past = Duration::from_secs(30);
    vec![
        (
            "two invocations of one task",
            one(plain(), vec![(NOW, Event::Invoke(0))]),
        ),
        (
            "two invocations of one task that Redshift refuses",
            one(
                TaskPlan {
                    redshift_refuses: Some(ServiceErrorKind::Limit),
                    ..plain()
                },
                vec![(NOW, Event::Invoke(0))],
            ),
        ),
        (
            "two invocations of one task with a lock",
            one(exclusive(past), vec![(NOW, Event::Invoke(0))]),
        ),
        (
            "an invocation and the event of a statement that is over at once",
            one(
                TaskPlan {
                    runs_for: NOW,
                    events: vec![NOW, NOW],
                    ..plain()
                },
                vec![],
            ),
        ),
        (
            "two contenders for one lock",
            many(
                vec![exclusive(past), exclusive(past)],
                vec![(NOW, Event::Invoke(1))],
            ),
        ),
        (
            "two contenders for a lock whose owner has ended",
            many(
                vec![
                    TaskPlan {
                        events: Vec::new(),
                        ..exclusive(SOON)
                    },
                    exclusive(past),
                    exclusive(past),
                ],
                vec![(past, Event::Invoke(1)), (NOW, Event::Invoke(2))],
            ),
        ),
        (
            "the end of a lock's owner and a contender",
            many(
                vec![
                    TaskPlan {
                        events: Vec::new(),
                        ..exclusive(SOON)
                    },
                    exclusive(past),
                ],
                vec![(past, Event::Invoke(1)), (NOW, told(0, "FINISHED"))],
            ),
        ),
        (
            "an event twice at once",
            one(
                TaskPlan {
                    events: vec![NOW, NOW],
                    ..plain()
                },
                vec![],
            ),
        ),
        (
            "an event and the sweep",
            one(
                silent(),
                vec![(SWEEP, Event::Sweep), (NOW, told(0, "FINISHED"))],
            ),
        ),
        (
            "two attempts at one work",
            many(
                vec![attempt(silent()), attempt(plain())],
                vec![(NOW, Event::Invoke(1))],
            ),
        ),
        (
            "the end of a statement and another attempt",
            many(
                vec![attempt(plain()), attempt(plain())],
                vec![
                    (Duration::from_secs(20), Event::Invoke(1)),
                    (NOW, told(0, "FINISHED")),
                ],
            ),
        ),
        (
            "a stop and another attempt",
            many(
                vec![
                    attempt(TaskPlan {
                        events: vec![NOW],
                        ..plain()
                    }),
                    attempt(plain()),
                ],
                vec![
                    (Duration::from_secs(5), Event::StopExecution(0)),
                    (NOW, Event::Invoke(1)),
                ],
            ),
        ),
        (
            "an event of a statement of the original twice at once",
            one(
                TaskPlan {
                    original: true,
                    events: vec![NOW, NOW],
                    ..plain()
                },
                vec![],
            ),
        ),
        (
            "two sweeps",
            one(silent(), vec![(SWEEP, Event::Sweep), (NOW, Event::Sweep)]),
        ),
    ]
}
