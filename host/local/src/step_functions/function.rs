//! The Lambda function that tasks invoke.

use async_trait::async_trait;
use serde_json::Value;

/// How an invocation failed: what Lambda reports, and Step Functions matches by `error_type`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error_type}: {message}")]
pub struct FunctionError {
    /// The error's name, such as `InvalidRequest`.
    pub error_type: String,
    /// The error's text.
    pub message: String,
}

/// Something that can be invoked as a Lambda function.
#[async_trait]
pub trait InvokeFunction: Send + Sync {
    /// Invokes the function of that name or ARN. The future runs to its end even if the task that invoked it was
    /// closed meanwhile, as a Lambda invocation does.
    async fn invoke(&self, function_name: &str, payload: Value) -> Result<Value, FunctionError>;
}
