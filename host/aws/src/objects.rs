//! Objects of Amazon S3, read whole: for policy sets.
//!
//! One operation does not need S3's own client: the request is a plain GET, signed by the library that signs those of
//! the SDK.

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
/// The longest text of a refusal that is read.
const REFUSAL_MAX: usize = 16 * 1024;

/// Reads objects.
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

/// An object cannot be read.
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
    /// It is longer than what is read.
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
}

fn help(code: &str) -> &'static str {
    match code {
        "AccessDenied" => {
            "; allow s3:GetObject on it to the function's role (without s3:ListBucket a key that is not there is denied \
             too)"
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
        let mut pause = PAUSE;
        for attempt in 1.. {
            let tried = timeout(ATTEMPT_TIMEOUT, self.try_get(bucket, key, unless, most));
            let error = match tried.await {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(error)) => error,
                Err(_) => ObjectError::Unavailable("no reply within the time-out".to_owned()),
            };
            if attempt == ATTEMPTS || !may_pass(&error) {
                return Err(error);
            }
            sleep(pause).await;
            pause *= 2;
        }
        Err(ObjectError::Unavailable("it was not tried".to_owned()))
    }

    async fn try_get(
        &self,
        bucket: &str,
        key: &str,
        unless: Option<&str>,
        most: usize,
    ) -> Result<Option<Object>, ObjectError> {
        let request = self.request(bucket, key, unless).await?;
        let connector = self
            .connector
            .get_or_init(|| session::connector(self.proxy.clone()));
        let reply = connector
            .call(request)
            .await
            .map_err(|error| ObjectError::Unavailable(error.to_string()))?;
        match reply.status().as_u16() {
            200 => {
                let etag = reply.headers().get("etag").map(str::to_owned);
                let bytes = body(reply, most).await?;
                Ok(Some(Object { bytes, etag }))
            }
            304 if unless.is_some() => Ok(None),
            status => Err(ObjectError::Refused {
                code: code_of(reply)
                    .await
                    .unwrap_or_else(|| "no reason".to_owned()),
                status,
            }),
        }
    }

    async fn request(
        &self,
        bucket: &str,
        key: &str,
        unless: Option<&str>,
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
        let url = url(self.endpoint.as_deref(), &region, bucket, key);

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
            "GET",
            url.as_str(),
            conditions.into_iter(),
            SignableBody::Bytes(&[]),
        );
        let signed = signable
            .and_then(|request| sign(request, &parameters))
            .map_err(|error| ObjectError::Setting(error.to_string()))?;
        let (instructions, _) = signed.into_parts();

        let mut request = HttpRequest::new(SdkBody::empty());
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
        ObjectError::Setting(_) | ObjectError::TooLong(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Service, Turn};

    async fn objects(turns: Vec<Turn>) -> (S3Objects, Service) {
        let service = Service::start(turns).await;
        let objects = S3Objects::at(service.session().await, service.url());
        (objects, service)
    }

    fn denied() -> String {
        "<Error><Code>AccessDenied</Code><Message>no</Message></Error>".to_owned()
    }

    #[tokio::test]
    async fn a_request_is_signed_and_names_what_is_known() {
        let (objects, service) = objects(vec![
            Turn::Reply(200, "content".to_owned()),
            Turn::Reply(304, String::new()),
        ])
        .await;
        let found = objects.get("sets", "team a/set.toml", None, 100).await;
        assert_eq!(found.unwrap().unwrap().bytes, b"content");
        let same = objects.get("sets", "set.toml", Some("\"e1\""), 100).await;
        assert_eq!(same, Ok(None));
        let requests = service.requests();
        assert!(
            requests[0].head.starts_with("GET /sets/team%20a/set.toml "),
            "{}",
            requests[0].head
        );
        let head = &requests[1].head;
        assert!(head.contains("if-none-match: \"e1\""), "{head}");
        assert!(
            head.contains("Credential=AKIDEXAMPLE/")
                && head.contains("/eu-central-1/s3/aws4_request"),
            "{head}"
        );
        assert!(
            head.contains("SignedHeaders=host;if-none-match;x-amz-content-sha256;x-amz-date"),
            "{head}"
        );
    }

    #[tokio::test]
    async fn a_refusal_is_named_and_not_repeated() {
        let (objects, service) = objects(vec![Turn::Reply(403, denied())]).await;
        let error = objects.get("b", "k", None, 100).await.unwrap_err();
        assert!(error.to_string().contains("s3:GetObject"), "{error}");
        assert_eq!(service.requests().len(), 1);
    }

    #[tokio::test]
    async fn what_may_pass_is_tried_again() {
        let (objects, service) = objects(vec![
            Turn::Reply(503, String::new()),
            Turn::Close,
            Turn::Reply(200, "x".to_owned()),
        ])
        .await;
        assert!(objects.get("b", "k", None, 100).await.unwrap().is_some());
        assert_eq!(service.requests().len(), 3);
    }

    #[tokio::test]
    async fn no_more_is_read_than_was_asked_for() {
        let (objects, _service) = objects(vec![Turn::Reply(200, "x".repeat(101))]).await;
        assert_eq!(
            objects.get("b", "k", None, 100).await,
            Err(ObjectError::TooLong(100))
        );
    }

    #[test]
    fn addresses() {
        assert_eq!(
            url(None, "eu-west-1", "sets", "a/b c.toml"),
            "https://sets.s3.eu-west-1.amazonaws.com/a/b%20c.toml"
        );
        assert_eq!(
            url(None, "cn-north-1", "my.sets", "k"),
            "https://s3.cn-north-1.amazonaws.com.cn/my.sets/k"
        );
        assert_eq!(
            url(Some("http://127.0.0.1:9/"), "r", "b", "k"),
            "http://127.0.0.1:9/b/k"
        );
    }
}
