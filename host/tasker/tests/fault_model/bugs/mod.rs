//! Deliberate bugs, by which the suite shows that it would find them.
//!
//! None of them is in the program. Each is a port that is not true to its word between the program and the services, so
//! that together they do what the program would do if it had the bug.

mod ports;

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::ports::Clock;

use super::{
    schedule::Event,
    services::{Caller, Told},
    world::{BEGIN, Door},
};

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The record is marked as answered before the answer is sent.
    MarkBeforeSend,
    /// The answer is not stored before it is sent: who sends it again decides again.
    AnswerRecomputed,
    /// ExecuteStatement is sent without a ClientToken.
    NoClientToken,
    /// The lock is free as soon as the statement has started.
    LockReleasedEarly,
    /// The sweep starts a statement that was reserved and never started.
    SweepStarts,
    /// The state that a completion event tells is taken for the statement's.
    EventBelieved,
    /// The sweep gives up a start that may still be under way.
    HastySweep,
    /// A statement that Redshift cannot describe at the moment counts as lost for good.
    HastyGiveUp,
    /// That an execution was stopped is believed without asking Step Functions.
    StopBelieved,
    /// Another attempt starts the work again, whether or not it runs.
    WorkStartedAgain,
    /// Rows that could not be read at the moment are given up.
    RowsGivenUp,
    /// A statement that no list shows counts as never started, however long ago that was.
    NeverStarted,
    /// Statements are described one after the other, and one that hangs keeps the others waiting.
    OneAfterTheOther,
    /// The sweep ends at the first list of due records that it cannot read.
    OneListForAll,
    /// What a session runs is not looked at before it is given to another statement.
    SessionShared,
}

/// Where a bug shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Where calls fail in passing.
    InPassing,
    /// Beside what stays broken.
    Beside,
}

impl Bug {
    /// Every bug, with a part of what the suite has to say of it.
    pub const ALL: [(Self, Shows, &'static str); 15] = [
        (Self::MarkBeforeSend, Shows::InPassing, "was never answered"),
        (
            Self::AnswerRecomputed,
            Shows::InPassing,
            "was sent two answers",
        ),
        (
            Self::NoClientToken,
            Shows::InPassing,
            "a second statement was started",
        ),
        (
            Self::LockReleasedEarly,
            Shows::InPassing,
            "one of the same lock ran",
        ),
        (
            Self::SweepStarts,
            Shows::InPassing,
            "SQL was started by Sweep",
        ),
        (
            Self::EventBelieved,
            Shows::InPassing,
            "its statement still runs",
        ),
        (
            Self::HastySweep,
            Shows::InPassing,
            "was started after the task had been told",
        ),
        (Self::HastyGiveUp, Shows::InPassing, "nobody had lost it"),
        (
            Self::StopBelieved,
            Shows::InPassing,
            "nobody had asked for that",
        ),
        (
            Self::WorkStartedAgain,
            Shows::InPassing,
            "its work was started again",
        ),
        (Self::RowsGivenUp, Shows::InPassing, "its rows were there"),
        (
            Self::NeverStarted,
            Shows::InPassing,
            "its statement was started",
        ),
        (Self::OneAfterTheOther, Shows::Beside, "did not end in time"),
        (Self::OneListForAll, Shows::Beside, "did not end in time"),
        (
            Self::SessionShared,
            Shows::InPassing,
            "in a session that runs one",
        ),
    ];
}

/// A clock that is sixteen minutes ahead: more than an invocation can take.
const HASTY_MS: i64 = 16 * 60 * 1_000;
const HOUR_MS: i64 = 60 * 60 * 1_000;
/// Longer than Redshift remembers anything.
const FORGOTTEN_MS: i64 = 50 * 60 * 60 * 1_000;

/// The ports of one process of a program with a bug.
pub struct Spoiled {
    door: Door,
    bug: Bug,
    /// What the process's event claims.
    claim: Claim,
    /// Whether Redshift has not described a statement.
    silence: AtomicBool,
    turns: tokio::sync::Mutex<()>,
    /// Whether a list of the ledger could not be read.
    list_failed: AtomicBool,
    /// Answers that were acknowledged and are not sent yet.
    held: Mutex<Vec<(String, Told)>>,
    /// The record that a work's key has led to.
    hidden: Mutex<Option<String>>,
}

/// What an event says, true or not.
#[derive(Debug, Clone, Copy, Default)]
struct Claim {
    /// Of a statement: how it ended.
    status: Option<StatementStatus>,
    /// Of an execution: when it stopped.
    stopped_at: Option<i64>,
}

impl Spoiled {
    pub fn new(door: Door, bug: Bug, event: &Event) -> Self {
        let claim = match event {
            Event::Completion { state, .. } => Claim {
                status: match *state {
                    "FINISHED" => Some(StatementStatus::Finished),
                    "FAILED" => Some(StatementStatus::Failed),
                    _ => None,
                },
                ..Claim::default()
            },
            Event::Stopped { at, .. } => Claim {
                stopped_at: Some(*at),
                ..Claim::default()
            },
            _ => Claim::default(),
        };
        Self {
            door,
            bug,
            claim,
            silence: AtomicBool::new(false),
            turns: tokio::sync::Mutex::default(),
            list_failed: AtomicBool::new(false),
            held: Mutex::default(),
            hidden: Mutex::default(),
        }
    }
}

impl Clock for Spoiled {
    fn now(&self) -> jiff::Timestamp {
        let ahead = match self.bug {
            Bug::HastySweep if self.door.caller == Caller::Sweep => HASTY_MS,
            Bug::HastyGiveUp if self.silence.load(Ordering::Relaxed) => FORGOTTEN_MS,
            _ => 0,
        };
        let mut now = self.door.now().as_millisecond() + ahead;
        if self.bug == Bug::NeverStarted {
            // For this program no record is older than an hour.
            now = now.min(BEGIN + HOUR_MS);
        }
        jiff::Timestamp::from_millisecond(now).unwrap()
    }
}
