//! The lives that a task can have, each as a schedule in which nothing fails by itself.

mod attempts;
mod days;
mod meetings;
mod sessions;

use std::time::Duration;

use signalbox_policy::{FaultKind, contract::StatementStatus};
use signalbox_tasker::ports::ServiceErrorKind;

use super::{
    lasting::Lasting,
    policy::Script,
    schedule::{Event, Manners, Schedule, TaskPlan},
};

pub use meetings::meetings;

const NOW: Duration = Duration::ZERO;
const SOON: Duration = Duration::from_millis(150);
const SWEEP: Duration = Duration::from_secs(125);

/// One task, invoked at the beginning.
fn one(plan: TaskPlan, more: Vec<(Duration, Event)>) -> Schedule {
    many(vec![plan], more)
}

fn many(tasks: Vec<TaskPlan>, more: Vec<(Duration, Event)>) -> Schedule {
    let mut events = vec![(NOW, Event::Invoke(0))];
    events.extend(more);
    Schedule {
        tasks,
        events,
        time: Duration::from_secs(6),
        late: Duration::from_secs(3),
        manners: Manners::default(),
        lasting: Lasting::default(),
        bug: None,
    }
}

fn scripted(script: Script) -> TaskPlan {
    TaskPlan {
        script,
        ..TaskPlan::default()
    }
}

fn told(task: usize, state: &'static str) -> Event {
    Event::Completion {
        task,
        state,
        real: true,
        receives: 0,
    }
}

