//! Another attempt at work that has a name (`idempotencyKey`): it waits for the statement that runs, is told how one that
//! finished ended, or starts a new one after one that came to nothing.

use std::time::Duration;

use async_trait::async_trait;
use signalbox_policy::contract::{Failure, FailureDetail, StatementStatus};
use tokio::time::{Instant, sleep, timeout_at};

use super::{Call, Settling, backend::Backend, failure};
use crate::{
    ids::RecordId,
    ports::{LedgerError, TaskToken},
    raised::{detail, names},
    record::{
        Advance, CameTo, Ending, Life, Phase, Ran, Record, Reserve, Statement, Stored, Watch, Work,
    },
};

/// How often an attempt looks again after others were faster.
const TRIES: u32 = 10;
/// Pause between these looks.
const PAUSE: Duration = Duration::from_millis(50);
/// The most time that finding out about an earlier attempt takes.
const LOOK_TIME: Duration = Duration::from_secs(5);
/// Pause between looks at a statement that is being stopped.
const STOP_PAUSE: Duration = Duration::from_millis(400);

/// Who asks for a work.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    /// The id that this attempt's own record would have.
    pub(super) record_id: RecordId,
    /// The token of the task that waits, if one does.
    pub(super) token: Option<TaskToken>,
    pub(super) execution_arn: Option<String>,
    /// Of the work.
    pub(super) scope: String,
}

/// What an attempt comes to.
#[derive(Debug)]
pub(super) enum Attach {
    /// A statement is to be started, in this place.
    Start(Work),
    /// This record is what becomes of the attempt.
    To(Box<Stored>),
    /// The key was used for another request.
    Other,
}

/// Settles records, for those who start statements.
#[async_trait]
pub(super) trait Settles: Send + Sync {
    /// Takes a record as far as it goes now.
    async fn settle_record(&self, call: &Call, stored: Stored) -> Settling;
}

/// Attempts at work that has a name.
pub(super) struct Attempts<'a> {
    pub(super) backend: &'a Backend,
    /// The statement of the attempt before may have ended without the record saying so.
    pub(super) settles: &'a dyn Settles,
}

