//! Work that its caller has a name for (`idempotencyKey`): one statement does it, and every attempt at it waits for that
//! statement.

use serde::{Deserialize, Serialize};
use signalbox_policy::contract::{OnStop, StatementStatus};

use super::{Ending, Gone, Life, Record, token};
use crate::ports::TaskToken;

/// The most attempts that a record keeps.
const ATTEMPTS_MAX: usize = 60;
/// The most bytes of all its attempts: with them an answer of 256 KB and all else that a record holds still fit in an item
/// of 400 KB.
const ATTEMPTS_BYTES: usize = 48 * 1_024;
/// What an attempt takes beside its token and its execution's ARN, in bytes: its time, and the names of all three.
const ATTEMPT_NAMES: usize = 80;
/// The most executions under which a record is found by `LATEST`: each takes two items, and a transaction has 25.
const EXECUTIONS_MAX: usize = 6;

/// The place of a record among those of the same work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// Whose work it is and what it is called: a digest.
    pub scope: String,
    /// Counts the statements that were started for it, from 1. There is another one only after one without effect.
    pub generation: u64,
}

/// An attempt at the work, before the newest one. Its task is closed as a rule, since a state is tried again only when
/// the last try is over; another branch or execution with the same key may wait all the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Its token, until it was told.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "token")]
    pub token: Option<TaskToken>,
    /// The execution that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_arn: Option<String>,
    /// When it asked, in milliseconds since the Unix epoch.
    pub asked_at: i64,
}

/// What a closed record's statement came to, for another attempt at its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CameTo {
    /// It failed, was cancelled, or never ran: it may be started again.
    Nothing,
    /// It finished, or nobody can say whether it did: it is not started again.
    Something,
    /// The record does not say; Redshift may.
    Unknown,
}

impl Record {
    /// Those who are to be told how the statement ended, the newest attempt first.
    pub fn tokens(&self) -> impl Iterator<Item = &TaskToken> {
        let before = self.attempts.iter().rev();
        self.task_token
            .iter()
            .chain(before.filter_map(|attempt| attempt.token.as_ref()))
    }

    /// Whether an execution other than this one waits too.
    #[must_use]
    pub fn is_awaited_elsewhere(&self, execution_arn: &str) -> bool {
        let waits = |token: &Option<TaskToken>, arn: &Option<String>| {
            token.is_some() && arn.as_deref() != Some(execution_arn)
        };
        waits(&self.task_token, &self.execution_arn)
            || (self.attempts.iter()).any(|attempt| waits(&attempt.token, &attempt.execution_arn))
    }

    /// Whether another attempt finds room.
    #[must_use]
    pub fn takes_attempts(&self) -> bool {
        let text = |text: Option<&str>| text.map_or(0, str::len);
        let size = |attempt: &Attempt| {
            let token = attempt.token.as_ref().map(TaskToken::reveal);
            ATTEMPT_NAMES + text(token) + text(attempt.execution_arn.as_deref())
        };
        let newest = self.task_token.as_ref().map(TaskToken::reveal);
        let newest = ATTEMPT_NAMES + text(newest) + text(self.execution_arn.as_deref());
        self.attempts.len() < ATTEMPTS_MAX
            && newest + self.attempts.iter().map(size).sum::<usize>() <= ATTEMPTS_BYTES
    }

    /// A new attempt waits for the statement from now on.
    #[must_use]
    pub fn attached(mut self, token: TaskToken, execution_arn: Option<String>, now: i64) -> Self {
        self.attempts.push(Attempt {
            token: self.task_token.replace(token),
            execution_arn: std::mem::replace(&mut self.execution_arn, execution_arn),
            asked_at: self.attached_at.replace(now).unwrap_or(self.recorded_at),
        });
        // Somebody waits again. A statement that was asked to stop is not asked to go on.
        let stops = |gone: &Gone| gone.decision == Some(OnStop::Cancel);
        self.watch.gone = self.watch.gone.filter(stops);
        self
    }

    /// The first of [`Record::tokens`] was told, or did not wait any more. Over when it was the last one.
    #[must_use]
    pub fn told(mut self, ending: Ending) -> Self {
        if self.task_token.take().is_none() {
            let next = self.attempts.iter_mut().rev();
            let mut next = next.filter(|attempt| attempt.token.is_some());
            if let Some(attempt) = next.next() {
                attempt.token = None;
            }
        }
        let before = self.life.ending();
        let answered = [before, Some(ending)].contains(&Some(Ending::Answered));
        let ending = if answered { Ending::Answered } else { ending };
        let waits = self.tokens().next().is_some();
        match &mut self.life {
            Life::Decided { told, .. } if waits => {
                *told = Some(ending);
                self
            }
            _ => self.closed(ending),
        }
    }

    /// What the statement of a closed record came to.
    #[must_use]
    pub fn came_to(&self) -> CameTo {
        match self.status() {
            _ if self.statement.is_none() => CameTo::Nothing,
            _ if self.watch.lost => CameTo::Something,
            None => CameTo::Nothing,
            Some(StatementStatus::Finished) => CameTo::Something,
            Some(StatementStatus::Failed | StatementStatus::Aborted) => CameTo::Nothing,
            Some(_) => CameTo::Unknown,
        }
    }

    /// When an execution asked for the statement last, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn asked_at(&self, execution_arn: &str) -> Option<i64> {
        let asked = self.executions();
        let asked = asked.iter().find(|(arn, _)| *arn == execution_arn);
        asked.map(|(_, at)| *at)
    }

    /// The executions under which the statement is found by `LATEST`, each with the time at which it asked last; the
    /// newest ones first.
    pub(super) fn executions(&self) -> Vec<(&str, i64)> {
        let newest = (
            &self.execution_arn,
            self.attached_at.unwrap_or(self.recorded_at),
        );
        let before = self.attempts.iter().rev();
        let before = before.map(|attempt| (&attempt.execution_arn, attempt.asked_at));
        let mut executions: Vec<(&str, i64)> = Vec::new();
        for (arn, at) in std::iter::once(newest).chain(before) {
            let Some(arn) = arn.as_deref() else { continue };
            if executions.len() < EXECUTIONS_MAX
                && executions.iter().all(|(known, _)| *known != arn)
            {
                executions.push((arn, at));
            }
        }
        executions
    }
}
