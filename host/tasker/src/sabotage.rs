//! Deliberate bugs, by which the fault suite shows that it would find them (`tests/fault_model`).
//!
//! The feature `sabotage` is switched on by this crate's own tests and by nobody else. Without it there are no bugs to
//! switch on; with it there are none until a test does, on its own thread.

/// A bug.
#[cfg_attr(
    not(feature = "sabotage"),
    allow(
        dead_code,
        unreachable_pub,
        reason = "without the feature none of them is switched on"
    )
)]
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
}

#[cfg(not(feature = "sabotage"))]
pub(crate) use off::{believed, is, start_of};
#[cfg(feature = "sabotage")]
pub use on::{ALL, switch_on};
#[cfg(feature = "sabotage")]
pub(crate) use on::{believed, is, start_of};

#[cfg(not(feature = "sabotage"))]
mod off {
    use serde_json::Value;
    use signalbox_policy::contract::StatementDescription;

    use super::Bug;
    use crate::{ports::StartStatement, record::Record};

    pub(crate) const fn is(_: Bug) -> bool {
        false
    }

    pub(crate) const fn believed(_: &Record, _: Option<&Value>) -> Option<StatementDescription> {
        None
    }

    pub(crate) const fn start_of(_: &Record) -> Option<(String, StartStatement)> {
        None
    }
}

#[cfg(feature = "sabotage")]
mod on {
    use std::cell::Cell;

    use serde_json::Value;
    use signalbox_policy::contract::{ResultFormat, StatementDescription, StatementStatus};

    use super::Bug;
    use crate::{
        ports::{Sql, StartStatement},
        record::Record,
    };

    /// Every bug.
    pub const ALL: [Bug; 10] = [
        Bug::MarkBeforeSend,
        Bug::AnswerRecomputed,
        Bug::NoClientToken,
        Bug::LockReleasedEarly,
        Bug::SweepStarts,
        Bug::EventBelieved,
        Bug::HastySweep,
        Bug::HastyGiveUp,
        Bug::StopBelieved,
        Bug::WorkStartedAgain,
    ];

    thread_local! {
        static BUG: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Switches a bug on for this thread, or all off.
    pub fn switch_on(bug: Option<Bug>) {
        BUG.set(bug);
    }

    pub(crate) fn is(bug: Bug) -> bool {
        BUG.get() == Some(bug)
    }

    /// What an event says of its statement, for [`Bug::EventBelieved`].
    pub(crate) fn believed(record: &Record, event: Option<&Value>) -> Option<StatementDescription> {
        if !is(Bug::EventBelieved) {
            return None;
        }
        let status = match event?.get("detail")?.get("state")?.as_str()? {
            "FINISHED" => StatementStatus::Finished,
            "FAILED" => StatementStatus::Failed,
            _ => return None,
        };
        Some(StatementDescription {
            id: record.statement_id()?.to_owned(),
            status,
            error: None,
            duration_ns: None,
            has_result_set: false,
            result_rows: None,
            result_size: None,
            result_format: ResultFormat::Json,
            session_id: None,
            created_at: None,
            updated_at: None,
            sub_statements: Vec::new(),
            document: "{}".to_owned(),
        })
    }

    /// The start of what a record speaks of, and its target, for [`Bug::SweepStarts`].
    pub(crate) fn start_of(record: &Record) -> Option<(String, StartStatement)> {
        let statement = record.statement.as_ref().filter(|_| is(Bug::SweepStarts))?;
        let start = StartStatement {
            sql: Sql::One(statement.sql_head.clone()),
            parameters: Vec::new(),
            result_format: ResultFormat::Json,
            session_id: None,
            session_keep_alive_seconds: None,
            wait_seconds: None,
            statement_name: record.statement_name(),
            client_token: record.record_id.to_string(),
            with_event: true,
        };
        Some((statement.target.clone(), start))
    }
}
