//! Sends a decided answer: send, then mark.

use std::{sync::Arc, time::Duration};

use signalbox_policy::Answer;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Settling, answer, backend::Backend};
use crate::{
    ports::{Callbacks, CustomResources, SendError},
    record::{Advance, Ending, Phase, Record, Store, Stored},
    waiting::Waiting,
};

/// Pause before an answer that was not acknowledged is sent again, at first; doubled each time.
const PAUSE: Duration = Duration::from_millis(200);
/// How often an answer is sent in one invocation.
const SENDS: u32 = 4;
/// How often an answer is replaced: by a refusal, then by a failure without words.
const STEPS: usize = 6;

/// Sends answers.
#[derive(Clone)]
pub(super) struct Delivery {
    store: Store,
    callbacks: Arc<dyn Callbacks>,
    custom_resources: Arc<dyn CustomResources>,
}

impl Delivery {
    pub(super) fn of(backend: &Backend) -> Self {
        Self {
            store: backend.store.clone(),
            callbacks: Arc::clone(&backend.ports.callbacks),
            custom_resources: Arc::clone(&backend.ports.custom_resources),
        }
    }

    /// Sends the answer of a record that is decided, and marks the record.
    pub(super) async fn deliver(&self, deadline: Instant, mut stored: Stored) -> Settling {
        let steps = STEPS + stored.record.tokens().count();
        for _ in 0..steps {
            let record = &stored.record;
            if record.phase() == Phase::Closed {
                return Settling::Done;
            }
            let (Some(waiting), Some(answer)) = (record.who_waits(), record.life.answer()) else {
                return Settling::Again {
                    reason: "the record holds no answer yet".to_owned(),
                };
            };
            let next = match self.send(deadline, &waiting, answer).await {
                Ok(()) => record.clone().told(Ending::Answered),
                Err(SendError::Closed { code }) => {
                    match waiting {
                        Waiting::Task(_) => {
                            tracing::info!(record = %record.record_id, code, "nobody waits for this answer any more");
                        }
                        // A stack says nowhere that it gave up waiting: it may wait still, until its own time-out.
                        Waiting::Resource(_) => {
                            tracing::error!(record = %record.record_id, code, alarm = "ResponseRefused", "the response of a custom resource is refused for good");
                        }
                    }
                    record.clone().told(Ending::FoundClosed)
                }
                Err(error) => match replacement(record, answer, &error) {
                    Some(answer) => {
                        tracing::error!(record = %record.record_id, %error, alarm = "AnswerRefused", "the answer is replaced");
                        record.clone().decided(answer)
                    }
                    None => {
                        tracing::error!(record = %record.record_id, %error, "the answer could not be sent; it is kept");
                        return Settling::Again {
                            reason: error.to_string(),
                        };
                    }
                },
            };
            match self.store.advance(&stored, next, deadline).await {
                Ok(Advance::Done(now) | Advance::Lost(Some(now))) => stored = now,
                Ok(Advance::Lost(None)) => return Settling::Done,
                // Sent again later, with the same bytes, and then found closed.
                Err(error) => {
                    return Settling::Again {
                        reason: format!("the record could not be marked: {error}"),
                    };
                }
            }
        }
        Settling::Again {
            reason: "every answer was refused".to_owned(),
        }
    }

    /// Sends an answer until it is taken, refused, or has been sent often enough for now.
    pub(super) async fn send(
        &self,
        deadline: Instant,
        waiting: &Waiting,
        answer: &Answer,
    ) -> Result<(), SendError> {
        let mut pause = PAUSE;
        let mut sends = 1;
        loop {
            let sent = timeout_at(deadline, self.send_once(waiting, answer));
            let error = match sent.await {
                Ok(Err(SendError::Passing { code, message })) => {
                    SendError::Passing { code, message }
                }
                Ok(result) => return result,
                Err(_) => {
                    return Err(SendError::Passing {
                        code: "RequestTimeout".to_owned(),
                        message: "the time of this invocation is over".to_owned(),
                    });
                }
            };
            let wake = Instant::now() + pause;
            if sends == SENDS || wake >= deadline {
                return Err(error);
            }
            sleep_until(wake).await;
            pause *= 2;
            sends += 1;
        }
    }

    async fn send_once(&self, waiting: &Waiting, answer: &Answer) -> Result<(), SendError> {
        let callbacks = &self.callbacks;
        match (waiting, answer) {
            (Waiting::Task(token), Answer::Succeed { output }) => {
                callbacks.succeed(token, output).await
            }
            (Waiting::Task(token), Answer::Fail { error, cause }) => {
                let given = |text: &str| !text.is_empty();
                let error = Some(error.as_str()).filter(|error| given(error));
                let cause = Some(cause.as_str()).filter(|cause| given(cause));
                callbacks.fail(token, error, cause).await
            }
            (Waiting::Resource(resource), _) => {
                match (&resource.response_url, &resource.response) {
                    (Some(url), Some(response)) => {
                        self.custom_resources.respond(url, response).await
                    }
                    _ => Err(SendError::Closed {
                        code: "NoResponse".to_owned(),
                    }),
                }
            }
        }
    }
}

/// Another answer, where this one will never be taken.
fn replacement(record: &Record, refused: &Answer, error: &SendError) -> Option<Answer> {
    let wordless = Answer::Fail {
        error: String::new(),
        cause: String::new(),
    };
    if *refused == wordless {
        return None;
    }
    match error {
        // A failure without error and cause needs no permission on the key.
        SendError::KeyDenied { .. } => Some(wordless),
        SendError::Refused { code, message } => match refused {
            Answer::Succeed { .. } => Some(answer::of_refusal(code, message)),
            Answer::Fail { .. } => {
                tracing::error!(record = %record.record_id, "a failure was refused for its words");
                Some(wordless)
            }
        },
        SendError::Closed { .. } | SendError::Denied { .. } | SendError::Passing { .. } => None,
    }
}
