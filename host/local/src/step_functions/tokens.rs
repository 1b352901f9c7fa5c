//! Task tokens: each is open for one answer.

use super::error::StateError;
use serde_json::Value;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use tokio::time::Instant;

/// How many characters a token has. AWS's have several hundred.
pub(crate) const TOKEN_LENGTH: usize = 704;
/// What tokens begin with.
const PREFIX: &str = "AQCgAAAAKgAAAAMAAAAA";
/// How many closed tokens are remembered; older ones do not exist any more.
const CLOSED_REMEMBERED: usize = 10_000;

/// What was said about a task.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// When it last showed that it lives.
    pub(crate) alive_at: Instant,
    /// The answer.
    pub(crate) answer: Option<Result<Value, StateError>>,
}

/// Why a token takes no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// It is not of a token's form.
    Invalid,
    /// There was never such a task, or it is long gone.
    Unknown,
    /// It was answered, timed out, or its execution ended.
    Closed,
}

#[derive(Debug, Default)]
struct Tokens {
    open: HashMap<String, watch::Sender<Said>>,
    closed: HashSet<String>,
    closed_in_order: VecDeque<String>,
}

/// All tokens.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry(Arc<Mutex<Tokens>>);

/// The task's side of a token. Dropped, the token closes.
#[derive(Debug)]
pub(crate) struct Waiter {
    registry: Registry,
    pub(crate) token: String,
    pub(crate) said: watch::Receiver<Said>,
}

impl Registry {
    /// Makes a token, fresh and open.
    pub(crate) fn issue(&self) -> Waiter {
        let token = new_token();
        let (sender, said) = watch::channel(Said {
            alive_at: Instant::now(),
            answer: None,
        });
        self.with(|tokens| tokens.open.insert(token.clone(), sender));
        Waiter {
            registry: self.clone(),
            token,
            said,
        }
    }

    /// Answers a task. The first answer closes its token.
    pub(crate) fn answer(
        &self,
        token: &str,
        answer: Result<Value, StateError>,
    ) -> Result<(), TokenError> {
        check_form(token)?;
        self.with(|tokens| {
            let sender = tokens.close(token)?;
            sender.send_modify(|said| said.answer = Some(answer));
            Ok(())
        })
    }

    /// Notes that a task lives.
    pub(crate) fn heartbeat(&self, token: &str) -> Result<(), TokenError> {
        check_form(token)?;
        self.with(|tokens| {
            let sender = tokens.open.get(token);
            let Some(sender) = sender else {
                return Err(tokens.absence(token));
            };
            sender.send_modify(|said| said.alive_at = Instant::now());
            Ok(())
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Tokens) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Tokens {
    fn close(&mut self, token: &str) -> Result<watch::Sender<Said>, TokenError> {
        let Some(sender) = self.open.remove(token) else {
            return Err(self.absence(token));
        };
        self.closed.insert(token.to_owned());
        self.closed_in_order.push_back(token.to_owned());
        if self.closed_in_order.len() > CLOSED_REMEMBERED
            && let Some(oldest) = self.closed_in_order.pop_front()
        {
            self.closed.remove(&oldest);
        }
        Ok(sender)
    }

    fn absence(&self, token: &str) -> TokenError {
        if self.closed.contains(token) {
            TokenError::Closed
        } else {
            TokenError::Unknown
        }
    }
}

impl Waiter {
    /// Closes the token because time is up. Returns the answer if one was faster.
    pub(crate) fn time_out(&self) -> Option<Result<Value, StateError>> {
        // Already closed says that it was answered, which shows below.
        let _ = self.registry.with(|tokens| tokens.close(&self.token));
        self.said.borrow().answer.clone()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        // Already closed is what was wanted.
        let _ = self.registry.with(|tokens| tokens.close(&self.token));
    }
}

fn check_form(token: &str) -> Result<(), TokenError> {
    let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    if token.len() == TOKEN_LENGTH && token.starts_with(PREFIX) && token.bytes().all(letters) {
        Ok(())
    } else {
        Err(TokenError::Invalid)
    }
}

fn new_token() -> String {
    let mut token = PREFIX.to_owned();
    while token.len() < TOKEN_LENGTH {
        token.push_str(&uuid::Uuid::new_v4().simple().to_string());
    }
    token.truncate(TOKEN_LENGTH);
    token
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_answer_closes_a_token() {
        let registry = Registry::default();
        let waiter = registry.issue();
        let token = waiter.token.clone();
        assert_eq!(token.len(), TOKEN_LENGTH);
        assert_eq!(registry.heartbeat(&token), Ok(()));
        assert_eq!(registry.answer(&token, Ok(json!(1))), Ok(()));
        assert_eq!(
            registry.answer(&token, Ok(json!(2))),
            Err(TokenError::Closed)
        );
        assert_eq!(registry.heartbeat(&token), Err(TokenError::Closed));
        // Too late to time out: the answer counts.
        assert_eq!(waiter.time_out(), Some(Ok(json!(1))));
    }

    #[test]
    fn a_token_closes_with_its_task() {
        let registry = Registry::default();
        let timed_out = registry.issue();
        assert_eq!(timed_out.time_out(), None);
        let dropped = registry.issue().token.clone();
        for token in [&timed_out.token, &dropped] {
            assert_eq!(registry.heartbeat(token), Err(TokenError::Closed));
        }
    }

    #[test]
    fn other_texts_are_told_apart() {
        let registry = Registry::default();
        let known = registry.issue();
        let unknown = Registry::default().issue().token.clone();
        assert_ne!(known.token, unknown);
        assert_eq!(registry.heartbeat(&unknown), Err(TokenError::Unknown));
        for token in ["", "x", &known.token[1..], &"é".repeat(TOKEN_LENGTH / 2)] {
            assert_eq!(registry.heartbeat(token), Err(TokenError::Invalid));
        }
    }

    #[test]
    fn closed_tokens_are_forgotten_in_the_end() {
        let registry = Registry::default();
        let first = registry.issue().token.clone();
        for _ in 0..CLOSED_REMEMBERED {
            registry.issue();
        }
        assert_eq!(registry.heartbeat(&first), Err(TokenError::Unknown));
    }
}
