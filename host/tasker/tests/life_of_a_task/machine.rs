//! The life of one record as a small machine, written down by itself. All of its traces up to a length are walked, and each
//! is replayed against the real code: after every step the record, Redshift and the task are as the machine says.

use std::collections::BTreeSet;

use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::{
    ids::statement_name,
    ports::{SendError, ServiceErrorKind},
    record::Phase,
};

use crate::support::{DEPLOYMENT, StartFault, Told, World, id, standard, waiting};

const TOKEN: &str = "token-of-the-only-task-0123456789";
/// Steps of the longest traces, unless `SIGNALBOX_STEPS` says how many.
const STEPS: usize = 5;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// What may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Start,
    /// Redshift refuses the statement.
    StartRefused,
    /// Redshift takes the statement, and no reply arrives.
    StartUnanswered,
    /// No request arrives.
    StartLost,
    /// A request is on its way for longer than the invocation lives.
    StartUnderway,
    /// It arrives.
    Arrive,
    /// The invocation is repeated.
    Repeat,
    Finish,
    Fail,
    /// A completion event comes, be it true or not.
    Event,
    /// A completion event comes, and Step Functions takes the answer without saying so.
    EventUnacknowledged,
    /// A completion event comes, and Step Functions cannot be reached.
    EventUnsent,
    /// The first sweep after the start.
    SweepSoon,
    /// A sweep after more time than an invocation can take.
    Sweep,
    /// More time passes than Redshift remembers anything; then comes a sweep.
    Days,
    /// Nobody waits any more, and nobody says so.
    Stop,
}

const ALL: [Act; 16] = [
    Act::Start,
    Act::StartRefused,
    Act::StartUnanswered,
    Act::StartLost,
    Act::StartUnderway,
    Act::Arrive,
    Act::Repeat,
    Act::Finish,
    Act::Fail,
    Act::Event,
    Act::EventUnacknowledged,
    Act::EventUnsent,
    Act::SweepSoon,
    Act::Sweep,
    Act::Days,
    Act::Stop,
];

/// The statement, as Redshift knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Statement {
    Absent,
    Underway,
    Running,
    Finished,
    Failed,
    Cancelled,
    Forgotten,
}

/// What became of the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    Waits,
    Gone,
    Raised,
    Succeeded,
    Failed,
    NotStarted,
    Lost,
}

/// All there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    phase: Option<Phase>,
    statement: Statement,
    task: Task,
    /// Whether anything has happened since the start.
    is_fresh: bool,
    /// Whether the start was given up, so that its statement is a stray.
    is_given_up: bool,
}

const BEGIN: State = State {
    phase: None,
    statement: Statement::Absent,
    task: Task::Waits,
    is_fresh: false,
    is_given_up: false,
};

impl State {
    fn has_ended(self) -> bool {
        use Statement::{Cancelled, Failed, Finished};
        matches!(self.statement, Finished | Failed | Cancelled)
    }

    /// The state after this; none if it cannot happen now.
    fn after(self, act: Act) -> Option<Self> {
        let next = Self {
            is_fresh: false,
            ..self
        };
        let begun = |phase, statement| Self {
            phase: Some(phase),
            statement,
            is_fresh: true,
            ..self
        };
        let known = matches!(self.statement, Statement::Running) || self.has_ended();
        Some(match act {
            Act::Start
            | Act::StartRefused
            | Act::StartUnanswered
            | Act::StartLost
            | Act::StartUnderway
                if self.phase.is_some() =>
            {
                return None;
            }
            Act::Start => begun(Phase::Started, Statement::Running),
            Act::StartRefused => Self {
                task: Task::Raised,
                ..begun(Phase::Closed, Statement::Absent)
            },
            Act::StartUnanswered => begun(Phase::Starting, Statement::Running),
            Act::StartLost => begun(Phase::Starting, Statement::Absent),
            Act::StartUnderway => begun(Phase::Starting, Statement::Underway),
            Act::Arrive if self.statement == Statement::Underway => Self {
                statement: Statement::Running,
                ..next
            },
            Act::Repeat if matches!(self.phase, Some(Phase::Started | Phase::Closed)) => next,
            Act::Finish if self.statement == Statement::Running => Self {
                statement: Statement::Finished,
                ..next
            },
            Act::Fail if self.statement == Statement::Running => Self {
                statement: Statement::Failed,
                ..next
            },
            Act::Event | Act::EventUnacknowledged if known => next.looked_at(true),
            Act::EventUnsent if known && self.task == Task::Waits => next.looked_at(false),
            Act::SweepSoon if self.is_fresh => match self.statement {
                // It may still be under way.
                Statement::Absent | Statement::Underway => next,
                _ => next.looked_at(true),
            },
            Act::Sweep if self.phase.is_some() => match (self.phase, self.statement) {
                (Some(Phase::Starting), Statement::Absent | Statement::Underway) => Self {
                    is_given_up: true,
                    ..next.told(Task::NotStarted)
                },
                _ => next.looked_at(true),
            },
            Act::Days
                if matches!(self.phase, Some(Phase::Starting | Phase::Started))
                    && self.statement != Statement::Underway =>
            {
                let forgotten = match self.statement {
                    Statement::Absent => Statement::Absent,
                    _ => Statement::Forgotten,
                };
                Self {
                    statement: forgotten,
                    ..next.told(Task::Lost)
                }
            }
            Act::Stop if self.phase.is_some() && self.task == Task::Waits => Self {
                task: Task::Gone,
                ..next
            },
            _ => return None,
        })
    }

