//! What an invocation comes to, from what its policy did.

use serde_json::{Value, json};
use signalbox_policy::{Answer, Fault, FaultKind, Invoked, Usage, contract::Source};
use tokio::time::{Duration, Instant, timeout_at};

use super::{
    Call, Settling, answer,
    invoke::{Invocations, not_known},
    services::{Refused, Start},
};
use crate::{
    intake::Intake,
    policies::Granted,
    raised::{Raised, names},
    record::{Advance, Phase, Record, Stored, Updated, is_final},
};

/// What recording and sending an answer may take at the end of an event: so much of the time that is left is kept for it.
const ANSWER_TIME: Duration = Duration::from_millis(300);
/// That is never more than this part of it.
const ANSWER_PART: u32 = 3;

/// The longest reply that is kept for repeats, in bytes, where an answer of 256 KB has to find room beside it: an item
/// has 400 KB at most.
const REPLY_BESIDE_ANSWER: usize = 32 * 1_024;
/// The longest reply that is kept where nobody waits for an answer, in bytes.
const REPLY_ALONE: usize = 256 * 1_024;

impl Invocations {
    pub(super) async fn after_return(
        &self,
        call: &Call,
        intake: &Intake,
        acting: &Granted,
        starts: &[Start],
        invoked: Invoked,
    ) -> Result<Value, Raised> {
        let bound = starts.iter().find(|start| start.bound);
        if bound.is_some_and(|start| !start.certain) {
            return Ok(pending());
        }
        let is_uncertain = starts.iter().any(|start| !start.certain);
        let is_waited_for = intake.waiting.is_some();
        match (invoked.reply, invoked.answer, bound) {
            (Ok(reply), Some(answer), None) => {
                let reply = reply_value(&reply);
                match &intake.waiting {
                    Some(waiting) => {
                        let arn = intake.execution_arn.clone();
                        let by = Some(acting);
                        self.settler
                            .answer_directly(call, waiting, by, arn, answer, &reply)
                            .await
                    }
                    None => Ok(reply),
                }
            }
            (Ok(reply), answer, Some(start)) => {
                self.keep_reply(call, &start.stored, &reply).await;
                self.settle_if_over(call, &start.stored, answer).await;
                Ok(reply_value(&reply))
            }
            // A queue delivers again what is not known to have been started.
            (Ok(_), None, None) if is_uncertain => not_known(call, is_waited_for),
            (Ok(reply), None, None) => {
                if let Some(start) = starts.first() {
                    self.keep_reply(call, &start.stored, &reply).await;
                }
                Ok(reply_value(&reply))
            }
            (Err(rejection), _, None) if starts.is_empty() => Err(rejection.into()),
            // The policy has passed on that a start is uncertain, and it is not the task's: nothing else would tell it.
            (Err(rejection), _, None) if is_waited_for && is_uncertain => {
                let raised = Raised::from(rejection);
                let told = self.answer_unbound(call, intake, answer::of_raised(&raised));
                told.await.map_err(|_| unrecorded(&raised))
            }
            (Err(_), _, _) if is_uncertain => not_known(call, is_waited_for),
            (Err(rejection), ..) => {
                let fault = Fault {
                    policy: acting.name().to_owned(),
                    kind: FaultKind::Protocol,
                    message: format!(
                        "it refused the payload after it had started a statement ({}: {})",
                        rejection.error, rejection.message
                    ),
                    usage: Usage::default(),
                    decided: true,
                };
                self.after_fault(call, intake, starts, &fault).await
            }
        }
    }

    /// Answers whoever waits and has no statement bound to the task.
    async fn answer_unbound(
        &self,
        call: &Call,
        intake: &Intake,
        answer: Answer,
    ) -> Result<Value, Raised> {
        let Some(waiting) = &intake.waiting else {
            return Ok(pending());
        };
        let arn = intake.execution_arn.clone();
        self.settler
            .answer_directly(call, waiting, None, arn, answer, &pending())
            .await
    }

