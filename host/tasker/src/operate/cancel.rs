//! Has a statement cancelled, and says what became of it.

use std::time::Duration;

use signalbox_policy::contract::StatementStatus;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{OperateError, Operator, TaskName};
use crate::{
    ports::{ServiceError, ServiceErrorKind},
    record::{Phase, Record, is_final},
};

/// The pause between two cancels of a statement that goes on, at first; doubled each time. Redshift takes a few
/// cancels a second of an account.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// What came of a cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelledNow {
    /// There is nothing to cancel; why.
    Nothing(String),
    /// It was over before it was asked to stop.
    WasOver(StatementStatus),
    /// Redshift reports that it has ended.
    Ended(StatementStatus),
    /// It was asked to stop, and still went on when the time was over; what was heard last.
    GoesOn(String),
}

impl Operator {
    /// Asks Redshift to cancel a task's statement, again and again until it reports an end or `deadline` comes: a
    /// cancel that comes too early is refused. The task is not answered here. That is done by the completion event,
    /// or by the sweep, with what really happened.
    ///
    /// # Errors
    /// As [`Operator::find_one`].
    pub async fn cancel(
        &self,
        name: &TaskName,
        deadline: Instant,
    ) -> Result<(Record, CancelledNow), OperateError> {
        let record = self.find_one(name).await?;
        let outcome = match (&record.statement, record.statement_id()) {
            (Some(statement), Some(id)) => {
                self.cancel_statement(&statement.target, id, deadline).await
            }
            _ => CancelledNow::Nothing(nothing_runs(&record).to_owned()),
        };
        Ok((record, outcome))
    }

    async fn cancel_statement(&self, target: &str, id: &str, deadline: Instant) -> CancelledNow {
        let mut pause = PAUSE;
        let mut asked = false;
        loop {
            // The word of a describe counts, not that of a cancel.
            let described = timeout_at(deadline, self.warehouse.describe(target, id, None)).await;
            let heard = match described {
                Ok(Ok(described)) if is_final(described.status) => {
                    return if asked {
                        CancelledNow::Ended(described.status)
                    } else {
                        CancelledNow::WasOver(described.status)
                    };
                }
                Ok(Ok(described)) => {
                    format!("it is {}", crate::task::status_name(described.status))
                }
                Ok(Err(error)) if is_lasting(&error) => {
                    return CancelledNow::GoesOn(format!("Redshift does not describe it: {error}"));
                }
                Ok(Err(error)) => format!("Redshift did not describe it: {error}"),
                Err(_) => {
                    return CancelledNow::GoesOn("Redshift did not answer in time".to_owned());
                }
            };
            let cancelled = timeout_at(deadline, self.warehouse.cancel(target, id)).await;
            let heard = match cancelled {
                Ok(Ok(cancelled)) => {
                    asked = asked || cancelled.status;
                    heard
                }
                Ok(Err(error)) if error.kind == ServiceErrorKind::Denied => {
                    return CancelledNow::GoesOn(format!("Redshift refused the cancel: {error}"));
                }
                // Refused for now, or already over: the next look tells.
                Ok(Err(error)) => format!("{heard}; the cancel was refused: {error}"),
                Err(_) => {
                    return CancelledNow::GoesOn(format!(
                        "{heard}; the cancel was not answered in time"
                    ));
                }
            };
            let wake = Instant::now() + pause;
            if wake >= deadline {
                return CancelledNow::GoesOn(heard);
            }
            sleep_until(wake).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

fn is_lasting(error: &ServiceError) -> bool {
    matches!(
        error.kind,
        ServiceErrorKind::Denied | ServiceErrorKind::NotFound | ServiceErrorKind::Invalid
    )
}

/// Why there is no statement to cancel.
fn nothing_runs(record: &Record) -> &'static str {
    match record.phase() {
        Phase::Reserved => {
            "its statement was not started yet; `signalbox tasks settle` gives it up once it is overdue"
        }
        Phase::Starting => {
            "it is being started, and its id is not known yet. Try again; if its invocation is gone, \
             `signalbox tasks settle` looks the statement up by its name"
        }
        Phase::Started | Phase::Decided | Phase::Closed => "no statement was started for it",
    }
}
