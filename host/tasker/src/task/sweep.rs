//! Works off what is overdue: asks Redshift, settles, adopts, abandons. Never starts SQL.

use serde::Serialize;
use tokio::time::{Duration, Instant};

use super::{Call, Settling, Tasker, answer};
use crate::{
    ports::{LedgerError, ServiceError, ServiceErrorKind},
    record::{Advance, Ending, Phase, Record, Stored},
};

/// Records taken from each list at once.
const SLICE: usize = 25;
/// A record is begun with at least so much time left.
const RECORD_TIME: Duration = Duration::from_secs(2);
/// The most time that one record gets.
const RECORD_SHARE: Duration = Duration::from_secs(10);
/// The longest a running statement is left alone.
const LONGEST_WAIT_MS: i64 = 15 * 60 * 1_000;
/// Redshift remembers a statement for 24 hours after its end, and lets none run longer than 24 hours.
const FORGOTTEN_MS: i64 = 48 * 60 * 60 * 1_000;

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepSummary {
    /// Records looked at.
    pub examined: u32,
    /// Tasks that are answered now, or were found closed.
    pub settled: u32,
    /// Statements whose id was found by their name.
    pub adopted: u32,
    /// Records given up because nothing was ever started.
    pub abandoned: u32,
    /// Records left for a later sweep.
    pub postponed: u32,
    /// Whether the time was over before the work was.
    pub unfinished: bool,
}

impl Tasker {
    /// Looks at every record whose time has come, as long as there is time.
    ///
    /// # Errors
    /// The ledger could not be asked.
    pub async fn sweep(&self, call: &Call) -> Result<SweepSummary, LedgerError> {
        let mut summary = SweepSummary::default();
        for id in self.store.due(SLICE).await? {
            if call.deadline.saturating_duration_since(Instant::now()) < RECORD_TIME {
                summary.unfinished = true;
                break;
            }
            summary.examined += 1;
            match self.store.find(&id).await {
                Ok(Some(stored)) => {
                    self.sweep_record(&self.share(call), stored, &mut summary)
                        .await;
                }
                Ok(None) => {}
                // One record that cannot be read keeps no other waiting.
                Err(error) => {
                    tracing::error!(record = %id, %error, alarm = "RecordUnreadable", "a due record cannot be read");
                    summary.postponed += 1;
                }
            }
        }
        Ok(summary)
    }

    /// Does for one record what is to be done now, and says what came of it.
    pub(super) async fn sweep_record(
        &self,
        call: &Call,
        stored: Stored,
        summary: &mut SweepSummary,
    ) -> Settling {
        let old = self.now() - stored.record.recorded_at > FORGOTTEN_MS;
        let settling = match stored.record.phase {
            Phase::Closed => Settling::Done,
            Phase::Decided => match self.deliver(call.deadline, stored.clone()).await {
                Settling::Again { .. } if old => self.never_taken(call, &stored).await,
                settling => settling,
            },
            Phase::Reserved => self.abandon(call, &stored, summary).await,
            Phase::Starting => match self.find_by_name(&stored.record, call.deadline).await {
                Found::Id(id) => self.adopt(call, &stored, &id, summary).await,
                Found::Nowhere if self.is_hopeless(&stored.record) => {
                    self.abandon(call, &stored, summary).await
                }
                Found::Nowhere => Settling::Again {
                    reason: "its start may still be under way".to_owned(),
                },
                Found::Unknown(_) if old => self.give_up(call, &stored).await,
                Found::Unknown(reason) => Settling::Again { reason },
            },
            Phase::Started => match self.attend(call, &stored).await {
                Some(settling) => settling,
                None if old && self.is_forgotten(&stored.record, call.deadline).await => {
                    self.give_up(call, &stored).await
                }
                None => self.settle_stored(call, stored.clone(), None).await,
            },
        };
        match &settling {
            Settling::Done => summary.settled += 1,
            Settling::Again { reason } | Settling::Ignored { reason } => {
                tracing::debug!(record = %stored.record.record_id, reason, "left for a later sweep");
                summary.postponed += 1;
                self.postpone(call, stored).await;
            }
        }
        settling
    }

    /// Whether a start that left no trace can no longer be under way.
    fn is_hopeless(&self, record: &Record) -> bool {
        let longest =
            i64::try_from(self.options.longest_invocation.as_millis()).unwrap_or(i64::MAX);
        record
            .starting_at
            .is_some_and(|since| self.now() - since > longest)
    }

    /// Nothing was started: the record is closed against a start that is still to come, and the task is told. Where
    /// nobody waits the record is removed, so that the same work can be asked for again.
    async fn abandon(&self, call: &Call, stored: &Stored, summary: &mut SweepSummary) -> Settling {
        let record = stored.record.clone();
        let settling = if record.waiting {
            let answer = answer::not_started(record.record_id.as_str());
            self.step(call, stored, record.decided(answer)).await
        } else {
            match self.store.forget(stored, call.deadline).await {
                Ok(()) => Settling::Done,
                Err(error) => Settling::Again {
                    reason: error.to_string(),
                },
            }
        };
        if settling == Settling::Done {
            summary.abandoned += 1;
        }
        settling
    }

