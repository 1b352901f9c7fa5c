//! What all clients share: the standard AWS configuration, one HTTP client, repeats.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use tokio::sync::OnceCell;

/// How long a connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a call is made at most: once, and repeated after throttling and passing faults.
pub const MAX_ATTEMPTS: u32 = 3;
/// The first pause between two tries is at most this long; it doubles.
pub const FIRST_BACKOFF: Duration = Duration::from_millis(200);
/// No pause between two tries is longer.
pub const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// The standard AWS configuration (environment, profile, instance role), read once and when first needed.
///
/// Reading it in an environment without a region asks the instance's metadata service, which takes a moment.
#[derive(Debug, Default)]
pub struct Session {
    config: OnceCell<SdkConfig>,
}

impl Session {
    /// One that reads the environment when first needed. `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_REDSHIFT_DATA`,
    /// `AWS_ENDPOINT_URL_SFN`, `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_REGION`, `AWS_PROFILE` and the others hold.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::default()
    }

    /// One of a configuration that the caller made.
    #[must_use]
    pub fn of(config: SdkConfig) -> Self {
        Self {
            config: OnceCell::new_with(Some(config)),
        }
    }

    /// One for a server on this machine, with made-up credentials: nothing of the environment holds, no proxy either.
    #[must_use]
    pub fn at(endpoint_url: &str) -> Self {
        let credentials = Credentials::new("local", "local", None, None, "signalbox");
        Self::of(
            SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::from_static("us-east-1"))
                .endpoint_url(endpoint_url)
                .credentials_provider(SharedCredentialsProvider::new(credentials))
                .http_client(http_client(ProxyConfig::disabled()))
                .retry_config(retries())
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .build(),
        )
    }

    /// The configuration.
    pub async fn config(&self) -> &SdkConfig {
        self.config.get_or_init(load).await
    }

    /// The configuration, for services of the host's own region.
    ///
    /// # Errors
    /// No region is known.
    pub async fn home(&self) -> Result<&SdkConfig, NoRegion> {
        let config = self.config().await;
        if config.region().is_some() {
            Ok(config)
        } else {
            Err(NoRegion)
        }
    }
}

/// No region is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no region is known: set AWS_REGION")]
pub struct NoRegion;

async fn load() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(ProxyConfig::from_env()))
        .retry_config(retries())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .build(),
        )
        // Bodies are small and every call has its own time-outs.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .load()
        .await
}

fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(FIRST_BACKOFF)
        .with_max_backoff(MAX_BACKOFF)
}

/// A client for what is no service of the SDK. The caller bounds its calls.
pub(crate) fn connector(proxy: ProxyConfig) -> Connector {
    let mut connector =
        ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::Ring));
    connector.set_proxy_config(Some(proxy));
    connector.build()
}

/// One client for all services, so that root certificates are read and checked once per process.
pub(crate) fn http_client(proxy: ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector =
            ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::Ring));
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.set_proxy_config(Some(proxy.clone()));
        connector.build()
    })
}

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// One try.
    pub(crate) attempt: Duration,
    /// All tries with the pauses between them.
    pub(crate) operation: Duration,
}

impl Limits {
    /// The same for a call that asks the service to wait.
    pub(crate) fn and_wait(self, wait: Duration) -> Self {
        Self {
            attempt: self.attempt + wait,
            operation: self.operation + wait,
        }
    }

    pub(crate) fn config(self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(self.attempt)
            .operation_timeout(self.operation)
            .build()
    }
}
