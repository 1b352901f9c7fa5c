//! What happens in a schedule: the tasks, and the events about them.

use std::time::Duration;

use signalbox_policy::{FaultKind, contract::StatementStatus};
use signalbox_tasker::ports::ServiceErrorKind;

use super::{bugs::Bug, choice::Rng, lasting::Lasting, policy::Script};

/// The names of the targets.
pub const TARGETS: [&str; 2] = ["default", "other"];

/// A task, and how the services treat it.
#[derive(Debug, Clone)]
pub struct TaskPlan {
    /// Whether a task waits under a token.
    pub waits: bool,
    /// Whether it is a stack that waits, for a custom resource. Its requests come again until they are worked off.
    pub resource: bool,
    /// Whether its payload comes by a queue.
    pub queue: bool,
    /// The task whose work this one does: its own number, or that of an attempt before it. Under the same
    /// `idempotencyKey` they share a statement.
    pub work: Option<usize>,
    /// The task whose execution this one belongs to, if it is not its own.
    pub execution: Option<usize>,
    /// Where its statement runs: one of [`TARGETS`].
    pub target: usize,
    /// The original started its statement, before it was replaced: there is its row, and a statement that runs.
    pub original: bool,
    pub script: Script,
    pub runs_for: Duration,
    pub ends_as: StatementStatus,
    /// How often a cancel of its statement is refused.
    pub refuse_cancels: u32,
    /// When the copies of its completion event come, from the statement's end.
    pub events: Vec<Duration>,
    /// Redshift refuses its statement.
    pub redshift_refuses: Option<ServiceErrorKind>,
    /// How often it does; under the same ClientToken it does so again.
    pub refusals: u32,
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
            work: None,
            execution: None,
            target: 0,
            original: false,
            script: Script::default(),
            runs_for: Duration::from_secs(20),
            ends_as: StatementStatus::Finished,
            refuse_cancels: 0,
            events: vec![Duration::from_secs(1)],
            redshift_refuses: None,
            refusals: u32::MAX,
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
    /// Redshift tells that a statement has ended.
    Reported {
        statement: usize,
        receives: u32,
    },
    /// A completion event that somebody sends of his own accord. `real` names the recorded statement; one that is not was made up by somebody.
    Completion {
        task: usize,
        state: &'static str,
        real: bool,
        receives: u32,
    },
    /// A completion event of somebody else's statement.
    Foreign,
    Sweep,
    /// The state's time is over: nobody waits any more, and nobody says so.
    Stop(usize),
    /// The task's execution is stopped.
    StopExecution(usize),
    /// Step Functions, or somebody else, tells that the task's execution was stopped, and when.
    Stopped {
        task: usize,
        at: i64,
        receives: u32,
    },
    /// Somebody tells so, and it is not true.
    ForgedStop(usize),
    /// The time of day jumps, in milliseconds.
    Jump(i64),
    /// Another of the policy sets is put in force.
    Swap(usize),
    /// Messages of the queue that one invocation works on side by side.
    Batch(Vec<Event>),
}

#[derive(Debug, Clone)]
pub struct Schedule {
    pub tasks: Vec<TaskPlan>,
    /// Events, each so long after the one before.
    pub events: Vec<(Duration, Event)>,
    /// The function's time-out.
    pub time: Duration,
    /// How late a late call is.
    pub late: Duration,
    pub manners: Manners,
    /// What stays broken.
    pub lasting: Lasting,
    /// What is wrong with the program.
    pub bug: Option<Bug>,
}

/// How exact the world is.
#[derive(Debug, Clone)]
pub struct Manners {
    /// How far the clocks of processes are from the true time, one way or the other, in milliseconds.
    pub skew_ms: i64,
    /// How far DescribeStatement lags behind.
    pub describe_lag: Duration,
    /// When a list shows a new statement, and a new state.
    pub list_lag: Duration,
    /// How long Redshift remembers a ClientToken.
    pub token_life: Duration,
    /// Whether the queue hands over what is there at the same moment as a batch.
    pub batches: bool,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            skew_ms: 0,
            describe_lag: Duration::ZERO,
            list_lag: Duration::ZERO,
            token_life: Duration::from_secs(8 * 60 * 60),
            batches: false,
        }
    }
}

impl Manners {
    fn random(rng: &mut Rng) -> Self {
        let secs = Duration::from_secs;
        Self {
            skew_ms: rng.pick(&[0, 0, 900, 5_000]),
            describe_lag: rng.pick(&[secs(0), secs(0), secs(1), secs(5)]),
            list_lag: rng.pick(&[secs(0), secs(0), secs(5), secs(30)]),
            token_life: rng.pick(&[secs(8 * 60 * 60), secs(20 * 60)]),
            batches: false,
        }
    }
}

