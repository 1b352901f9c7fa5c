//! Starts a statement: record, `starting`, ExecuteStatement, id. A record that nothing else waits for is `starting` when it
//! is written.

use std::time::Duration;

use signalbox_policy::contract::{
    Failure, FailureDetail, StartOptions, StartedStatement, StatementStatus,
};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::{
    failure,
    reserve::Reserved,
    services::{EventServices, Refused, Start},
};
use crate::{
    ports::{ServiceError, ServiceErrorKind, Sql, StartStatement},
    raised::{Raised, detail, detail_of, names},
    record::{Ending, Phase, Record, Refusal, Stored, UnconfirmedRefusal, Updated},
};

/// Pause before an unclear start is repeated, at first; doubled each time.
const REPEAT_PAUSE: Duration = Duration::from_millis(200);
/// The longest of these pauses.
const LONGEST_REPEAT_PAUSE: Duration = Duration::from_secs(3);
/// What is left for the ledger after the last try of a start.
pub(super) const CLOSING_TIME: Duration = Duration::from_millis(500);
/// Pause between looks at a record that another invocation is working on.
const LOOK_PAUSE: Duration = Duration::from_millis(200);

/// What came of asking Redshift for a start, again and again if need be.
pub(super) enum Asked {
    /// It took the statement.
    Started(Box<StartedStatement>),
    /// It refused the first try: nothing runs.
    Refused(ServiceError),
    /// It refused a later try. The ones before it may have had an effect.
    RefusedLater(ServiceError),
    /// Whether it took the statement is not known.
    Unclear(ServiceError),
}

/// What there was before a request was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nobody has asked under its ClientToken.
    Nothing,
    /// It was asked under the same ClientToken, and nothing is known of that.
    Asked,
}

/// What is known of a start already.
enum TakenUp {
    /// An earlier delivery of this event left it.
    Own(Stored),
    /// Somebody works on it, or has.
    Anothers(Stored),
}

impl EventServices {
    /// Starts a statement for this event.
    pub(super) async fn start(
        &self,
        bound: bool,
        sql: Sql,
        options: StartOptions,
    ) -> Result<StartedStatement, Failure> {
        if let Some(refused) = self.refusal().filter(|_| bound) {
            return Err(refused.failure);
        }
        let target = self.target(options.target.as_deref())?;
        let mut is_first = true;
        let stored = match self
            .reserve(self.new_record(bound, &target, &sql, &options))
            .await?
        {
            Reserved::New(stored) => stored,
            Reserved::Known(stored) => match self.take_up(stored).await? {
                TakenUp::Own(stored) => {
                    is_first = false;
                    stored
                }
                TakenUp::Anothers(stored) => return self.re_attach(bound, stored).await,
            },
        };
        let starting = match self.about_to_start(stored).await? {
            TakenUp::Own(starting) => starting,
            TakenUp::Anothers(stored) => return self.re_attach(bound, stored).await,
        };
        let request = self.request(&starting.record, sql, &options);
        // From here on it may run, whatever becomes of this call.
        self.note_start(Start {
            bound,
            stored: starting.clone(),
            certain: false,
        });
        let mut asked = match is_first {
            true => self.ask_for_room(&target, &request).await,
            // What an earlier delivery asked for may have had an effect.
            false => self.ask_redshift(&target, &request, Before::Asked).await,
        };
        if let Asked::Refused(error) = &asked
            && error.kind == ServiceErrorKind::SessionLost
            && let Some(request) = self.in_new_session(&starting.record, &request)
        {
            tracing::warn!(record = %starting.record.record_id, "the session is gone; the statement runs in a new one");
            asked = self.ask_redshift(&target, &request, Before::Nothing).await;
        }
        let told = |error: &ServiceError| failure::of_service(error, &self.secrets);
        match asked {
            Asked::Started(started) => self.accepted(bound, starting, *started).await,
            Asked::Refused(error) => Err(self.refused(bound, starting, told(&error)).await),
            Asked::Unclear(error) => {
                let kind = ServiceErrorKind::Unclear;
                let failure = told(&ServiceError { kind, ..error });
                Err(self.uncertain(bound, starting, failure))
            }
            Asked::RefusedLater(error) => {
                let failure = told(&error);
                let starting = self.note_unconfirmed(starting, &failure).await;
                let FailureDetail { code, message, .. } = detail_of(&failure).clone();
                let failure = Failure::Uncertain(detail(&code, message, true));
                Err(self.uncertain(bound, starting, failure))
            }
        }
    }

