//! The AWS JSON protocol (1.0 and 1.1) on the server's side.

pub(crate) mod error;
pub(crate) mod faults;
pub(crate) mod server;

use async_trait::async_trait;
use error::ServiceError;
use serde_json::{Map, Value};

/// A service that is spoken to in AWS JSON.
#[async_trait]
pub(crate) trait Service: Send + Sync + 'static {
    /// What stands before the operation in `X-Amz-Target`.
    const TARGET_PREFIX: &'static str;
    /// The content type of a reply.
    const CONTENT_TYPE: &'static str;
    /// The member of an error that holds its text; the services' models differ in its case.
    const MESSAGE_MEMBER: &'static str;

    /// Does one operation. A name it does not know is [`ServiceError::unknown_operation`].
    async fn call(&self, operation: &str, input: Map<String, Value>)
    -> Result<Value, ServiceError>;
}