    /// Redshift is asked how the statement is, and Step Functions can be reached or not.
    fn looked_at(self, sends: bool) -> Self {
        let told = match self.statement {
            Statement::Finished => Task::Succeeded,
            _ => Task::Failed,
        };
        match self.phase {
            // Whoever waited was told that it did not run.
            Some(Phase::Closed) if self.is_given_up && self.statement == Statement::Running => {
                Self {
                    statement: Statement::Cancelled,
                    ..self
                }
            }
            Some(Phase::Closed) | None => self,
            Some(Phase::Starting | Phase::Started) if self.statement == Statement::Running => {
                Self {
                    phase: Some(Phase::Started),
                    ..self
                }
            }
            _ if !self.has_ended() => self,
            _ if sends => self.told(told),
            _ => Self {
                phase: Some(Phase::Decided),
                ..self
            },
        }
    }

    fn told(self, task: Task) -> Self {
        Self {
            phase: Some(Phase::Closed),
            task: match self.task {
                Task::Waits => task,
                other => other,
            },
            ..self
        }
    }
}

fn unreachable() -> SendError {
    SendError::Passing {
        code: "ConnectionError".to_owned(),
        message: "no".to_owned(),
    }
}

/// Does it to the real code.
async fn act(world: &World, act: Act) {
    const UNCLEAR: ServiceErrorKind = ServiceErrorKind::Unclear;
    let faults: Vec<StartFault> = match act {
        Act::StartRefused => vec![StartFault::Before(
            ServiceErrorKind::Limit,
            "ActiveStatementsExceededException",
        )],
        Act::StartUnanswered => vec![StartFault::After(UNCLEAR, "Lost"); 100],
        Act::StartLost => vec![StartFault::Before(UNCLEAR, "Lost"); 100],
        Act::StartUnderway => std::iter::once(StartFault::Underway(UNCLEAR, "Lost"))
            .chain(vec![StartFault::Before(UNCLEAR, "Lost"); 100])
            .collect(),
        _ => Vec::new(),
    };
    let invoke = async || {
        let call = world.another_call();
        let payload = waiting(TOKEN, "select 1");
        world.tasker.invoke(&call, payload).await
    };
    let settle = async || {
        let event = world.event(TOKEN, "FINISHED").await;
        world.tasker.settle(&world.call(), event).await
    };
    match act {
        Act::Start
        | Act::StartRefused
        | Act::StartUnanswered
        | Act::StartLost
        | Act::StartUnderway => {
            world.callbacks.open(TOKEN);
            *world.warehouse.start_faults.lock().unwrap() = faults;
            if invoke().await.is_err() {
                // The state has failed with that.
                world.callbacks.close(TOKEN);
            }
            world.warehouse.start_faults.lock().unwrap().clear();
        }
        Act::Arrive => world.warehouse.arrive(),
        Act::Repeat => drop(invoke().await),
        Act::Finish => world.end(TOKEN, StatementStatus::Finished),
        Act::Fail => world.end(TOKEN, StatementStatus::Failed),
        Act::Event => drop(settle().await),
        Act::EventUnacknowledged => {
            world
                .callbacks
                .faults
                .lock()
                .unwrap()
                .push((unreachable(), true));
            settle().await;
            world.callbacks.faults.lock().unwrap().clear();
        }
        Act::EventUnsent => {
            *world.callbacks.faults.lock().unwrap() = vec![(unreachable(), false); 100];
            settle().await;
            world.callbacks.faults.lock().unwrap().clear();
        }
        Act::SweepSoon => {
            world.push(3 * MINUTE);
            world.sweep().await;
        }
        Act::Sweep => {
            world.push(16 * MINUTE);
            world.sweep().await;
        }
        Act::Days => {
            world.push(50 * HOUR);
            world.warehouse.forget_all();
            world.sweep().await;
        }
        Act::Stop => world.callbacks.close(TOKEN),
    }
}