    /// Notes that Redshift refused a start of which an earlier try may have had an effect. A look-up by name soon tells.
    async fn note_unconfirmed(&self, starting: Stored, failure: &Failure) -> Stored {
        let told = detail_of(failure);
        let unconfirmed = UnconfirmedRefusal {
            refusal: Refusal {
                error: told.code.clone(),
                message: told.message.clone(),
            },
            refused_at: self.backend.now(),
        };
        let confirmed_at = self.backend.refusal_is_confirmed_at();
        let update = self
            .backend
            .store
            .update(starting.clone(), self.call.answer_by, |record| {
                let mut next = record.clone();
                next.watch.refusal = Some(unconfirmed.clone());
                let due_at = next.due_at.unwrap_or(confirmed_at);
                next.due_at = Some(due_at.min(confirmed_at));
                Some(next).filter(|next| next.phase() == Phase::Starting)
            });
        match update.await {
            Ok(Updated::Done(now) | Updated::Left(now)) => now,
            Ok(Updated::Gone) => starting,
            Err(error) => {
                tracing::warn!(record = %starting.record.record_id, %error, "a refusal could not be noted; the task is told when the longest invocation is over");
                starting
            }
        }
    }

    /// Goes on with a start of the same request that was cut off, under its ClientToken. What else is known is somebody's.
    async fn take_up(&self, stored: Stored) -> Result<TakenUp, Failure> {
        // A second ClientToken may have been used, of which nothing says whether Redshift took it.
        if self.wait_when_busy || self.replace_session {
            return Ok(TakenUp::Anothers(stored));
        }
        let now = self.backend.now();
        let update = self
            .backend
            .store
            .update(stored.clone(), self.deadline(), |record| {
                let is_cut_off = record.is_cut_off(&self.call.request_id, now);
                // The delivery before sees by a later time that the start is no longer its own, should it live after all.
                let at = now.max(record.began_at().saturating_add(1));
                is_cut_off.then(|| record.clone().starting(at))
            });
        Ok(
            match update.await.map_err(|error| failure::of_write(&error))? {
                Updated::Done(starting) => TakenUp::Own(starting),
                Updated::Left(now) => TakenUp::Anothers(now),
                Updated::Gone => TakenUp::Anothers(stored),
            },
        )
    }

    /// Marks a reservation as used, right before Redshift is asked.
    async fn about_to_start(&self, stored: Stored) -> Result<TakenUp, Failure> {
        if stored.record.phase() == Phase::Starting {
            return Ok(TakenUp::Own(stored));
        }
        // Another attempt may come to wait for it meanwhile.
        let update = self
            .backend
            .store
            .update(stored, self.deadline(), |record| {
                let is_reserved = record.phase() == Phase::Reserved;
                is_reserved.then(|| record.clone().starting(self.backend.now()))
            });
        match update.await.map_err(|error| failure::of_write(&error))? {
            Updated::Done(starting) => Ok(TakenUp::Own(starting)),
            // Taken up by another delivery, or given up by the sweep. This one has not asked Redshift.
            Updated::Left(now)
                if now.record.phase() == Phase::Starting || now.record.statement_id().is_some() =>
            {
                Ok(TakenUp::Anothers(now))
            }
            Updated::Left(_) | Updated::Gone => Err(not_started(
                "the reservation of this task was given up meanwhile",
            )),
        }
    }

