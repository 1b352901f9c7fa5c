//! Requests to AWS that no client of the SDK makes, signed by the library that signs those of the SDK.
//!
//! An operation or two do not need a client of thousands of lines, which would be compiled and, in the function, loaded.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use aws_smithy_http_client::{Connector, proxy::ProxyConfig};
use aws_smithy_runtime_api::client::{
    http::HttpConnector,
    identity::Identity,
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use tokio::time::{sleep, timeout};

use crate::session::{self, Session};

/// How long one try may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is tried.
const ATTEMPTS: u32 = 3;
/// Pause before the second try; doubled before the third.
const PAUSE: Duration = Duration::from_millis(100);

/// The address that the environment gives for a service in place of its own.
pub(crate) fn endpoint(variable: &str) -> Option<String> {
    let read = |name| {
        std::env::var(name)
            .ok()
            .filter(|url: &String| !url.is_empty())
    };
    read(variable).or_else(|| read("AWS_ENDPOINT_URL"))
}

/// Makes signed requests.
#[derive(Debug)]
pub(crate) struct Signed {
    session: Arc<Session>,
    proxy: ProxyConfig,
    connector: OnceLock<Connector>,
}

/// A request to be signed.
pub(crate) struct Call<'a> {
    pub(crate) method: &'static str,
    pub(crate) url: &'a str,
    /// The service's name in signatures.
    pub(crate) service: &'static str,
    pub(crate) region: &'a str,
    /// Headers beside those of the signature.
    pub(crate) headers: &'a [(&'static str, &'a str)],
    pub(crate) content: &'a [u8],
}

/// A request is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallError {
    /// It cannot be made: no region, no credentials.
    Setting(String),
    /// No answer came.
    Unavailable(String),
}

impl Signed {
    /// By the standard AWS environment, through the proxy that it names.
    pub(crate) fn from_environment() -> Self {
        Self {
            session: Arc::new(Session::from_environment()),
            proxy: ProxyConfig::from_env(),
            connector: OnceLock::new(),
        }
    }

    /// For a server on this machine.
    pub(crate) fn near(session: Arc<Session>) -> Self {
        Self {
            session,
            proxy: ProxyConfig::disabled(),
            connector: OnceLock::new(),
        }
    }

    /// The host's own region.
    pub(crate) async fn region(&self) -> Result<String, CallError> {
        let config = self.session.home().await;
        let config = config.map_err(|error| CallError::Setting(error.to_string()))?;
        let region = config.region().map(|region| region.as_ref().to_owned());
        Ok(region.unwrap_or_default())
    }

    /// Sends a request and waits for the head of the reply.
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<HttpResponse, CallError> {
        let request = self.request(call).await?;
        let connector = self
            .connector
            .get_or_init(|| session::connector(self.proxy.clone()));
        let reply = connector.call(request).await;
        reply.map_err(|error| CallError::Unavailable(error.to_string()))
    }

    async fn request(&self, call: &Call<'_>) -> Result<HttpRequest, CallError> {
        let setting = |text: &str| CallError::Setting(text.to_owned());
        let provider = self
            .session
            .config()
            .await
            .credentials_provider()
            .ok_or_else(|| setting("there are no credentials"))?;
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| CallError::Setting(format!("there are no credentials: {error}")))?;

        let mut settings = SigningSettings::default();
        if call.service == "s3" {
            // What S3 does otherwise than all others.
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        let identity = Identity::from(credentials);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(call.region)
            .name(call.service)
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| CallError::Setting(error.to_string()))?
            .into();
        let signable = SignableRequest::new(
            call.method,
            call.url,
            call.headers.iter().copied(),
            SignableBody::Bytes(call.content),
        );
        let signed = signable
            .and_then(|request| sign(request, &parameters))
            .map_err(|error| CallError::Setting(error.to_string()))?;
        let (instructions, _) = signed.into_parts();

        let mut request = HttpRequest::new(SdkBody::from(call.content));
        request
            .set_method(call.method)
            .map_err(|_| setting("the method cannot be sent"))?;
        request
            .set_uri(call.url)
            .map_err(|_| setting("the name is no part of an address"))?;
        let (headers, _) = instructions.into_parts();
        let headers = headers
            .iter()
            .map(|header| (header.name(), header.value()))
            .chain(call.headers.iter().copied());
        for (name, value) in headers {
            request
                .headers_mut()
                .try_insert(name.to_owned(), value.to_owned())
                .map_err(|_| setting("a header cannot be sent"))?;
        }
        Ok(request)
    }
}

/// An error of which some pass.
pub(crate) trait MayPass: From<CallError> {
    /// Whether the same request may be answered otherwise a little later.
    fn may_pass(&self) -> bool;
}

/// Tries what may pass again.
pub(crate) async fn again<T, E, F>(mut attempt: impl FnMut() -> F) -> Result<T, E>
where
    E: MayPass,
    F: Future<Output = Result<T, E>>,
{
    let mut pause = PAUSE;
    let mut tries = 1;
    loop {
        let error = match timeout(ATTEMPT_TIMEOUT, attempt()).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => error,
            Err(_) => CallError::Unavailable("no reply within the time-out".to_owned()).into(),
        };
        if tries == ATTEMPTS || !error.may_pass() {
            return Err(error);
        }
        tries += 1;
        sleep(pause).await;
        pause *= 2;
    }
}
