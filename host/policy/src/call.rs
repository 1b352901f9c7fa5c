//! One call of a policy: what goes in, what comes out, and how it can go wrong.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    contract::{Closing, Invocation, OnStop, Rejection, Settlement, Waiter},
    services::Services,
};

/// A policy that is loaded and whose settings it has accepted.
#[async_trait]
pub trait Policy: Send + Sync {
    /// Which policy this is.
    fn identity(&self) -> &Identity;

    /// Works on one payload. `waiter` says who waits for the task, if anybody does.
    ///
    /// # Errors
    /// The policy misbehaved. What it started meanwhile is known to `context.services`.
    async fn invoke(
        &self,
        context: CallContext,
        invocation: Invocation,
        waiter: Option<Waiter>,
    ) -> Result<Invoked, Fault>;

    /// Decides what a task is told whose statement ended.
    ///
    /// # Errors
    /// The policy misbehaved, or staged no answer.
    async fn settle(
        &self,
        context: CallContext,
        settlement: Settlement,
        waiter: Waiter,
    ) -> Result<Settled, Fault>;

    /// Decides what becomes of a statement whose task is gone.
    ///
    /// # Errors
    /// The policy misbehaved.
    async fn closed(&self, context: CallContext, closing: Closing) -> Result<Closed, Fault>;
}

/// Which policy, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name it has in the configuration.
    pub name: String,
    /// The version it gives itself.
    pub version: String,
    /// SHA-256 of the component's bytes, hexadecimal.
    pub digest: String,
    /// SHA-256 of the settings' text, hexadecimal.
    pub settings_digest: String,
}

/// What one call gets from the host.
#[derive(Clone)]
pub struct CallContext {
    /// Behind the imports.
    pub services: Arc<dyn Services>,
    /// What `clock.now` says: milliseconds since the Unix epoch.
    pub now: u64,
    /// The call has to be over by then, host calls included.
    pub deadline: Instant,
}

/// What a task is to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Answer {
    /// It succeeded.
    Succeed {
        /// A JSON text.
        output: String,
    },
    /// It failed.
    Fail {
        /// The error's name.
        error: String,
        /// Why: free text, often JSON.
        cause: String,
    },
}

/// How `invoke` ended.
#[derive(Debug)]
pub struct Invoked {
    /// The function's reply (a JSON text), or why the payload was refused.
    pub reply: Result<String, Rejection>,
    /// The answer that the policy staged for the task.
    pub answer: Option<Answer>,
    /// Whether a statement is bound to the task (also one whose start is uncertain).
    pub bound: bool,
    /// What the call used.
    pub usage: Usage,
}

/// How `settle` ended.
#[derive(Debug)]
pub struct Settled {
    /// The answer that the policy staged.
    pub answer: Answer,
    /// What the call used.
    pub usage: Usage,
}

/// How `closed` ended.
#[derive(Debug)]
pub struct Closed {
    /// What becomes of the statement.
    pub decision: OnStop,
    /// What the call used.
    pub usage: Usage,
}

/// What a call used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Time in the guest, host calls excluded.
    #[serde(rename = "guestTimeUs", with = "micros")]
    pub guest_time: Duration,
    /// Time in host calls.
    #[serde(rename = "hostTimeUs", with = "micros")]
    pub host_time: Duration,
    /// Host calls made.
    pub host_calls: u32,
    /// The most linear memory the instance had, in bytes.
    pub memory: usize,
    /// Fuel burnt, where it is metered.
    pub fuel: Option<u64>,
}

/// Durations as whole microseconds.
mod micros {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_micros)
    }
}

/// A policy misbehaved.
#[derive(Debug, Clone, thiserror::Error)]
#[error("policy `{policy}`: {message}")]
pub struct Fault {
    /// The policy's name.
    pub policy: String,
    /// How.
    pub kind: FaultKind,
    /// What happened, for people: which export, which limit, what was allowed.
    pub message: String,
    /// What the call had used by then.
    pub usage: Usage,
    /// Whether it had said before what becomes of the task: it answered it, or refused the payload. Then nobody may act
    /// in its place.
    pub decided: bool,
}

impl Fault {
    /// The documented error name that a caller sees.
    #[must_use]
    pub fn error_name(&self) -> &'static str {
        match self.kind {
            FaultKind::Timeout => "PolicyTimeout",
            _ => "PolicyFault",
        }
    }
}

/// How a policy misbehaved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// It trapped: unreachable code, memory out of bounds, stack overflow, a broken value.
    Trap,
    /// It used up its guest time or the event's.
    Timeout,
    /// It asked for more memory, tables or instances than it may have.
    Memory,
    /// It made more host calls, or handed over more bytes, than it may.
    HostCalls,
    /// What it returned or staged is too large, no JSON, or breaks the contract's rules.
    Output,
    /// It returned without doing what the contract asks: a task neither bound nor answered.
    Protocol,
    /// It did not load: not a component, another world, settings refused.
    Load,
}