/// What there is of the real code to compare with a state.
async fn seen(world: &World, state: State) -> State {
    let started = world.warehouse.started();
    let name = statement_name(DEPLOYMENT, &id(TOKEN));
    assert!(
        started.iter().all(|it| it.name == name) && started.len() <= 1,
        "{started:?}"
    );
    let sent: Vec<_> = world.callbacks.sent(TOKEN);
    assert!(
        sent.iter().all(|it| *it == sent[0]),
        "two answers: {sent:?}"
    );
    State {
        phase: world.record(TOKEN).await.map(|record| record.phase()),
        statement: match started.first().map(|it| it.status) {
            None if matches!(state.statement, Statement::Underway | Statement::Forgotten) => {
                state.statement
            }
            None => Statement::Absent,
            Some(StatementStatus::Finished) => Statement::Finished,
            Some(StatementStatus::Failed) => Statement::Failed,
            Some(StatementStatus::Aborted) => Statement::Cancelled,
            Some(_) => Statement::Running,
        },
        task: match (world.callbacks.told(TOKEN).first(), state.task) {
            (None, task @ (Task::Gone | Task::Raised)) => task,
            (None, _) => Task::Waits,
            (Some(Told::Succeeded(_)), _) => Task::Succeeded,
            (Some(Told::Failed(error, _)), _) => match error.as_deref() {
                Some("StatementNotStarted") => Task::NotStarted,
                Some("StatementLost") => Task::Lost,
                _ => Task::Failed,
            },
        },
        ..state
    }
}

/// Every trace of so many steps that the machine allows.
fn traces(steps: usize) -> Vec<Vec<Act>> {
    let mut traces = vec![(BEGIN, Vec::new())];
    for _ in 0..steps {
        let longer = traces.into_iter().flat_map(|(state, trace)| {
            ALL.into_iter().filter_map(move |act| {
                let next = state.after(act)?;
                Some((next, trace.iter().copied().chain([act]).collect()))
            })
        });
        traces = longer.collect();
    }
    traces.into_iter().map(|(_, trace)| trace).collect()
}

/// Every state that there is.
fn reachable() -> BTreeSet<State> {
    let (mut all, mut new) = (BTreeSet::from([BEGIN]), vec![BEGIN]);
    while let Some(state) = new.pop() {
        for next in ALL.into_iter().filter_map(|act| state.after(act)) {
            if all.insert(next) {
                new.push(next);
            }
        }
    }
    all
}

#[test]
fn in_every_state_of_the_machine_its_laws_hold() {
    let states = reachable();
    for state in &states {
        let told = |task| state.task == task;
        // An answer is what became of the statement; that nothing ran is said only of what had not arrived.
        if told(Task::Succeeded) {
            assert_eq!(state.statement, Statement::Finished, "{state:?}");
        }
        assert!(!told(Task::NotStarted) || state.is_given_up, "{state:?}");
        assert!(
            !told(Task::Raised) || state.statement == Statement::Absent,
            "{state:?}"
        );
        // Whatever happened, a few sweeps end it, and what ran ends too.
        let ends = |state: State| {
            let ended = match state.statement {
                Statement::Running => state.after(Act::Finish).unwrap_or(state),
                _ => state,
            };
            ended.after(Act::Sweep).unwrap_or(ended)
        };
        let end = ends(ends(*state));
        assert!(
            state.phase.is_none() || end.phase == Some(Phase::Closed),
            "{state:?} comes to {end:?}"
        );
        assert!(
            state.phase.is_none() || end.task != Task::Waits,
            "{state:?}"
        );
    }
    assert!(states.len() > 30, "{}", states.len());
}

#[tokio::test(start_paused = true)]
async fn every_trace_of_the_machine_is_one_of_the_program() {
    let steps = std::env::var("SIGNALBOX_STEPS").map_or(STEPS, |steps| steps.parse().unwrap());
    for trace in traces(steps) {
        let world = World::new(standard());
        let mut state = BEGIN;
        for (at, next) in trace.iter().enumerate() {
            state = state.after(*next).unwrap();
            act(&world, *next).await;
            assert_eq!(seen(&world, state).await, state, "{:?}", &trace[..=at]);
        }
    }
}