/// Every life, by its name.
pub fn all() -> Vec<(&'static str, Schedule)> {
    let plain = TaskPlan::default;
    let silent = || TaskPlan {
        events: Vec::new(),
        ..plain()
    };
    let exclusive = || Script {
        exclusive: Some(0),
        ..Script::default()
    };
    let fault_after = |kind| Script {
        fault_after: Some(kind),
        ..Script::default()
    };
    let hasty = || Script {
        deadline_seconds: Some(30),
        ..Script::default()
    };
    let long = Duration::from_secs(60 * 60);
    let sweeps = |count: usize| vec![(SWEEP, Event::Sweep); count];
    let lives = vec![
        ("success", one(plain(), vec![])),
        (
            "success, and the caller does not hear of a death",
            one(
                TaskPlan {
                    comes_again: true,
                    ..plain()
                },
                vec![],
            ),
        ),
        (
            "the SQL fails",
            one(
                TaskPlan {
                    ends_as: StatementStatus::Failed,
                    ..plain()
                },
                vec![],
            ),
        ),
        (
            "over at once",
            one(
                TaskPlan {
                    runs_for: NOW,
                    ..plain()
                },
                vec![],
            ),
        ),
        ("the event is lost", one(silent(), sweeps(1))),
        (
            "the event is lost, by the queue",
            one(
                TaskPlan {
                    queue: true,
                    ..silent()
                },
                sweeps(1),
            ),
        ),
        (
            "events early, twice and forged",
            one(
                TaskPlan {
                    ends_as: StatementStatus::Failed,
                    events: vec![NOW, NOW],
                    ..plain()
                },
                vec![(NOW, told(0, "FINISHED")), (SOON, told(0, "FINISHED"))],
            ),
        ),
        (
            "the sweep comes while calls are late",
            Schedule {
                time: Duration::from_secs(160),
                late: Duration::from_secs(130),
                ..one(plain(), sweeps(1))
            },
        ),
        (
            "a stack waits",
            one(
                TaskPlan {
                    resource: true,
                    ..plain()
                },
                vec![],
            ),
        ),
        (
            "a stack waits for what Redshift refuses",
            one(
                TaskPlan {
                    resource: true,
                    redshift_refuses: Some(ServiceErrorKind::Invalid),
                    ..plain()
                },
                vec![],
            ),
        ),
        (
            "a batch",
            one(
                scripted(Script {
                    batch: true,
                    ..Script::default()
                }),
                vec![],
            ),
        ),
        (
            "the queue",
            one(
                TaskPlan {
                    queue: true,
                    ..plain()
                },
                vec![],
            ),
        ),
        (
            "nobody waits",
            one(
                TaskPlan {
                    waits: false,
                    comes_again: true,
                    ..plain()
                },
                vec![],
            ),
        ),
        (
            "nobody waits, and there is a lock",
            one(
                TaskPlan {
                    waits: false,
                    comes_again: true,
                    ..scripted(exclusive())
                },
                sweeps(1),
            ),
        ),
        (
            "two of one lock, one after the other",
            many(
                vec![scripted(exclusive()), scripted(exclusive())],
                vec![
                    (SOON, Event::Invoke(1)),
                    (Duration::from_secs(30), Event::Invoke(1)),
                ],
            ),
        ),
        (
            "a lock whose owner's event is lost",
            many(
                vec![
                    TaskPlan {
                        events: Vec::new(),
                        ..scripted(exclusive())
                    },
                    scripted(exclusive()),
                ],
                vec![
                    (Duration::from_secs(30), Event::Invoke(1)),
                    (SWEEP, Event::Sweep),
                ],
            ),
        ),
        (
            "Redshift refuses",
            one(
                TaskPlan {
                    redshift_refuses: Some(ServiceErrorKind::ExecutionFailed),
                    comes_again: true,
                    ..plain()
                },
                vec![],
            ),
        ),
        (
            "Redshift refuses, by the queue",
            one(
                TaskPlan {
                    redshift_refuses: Some(ServiceErrorKind::Limit),
                    queue: true,
                    ..plain()
                },
                vec![],
            ),
        ),
        (
            "Redshift refuses, and the policy answers",
            one(
                TaskPlan {
                    redshift_refuses: Some(ServiceErrorKind::Invalid),
                    ..scripted(Script {
                        answer_refusal: true,
                        ..Script::default()
                    })
                },
                vec![],
            ),
        ),
        (
            "Redshift refuses what nobody waits for",
            one(
                TaskPlan {
                    redshift_refuses: Some(ServiceErrorKind::Invalid),
                    waits: false,
                    comes_again: true,
                    ..scripted(exclusive())
                },
                vec![],
            ),
        ),
        (
            "the policy refuses",
            one(
                scripted(Script {
                    reject: true,
                    ..Script::default()
                }),
                vec![],
            ),
        ),
        (
            "the policy refuses, by the queue",
            one(
                TaskPlan {
                    queue: true,
                    ..scripted(Script {
                        reject: true,
                        ..Script::default()
                    })
                },
                vec![],
            ),
        ),
        (
            "the policy answers",
            one(
                scripted(Script {
                    answer: true,
                    ..Script::default()
                }),
                vec![],
            ),
        ),
        (
            "the policy answers, and starts what is not the task's",
            one(
                scripted(Script {
                    unbound: true,
                    ..Script::default()
                }),
                vec![],
            ),
        ),
        (
            "a fault before the start",
            one(
                scripted(Script {
                    fault_before: Some(FaultKind::Trap),
                    ..Script::default()
                }),
                vec![],
            ),
        ),
        (
            "a fault after the start",
            one(scripted(fault_after(FaultKind::Trap)), vec![]),
        ),
        (
            "a fault after the start, and cancels are refused",
            one(
                TaskPlan {
                    runs_for: long,
                    refuse_cancels: 2,
                    events: Vec::new(),
                    ..scripted(fault_after(FaultKind::Memory))
                },
                sweeps(3),
            ),
        ),
        (
            "the policy's time is over after the start",
            one(scripted(fault_after(FaultKind::Timeout)), vec![]),
        ),
        (
            "the policy refuses after the start",
            one(
                scripted(Script {
                    reject_after: true,
                    ..Script::default()
                }),
                vec![],
            ),
        ),
        (
            "a fault after the start of what nobody waits for",
            one(
                TaskPlan {
                    waits: false,
                    comes_again: true,
                    ..scripted(fault_after(FaultKind::Trap))
                },
                vec![],
            ),
        ),
        (
            "the policy faults while it settles",
            one(
                scripted(Script {
                    settle_faults: 2,
                    ..Script::default()
                }),
                vec![],
            ),
        ),
        (
            "a deadline",
            one(
                TaskPlan {
                    runs_for: long,
                    ..scripted(hasty())
                },
                sweeps(2),
            ),
        ),
        (
            "a deadline, and a cancel that is refused",
            one(
                TaskPlan {
                    runs_for: long,
                    refuse_cancels: 1,
                    ..scripted(hasty())
                },
                sweeps(2),
            ),
        ),
        (
            "a deadline that the statement kept",
            one(
                TaskPlan {
                    events: Vec::new(),
                    ..scripted(hasty())
                },
                sweeps(1),
            ),
        ),
        (
            "heartbeats",
            one(
                TaskPlan {
                    runs_for: Duration::from_secs(200),
                    ..scripted(Script {
                        heartbeat: true,
                        ..Script::default()
                    })
                },
                sweeps(2),
            ),
        ),
        (
            "Step Functions refuses the output",
            one(
                TaskPlan {
                    refuses_success: true,
                    ..plain()
                },
                vec![],
            ),
        ),
        (
            "Step Functions refuses every word",
            one(
                TaskPlan {
                    refuses_success: true,
                    refuses_words: true,
                    ..plain()
                },
                vec![],
            ),
        ),
        (
            "the key of the state machine is denied",
            one(
                TaskPlan {
                    key_denied: true,
                    ..plain()
                },
                vec![],
            ),
        ),
        (
            "the time of the state is over",
            one(plain(), vec![(Duration::from_secs(5), Event::Stop(0))]),
        ),
    ];
    days::days()
        .into_iter()
        .chain(lives)
        .chain(attempts::attempts())
        .chain(attempts::stops())
        .chain(attempts::originals())
        .chain(sessions::sessions())
        .collect()
}
