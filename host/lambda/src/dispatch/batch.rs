//! A batch from a queue: its messages side by side, each with all the time that there is.

use std::{collections::HashMap, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use signalbox_policy::contract::Source;
use signalbox_tasker::{Call, Settling, side_by_side::Places};
use tokio::time::Instant;

use super::{HOST_FAULT, InvocationContext, work::Work};
use crate::event::{Message, Record, Unread};

/// Messages that are worked on at once. More would only wait for the same services, and policies for the same processor.
const PLACES: usize = 32;
/// A message that takes longer gives its place to another one, and goes on.
const PATIENCE: Duration = Duration::from_secs(3);
/// A message is begun only with so much time left. One that is not begun comes again as it is.
const LEAST_TIME: Duration = Duration::from_secs(1);

/// Works on a batch. The answer names the records that are worth another try; SQS keeps those and deletes the
/// others. Whoever waits for a payload of the batch is told by its token.
pub(super) async fn answer(
    work: &impl Work,
    records: Vec<Record>,
    context: &InvocationContext,
) -> Value {
    let whole = context.call(Source::Queue);
    let ids: Vec<String> = records
        .iter()
        .map(|record| record.message_id.clone())
        .collect();
    let groups = groups(records).into_iter().map(|group| {
        let whole = whole.clone();
        async move {
            let mut outcomes = Vec::new();
            for (at, record) in group {
                // The message's id stays when the message comes again, the request's does not.
                let call = Call {
                    request_id: record.message_id.clone(),
                    ..whole.clone()
                };
                outcomes.push((at, guarded(work, &record, &call).await));
            }
            outcomes
        }
    });
    let done = Places::new(PLACES, PATIENCE).run_all(groups).await;
    let mut outcomes: Vec<_> = done.into_iter().flatten().collect();
    outcomes.sort_by_key(|(at, _)| *at);
    let mut failures = Vec::new();
    for (id, (_, outcome)) in ids.into_iter().zip(outcomes) {
        if let Err(reason) = outcome {
            tracing::warn!(record = id, reason, "a record is left in the queue");
            failures.push(json!({ "itemIdentifier": id }));
        }
    }
    json!({ "batchItemFailures": failures })
}

/// The records with their positions: those of one statement together and in order, since side by side each of them would
/// send the statement's answer.
fn groups(records: Vec<Record>) -> Vec<Vec<(usize, Record)>> {
    let mut groups: Vec<Vec<(usize, Record)>> = Vec::new();
    let mut of_statement: HashMap<String, usize> = HashMap::new();
    for (at, record) in records.into_iter().enumerate() {
        let next = groups.len();
        let group = record
            .completed_statement()
            .map_or(next, |name| *of_statement.entry(name).or_insert(next));
        match groups.get_mut(group) {
            Some(group) => group.push((at, record)),
            None => groups.push(vec![(at, record)]),
        }
    }
    groups
}

/// Works on one message, unless the time is over. A panic is that message's alone.
async fn guarded(work: &impl Work, record: &Record, call: &Call) -> Result<(), String> {
    // Not begun is safe; begun and cut off is not.
    if call.deadline.saturating_duration_since(Instant::now()) < LEAST_TIME {
        return Err("the time of this invocation is over".to_owned());
    }
    let working = AssertUnwindSafe(one(work, record, call));
    working.catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(
            record = call.request_id,
            alarm = HOST_FAULT,
            "the host has a defect"
        );
        Err("the host has a defect".to_owned())
    })
}

/// Works on one record. An error says why it stays in the queue: it is worth another try, or it is nothing that
/// anybody could be told about, and the queue's own limit of tries takes it to the dead letters, where it is seen.
async fn one(work: &impl Work, record: &Record, call: &Call) -> Result<(), String> {
    match record.message() {
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
