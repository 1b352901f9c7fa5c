//! A batch from a queue: record by record, each with its share of the time.

use serde_json::{Value, json};
use signalbox_policy::contract::Source;
use signalbox_tasker::{Call, Settling};
use tokio::time::Instant;

use super::{InvocationContext, work::Work};
use crate::event::{Message, Record, Unread};

/// Works on a batch. The answer names the records that are worth another try; SQS keeps those and deletes the
/// others. Whoever waits for a payload of the batch is told by its token.
pub(super) async fn answer(
    work: &impl Work,
    records: Vec<Record>,
    context: &InvocationContext,
) -> Value {
    let whole = context.call(Source::Queue);
    let mut failures = Vec::new();
    let mut left = u32::try_from(records.len()).unwrap_or(u32::MAX);
    for record in records {
        let now = Instant::now();
        let time = whole.deadline.saturating_duration_since(now);
        let share = time / left.max(1);
        left = left.saturating_sub(1);
        // Not begun is safe; begun and cut off is not.
        let outcome = if time.is_zero() {
            Err("the time of this invocation is over".to_owned())
        } else {
            // The message's id stays when the message comes again, the request's does not.
            let call = Call {
                request_id: record.message_id.clone(),
                deadline: now + share,
                ..whole.clone()
            };
            one(work, record.message(), &call).await
        };
        let message_id = record.message_id;
        if let Err(reason) = outcome {
            tracing::warn!(record = message_id, reason, "a record is left in the queue");
            failures.push(json!({ "itemIdentifier": message_id }));
        }
    }
    json!({ "batchItemFailures": failures })
}

/// Works on one record. An error says why it stays in the queue: it is worth another try, or it is nothing that
/// anybody could be told about, and the queue's own limit of tries takes it to the dead letters, where it is seen.
async fn one(work: &impl Work, message: Message, call: &Call) -> Result<(), String> {
    match message {
        Message::Payload(payload) => match work.invoke(call, payload).await {
            Ok(_) => Ok(()),
            Err(raised) => Err(raised.to_string()),
        },
        Message::CustomResource(request) => {
            let call = Call {
                source: Source::CustomResource,
                ..call.clone()
            };
            match work.invoke(&call, request).await {
                Ok(_) => Ok(()),
                Err(raised) => Err(raised.to_string()),
            }
        }
        Message::Completion(event) => worked(work.settle(call, event).await, call),
        Message::ExecutionStatus(event) => worked(work.stopped(call, event).await, call),
        Message::Unread(Unread { caller, raised }) => {
            match work.refuse(call, caller, raised).await {
                Ok(_) => Ok(()),
                Err(raised) => Err(raised.to_string()),
            }
        }
        Message::Malformed(reason) => Err(reason),
    }
}

fn worked(settling: Settling, call: &Call) -> Result<(), String> {
    match settling {
        Settling::Done => Ok(()),
        Settling::Ignored { reason } => {
            tracing::debug!(
                record = call.request_id,
                reason,
                "an event is not for this deployment"
            );
            Ok(())
        }
        Settling::Again { reason } => Err(reason),
    }
}
