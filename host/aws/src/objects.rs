//! Objects of Amazon S3, read and written whole: for policy sets and decision records.
//!
//! Two operations do not need S3's own client: the requests are a plain GET and a plain PUT, signed by the
//! library that signs those of the SDK.

#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use tokio::time::{sleep, timeout};

use crate::session::{self, Session};

/// How long one try may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is tried.
const ATTEMPTS: u32 = 3;
/// Pause before the second try; doubled before the third.
const PAUSE: Duration = Duration::from_millis(100);
/// The query of a part of an upload that does not exist.
const NO_UPLOAD: &str = "?partNumber=1&uploadId=signalbox-doctor";
/// The longest text of a refusal that is read.
const REFUSAL_MAX: usize = 16 * 1024;

/// Reads and writes objects.
#[derive(Debug)]
pub struct S3Objects {
    session: Arc<Session>,
    endpoint: Option<String>,
    proxy: ProxyConfig,
    connector: OnceLock<Connector>,
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
             there is denied too), and s3:PutObject if it is written"
        }
        _ => "",
    }
}

impl S3Objects {
    /// Reads by the standard AWS environment. `AWS_ENDPOINT_URL_S3` holds, with the bucket in the path.
    #[must_use]
    pub fn from_environment() -> Self {
        let endpoint = std::env::var("AWS_ENDPOINT_URL_S3")
            .or_else(|_| std::env::var("AWS_ENDPOINT_URL"))
            .ok()
            .filter(|url| !url.is_empty());
        Self {
            session: Arc::new(Session::from_environment()),
            endpoint,
            proxy: ProxyConfig::from_env(),
            connector: OnceLock::new(),
        }
    }

    /// Reads from a server at this address.
    #[must_use]
    pub fn at(session: Arc<Session>, endpoint: &str) -> Self {
        Self {
            session,
            endpoint: Some(endpoint.to_owned()),
            proxy: ProxyConfig::disabled(),
            connector: OnceLock::new(),
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
        let tried = again(|| self.try_get(bucket, key, unless, most));
        tried.await
    }

    /// Writes an object.
    ///
    /// # Errors
    /// It cannot be written. What may pass was tried again.
    pub async fn put(&self, bucket: &str, key: &str, content: &[u8]) -> Result<(), ObjectError> {
        again(|| self.try_put(bucket, key, content)).await
    }

    /// Asks whether an object may be written, and writes nothing: what is sent is a part of an upload that does not exist,
    /// which takes the same permission.
    ///
    /// # Errors
    /// It may not, or that does not show.
    pub async fn may_put(&self, bucket: &str, key: &str) -> Result<(), ObjectError> {
        again(|| self.try_part(bucket, key)).await
    }

    async fn try_part(&self, bucket: &str, key: &str) -> Result<(), ObjectError> {
        let request = self.request("PUT", bucket, key, NO_UPLOAD, None, &[]);
        let reply = self.send(request.await?).await?;
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
        let request = self.request("PUT", bucket, key, "", None, content).await?;
        let reply = self.send(request).await?;
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
        let request = self.request("GET", bucket, key, "", unless, &[]).await?;
        let reply = self.send(request).await?;
        match reply.status().as_u16() {
            200 => {
                let etag = reply.headers().get("etag").map(str::to_owned);
                let bytes = body(reply, most).await?;
                Ok(Some(Object { bytes, etag }))
            }
            304 if unless.is_some() => Ok(None),
            status => Err(refused(reply, status).await),
        }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ObjectError> {
        let connector = self
            .connector
            .get_or_init(|| session::connector(self.proxy.clone()));
        let reply = connector.call(request).await;
        reply.map_err(|error| ObjectError::Unavailable(error.to_string()))
    }

    async fn request(
        &self,
        method: &'static str,
        bucket: &str,
        key: &str,
        query: &str,
        unless: Option<&str>,
        content: &[u8],
    ) -> Result<HttpRequest, ObjectError> {
        let setting = |text: &str| ObjectError::Setting(text.to_owned());
        let config = self
            .session
            .home()
            .await
            .map_err(|error| ObjectError::Setting(error.to_string()))?;
        let region = config.region().map(|region| region.as_ref().to_owned());
        let region = region.unwrap_or_default();
        let provider = config
            .credentials_provider()
            .ok_or_else(|| setting("there are no credentials"))?;
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| ObjectError::Setting(format!("there are no credentials: {error}")))?;
        let mut url = url(self.endpoint.as_deref(), &region, bucket, key);
        url.push_str(query);

        let mut settings = SigningSettings::default();
        // What S3 does otherwise than all others.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let identity = Identity::from(credentials);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&region)
            .name("s3")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| ObjectError::Setting(error.to_string()))?
            .into();
        let conditions = unless.map(|etag| ("if-none-match", etag));
        let signable = SignableRequest::new(
            method,
            url.as_str(),
            conditions.into_iter(),
            SignableBody::Bytes(content),
        );
        let signed = signable
            .and_then(|request| sign(request, &parameters))
            .map_err(|error| ObjectError::Setting(error.to_string()))?;
        let (instructions, _) = signed.into_parts();

        let mut request = HttpRequest::new(SdkBody::from(content));
        request
            .set_method(method)
            .map_err(|_| setting("the method cannot be sent"))?;
        request
            .set_uri(url.as_str())
            .map_err(|_| setting("the bucket or the key is no part of an address"))?;
        let (headers, _) = instructions.into_parts();
        let headers = headers
            .iter()
            .map(|header| (header.name(), header.value()))
            .chain(conditions);
        for (name, value) in headers {
            request
                .headers_mut()
                .try_insert(name.to_owned(), value.to_owned())
                .map_err(|_| setting("a header cannot be sent"))?;
        }
        Ok(request)
    }
}

