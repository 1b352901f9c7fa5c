//! AWS CloudFormation's side of a custom resource that waits.

use std::fmt;

use async_trait::async_trait;

use super::SendError;

/// The address to which the answer for a custom resource goes: whoever has it can answer the stack, so it is as secret
/// as a task token.
///
/// It has no `Display`, and its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ResponseUrl(String);

impl ResponseUrl {
    /// Wraps an address.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The address itself: for the call that answers and for the ledger, never for a log.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseUrl(…)")
    }
}

/// Answers custom resources.
#[async_trait]
pub trait CustomResources: Send + Sync {
    /// Whether this is an address that CloudFormation gives out. An answer goes to no other: an event could name any.
    ///
    /// # Errors
    /// What is wrong with it, without the address.
    fn check(&self, url: &ResponseUrl) -> Result<(), String>;

    /// Puts a response, a JSON text of at most 4,096 bytes. Once: repeating it is the caller's.
    ///
    /// # Errors
    /// [`SendError::Closed`] if this address will never take it (expired, refused, or not one of CloudFormation's),
    /// [`SendError::Passing`] if it is worth another try.
    async fn respond(&self, url: &ResponseUrl, response: &str) -> Result<(), SendError>;
}
