//! Replies to requests that no client of the SDK makes, read within bounds.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::byte_stream::ByteStream;

/// The longest text of a refusal that is read: S3's are some hundred bytes.
const REFUSAL_MAX: usize = 16 * 1024;
/// The longest name of an error that is shown.
const CODE_MAX: usize = 64;

/// A body cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// It is longer than was asked for.
    #[error("the reply is too long")]
    TooLong,
    /// It broke off.
    #[error("{0}")]
    Broken(String),
}

/// A reply's body, if it is no longer than that.
pub(crate) async fn body(reply: HttpResponse, most: usize) -> Result<Vec<u8>, BodyError> {
    let told = reply.headers().get("content-length");
    let told: Option<usize> = told.and_then(|length| length.parse().ok());
    if told.is_some_and(|length| length > most) {
        return Err(BodyError::TooLong);
    }
    let mut stream = ByteStream::new(reply.into_body());
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| BodyError::Broken(error.to_string()))?;
        if bytes.len().saturating_add(chunk.len()) > most {
            return Err(BodyError::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    // A connection that broke off is no end.
    if told.is_some_and(|length| length != bytes.len()) {
        return Err(BodyError::Broken("the reply is cut off".to_owned()));
    }
    Ok(bytes)
}

/// The content of `<Code>` in an error of S3. Nothing else of a refusal is read: it may repeat the address and what that
/// was signed with.
pub(crate) async fn s3_code(reply: HttpResponse) -> Option<String> {
    let text = body(reply, REFUSAL_MAX).await.ok()?;
    let text = String::from_utf8(text).ok()?;
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    error_name(code)
}

/// What a service calls an error, if it looks like a name.
pub(crate) fn error_name(text: &str) -> Option<String> {
    let plain = text.len() <= CODE_MAX && text.chars().all(|c| c.is_ascii_alphanumeric());
    plain.then(|| text.to_owned())
}
