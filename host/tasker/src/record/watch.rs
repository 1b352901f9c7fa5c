//! What the host notes while it watches over a statement that has not ended.

use serde::{Deserialize, Serialize};
use signalbox_policy::contract::{ClosingReason, OnStop};

use super::{Phase, Record, Refusal};

/// Notes of the host about a record. All are about what is to be done next; none says how a statement ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Watch {
    /// How often the sweep has looked at the record and left it, since its last step. The pause to the next look
    /// follows from it.
    #[serde(skip_serializing_if = "is_zero")]
    pub looks: u32,
    /// Since when DescribeStatement has been denied, in milliseconds since the Unix epoch; none if it was not denied
    /// the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied_since: Option<i64>,
    /// Somebody asked for the statement to be cancelled. The cancel is repeated until Redshift reports an end.
    #[serde(skip_serializing_if = "is_false")]
    pub cancel: bool,
    /// Nobody waits for the task any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone: Option<Gone>,
    /// Nobody can say what became of the statement: it may have run, so nothing runs it again.
    #[serde(skip_serializing_if = "is_false")]
    pub lost: bool,
    /// Redshift refused to repeat a start whose first try was not answered: a look-up by name confirms the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<UnconfirmedRefusal>,
    /// Of a start that was given up: its statement may turn up all the same, and is cancelled then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stray: Option<Stray>,
    /// Since when the policy could not decide, because a service did not give it what it reads: milliseconds since the
    /// Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecided_since: Option<i64>,
    /// How often the policy used up all the time that it was given to decide.
    #[serde(skip_serializing_if = "is_zero")]
    pub overtime: u32,
}

/// A refusal that says nothing about the try before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnconfirmedRefusal {
    /// What Redshift said.
    pub refusal: Refusal,
    /// When it said so, in milliseconds since the Unix epoch.
    pub refused_at: i64,
}

/// When a statement is looked for that should not be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stray {
    /// The next look, in milliseconds since the Unix epoch.
    pub next_look_at: i64,
    /// The last one.
    pub until: i64,
}

/// A task that is gone while its statement may run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gone {
    /// Why nobody waits.
    pub reason: ClosingReason,
    /// What becomes of the statement; none until the policy was asked, which it can be when the statement has an id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<OnStop>,
}

impl Record {
    /// Whether heartbeats are sent for the task.
    #[must_use]
    pub fn is_beating(&self) -> bool {
        let asked = self.statement.as_ref().is_some_and(|it| it.heartbeat);
        asked && self.watch.gone.is_none()
    }

    /// When the statement is to be cancelled, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn deadline_at(&self) -> Option<i64> {
        let seconds = self.statement.as_ref()?.deadline_seconds?;
        let time = i64::from(seconds).saturating_mul(1_000);
        Some(self.began_at().saturating_add(time))
    }

    /// Whether the statement may run, for all that is recorded.
    #[must_use]
    pub fn may_run(&self) -> bool {
        matches!(self.phase(), Phase::Starting | Phase::Started)
    }

    /// Whether the statement has to be looked up by its name.
    #[must_use]
    pub fn is_looked_up(&self) -> bool {
        matches!(self.phase(), Phase::Starting | Phase::Closed) && self.statement_id().is_none()
    }

    /// Whether the task is gone, and it is not decided what becomes of its statement.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.watch.gone.is_some_and(|gone| gone.decision.is_none())
    }

    /// Whether the statement is to end at a time: it is to be cancelled, or that is to be decided, or its deadline is over.
    #[must_use]
    pub fn stops_at(&self, time: i64) -> bool {
        let is_over_time = || self.deadline_at().is_some_and(|at| at <= time);
        self.is_undecided() || self.is_to_be_cancelled() || is_over_time()
    }

    /// Whether what is due at a time does not wait: a deadline, a stop, a heartbeat.
    #[must_use]
    pub fn is_urgent_at(&self, time: i64) -> bool {
        self.may_run() && (self.is_beating() || self.stops_at(time))
    }
}

impl Watch {
    /// Whether there is nothing to note.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // The form that serde asks for.
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // The form that serde asks for.
fn is_false(flag: &bool) -> bool {
    !*flag
}
