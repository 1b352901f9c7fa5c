//! Cancels statements. A cancel that Redshift refuses, because it comes too early, is repeated until the statement has
//! ended, and nobody is told that it ended otherwise than it did.

use std::time::Duration;

use signalbox_policy::contract::{CancelStatementRequest, CancelledStatement, Failure};
use tokio::time::{Instant, sleep, timeout};

use super::{backend::Backend, failure, services::EventServices};
use crate::{
    completion_event::status_name,
    ports::{ServiceError, ServiceErrorKind},
    record::{Phase, Stored, is_final},
};

/// How long a cancel may take that is sent when an invocation is at its end.
const CANCEL_TIME: Duration = Duration::from_millis(800);
/// How often a refused cancel of a statement that no record watches over is repeated.
const REPEATS: u32 = 5;
/// Pause before the first of these repeats; doubled each time.
const REPEAT_PAUSE: Duration = Duration::from_millis(200);

impl Backend {
    /// Cancels a statement that nobody may run. Its end is not waited for.
    pub(super) async fn cancel_stray(&self, target: &str, id: &str) {
        let cancel = timeout(CANCEL_TIME, self.ports.warehouse.cancel(target, id));
        match cancel.await.unwrap_or_else(|_| Err(no_reply())) {
            Ok(cancelled) => {
                tracing::warn!(id, taken = cancelled.status, "a statement is asked to stop")
            }
            // It has not begun, or has ended: whoever asks how it is finds out.
            Err(error) if error.kind == ServiceErrorKind::Invalid => {
                tracing::warn!(id, %error, "a statement was asked to stop and Redshift refused");
            }
            Err(error) => {
                tracing::error!(id, %error, alarm = "CancelRefused", "a statement could not be asked to stop");
            }
        }
    }
}

impl EventServices {
    /// Cancels a statement for a policy.
    ///
    /// What Redshift says is the reply, as in the original. A statement that a record watches over is cancelled again
    /// by the sweep until it has ended, so that a cancel which comes too early is one that was taken.
    pub(super) async fn cancel(
        &self,
        request: CancelStatementRequest,
    ) -> Result<CancelledStatement, Failure> {
        let CancelStatementRequest { id, target } = request;
        // A part of a batch cannot be cancelled alone, and the whole was not asked for.
        let (whole, is_part) = id
            .split_once(':')
            .map_or((id.as_str(), false), |(id, _)| (id, true));
        let found = self
            .in_time(self.backend.store.find_by_statement(whole))
            .await?
            .map_err(|error| self.of_ledger(&error))?;
        self.check_owner(&id, found.as_ref())?;
        let recorded = found.as_ref().and_then(|f| f.record.statement.as_ref());
        let recorded = recorded.map(|statement| statement.target.as_str());
        let target = self.target(recorded.or(target.as_deref()))?;
        let watched = found.filter(|found| !is_part && found.record.phase() == Phase::Started);

        let warehouse = &self.backend.ports.warehouse;
        let mut pause = REPEAT_PAUSE;
        let mut repeats = 0;
        loop {
            let refused = match self.in_time(warehouse.cancel(&target, &id)).await? {
                Ok(reply) if reply.status => {
                    if let Some(stored) = watched {
                        self.keep_cancelling(stored).await;
                    }
                    return Ok(reply);
                }
                Err(error) if is_hopeless(&error) => {
                    return Err(failure::of_service(&error, &self.secrets));
                }
                refused => refused,
            };
            let described = warehouse.describe(&target, &id, None);
            let ended = self.in_time(described).await?.ok().map(|now| now.status);
            if let Some(status) = ended.filter(|status| is_final(*status)) {
                return refused.map_err(|mut error| {
                    let how = format!(" (the statement had ended: {})", status_name(status));
                    error.message.push_str(&how);
                    failure::of_service(&error, &self.secrets)
                });
            }
            if let Some(stored) = &watched
                && self.keep_cancelling(stored.clone()).await
            {
                return Ok(taken());
            }
            if is_part || repeats == REPEATS || Instant::now() + pause >= self.deadline() {
                return refused.map_err(|error| failure::of_service(&error, &self.secrets));
            }
            sleep(pause).await;
            repeats += 1;
            pause *= 2;
        }
    }

    /// Notes that a statement is to be cancelled until it has ended. Whether it is noted, or has ended meanwhile.
    async fn keep_cancelling(&self, stored: Stored) -> bool {
        let id = stored.record.record_id.clone();
        let update = self
            .backend
            .store
            .update(stored, self.deadline(), |record| {
                let is_open = record.phase() == Phase::Started && !record.is_to_be_cancelled();
                let mut next = Some(record.clone()).filter(|_| is_open)?;
                next.watch.cancel = true;
                next.due_at = next.due_at.min(self.backend.attention_at(&next));
                Some(next)
            });
        let noted = update.await;
        if let Err(error) = &noted {
            tracing::warn!(record = %id, %error, "a cancel could not be noted; it is not repeated");
        }
        noted.is_ok()
    }
}

/// Whether the same cancel will not be taken later either.
fn is_hopeless(error: &ServiceError) -> bool {
    matches!(
        error.kind,
        ServiceErrorKind::Denied | ServiceErrorKind::NotFound
    )
}

/// The reply to a cancel that the host has taken over.
fn taken() -> CancelledStatement {
    CancelledStatement {
        status: true,
        document: r#"{"Status":true}"#.to_owned(),
    }
}

pub(super) fn no_reply() -> ServiceError {
    ServiceError {
        kind: ServiceErrorKind::Unclear,
        code: "RequestTimeout".to_owned(),
        message: "Redshift did not answer in time".to_owned(),
        statement_id: None,
        document: None,
    }
}
