//! Objects of Amazon S3, read and written whole: for policy sets and decision records.
//!
//! Two operations do not need S3's own client: the requests are a plain GET and a plain PUT.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::{
    call::Fault,
    reply::{self, BodyError},
    session::Session,
    signed::{self, Call, MayPass, Signed, TRIES, again},
};

/// The query of a part of an upload that does not exist.
const NO_UPLOAD: &str = "?partNumber=1&uploadId=signalbox-doctor";

/// Reads and writes objects.
#[derive(Debug)]
pub struct S3Objects {
    signed: Signed,
    endpoint: Option<String>,
    owner: Option<String>,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its content.
    pub bytes: Vec<u8>,
    /// What tells this content from another.
    pub etag: Option<String>,
}

/// An object cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// No region or no credentials.
    #[error("{0}")]
    Setting(String),
    /// S3 refused.
    #[error("Amazon S3 refused: {code} (HTTP {status}){}", help(code))]
    Refused {
        /// The error's name.
        code: String,
        /// The reply's status.
        status: u16,
    },
    /// It did not answer, or not in time.
    #[error("Amazon S3 did not answer: {0}")]
    Unavailable(String),
    /// It answered what it cannot.
    #[error("Amazon S3 is odd: {0}")]
    Odd(&'static str),
    /// It is longer than what is read.
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
}

fn help(code: &str) -> &'static str {
    match code {
        "AccessDenied" => {
            "; allow s3:GetObject on it to the function's role if it is read (without s3:ListBucket a key that is not \
             there is denied too), and s3:PutObject if it is written; where a `bucket_owner` is configured, the bucket has to be \
             that account's"
        }
        _ => "",
    }
}

impl S3Objects {
    /// Reads by the standard AWS environment. `AWS_ENDPOINT_URL_S3` holds, with the bucket in the path.
    #[must_use]
    pub fn from_environment() -> Self {
        Self {
            signed: Signed::new(Arc::new(Session::from_environment())),
            endpoint: signed::endpoint("AWS_ENDPOINT_URL_S3"),
            owner: None,
        }
    }

    /// Reads from a server at this address.
    #[must_use]
    pub fn at(session: Arc<Session>, endpoint: &str) -> Self {
        Self {
            signed: Signed::new(session),
            endpoint: Some(endpoint.to_owned()),
            owner: None,
        }
    }

    /// The same, for buckets of this account only: S3 refuses a request for one of another account. A bucket that was
    /// deleted may have been made again by anybody.
    #[must_use]
    pub fn owned_by(self, account: Option<&str>) -> Self {
        Self {
            owner: account.map(str::to_owned),
            ..self
        }
    }

    /// Reads an object of at most so many bytes; none if its ETag is still this one.
    ///
    /// # Errors
    /// It cannot be read. What may pass was tried again.
    pub async fn get(
        &self,
        bucket: &str,
        key: &str,
        unless: Option<&str>,
        most: usize,
    ) -> Result<Option<Object>, ObjectError> {
        let tried = again(TRIES, || self.try_get(bucket, key, unless, most));
        tried.await
    }

    /// Writes an object.
    ///
    /// # Errors
    /// It cannot be written. What may pass was tried again.
    pub async fn put(&self, bucket: &str, key: &str, content: &[u8]) -> Result<(), ObjectError> {
        again(TRIES, || self.try_put(bucket, key, content)).await
    }

    /// Asks whether an object may be written, and writes nothing: what is sent is a part of an upload that does not exist,
    /// which takes the same permission.
    ///
    /// # Errors
    /// It may not, or that does not show.
    pub async fn may_put(&self, bucket: &str, key: &str) -> Result<(), ObjectError> {
        again(TRIES, || self.try_part(bucket, key)).await
    }

    async fn try_part(&self, bucket: &str, key: &str) -> Result<(), ObjectError> {
        let reply = self.send("PUT", bucket, key, NO_UPLOAD, None, &[]).await?;
        let status = reply.status().as_u16();
        if reply.status().is_success() {
            return Err(ObjectError::Odd(
                "a part of an upload that cannot exist was taken",
            ));
        }
        match refused(reply, status).await {
            ObjectError::Refused { code, .. } if code == "NoSuchUpload" => Ok(()),
            error => Err(error),
        }
    }

    async fn try_put(&self, bucket: &str, key: &str, content: &[u8]) -> Result<(), ObjectError> {
        let reply = self.send("PUT", bucket, key, "", None, content).await?;
        match reply.status().as_u16() {
            200 => Ok(()),
            status => Err(refused(reply, status).await),
        }
    }

    async fn try_get(
        &self,
        bucket: &str,
        key: &str,
        unless: Option<&str>,
        most: usize,
    ) -> Result<Option<Object>, ObjectError> {
        let reply = self.send("GET", bucket, key, "", unless, &[]).await?;
        match reply.status().as_u16() {
            200 => {
                let etag = reply.headers().get("etag").map(str::to_owned);
                let bytes = reply::body(reply, most).await;
                let bytes = bytes.map_err(|error| match error {
                    BodyError::TooLong => ObjectError::TooLong(most),
                    BodyError::Broken(reason) => ObjectError::Unavailable(reason),
                })?;
                Ok(Some(Object { bytes, etag }))
            }
            304 if unless.is_some() => Ok(None),
            status => Err(refused(reply, status).await),
        }
    }

    async fn send(
        &self,
        method: &'static str,
        bucket: &str,
        key: &str,
        query: &str,
        unless: Option<&str>,
        content: &[u8],
    ) -> Result<HttpResponse, ObjectError> {
        let region = self.signed.region().await?;
        let mut url = url(self.endpoint.as_deref(), &region, bucket, key);
        url.push_str(query);
        let owner = self.owner.as_deref();
        let headers: Vec<_> = [
            unless.map(|etag| ("if-none-match", etag)),
            owner.map(|account| ("x-amz-expected-bucket-owner", account)),
        ]
        .into_iter()
        .flatten()
        .collect();
        let call = Call {
            method,
            url: &url,
            service: "s3",
            region: &region,
            headers: &headers,
            content,
        };
        Ok(self.signed.send(&call).await?)
    }
}

impl From<Fault> for ObjectError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unsent { message, .. } => Self::Setting(message),
            Fault::Lost { message, .. } => Self::Unavailable(message),
            Fault::Refused { code, status, .. } => Self::Refused { code, status },
        }
    }
}

impl MayPass for ObjectError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Refused { status, .. } => *status >= 500 || *status == 429,
            Self::Setting(_) | Self::TooLong(_) | Self::Odd(_) => false,
        }
    }
}

async fn refused(reply: HttpResponse, status: u16) -> ObjectError {
    let code = reply::s3_code(reply).await;
    ObjectError::Refused {
        code: code.unwrap_or_else(|| "no reason".to_owned()),
        status,
    }
}

/// The object's address. A bucket with dots in its name does not fit S3's certificate, so it goes into the path.
fn url(endpoint: Option<&str>, region: &str, bucket: &str, key: &str) -> String {
    let suffix = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    let key = encoded(key);
    match endpoint {
        Some(endpoint) => format!("{}/{bucket}/{key}", endpoint.trim_end_matches('/')),
        None if bucket.contains('.') => format!("https://s3.{region}.{suffix}/{bucket}/{key}"),
        None => format!("https://{bucket}.s3.{region}.{suffix}/{key}"),
    }
}

/// A key as part of a path: all but what is unreserved and `/` is escaped.
fn encoded(key: &str) -> String {
    let mut text = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
