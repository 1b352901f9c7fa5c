//! EventBridge and SQS: events on their way to the functions.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use signalbox_local::{ACCOUNT, REGION, data_api::EventSink, lambda_api::Retry};
use tokio::{sync::mpsc, task::JoinSet};

use super::functions::{Functions, arn, context};

/// The most messages of a batch: the default of a queue's event source mapping.
const BATCH: usize = 10;

/// How events reach the functions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivery {
    pub(crate) by: By,
    /// How an event that was not worked off is delivered again, before it becomes a dead letter.
    pub(crate) retry: Retry,
}

/// The form in which events come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum By {
    /// As a rule without a queue delivers them: one event, and Lambda repeats what failed
    Eventbridge,
    /// In batches of a queue with ReportBatchItemFailures
    Sqs,
}

impl Delivery {
    /// As Lambda invokes a function for EventBridge: a failed event is repeated twice. The pauses of AWS are a
    /// minute and two; nobody wants to wait for these at a desk.
    pub(crate) const EVENTBRIDGE: Self = Self {
        by: By::Eventbridge,
        retry: Retry {
            times: 2,
            first_pause: Duration::from_secs(2),
            longest_pause: Duration::from_secs(60),
        },
    };

    /// As the original's queue: received 15 times. A message that was not worked off stays invisible for a while.
    pub(crate) const SQS: Self = Self {
        by: By::Sqs,
        retry: Retry {
            times: 14,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
        },
    };

    /// The one of this form.
    pub(crate) fn by(by: By) -> Self {
        match by {
            By::Eventbridge => Self::EVENTBRIDGE,
            By::Sqs => Self::SQS,
        }
    }
}

/// Is told of every completion event before it is delivered.
pub(crate) type Listener = dyn Fn(&Value) + Send + Sync;

/// The letter box: where Redshift's events go in.
pub(crate) struct Post {
    pub(crate) queue: mpsc::UnboundedSender<Value>,
    pub(crate) listener: Option<Arc<Listener>>,
}

#[async_trait::async_trait]
impl EventSink for Post {
    async fn deliver(&self, event: Value) {
        if let Some(listener) = &self.listener {
            listener(&event);
        }
        // A queue that is gone wants no events.
        let _ = self.queue.send(event);
    }
}

/// Delivers each event to every function, as rules without a filter would: a function knows its own statements by
/// their names. Ends with the queue; dropped, it takes what is under way with it.
pub(crate) async fn carry(
    mut queue: mpsc::UnboundedReceiver<Value>,
    functions: Arc<Functions>,
    delivery: Delivery,
) {
    let mut under_way = JoinSet::new();
    let mut events = Vec::new();
    let most = match delivery.by {
        By::Eventbridge => 1,
        By::Sqs => BATCH,
    };
    while queue.recv_many(&mut events, most).await > 0 {
        while under_way.try_join_next().is_some() {}
        let events: Arc<[Value]> = events.drain(..).collect();
        for name in functions.names() {
            let (functions, events) = (Arc::clone(&functions), Arc::clone(&events));
            let name = name.to_owned();
            under_way.spawn(async move { deliver(&functions, &name, &events, delivery).await });
        }
    }
}

/// Delivers events to one function until each was worked off or tried often enough.
async fn deliver(functions: &Functions, name: &str, events: &[Value], delivery: Delivery) {
    let mut left: Vec<Message<'_>> = events
        .iter()
        .map(|event| Message {
            id: uuid::Uuid::new_v4().to_string(),
            event,
            sent: milliseconds(),
        })
        .collect();
    for number in 0.. {
        let failed = match delivery.by {
            By::Eventbridge => one_by_one(functions, name, &left).await,
            By::Sqs => batch(functions, name, &left, number + 1).await,
        };
        left.retain(|message| failed.contains(&message.id));
        if left.is_empty() {
            return;
        }
        if number == delivery.retry.times {
            break;
        }
        tokio::time::sleep(delivery.retry.pause(number + 1)).await;
    }
    for message in left {
        let detail = message.event.get("detail").unwrap_or(&Value::Null);
        tracing::error!(
            function = name,
            repeats = delivery.retry.times,
            alarm = "DeadLetter",
            %detail,
            "an event is dropped: the function did not work it off; the sweep looks after its task"
        );
    }
}

struct Message<'e> {
    id: String,
    event: &'e Value,
    /// When it came into the queue.
    sent: u128,
}

/// Now, as the attributes of a message have it.
fn milliseconds() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_millis()
}

/// Invokes the function once per event. Returns the ids of those that failed.
async fn one_by_one(functions: &Functions, name: &str, messages: &[Message<'_>]) -> Vec<String> {
    let mut failed = Vec::new();
    for message in messages {
        let Some(host) = functions.host(name) else {
            return failed;
        };
        // An asynchronous invocation keeps its request's id when Lambda repeats it.
        let mut frame = context(arn(name));
        frame.request_id.clone_from(&message.id);
        if host.handle(message.event.clone(), frame).await.is_err() {
            failed.push(message.id.clone());
        }
    }
    failed
}

/// Invokes the function with a batch that is received for the `time`th time. Returns the ids of the messages that stay
/// in the queue.
async fn batch(
    functions: &Functions,
    name: &str,
    messages: &[Message<'_>],
    time: u32,
) -> Vec<String> {
    let Some(host) = functions.host(name) else {
        return Vec::new();
    };
    let records: Vec<Value> = messages
        .iter()
        .map(|message| record(name, message, time))
        .collect();
    let all = || messages.iter().map(|message| message.id.clone()).collect();
    match host
        .handle(json!({ "Records": records }), context(arn(name)))
        .await
    {
        Ok(reply) => failures(&reply),
        Err(_) => all(),
    }
}

fn failures(reply: &Value) -> Vec<String> {
    let items = reply.get("batchItemFailures").and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .filter_map(|item| item.get("itemIdentifier")?.as_str())
        .map(str::to_owned)
        .collect()
}

fn record(name: &str, message: &Message<'_>, time: u32) -> Value {
    json!({
        "messageId": message.id,
        "receiptHandle": message.id,
        "body": message.event.to_string(),
        "attributes": {
            "ApproximateReceiveCount": time.to_string(),
            "SentTimestamp": message.sent.to_string(),
            "SenderId": ACCOUNT,
            "ApproximateFirstReceiveTimestamp": message.sent.to_string(),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"),
        "awsRegion": REGION,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_how_often_it_came() {
        let event = json!({"source": "aws.redshift-data"});
        let message = Message {
            id: "1".to_owned(),
            event: &event,
            sent: 1_795_622_323_000,
        };
        let record = record("tasker", &message, 3);
        assert_eq!(record["body"], event.to_string());
        assert_eq!(record["attributes"]["ApproximateReceiveCount"], "3");
        assert_eq!(record["attributes"]["SentTimestamp"], "1795622323000");
        assert_eq!(
            record["eventSourceARN"],
            "arn:aws:sqs:us-east-1:000000000000:tasker"
        );
    }

    #[test]
    fn what_stays_in_the_queue_is_what_the_reply_names() {
        let reply =
            json!({"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": 3}, {}]});
        assert_eq!(failures(&reply), ["2"]);
        assert!(failures(&Value::Null).is_empty());
    }
}