    async fn adopt(
        &self,
        call: &Call,
        stored: &Stored,
        id: &str,
        summary: &mut SweepSummary,
    ) -> Settling {
        let reply = serde_json::json!({ "Id": id }).to_string();
        let next = stored.record.clone().started(
            id,
            signalbox_policy::contract::StatementStatus::Unknown,
            &reply,
        );
        match self.store.advance(stored, next, call.deadline).await {
            Ok(Advance::Done(now)) => {
                summary.adopted += 1;
                self.settle_stored(call, now, None).await
            }
            Ok(Advance::Lost(_)) => Settling::Again {
                reason: "others are working on this record".to_owned(),
            },
            Err(error) => Settling::Again {
                reason: error.to_string(),
            },
        }
    }

    /// What Redshift or this configuration no longer knows: nobody will ever say how the statement ended.
    async fn give_up(&self, call: &Call, stored: &Stored) -> Settling {
        let record = stored.record.clone();
        tracing::error!(record = %record.record_id, alarm = "StatementLost", "nothing tells how a statement ended");
        let id = record.statement_id().unwrap_or("none").to_owned();
        let next = if record.waiting {
            record.decided(answer::lost(&id))
        } else {
            record.closed(Ending::NoCallback)
        };
        self.step(call, stored, next).await
    }

    /// An answer that Step Functions has refused in every form for two days: the task is long over.
    async fn never_taken(&self, call: &Call, stored: &Stored) -> Settling {
        let record = stored.record.clone();
        tracing::error!(record = %record.record_id, alarm = "AnswerRefused", "an answer was never taken; it is given up");
        self.step(call, stored, record.closed(Ending::FoundClosed))
            .await
    }

    /// Whether Redshift, or the configuration, does not know a recorded statement any more.
    async fn is_forgotten(&self, record: &Record, deadline: Instant) -> bool {
        let (Some(statement), Some(id)) = (&record.statement, record.statement_id()) else {
            return true;
        };
        let described = self.ports.warehouse.describe(&statement.target, id, None);
        let described = tokio::time::timeout_at(deadline, described).await;
        matches!(
            described,
            Ok(Err(ServiceError {
                kind: ServiceErrorKind::NotFound
                    | ServiceErrorKind::Denied
                    | ServiceErrorKind::Invalid,
                ..
            }))
        )
    }

    /// A part of the time for one record: a service that does not answer costs others no more than that.
    fn share(&self, call: &Call) -> Call {
        Call {
            deadline: call.deadline.min(Instant::now() + RECORD_SHARE),
            ..call.clone()
        }
    }

    async fn step(&self, call: &Call, stored: &Stored, next: Record) -> Settling {
        match self.store.advance(stored, next, call.deadline).await {
            Ok(Advance::Done(now)) => self.settle_stored(call, now, None).await,
            Ok(Advance::Lost(_)) => Settling::Again {
                reason: "others are working on this record".to_owned(),
            },
            Err(error) => Settling::Again {
                reason: error.to_string(),
            },
        }
    }

    /// Looks for a statement by its name, in all states and on all pages.
    async fn find_by_name(&self, record: &Record, deadline: Instant) -> Found {
        let Some(statement) = &record.statement else {
            return Found::Nowhere;
        };
        let name = record.statement_name();
        let mut next_token: Option<String> = None;
        loop {
            let list =
                self.ports
                    .warehouse
                    .list_named(&statement.target, &name, next_token.as_deref());
            match tokio::time::timeout_at(deadline, list).await {
                Ok(Ok(page)) => {
                    let exact = page
                        .statements
                        .into_iter()
                        .find(|s| s.statement_name.as_deref() == Some(name.as_str()));
                    match (exact, page.next_token) {
                        (Some(listed), _) => return Found::Id(listed.id),
                        (None, Some(token)) => next_token = Some(token),
                        (None, None) => return Found::Nowhere,
                    }
                }
                Ok(Err(error)) => {
                    if error.kind == ServiceErrorKind::Denied {
                        tracing::error!(%error, alarm = "ListRefused", "statements cannot be looked up by name");
                    }
                    return Found::Unknown(error.to_string());
                }
                Err(_) => return Found::Unknown("the time of this invocation is over".to_owned()),
            }
        }
    }

    /// Sets when the record is looked at next: after as long as it has existed, within bounds, and not all at once.
    async fn postpone(&self, call: &Call, stored: Stored) {
        // What was read before may have moved on meanwhile.
        let Ok(Some(now)) = self.store.find(&stored.record.record_id).await else {
            return;
        };
        if now.record.phase == Phase::Closed {
            return;
        }
        let age = self.now().saturating_sub(now.record.recorded_at);
        let mut wait = age.clamp(self.sweep_after_ms().min(LONGEST_WAIT_MS), LONGEST_WAIT_MS);
        let spread = now
            .record
            .record_id
            .as_str()
            .bytes()
            .fold(0_i64, |sum, byte| (sum * 31 + i64::from(byte)) % 1_000);
        wait += wait * spread / 10_000;
        let mut next = now.record.clone();
        let due = self.now().saturating_add(wait);
        next.due_at = Some(due.min(self.attention_at(&now.record).unwrap_or(due)));
        if let Err(error) = self.store.advance(&now, next, call.deadline).await {
            tracing::warn!(record = %now.record.record_id, %error, "the next look could not be set");
        }
    }
}

/// Where a statement is, by its name.
enum Found {
    Id(String),
    Nowhere,
    Unknown(String),
}
