//! What happens in a schedule: the tasks, and the events about them.

use std::time::Duration;

use signalbox_policy::{FaultKind, contract::StatementStatus};
use signalbox_tasker::ports::ServiceErrorKind;

use super::{choice::Rng, policy::Script};

/// A task, and how the services treat it.
#[derive(Debug, Clone)]
pub struct TaskPlan {
    /// Whether a task waits under a token.
    pub waits: bool,
    /// Whether it is a stack that waits, for a custom resource. Its requests come again until they are worked off.
    pub resource: bool,
    /// Whether its payload comes by a queue.
    pub queue: bool,
    pub script: Script,
    pub runs_for: Duration,
    pub ends_as: StatementStatus,
    /// How often a cancel of its statement is refused.
    pub refuse_cancels: u32,
    /// When the copies of its completion event come, from the statement's end.
    pub events: Vec<Duration>,
    /// Redshift refuses its statement.
    pub redshift_refuses: Option<ServiceErrorKind>,
    /// Step Functions refuses its output.
    pub refuses_success: bool,
    /// Step Functions refuses every failure with words.
    pub refuses_words: bool,
    /// The state machine's key is not to be used.
    pub key_denied: bool,
    /// Whoever invoked the function does not hear of its death, or of its first failure, and invokes it again. If not,
    /// the state has failed with that.
    pub comes_again: bool,
}

impl TaskPlan {
    /// Whether whoever delivers its payload does so again until it is worked off.
    pub fn is_delivered_again(&self) -> bool {
        self.queue || self.resource
    }
}

impl Default for TaskPlan {
    fn default() -> Self {
        Self {
            waits: true,
            resource: false,
            queue: false,
            script: Script::default(),
            runs_for: Duration::from_secs(20),
            ends_as: StatementStatus::Finished,
            refuse_cancels: 0,
            events: vec![Duration::from_secs(1)],
            redshift_refuses: None,
            refuses_success: false,
            refuses_words: false,
            key_denied: false,
            comes_again: false,
        }
    }
}

/// What reaches the function, or the world.
#[derive(Debug, Clone)]
pub enum Event {
    Invoke(usize),
    /// A completion event. `real` names the recorded statement; one that is not was made up by somebody.
    Completion {
        task: usize,
        state: &'static str,
        real: bool,
        receives: u32,
    },
    /// A completion event of somebody else's statement.
    Foreign,
    Sweep,
    /// The execution is stopped, or the state's time is over: nobody waits any more.
    Stop(usize),
    /// The time of day jumps, in milliseconds.
    Jump(i64),
}

#[derive(Debug, Clone)]
pub struct Schedule {
    pub tasks: Vec<TaskPlan>,
    /// Events, each so long after the one before.
    pub events: Vec<(Duration, Event)>,
    /// The time that an invocation has.
    pub time: Duration,
    /// How late a late call is.
    pub late: Duration,
}

const MOMENTS: [Duration; 8] = [
    Duration::ZERO,
    Duration::ZERO,
    Duration::ZERO,
    Duration::from_millis(1),
    Duration::from_millis(150),
    Duration::from_secs(2),
    Duration::from_secs(125),
    Duration::from_secs(17 * 60),
];

const RUNS: [Duration; 6] = [
    Duration::ZERO,
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_secs(5),
    Duration::from_secs(60),
    Duration::from_secs(2 * 60 * 60),
];

const STATES: [&str; 4] = ["FINISHED", "FAILED", "ABORTED", "SOMETHING_NEW"];

impl Schedule {
    pub fn random(rng: &mut Rng) -> Self {
        let count = 1 + rng.below(3);
        let tasks: Vec<_> = (0..count).map(|_| random_task(rng)).collect();
        let mut events: Vec<_> = (0..count).map(Event::Invoke).collect();
        for _ in 0..rng.below(7) {
            let task = rng.below(count);
            let event = match rng.below(12) {
                // The same invocation once more.
                0 | 1 => Event::Invoke(task),
                2..=4 => Event::Completion {
                    task,
                    state: rng.pick(&STATES),
                    real: !rng.one_in(3),
                    receives: 0,
                },
                5 => Event::Foreign,
                6 => Event::Stop(task),
                7 => Event::Jump(rng.pick(&[-240_000, -60_000, 60_000, 240_000])),
                _ => Event::Sweep,
            };
            let at = rng.below(events.len() + 1);
            events.insert(at, event);
        }
        let secs = Duration::from_secs;
        let (time, late) = match rng.below(20) {
            // Late enough for a sweep to come in between.
            0 => (secs(160), secs(130)),
            n => (secs([2, 5, 12][n % 3]), secs(3)),
        };
        Self {
            tasks,
            events: events
                .into_iter()
                .map(|event| (rng.pick(&MOMENTS), event))
                .collect(),
            time,
            late,
        }
    }
}

fn random_task(rng: &mut Rng) -> TaskPlan {
    let waits = !rng.one_in(5);
    let resource = waits && rng.one_in(6);
    let kinds = [
        FaultKind::Trap,
        FaultKind::Timeout,
        FaultKind::Memory,
        FaultKind::Protocol,
    ];
    let mut script = Script {
        exclusive: rng.one_in(3).then_some(0),
        batch: rng.one_in(5),
        settle_faults: if rng.one_in(6) {
            1 + u32::from(rng.one_in(2))
        } else {
            0
        },
        deadline_seconds: rng.one_in(5).then_some(30),
        heartbeat: rng.one_in(5),
        answer_refusal: rng.one_in(6),
        ..Script::default()
    };
    match rng.below(20) {
        0 => script.reject = true,
        1 => script.answer = true,
        2 => script.unbound = true,
        3 => script.fault_before = Some(rng.pick(&kinds)),
        4 | 5 => script.fault_after = Some(rng.pick(&kinds)),
        6 => script.reject_after = true,
        _ => {}
    }
    let refusals = [
        ServiceErrorKind::Invalid,
        ServiceErrorKind::Limit,
        ServiceErrorKind::ExecutionFailed,
        ServiceErrorKind::Unavailable,
    ];
    TaskPlan {
        waits,
        resource,
        queue: waits && !resource && rng.one_in(4),
        script,
        runs_for: rng.pick(&RUNS),
        ends_as: rng.pick(&[
            StatementStatus::Finished,
            StatementStatus::Finished,
            StatementStatus::Failed,
            StatementStatus::Aborted,
        ]),
        refuse_cancels: if rng.one_in(4) {
            1 + u32::from(rng.one_in(2))
        } else {
            0
        },
        events: (0..rng.below(3)).map(|_| rng.pick(&MOMENTS)).collect(),
        redshift_refuses: rng.one_in(8).then(|| rng.pick(&refusals)),
        refuses_success: rng.one_in(10),
        refuses_words: rng.one_in(15),
        key_denied: rng.one_in(15),
        comes_again: rng.one_in(2),
    }
}
