//! Requests to AWS that no client of the SDK makes, signed by the library that signs those of the SDK.
//!
//! An operation or two do not need a client of thousands of lines, which would be compiled and, in the function, loaded.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use aws_smithy_runtime_api::client::{
    connection::CaptureSmithyConnection,
    http::HttpConnector,
    identity::Identity,
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use tokio::time::{sleep, timeout};

use crate::{
    call::{Fault, lost, no_credentials, timed_out},
    session::{MAX_ATTEMPTS, MAX_BACKOFF, Session},
};

/// Of requests for whole objects and logins.
pub(crate) const TRIES: Tries = Tries {
    timeout: Duration::from_secs(10),
    most: MAX_ATTEMPTS,
    pause: Duration::from_millis(100),
};

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

impl Signed {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }

    /// The host's own region.
    pub(crate) async fn region(&self) -> Result<String, Fault> {
        let config = self.session.home().await;
        let config = config.map_err(|error| unsent(error.to_string()))?;
        let region = config.region().map(|region| region.as_ref().to_owned());
        Ok(region.unwrap_or_default())
    }

    /// Sends a request and waits for the head of the reply. A fault is never [`Fault::Refused`].
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<HttpResponse, Fault> {
        let mut request = self.request(call).await?;
        let connection = Suspect(CaptureSmithyConnection::new());
        request.add_extension(connection.0.clone());
        let reply = self.session.connector().await.call(request).await;
        let reply = reply.map_err(|error| lost(&error))?;
        if reply.status().as_u16() < 500 {
            connection.clear();
        }
        Ok(reply)
    }

    async fn request(&self, call: &Call<'_>) -> Result<HttpRequest, Fault> {
        let credentials = self.session.credentials().await;
        let credentials = credentials.map_err(|error| no_credentials(&error))?;

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
            .map_err(|error| unsent(error.to_string()))?
            .into();
        let signable = SignableRequest::new(
            call.method,
            call.url,
            call.headers.iter().copied(),
            SignableBody::Bytes(call.content),
        );
        let signed = signable
            .and_then(|request| sign(request, &parameters))
            .map_err(|error| unsent(error.to_string()))?;
        let (instructions, _) = signed.into_parts();

        let mut request = HttpRequest::new(SdkBody::from(call.content));
        request
            .set_method(call.method)
            .map_err(|_| unsent("the method cannot be sent"))?;
        request
            .set_uri(call.url)
            .map_err(|_| unsent("the name is no part of an address"))?;
        let (headers, _) = instructions.into_parts();
        let headers = headers
            .iter()
            .map(|header| (header.name(), header.value()))
            .chain(call.headers.iter().copied());
        for (name, value) in headers {
            request
                .headers_mut()
                .try_insert(name.to_owned(), value.to_owned())
                .map_err(|_| unsent("a header cannot be sent"))?;
        }
        Ok(request)
    }
}

fn unsent(message: impl Into<String>) -> Fault {
    Fault::Unsent {
        code: "InvalidRequest",
        message: message.into(),
        passing: false,
    }
}

/// A connection that is not used again, unless it is cleared: one on which nothing came, or a failure of the server.
struct Suspect(CaptureSmithyConnection);

impl Suspect {
    fn clear(mut self) {
        self.0 = CaptureSmithyConnection::new();
    }
}

impl Drop for Suspect {
    fn drop(&mut self) {
        if let Some(connection) = self.0.get() {
            connection.poison();
        }
    }
}

/// An error of which some pass.
pub(crate) trait MayPass: From<Fault> {
    /// Whether the same request may be answered otherwise a little later.
    fn may_pass(&self) -> bool;
}

/// How often a request is tried, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tries {
    /// How long one try may take.
    pub(crate) timeout: Duration,
    /// How often it is tried.
    pub(crate) most: u32,
    /// The pause before the second try, which doubles. Half of each is chance.
    pub(crate) pause: Duration,
}

/// Tries what may pass again.
pub(crate) async fn again<T, E, F>(tries: Tries, mut attempt: impl FnMut() -> F) -> Result<T, E>
where
    E: MayPass,
    F: Future<Output = Result<T, E>>,
{
    let mut pause = tries.pause;
    let mut number = 1;
    loop {
        let error = match timeout(tries.timeout, attempt()).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => error,
            Err(_) => timed_out().into(),
        };
        if number == tries.most || !error.may_pass() {
            return Err(error);
        }
        number += 1;
        sleep(halved_by_chance(pause)).await;
        pause = pause.saturating_mul(2).min(MAX_BACKOFF);
    }
}

/// Between half of a pause and all of it: two hosts must not meet in step.
pub(crate) fn halved_by_chance(pause: Duration) -> Duration {
    // The seed of a new `RandomState` differs from call to call.
    let chance = RandomState::new().hash_one(pause) % 1000;
    let half = pause / 2;
    half + half.saturating_mul(u32::try_from(chance).unwrap_or(0)) / 1000
}
