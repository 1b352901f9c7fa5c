//! One record, at once: what the sweep would do with it when its time has come.

use super::{Call, Settling, SweepSummary, attend::Turn, settle::again, settler::Settler};
use crate::{
    ports::LedgerError,
    record::{Phase, Record},
};

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SettledNow {
    /// What was done.
    pub settled: Settled,
    /// The record as it is now; none if it is gone.
    pub record: Option<Record>,
}

/// What became of a record that was settled by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It was over before.
    WasOver,
    /// It is over now: the task is answered, or was found closed, or nobody waits.
    Done,
    /// It is left as it is, or a step further; why.
    Left(String),
}

impl Settler {
    /// Does for one record, now, what the sweep does: asks Redshift, decides by the policy, answers. Starts no SQL.
    ///
    /// # Errors
    /// The ledger could not be asked.
    pub(super) async fn settle_now(
        &self,
        call: &Call,
        record: &Record,
    ) -> Result<SettledNow, LedgerError> {
        let id = &record.record_id;
        let found = self.backend.store.find(id).await?;
        let Some(stored) = found.filter(|stored| stored.record.phase() != Phase::Closed) else {
            return Ok(SettledNow {
                settled: Settled::WasOver,
                record: self
                    .backend
                    .store
                    .find(id)
                    .await?
                    .map(|stored| stored.record),
            });
        };
        if let Some(reason) = self.not_yet(&stored.record) {
            return Ok(SettledNow {
                settled: Settled::Left(reason),
                record: Some(stored.record),
            });
        }
        let settling = self
            .follow_up(call, stored, Turn::Ask, &mut SweepSummary::default())
            .await
            .unwrap_or_else(|| again("others were asked about first"));
        let now = self
            .backend
            .store
            .find(id)
            .await?
            .map(|stored| stored.record);
        let over = now
            .as_ref()
            .is_none_or(|record| record.phase() == Phase::Closed);
        let settled = match settling {
            _ if over => Settled::Done,
            Settling::Again { reason } | Settling::Ignored { reason } => Settled::Left(reason),
            Settling::Done => Settled::Left("others are working on this record".to_owned()),
        };
        Ok(SettledNow {
            settled,
            record: now,
        })
    }

    /// Why a record is not to be settled now: the sweep would not look at it yet, or another policy would decide.
    fn not_yet(&self, record: &Record) -> Option<String> {
        let age = self.backend.now().saturating_sub(record.recorded_at);
        if record.phase() == Phase::Reserved && age < self.backend.sweep_after_ms() {
            let seconds = (self.backend.sweep_after_ms() - age).div_euclid(1_000) + 1;
            return Some(format!(
                "its invocation may be just about to start it; it counts as given up in {seconds} s"
            ));
        }
        let name = record.policy.as_ref().map(|policy| policy.name.as_str())?;
        let policies = self.in_force.policies();
        (policies.settling(name, None).is_none() && record.phase() < Phase::Decided).then(|| {
            format!(
                "this configuration has no policy `{name}`, which has to decide what the task is told: use the function's \
                 own configuration"
            )
        })
    }
}
