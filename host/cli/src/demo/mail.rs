//! EventBridge and SQS: completion events on their way to the functions.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use signalbox_local::data_api::EventSink;
use tokio::sync::mpsc;

use super::{function::Functions, narrator::Narrator};

/// How long a message that was not worked off stays invisible.
const VISIBILITY: Duration = Duration::from_millis(250);
/// How often a message is received at most: the original's redrive policy.
const RECEIVES: u32 = 15;

/// Takes events from Redshift and tells them to the reader of the story.
pub(crate) struct Post {
    pub(crate) queue: mpsc::UnboundedSender<Value>,
    pub(crate) narrator: Narrator,
}

#[async_trait::async_trait]
impl EventSink for Post {
    async fn deliver(&self, event: Value) {
        self.narrator.completion(&event);
        // A queue that is gone wants no events.
        let _ = self.queue.send(event);
    }
}

/// Delivers each event to every function, as rules without a filter would: a function knows its own statements by
/// their names.
pub(crate) async fn carry(mut queue: mpsc::UnboundedReceiver<Value>, functions: Arc<Functions>) {
    let mut number = 0_u64;
    while let Some(event) = queue.recv().await {
        number += 1;
        let names: Vec<_> = functions.hosts().map(|(name, _)| name).collect();
        for name in names {
            tokio::spawn(deliver(
                Arc::clone(&functions),
                name,
                format!("message-{number}"),
                event.clone(),
            ));
        }
    }
}

async fn deliver(functions: Arc<Functions>, name: &'static str, message_id: String, event: Value) {
    let batch = json!({"Records": [{
        "messageId": message_id,
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:us-east-1:000000000000:{name}"),
        "body": event.to_string(),
    }]});
    for _ in 0..RECEIVES {
        let Some(host) = functions.host(name) else {
            return;
        };
        let again = match host.handle(batch.clone(), functions.context(name)).await {
            Ok(reply) => reply
                .get("batchItemFailures")
                .and_then(Value::as_array)
                .is_some_and(|failures| !failures.is_empty()),
            Err(_) => true,
        };
        if !again {
            return;
        }
        tokio::time::sleep(VISIBILITY).await;
    }
}
