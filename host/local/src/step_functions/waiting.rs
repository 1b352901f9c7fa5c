//! A task that waits without a state machine: for trying a function by itself.

use super::error::StateError;
use super::tokens::Waiter;
use serde_json::Value;

/// A task with a fresh token, which is open until it is answered or this is dropped.
#[derive(Debug)]
pub struct WaitingTask(Waiter);

impl WaitingTask {
    pub(crate) fn new(waiter: Waiter) -> Self {
        Self(waiter)
    }

    /// Its token.
    pub fn token(&self) -> &str {
        &self.0.token
    }

    /// The answer, if there is one already.
    pub fn answered(&self) -> Option<Result<Value, StateError>> {
        self.0.said.borrow().answer.clone()
    }

    /// Waits for the answer: SendTaskSuccess's output, or SendTaskFailure's error.
    pub async fn answer(&mut self) -> Result<Value, StateError> {
        let said = self.0.said.wait_for(|said| said.answer.is_some()).await;
        said.ok()
            .and_then(|said| said.answer.clone())
            .unwrap_or_else(|| {
                Err(StateError::new(
                    "States.Timeout",
                    "The token was closed without an answer.",
                ))
            })
    }
}