    fn request(&self, record: &Record, sql: Sql, options: &StartOptions) -> StartStatement {
        StartStatement {
            sql,
            parameters: options.parameters.clone(),
            result_format: options.result_format,
            session_id: options.session_id.clone(),
            session_keep_alive_seconds: options.session_keep_alive_seconds,
            wait_seconds: self.wait_in_time(options.wait_seconds),
            statement_name: record.statement_name(),
            client_token: record.client_token(),
            with_event: record.needs_settling(),
        }
    }

    /// Asks until the answer is clear or the time is over. A repeat has the same ClientToken, so it cannot start a
    /// second statement.
    pub(super) async fn ask_redshift(
        &self,
        target: &str,
        request: &StartStatement,
        before: Before,
    ) -> Asked {
        let last = self
            .deadline()
            .checked_sub(CLOSING_TIME)
            .unwrap_or_else(|| self.deadline());
        let mut pause = REPEAT_PAUSE;
        let mut unclear = before == Before::Asked;
        loop {
            let error =
                match timeout_at(last, self.backend.ports.warehouse.start(target, request)).await {
                    Ok(Err(error)) if error.kind == ServiceErrorKind::Unclear => error,
                    // It passes, and says nothing.
                    Ok(Err(error)) if unclear && error.kind == ServiceErrorKind::Throttled => error,
                    // What refuses the repeat says nothing of the try before it, which may have started the statement.
                    Ok(Err(error)) if unclear => return Asked::RefusedLater(error),
                    Ok(Err(error)) => return Asked::Refused(error),
                    Ok(Ok(started)) => return Asked::Started(Box::new(started)),
                    Err(_) => ServiceError {
                        kind: ServiceErrorKind::Unclear,
                        code: "RequestTimeout".to_owned(),
                        message: "Redshift did not answer within the time of this invocation"
                            .to_owned(),
                        statement_id: None,
                        document: None,
                    },
                };
            let wake = Instant::now() + pause;
            if wake >= last {
                return Asked::Unclear(error);
            }
            tracing::warn!(code = error.code, "an unclear start is repeated");
            unclear = true;
            sleep_until(wake).await;
            pause = (pause * 2).min(LONGEST_REPEAT_PAUSE);
        }
    }

    /// Redshift took the statement: its id is stored.
    async fn accepted(
        &self,
        bound: bool,
        mut starting: Stored,
        mut started: StartedStatement,
    ) -> Result<StartedStatement, Failure> {
        started.document = self.clean_document(&started.document);
        let accept = |record: &Record| {
            let record = record.clone().in_session(started.session_id.as_deref());
            record.started(&started.id, started.status, &started.document)
        };
        let update = self
            .backend
            .store
            .update(starting.clone(), self.deadline(), |record| {
                (record.phase() == Phase::Starting).then(|| accept(record))
            });
        let is_it = |record: &Record| record.statement_id() == Some(&started.id);
        let stored = match update.await {
            Ok(Updated::Done(now)) => now,
            Ok(Updated::Left(now)) if is_it(&now.record) => now,
            Ok(Updated::Left(_) | Updated::Gone) => {
                // Given up meanwhile: its task was told that nothing started, so nothing may run.
                self.forget_start(&starting.record.record_id);
                self.backend
                    .cancel_stray(&started.target, &started.id)
                    .await;
                return Err(not_started(
                    "this task was given up before Redshift took its statement",
                ));
            }
            Err(error) => {
                // It runs. The sweep finds it by its name and stores the id.
                tracing::error!(record = %starting.record.record_id, %error, "the statement's id could not be stored");
                starting.record = accept(&starting.record);
                starting
            }
        };
        self.note_start(Start {
            bound,
            stored,
            certain: true,
        });
        Ok(started)
    }

    /// It is not known whether the statement runs: the record stays `starting`, and the task waits.
    fn uncertain(&self, bound: bool, starting: Stored, failure: Failure) -> Failure {
        tracing::error!(record = %starting.record.record_id, "whether the statement started is not known; the sweep will settle it");
        self.note_start(Start {
            bound,
            stored: starting,
            certain: false,
        });
        failure
    }

