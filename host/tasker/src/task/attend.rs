//! What a running statement needs while it runs: its deadline, its heartbeat.

use tokio::time::timeout_at;

use super::{Call, Settling, Tasker, answer};
use crate::{
    ports::SendError,
    record::{Advance, Record, Stored, is_final},
};

/// How soon a statement is looked at again that was asked to stop, and how often a heartbeat is sent at most.
const SOON_MS: i64 = 60 * 1_000;

impl Tasker {
    /// When a new record is looked at first.
    pub(super) fn first_look_at(
        &self,
        now: i64,
        deadline_seconds: Option<u32>,
        heartbeat: bool,
    ) -> i64 {
        let deadline = deadline_seconds.map(|seconds| i64::from(seconds).saturating_mul(1_000));
        let waits = [
            Some(self.sweep_after_ms()),
            deadline,
            heartbeat.then_some(SOON_MS),
        ];
        now.saturating_add(waits.into_iter().flatten().min().unwrap_or(0))
    }

    /// When a running statement needs attention, in milliseconds since the Unix epoch; none if nothing was asked for.
    pub(super) fn attention_at(&self, record: &Record) -> Option<i64> {
        let statement = record.statement.as_ref()?;
        let beat = statement
            .heartbeat
            .then(|| self.now().saturating_add(SOON_MS));
        let deadline = match (&record.verdict, deadline_of(record)) {
            (None, deadline) => deadline,
            // It was asked to stop: whether it did is looked at soon.
            (Some(_), _) => Some(self.now().saturating_add(SOON_MS)),
        };
        [beat, deadline].into_iter().flatten().min()
    }

    /// Does what a running statement needs now. None if that was nothing, or it has ended.
    pub(super) async fn attend(&self, call: &Call, stored: &Stored) -> Option<Settling> {
        let record = &stored.record;
        let statement = record.statement.as_ref()?;
        let id = record.statement_id()?;
        let over = deadline_of(record).is_some_and(|deadline| deadline <= self.now());
        if !over && !statement.heartbeat && record.verdict.is_none() {
            return None;
        }
        let describe = self.ports.warehouse.describe(&statement.target, id, None);
        let described = timeout_at(call.deadline, describe).await.ok()?.ok()?;
        if is_final(described.status) {
            return None;
        }
        if over && record.verdict.is_none() {
            let mut next = record.clone();
            next.verdict = Some(answer::deadline_exceeded(
                statement.deadline_seconds.unwrap_or_default(),
            ));
            match self.store.advance(stored, next, call.deadline).await {
                Ok(Advance::Done(_)) => {}
                Ok(Advance::Lost(_)) => return Some(again("others are working on this record")),
                Err(error) => return Some(again(&error.to_string())),
            }
        }
        if over || record.verdict.is_some() {
            // Repeated by every sweep until Redshift reports an end: a cancel that comes too early is refused.
            self.cancel_stray(&statement.target, id).await;
            return Some(again("it was asked to stop"));
        }
        for token in record.tokens() {
            match timeout_at(call.deadline, self.ports.callbacks.heartbeat(token)).await {
                Ok(Err(SendError::Closed { code })) => {
                    tracing::info!(record = %record.record_id, code, "nobody waits for this statement any more");
                }
                Ok(Err(error)) => {
                    tracing::warn!(record = %record.record_id, %error, "a heartbeat was not taken")
                }
                Ok(Ok(())) | Err(_) => {}
            }
        }
        Some(again("the statement still runs"))
    }
}

/// When a statement is to be cancelled, in milliseconds since the Unix epoch.
fn deadline_of(record: &Record) -> Option<i64> {
    let seconds = record.statement.as_ref()?.deadline_seconds?;
    let since = record.starting_at.unwrap_or(record.recorded_at);
    Some(since.saturating_add(i64::from(seconds).saturating_mul(1_000)))
}

fn again(reason: &str) -> Settling {
    Settling::Again {
        reason: reason.to_owned(),
    }
}
