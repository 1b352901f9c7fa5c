//! What a client asks for, checked.

use super::error::ApiError;
use super::name::{FunctionName, is_qualifier};
use crate::http::BodyError;
use axum::http::HeaderMap;
use serde::de::IgnoredAny;
use std::sync::Arc;

/// The most bytes of the payload of a synchronous invocation, and of its reply.
pub(super) const SYNCHRONOUS_BYTES: usize = 6 * 1024 * 1024;
/// The most bytes of the payload of an asynchronous invocation.
pub(super) const ASYNCHRONOUS_BYTES: usize = 1024 * 1024;

/// How the client waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InvocationType {
    RequestResponse,
    Event,
    DryRun,
}

impl InvocationType {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, ApiError> {
        match header(headers, "x-amz-invocation-type") {
            None | Some("RequestResponse") => Ok(Self::RequestResponse),
            Some("Event") => Ok(Self::Event),
            Some("DryRun") => Ok(Self::DryRun),
            Some(other) => Err(ApiError::validation(format!(
                "1 validation error detected: Value '{}' at 'invocationType' failed to satisfy constraint: Member \
                 must satisfy enum value set: [Event, RequestResponse, DryRun]",
                beginning(other)
            ))),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::RequestResponse => "RequestResponse",
            Self::Event => "Event",
            Self::DryRun => "DryRun",
        }
    }

    pub(super) fn most_bytes(self) -> usize {
        match self {
            Self::Event => ASYNCHRONOUS_BYTES,
            Self::RequestResponse | Self::DryRun => SYNCHRONOUS_BYTES,
        }
    }

    /// What is said about a body that could not be read.
    pub(super) fn unreadable(self, error: BodyError) -> ApiError {
        match error {
            BodyError::TooLarge(size) => ApiError::new(
                413,
                "RequestEntityTooLargeException",
                format!(
                    "{size} byte payload is too large for the {} invocation type (limit {} bytes)",
                    self.name(),
                    self.most_bytes()
                ),
            ),
            BodyError::Late => ApiError::new(
                408,
                "RequestTimeoutException",
                "The payload did not come in time.",
            ),
            BodyError::Broken(reason) => ApiError::new(
                400,
                "InvalidRequestContentException",
                format!("The payload could not be read: {reason}"),
            ),
        }
    }
}

/// Whether the client wants the end of the log.
pub(super) fn wants_log(headers: &HeaderMap) -> Result<bool, ApiError> {
    match header(headers, "x-amz-log-type") {
        None | Some("None") => Ok(false),
        Some("Tail") => Ok(true),
        Some(other) => Err(ApiError::validation(format!(
            "1 validation error detected: Value '{}' at 'logType' failed to satisfy constraint: Member must satisfy \
             enum value set: [None, Tail]",
            beginning(other)
        ))),
    }
}

/// The function of a path and a query. The alias or version can be in either; in both, they must be the same.
pub(super) fn function(name: &str, query: Option<&str>) -> Result<FunctionName, ApiError> {
    let mut function = FunctionName::parse(name).ok_or_else(|| {
        ApiError::validation(format!(
            "Value '{}' at 'functionName' is neither a function's name nor its ARN",
            beginning(name)
        ))
    })?;
    let Some(qualifier) = qualifier(query) else {
        return Ok(function);
    };
    if !is_qualifier(&qualifier) {
        return Err(ApiError::validation(format!(
            "Value '{}' at 'qualifier' is neither an alias nor a version",
            beginning(&qualifier)
        )));
    }
    match &function.qualifier {
        Some(own) if *own != qualifier => Err(ApiError::new(
            400,
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.",
        )),
        _ => {
            function.qualifier = Some(qualifier);
            Ok(function)
        }
    }
}

/// The event's text. Nothing at all is an empty object. That it is JSON is checked without a tree of it: how large that
/// may become is for the function to say.
pub(super) fn payload(body: &[u8]) -> Result<Arc<str>, ApiError> {
    let refused = |reason: String| {
        ApiError::new(
            400,
            "InvalidRequestContentException",
            format!("Could not parse request body into json: {reason}"),
        )
    };
    if body.is_empty() {
        return Ok("{}".into());
    }
    let text = std::str::from_utf8(body).map_err(|error| refused(error.to_string()))?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| refused(error.to_string()))?;
    Ok(text.into())
}

/// `Qualifier` of a query. `$` is all that a qualifier can have that is escaped.
fn qualifier(query: Option<&str>) -> Option<String> {
    query?
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| *name == "Qualifier")
        .map(|(_, value)| value.replace("%24", "$"))
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// As much of a client's text as a message shows.
fn beginning(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_in_the_name_or_in_the_query() {
        let arn = |name, query| function(name, query).map(|function| function.arn());
        let live = "arn:aws:lambda:us-east-1:000000000000:function:tasker:live";
        assert_eq!(arn("tasker:live", None).unwrap(), live);
        assert_eq!(arn("tasker", Some("a=b&Qualifier=live")).unwrap(), live);
        assert_eq!(arn("tasker:live", Some("Qualifier=live")).unwrap(), live);
        assert!(
            arn("tasker", Some("Qualifier=%24LATEST"))
                .unwrap()
                .ends_with(":$LATEST")
        );
        let error = arn("tasker:live", Some("Qualifier=test")).unwrap_err();
        assert_eq!(error.code, "InvalidParameterValueException");
        assert_eq!(
            arn("tasker", Some("Qualifier=a/b")).unwrap_err().code,
            "ValidationException"
        );
    }

    #[test]
    fn no_payload_is_an_empty_object() {
        assert_eq!(&*payload(b"").unwrap(), "{}");
        assert_eq!(&*payload(b"[1]").unwrap(), "[1]");
        for broken in [b"{".as_slice(), b"\"\xff\"", b"[1] 2"] {
            assert_eq!(
                payload(broken).unwrap_err().code,
                "InvalidRequestContentException"
            );
        }
    }
}