/// Tries what may pass again.
async fn again<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, ObjectError>
where
    F: Future<Output = Result<T, ObjectError>>,
{
    let mut pause = PAUSE;
    let mut tries = 1;
    loop {
        let error = match timeout(ATTEMPT_TIMEOUT, attempt()).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => error,
            Err(_) => ObjectError::Unavailable("no reply within the time-out".to_owned()),
        };
        if tries == ATTEMPTS || !may_pass(&error) {
            return Err(error);
        }
        tries += 1;
        sleep(pause).await;
        pause *= 2;
    }
}

async fn refused(reply: HttpResponse, status: u16) -> ObjectError {
    let code = code_of(reply).await;
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

/// A reply's body, if it is no longer than that.
async fn body(reply: HttpResponse, most: usize) -> Result<Vec<u8>, ObjectError> {
    let told = reply.headers().get("content-length");
    let told: Option<usize> = told.and_then(|length| length.parse().ok());
    if told.is_some_and(|length| length > most) {
        return Err(ObjectError::TooLong(most));
    }
    let mut stream = ByteStream::new(reply.into_body());
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| ObjectError::Unavailable(error.to_string()))?;
        if bytes.len().saturating_add(chunk.len()) > most {
            return Err(ObjectError::TooLong(most));
        }
        bytes.extend_from_slice(&chunk);
    }
    // A connection that broke off is no end.
    if told.is_some_and(|length| length != bytes.len()) {
        return Err(ObjectError::Unavailable("the reply is cut off".to_owned()));
    }
    Ok(bytes)
}

/// The content of `<Code>` in an error of S3.
async fn code_of(reply: HttpResponse) -> Option<String> {
    let text = body(reply, REFUSAL_MAX).await.ok()?;
    let text = String::from_utf8(text).ok()?;
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let plain = code.len() <= 64 && code.chars().all(|c| c.is_ascii_alphanumeric());
    plain.then(|| code.to_owned())
}

fn may_pass(error: &ObjectError) -> bool {
    match error {
        ObjectError::Unavailable(_) => true,
        ObjectError::Refused { status, .. } => *status >= 500 || *status == 429,
        ObjectError::Setting(_) | ObjectError::Odd(_) | ObjectError::TooLong(_) => false,
    }
}