    /// Redshift refused the statement: it does not run. A waiting task's record is closed when it is known what the
    /// task is told; any other is removed, since its caller may well ask again under the same key.
    async fn refused(&self, bound: bool, starting: Stored, failure: Failure) -> Failure {
        let told = detail_of(&failure);
        if starting.record.waiting {
            self.forget_start(&starting.record.record_id);
            let refusal = Refusal {
                error: told.code.clone(),
                message: told.message.clone(),
            };
            self.note_refusal(Refused {
                stored: starting,
                refusal,
                failure: failure.clone(),
            });
            return failure;
        }
        match self.backend.store.forget(&starting, self.deadline()).await {
            Ok(()) => {
                self.forget_start(&starting.record.record_id);
                failure
            }
            Err(error) => {
                tracing::error!(record = %starting.record.record_id, %error, "a refused statement's record could not be removed");
                let message = format!(
                    "{}; and its record could not be removed: {error}",
                    told.message
                );
                self.uncertain(
                    bound,
                    starting,
                    Failure::Uncertain(detail(&told.code, message, true)),
                )
            }
        }
    }

    /// Somebody works, or worked, on the same task: what they got is what this event gets.
    async fn re_attach(
        &self,
        bound: bool,
        mut stored: Stored,
    ) -> Result<StartedStatement, Failure> {
        loop {
            let record = &stored.record;
            match (
                record.phase(),
                record.statement.as_ref(),
                record.reply.as_ref(),
            ) {
                (Phase::Reserved | Phase::Starting, ..) => {}
                (_, Some(statement), Some(reply)) => {
                    let started = StartedStatement {
                        id: record.statement_id().unwrap_or_default().to_owned(),
                        target: statement.target.clone(),
                        status: record.status().unwrap_or(StatementStatus::Submitted),
                        session_id: None,
                        has_result_set: None,
                        document: reply.clone(),
                    };
                    self.note_start(Start {
                        bound,
                        stored,
                        certain: true,
                    });
                    return Ok(started);
                }
                _ => return Err(ended_without_statement(record)),
            }
            if Instant::now() + LOOK_PAUSE + CLOSING_TIME >= self.deadline() {
                let faster = self.backend.note_unheard(&self.call, &stored).await;
                if let Some(now) = faster {
                    stored = now;
                    continue;
                }
                let failure = Failure::Uncertain(detail(
                    "RequestTimeout",
                    "another invocation is starting this statement",
                    true,
                ));
                return Err(self.uncertain(bound, stored, failure));
            }
            sleep(LOOK_PAUSE).await;
            match self.backend.store.find(&stored.record.record_id).await {
                Ok(Some(now)) => stored = now,
                Ok(None) => return Err(not_started("this task was given up meanwhile")),
                Err(error) => {
                    tracing::warn!(%error, "the record could not be read; it is tried again")
                }
            }
        }
    }
}

/// What a caller gets for work of which nobody can say whether it was done.
pub(super) fn lost(record: &Record) -> Raised {
    let name = record.statement_name();
    Raised::new(
        names::STATEMENT_LOST,
        format!(
            "this statement was started before, and Redshift no longer tells what became of it (its name was {name}). Look \
             at its effects before it is run again"
        ),
    )
}

fn not_started(message: &str) -> Failure {
    Failure::Unavailable(detail(names::STATEMENT_NOT_STARTED, message, true))
}

fn ended_without_statement(record: &Record) -> Failure {
    match (record.life.refusal(), record.life.ending()) {
        _ if record.watch.lost => {
            let raised = lost(record);
            Failure::Other(detail(&raised.error_type, raised.message, false))
        }
        (Some(refusal), _) => {
            Failure::Other(detail(&refusal.error, refusal.message.clone(), false))
        }
        (None, Some(Ending::Abandoned)) => not_started("this task was given up before"),
        _ => Failure::InvalidRequest(detail(
            names::INVALID_REQUEST,
            "this task has been answered already",
            false,
        )),
    }
}