impl Attempts<'_> {
    /// Finds out what an attempt at a work comes to, and has it wait where there is something to wait for. `same` says
    /// whether a statement is what is asked for now.
    pub(super) async fn attach(
        &self,
        call: &Call,
        asking: &Asking,
        same: impl Fn(&Statement) -> bool,
    ) -> Result<Attach, Failure> {
        let until = call.deadline.min(Instant::now() + LOOK_TIME);
        // Half of the time is for what comes of it: a refusal has to be recorded where a queue delivered the attempt.
        let left = call.deadline.saturating_duration_since(Instant::now());
        let wait_until = Instant::now() + LOOK_TIME.min(left / 2);
        let mut settled = false;
        let mut tries = 0;
        while tries < TRIES {
            tries += 1;
            let newest = self.backend.store.newest_of_work(&asking.scope).await;
            let newest = newest.map_err(|error| failure::of_ledger(&error))?;
            let next = Work {
                scope: asking.scope.clone(),
                generation: newest.as_ref().map_or(0, |newest| newest.generation) + 1,
            };
            let Some(owner) = newest.and_then(|newest| newest.record) else {
                return Ok(Attach::Start(next));
            };
            // The same attempt, delivered twice at once.
            if asking.token.is_some() && owner.record.record_id == asking.record_id {
                return Ok(Attach::To(Box::new(owner)));
            }
            if !owner.record.statement.as_ref().is_some_and(&same) {
                return Ok(Attach::Other);
            }
            let Some(token) = &asking.token else {
                return Ok(match self.came_to_nothing(call, &owner.record).await? {
                    true => Attach::Start(next),
                    false => Attach::To(Box::new(owner)),
                });
            };
            if !owner.record.waiting {
                return match self.came_to_nothing(call, &owner.record).await? {
                    true => Ok(Attach::Start(next)),
                    false => Err(started_without_task()),
                };
            }
            // The statement may have ended, and the attempt before this one may have been told, without the record
            // saying so yet.
            if !settled && (Phase::Started..Phase::Closed).contains(&owner.record.phase()) {
                settled = true;
                self.settles.settle_record(&call.until(until), owner).await;
                continue;
            }
            // What it comes to is not for a new attempt, which starts the work again as soon as that may be.
            if is_coming_to_nothing(&owner.record) {
                if Instant::now() + STOP_PAUSE < wait_until {
                    sleep(STOP_PAUSE).await;
                    (settled, tries) = (false, 0);
                    continue;
                }
                let id = owner.record.statement_id().map(str::to_owned);
                let own = self.own_record(asking).await?;
                return own.ok_or_else(|| {
                    busy("the statement of an earlier attempt is being stopped", id)
                });
            }
            let attached = if owner.record.phase() == Phase::Closed {
                self.after_the_end(call, asking, token, &owner, next)
                    .await?
            } else {
                self.wait_with(call, asking, token, &owner).await?
            };
            if let Some(attached) = attached {
                return Ok(attached);
            }
            sleep(PAUSE).await;
        }
        Err(busy(
            "many attempts at this work are being made at once",
            None,
        ))
    }

    /// Waits for the statement of an open record. None if somebody was faster.
    async fn wait_with(
        &self,
        call: &Call,
        asking: &Asking,
        token: &TaskToken,
        owner: &Stored,
    ) -> Result<Option<Attach>, Failure> {
        let record = owner.record.clone();
        if !record.takes_attempts() {
            let id = record.statement_id().map(str::to_owned);
            return Err(busy(
                "too many attempts wait for this statement already",
                id,
            ));
        }
        let next = record.attached(
            token.clone(),
            asking.execution_arn.clone(),
            self.backend.now(),
        );
        let attached = self
            .backend
            .store
            .attach(owner, next, &asking.record_id, call.deadline)
            .await;
        match attached.map_err(|error| failure::of_write(&error))? {
            Advance::Done(now) => {
                tracing::info!(record = %now.record.record_id, attempt = %asking.record_id, "an attempt waits for a statement that was started before");
                Ok(Some(Attach::To(Box::new(now))))
            }
            Advance::Lost(_) => self.own_record(asking).await,
        }
    }

    /// After the end of the statement: what it came to is told again, or it is started again.
    async fn after_the_end(
        &self,
        call: &Call,
        asking: &Asking,
        token: &TaskToken,
        owner: &Stored,
        next: Work,
    ) -> Result<Option<Attach>, Failure> {
        let record = &owner.record;
        let status = match record.came_to() {
            CameTo::Nothing => return Ok(Some(Attach::Start(next))),
            CameTo::Something => record.status().unwrap_or(StatementStatus::Unknown),
            CameTo::Unknown => match self.status_now(call, record).await? {
                StatementStatus::Failed | StatementStatus::Aborted => {
                    return Ok(Some(Attach::Start(next)));
                }
                status => status,
            },
        };
        let now = self.backend.now();
        let ran = record.life.ran().map(|ran| Ran {
            status,
            ..ran.clone()
        });
        let mut again = Record {
            record_id: asking.record_id.clone(),
            request_id: call.request_id.clone(),
            task_token: Some(token.clone()),
            execution_arn: asking.execution_arn.clone(),
            attached_at: None,
            attempts: Vec::new(),
            work: None,
            recorded_at: now,
            due_at: Some(now.saturating_add(self.backend.sweep_after_ms())),
            indexed_until: None,
            watch: Watch::default(),
            ..record.clone()
        };
        if let Some(statement) = &mut again.statement {
            statement.lock = None;
        }
        match (record.life.answer(), ran) {
            (Some(answer), ran) if status != StatementStatus::Started => {
                again.life = Life::Decided {
                    at: record.life.starting_at(),
                    ran,
                    answer: answer.clone(),
                    refusal: None,
                    told: None,
                };
            }
            // It was left to run when nobody waited for it any more. Now somebody does.
            (_, Some(ran)) => {
                let at = record.began_at();
                again.life = Life::Started { at, ran };
                again.verdict = None;
                again.work = Some(next);
            }
            (_, None) => {
                return Err(busy(
                    "what became of the statement of an earlier attempt is not known",
                    None,
                ));
            }
        }
        let reserved = self.backend.store.reserve(again, None, call.deadline).await;
        match reserved.map_err(|error| failure::of_write(&error))? {
            Reserve::New(stored) => {
                let id = stored.record.record_id.clone();
                if let Settling::Again { reason } = self.settles.settle_record(call, stored).await {
                    tracing::info!(record = %id, reason, "the outcome of an earlier attempt is told later");
                }
                self.own_record(asking).await
            }
            Reserve::Known(stored) => Ok(Some(Attach::To(Box::new(stored)))),
            Reserve::WorkTaken | Reserve::SessionTaken | Reserve::Locked { .. } => Ok(None),
        }
    }

    /// Whether nothing came of a statement that nobody waits for: its start was given up, and if it turned up all the
    /// same it failed or was cancelled.
    async fn came_to_nothing(&self, call: &Call, record: &Record) -> Result<bool, Failure> {
        if record.phase() != Phase::Closed || record.life.ending() == Some(Ending::NoCallback) {
            return Ok(false);
        }
        Ok(match record.came_to() {
            CameTo::Nothing => true,
            CameTo::Something => false,
            CameTo::Unknown => matches!(
                self.status_now(call, record).await?,
                StatementStatus::Failed | StatementStatus::Aborted
            ),
        })
    }

    /// The record that this attempt has already, if it has one.
    async fn own_record(&self, asking: &Asking) -> Result<Option<Attach>, Failure> {
        let own = self.backend.store.find(&asking.record_id).await;
        let own = own.map_err(|error: LedgerError| failure::of_ledger(&error))?;
        Ok(own.map(|stored| Attach::To(Box::new(stored))))
    }

    /// What Redshift says of a statement whose record does not.
    async fn status_now(&self, call: &Call, record: &Record) -> Result<StatementStatus, Failure> {
        let (Some(statement), Some(id)) = (&record.statement, record.statement_id()) else {
            return Ok(StatementStatus::Aborted);
        };
        let described = self
            .backend
            .ports
            .warehouse
            .describe(&statement.target, id, None);
        match timeout_at(call.deadline, described).await {
            Ok(Ok(description)) if description.status == StatementStatus::Finished => {
                Ok(StatementStatus::Finished)
            }
            Ok(Ok(description)) => Ok(match description.status {
                status @ (StatementStatus::Failed | StatementStatus::Aborted) => status,
                _ => StatementStatus::Started,
            }),
            // Not knowing is no reason to run it again.
            Ok(Err(_)) | Err(_) => Err(busy(
                "whether the statement of an earlier attempt still runs is not known",
                Some(id.to_owned()),
            )),
        }
    }
}

