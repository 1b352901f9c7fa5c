//! Errors that invocations raised for tasks that wait.

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{Store, in_time, items::WRITER};
use crate::{
    ids::RecordId,
    ports::{Expect, Item, Key, Write, WriteError},
};

/// How long a raised error is remembered, in seconds: Lambda repeats an asynchronous invocation within six hours.
const LIFE: i64 = 12 * 60 * 60;

impl Store {
    /// Notes that an invocation raises an error for a task. Whether the same request has raised one before: then Lambda
    /// repeats an asynchronous invocation, and nobody hears its errors.
    pub async fn is_raised_again(
        &self,
        task: &RecordId,
        request_id: &str,
        deadline: Instant,
    ) -> bool {
        let now = self.now_seconds();
        let writer = Value::from(self.next_writer());
        let item = Item {
            key: Key::new(format!("raised#{task}"), request_id),
            revision: 1,
            expires_at: Some(now.saturating_add(LIFE)),
            body: Map::from_iter([(WRITER.to_owned(), writer.clone())]),
        };
        let key = item.key.clone();
        let write = Write::Put {
            item,
            expect: Expect::Absent,
        };
        let noted = async { self.ledger.write(now, vec![write]).await };
        match in_time(deadline, noted).await {
            Ok(()) => false,
            // A store, or its client, that repeats a write finds its own first try.
            Err(WriteError::Conflict(_)) => match self.until(deadline).get(&key).await {
                Ok(there) => there.is_some_and(|item| item.body.get(WRITER) != Some(&writer)),
                Err(error) => {
                    tracing::warn!(record = %task, %error, "it is not known whether an error was raised before");
                    false
                }
            },
            Err(error) => {
                tracing::warn!(record = %task, %error, "that an error was raised could not be noted");
                false
            }
        }
    }
}