/// More than Redshift remembers a statement that has ended.
const FORGOTTEN: Duration = Duration::from_secs(30 * 60 * 60);

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

impl Event {
    /// The same message as a queue shows it once more.
    pub fn shown_again(&self) -> Option<(Self, u32)> {
        let mut again = self.clone();
        match &mut again {
            Self::Completion { receives, .. }
            | Self::Reported { receives, .. }
            | Self::Stopped { receives, .. } => {
                *receives += 1;
                let receives = *receives;
                Some((again, receives))
            }
            _ => None,
        }
    }
}

impl Schedule {
    pub fn random(rng: &mut Rng) -> Self {
        let count = 1 + rng.below(3);
        let mut tasks: Vec<_> = (0..count).map(|_| random_task(rng)).collect();
        if count > 1 && rng.one_in(3) {
            share_work(rng, &mut tasks);
        }
        let mut events: Vec<_> = (0..count).map(Event::Invoke).collect();
        for _ in 0..rng.below(7) {
            let task = rng.below(count);
            let event = match rng.below(14) {
                // The same invocation once more.
                0 | 1 => Event::Invoke(task),
                // Where this role may neither list nor describe, it believes events as the original did: a forged one too.
                2..=4 if tasks[task].original => Event::Foreign,
                2..=4 => Event::Completion {
                    task,
                    state: rng.pick(&STATES),
                    real: !rng.one_in(3),
                    receives: 0,
                },
                5 => Event::Foreign,
                6 => Event::Stop(task),
                7 => Event::StopExecution(task),
                8 => Event::ForgedStop(task),
                9 if rng.one_in(2) => Event::Jump(rng.pick(&[-240_000, -60_000, 60_000, 240_000])),
                9 => Event::Swap(rng.below(3)),
                _ => Event::Sweep,
            };
            let at = rng.below(events.len() + 1);
            events.insert(at, event);
        }
        let secs = Duration::from_secs;
        let (time, late) = match rng.below(20) {
            // Late enough for a sweep to come in between.
            0 => (secs(160), secs(130)),
            n => (secs([3, 6, 14][n % 3]), secs(3)),
        };
        // What the original started has nothing but its event: nobody would look at it a day later.
        let forgets = rng.one_in(8) && tasks.iter().all(|task| !task.original);
        let pause = forgets.then(|| rng.below(events.len()));
        let events = events.into_iter().enumerate().map(|(at, event)| {
            let after = match pause == Some(at) {
                true => FORGOTTEN,
                false => rng.pick(&MOMENTS),
            };
            (after, event)
        });
        let events = events.collect();
        Self {
            tasks,
            events,
            time,
            late,
            manners: Manners::random(rng),
            lasting: Lasting::default(),
            bug: None,
        }
    }
}

/// Has some of the tasks be attempts at the work of the first.
fn share_work(rng: &mut Rng, tasks: &mut [TaskPlan]) {
    let target = tasks[0].target;
    for (number, task) in tasks.iter_mut().enumerate() {
        if task.waits && !task.resource && !task.original && (number == 0 || !rng.one_in(4)) {
            task.work = Some(0);
            task.target = target;
            task.execution = rng.one_in(2).then_some(0);
        }
    }
    if tasks[0].work.is_none() {
        for task in tasks {
            (task.work, task.execution) = (None, None);
        }
    }
}

fn random_task(rng: &mut Rng) -> TaskPlan {
    let waits = !rng.one_in(5);
    let resource = waits && rng.one_in(6);
    let original = waits && !resource && rng.one_in(12);
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
        leave: rng.one_in(5),
        reads: rng.one_in(6),
        wait_seconds: rng.one_in(6).then(|| rng.pick(&[1, 5, 30])),
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
    if original {
        // What has no record is watched over by nobody but its events.
        script = Script::default();
    }
    TaskPlan {
        waits,
        resource,
        queue: waits && !resource && !original && rng.one_in(4),
        work: None,
        execution: None,
        target: usize::from(!original && rng.one_in(4)),
        original,
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
        events: (0..rng.below(3).max(usize::from(original)))
            .map(|_| rng.pick(&MOMENTS))
            .collect(),
        redshift_refuses: rng.one_in(8).then(|| rng.pick(&refusals)),
        refusals: if rng.one_in(2) { 1 } else { u32::MAX },
        refuses_success: rng.one_in(10),
        refuses_words: rng.one_in(15),
        key_denied: rng.one_in(15),
        comes_again: rng.one_in(2),
    }
}
