//! Errors in the form of AWS.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// An error reply of a service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServiceError {
    /// The exception's name.
    pub(crate) code: String,
    /// What went wrong, for people.
    pub(crate) message: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// What does not exist, of the error that says so.
    pub(crate) resource_id: Option<String>,
}

impl ServiceError {
    /// An error that is the client's (HTTP 400).
    pub(crate) fn client(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            status: 400,
            resource_id: None,
        }
    }

    /// An error that is the server's (HTTP 500).
    pub(crate) fn server(code: &str, message: impl Into<String>) -> Self {
        Self {
            status: 500,
            ..Self::client(code, message)
        }
    }

    /// The input broke a rule of the operation.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::client("ValidationException", message)
    }

    /// What was named does not exist.
    pub(crate) fn not_found(resource_id: &str, message: impl Into<String>) -> Self {
        Self {
            resource_id: Some(resource_id.to_owned()),
            ..Self::client("ResourceNotFoundException", message)
        }
    }

    /// The service has no such operation.
    pub(crate) fn unknown_operation(name: &str) -> Self {
        let shown: String = name.chars().take(100).collect();
        Self::client(
            "UnknownOperationException",
            format!("There is no operation named '{shown}' here."),
        )
    }
}

/// Reads an operation's input. Members nobody knows are ignored, as AWS ignores them.
pub(crate) fn read<T: DeserializeOwned>(input: Map<String, Value>) -> Result<T, ServiceError> {
    serde_json::from_value(Value::Object(input))
        .map_err(|error| ServiceError::client("SerializationException", error.to_string()))
}