    /// Redshift refused the task's statement, so it does not run. The record is closed, or holds the answer, before
    /// anybody is told.
    pub(super) async fn after_refusal(
        &self,
        call: &Call,
        refused: Refused,
        starts: &[Start],
        outcome: Result<Invoked, Fault>,
    ) -> Result<Value, Raised> {
        let Refused {
            stored, refusal, ..
        } = refused;
        let (reply, raised) = match outcome {
            Err(fault) => (None, Raised::from(&fault)),
            Ok(Invoked {
                reply: Err(rejection),
                ..
            }) => (None, rejection.into()),
            Ok(Invoked {
                reply: Ok(reply),
                answer: Some(answer),
                ..
            }) => (Some((reply, answer)), Raised::invalid("")),
            // Nobody told the task anything: it is told what Redshift said.
            Ok(_) => (None, Raised::new(&refusal.error, &refusal.message)),
        };
        for start in starts {
            if let (Some(statement), Some(id)) = (
                &start.stored.record.statement,
                start.stored.record.statement_id(),
            ) {
                self.backend.cancel_stray(&statement.target, id).await;
            }
        }
        let told_by_answer =
            call.source == Source::Queue || stored.record.custom_resource.is_some();
        let to_waiting = match &reply {
            Some((_, answer)) => Some(answer.clone()),
            None => told_by_answer.then(|| answer::of_raised(&raised)),
        };
        let id = stored.record.record_id.clone();
        let mut by_token = false;
        let update = self.backend.store.update(stored, call.answer_by, |record| {
            // What is raised reaches the attempt of this invocation alone, if anybody hears it.
            let to_others = record.tokens().nth(1).is_some() || record.unheard;
            let told = to_waiting.clone();
            let told = told.or_else(|| to_others.then(|| answer::of_raised(&raised)));
            by_token = told.is_some();
            let record = Some(record.clone()).filter(|record| record.phase() < Phase::Decided)?;
            Some(match told {
                Some(answer) => record.decided(answer),
                None => record.refused(refusal.clone()),
            })
        });
        match update.await {
            Ok(Updated::Done(now)) if now.record.phase() == Phase::Decided => {
                if let Settling::Again { reason } = self.delivery.deliver(call.answer_by, now).await
                {
                    tracing::warn!(reason, "the answer is left to the sweep");
                }
                match (reply, &to_waiting) {
                    (Some((reply, _)), _) => Ok(reply_value(&reply)),
                    (None, Some(_)) => Ok(refusal_reply(&raised)),
                    (None, None) => Err(raised),
                }
            }
            Ok(_) => Err(raised),
            Err(error) => {
                tracing::error!(record = %id, %error, "a refused statement's record could not be closed");
                // The sweep finds the answer, or that nothing runs, and tells the task. If it is only raised: nothing
                // runs, and the record may have been closed, so nobody else would tell it.
                if by_token { Ok(pending()) } else { Err(raised) }
            }
        }
    }

    /// The policy misbehaved. What it started is cancelled; a task whose statement may run is told when that has
    /// ended. Raised is the fault only if nothing runs.
    pub(super) async fn after_fault(
        &self,
        call: &Call,
        intake: &Intake,
        starts: &[Start],
        fault: &Fault,
    ) -> Result<Value, Raised> {
        tracing::error!(%fault, started = starts.len(), alarm = "PolicyFault", "the policy faulted");
        // The fault may be that all the time is used up. What is left is for the answer.
        let closing = call.closing();
        let left = closing.deadline.saturating_duration_since(Instant::now());
        let end = closing.deadline - ANSWER_TIME.min(left / ANSWER_PART);
        let work = async {
            let mut over = true;
            for start in starts {
                let record = &start.stored.record;
                // A start that took all the time is not the policy's fault.
                if start.bound
                    && record.waiting
                    && (start.certain || fault.kind != FaultKind::Timeout)
                {
                    self.set_verdict(end, &start.stored, answer::of_fault(fault))
                        .await;
                }
                over = self.stop(record).await && over;
            }
            over && !starts
                .iter()
                .any(|start| start.bound && start.stored.record.waiting)
        };
        match timeout_at(end, work).await {
            Ok(true) => Err(fault.into()),
            Ok(false) | Err(_)
                if intake.waiting.is_none() && starts.iter().any(|start| !start.certain) =>
            {
                not_known(call, false)
            }
            // What may still run is not the task's, so nothing else would tell it.
            Ok(false) | Err(_) if !starts.iter().any(|start| start.bound) => {
                let told = self.answer_unbound(&closing, intake, answer::of_fault(fault));
                told.await.map_err(|_| unrecorded(&fault.into()))
            }
            Ok(false) | Err(_) => Ok(pending()),
        }
    }