/// Whether a statement that is not known to have ended is on its way to an end without effect: it is being stopped, or
/// those who waited for it have yet to be told that it failed.
fn is_coming_to_nothing(record: &Record) -> bool {
    match record.phase() {
        Phase::Starting | Phase::Started => record.is_to_be_cancelled(),
        Phase::Decided => record.came_to() == CameTo::Nothing,
        Phase::Reserved | Phase::Closed => false,
    }
}

fn busy(message: &str, statement_id: Option<String>) -> Failure {
    let message = match &statement_id {
        Some(id) => format!("{message}: {id}"),
        None => message.to_owned(),
    };
    Failure::ConcurrentExecution(FailureDetail {
        statement_id,
        ..detail(names::CONCURRENT_EXECUTION, message, true)
    })
}

/// The key was used for another request.
pub(super) fn other_request() -> Failure {
    Failure::InvalidRequest(detail(
        names::INVALID_REQUEST,
        "this `idempotencyKey` was used for another request before; use a key of its own for each piece of work",
        false,
    ))
}

fn started_without_task() -> Failure {
    Failure::InvalidRequest(detail(
        names::INVALID_REQUEST,
        "this `idempotencyKey` was used by a call without `taskToken`, which waits for nothing; use another key where a task waits",
        false,
    ))
}