    /// Cancels a statement, and says whether it certainly does not run any more.
    async fn stop(&self, record: &Record) -> bool {
        let (Some(statement), Some(id)) = (&record.statement, record.statement_id()) else {
            return false;
        };
        self.backend.cancel_stray(&statement.target, id).await;
        let described = self
            .backend
            .ports
            .warehouse
            .describe(&statement.target, id, None)
            .await;
        described.is_ok_and(|described| is_final(described.status))
    }

    async fn set_verdict(&self, deadline: Instant, stored: &Stored, verdict: Answer) {
        let update = self
            .backend
            .store
            .update(stored.clone(), deadline, |record| {
                let next = Record {
                    verdict: Some(verdict.clone()),
                    ..record.clone()
                };
                Some(next).filter(|next| next.phase() < Phase::Decided)
            });
        if let Err(error) = update.await {
            tracing::error!(record = %stored.record.record_id, %error, "a fault could not be recorded; the policy will be asked when the statement ends");
        }
    }

    /// Keeps what the policy replied, where it is not what Redshift replied, for repeats of this event.
    async fn keep_reply(&self, call: &Call, stored: &Stored, reply: &str) {
        let longest = match stored.record.waiting {
            true => REPLY_BESIDE_ANSWER,
            false => REPLY_ALONE,
        };
        if reply.len() > longest {
            tracing::warn!(record = %stored.record.record_id, bytes = reply.len(), "the reply is too long to be kept; a repeat gets Redshift's");
            return;
        }
        if stored.record.reply.as_deref() == Some(reply) {
            return;
        }
        let update = self
            .backend
            .store
            .update(stored.clone(), call.answer_by, |record| {
                let next = Record {
                    reply: Some(reply.to_owned()),
                    ..record.clone()
                };
                Some(next).filter(|next| next.phase() < Phase::Decided)
            });
        if let Err(error) = update.await {
            tracing::warn!(record = %stored.record.record_id, %error, "the reply could not be kept; a repeat gets Redshift's");
        }
    }

    /// Short SQL is answered in the first call: by the policy, if it did so itself when it saw the end, else by what
    /// it decides now.
    async fn settle_if_over(&self, call: &Call, stored: &Stored, answer: Option<Answer>) {
        let over = stored.record.status().is_some_and(is_final);
        if !over && answer.is_none() {
            return;
        }
        // Whatever remains after this is done by the event or the sweep.
        let Ok(Some(mut now)) = self.backend.store.find(&stored.record.record_id).await else {
            return;
        };
        if let Some(answer) = answer.filter(|_| now.record.phase() == Phase::Started) {
            let next = now.record.clone().decided(answer);
            match self.backend.store.advance(&now, next, call.deadline).await {
                Ok(Advance::Done(decided)) => now = decided,
                Ok(Advance::Lost(_)) | Err(_) => return,
            }
        }
        let _ = self.settler.settle_stored(call, now, None, None).await;
    }
}

/// The reply to an event that is refused by an answer to whoever waits.
pub(super) fn refusal_reply(raised: &Raised) -> Value {
    json!({ "Error": raised.error_type, "Message": raised.message })
}

/// The reply to an event whose task was answered without a statement, as it is kept for repeats. Whoever waits for the
/// answer does not look at it.
pub(super) fn kept_beside_answer(reply: &Value) -> String {
    let text = reply.to_string();
    if text.len() <= REPLY_BESIDE_ANSWER {
        return text;
    }
    json!({ "Message": "the reply was too long to be kept; the task was answered" }).to_string()
}

/// The reply where there is nothing to say yet: the task waits, and is told later.
pub(super) fn pending() -> Value {
    json!({
        "Status": "UNKNOWN",
        "Message": "the outcome of this start is not known yet; the task is answered when it is",
    })
}

pub(super) fn reply_value(reply: &str) -> Value {
    serde_json::from_str(reply).unwrap_or_else(|_| Value::String(reply.to_owned()))
}

/// What whoever waits was to be told could not be recorded. It may have been all the same, so this is another name.
fn unrecorded(raised: &Raised) -> Raised {
    Raised::new(
        names::LEDGER_UNAVAILABLE,
        format!(
            "{raised}; the durable record of this could not be written, and a statement that the policy started beside \
             the task may run"
        ),
    )
}
