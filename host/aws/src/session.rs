//! What all clients share: the standard AWS configuration, one HTTP client, repeats.

use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, error::CredentialsError,
};
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpClient};
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use tokio::sync::{Mutex, OnceCell};

/// How long a connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a call is made at most: once, and repeated after throttling and passing faults.
pub const MAX_ATTEMPTS: u32 = 3;
/// The first pause between two tries is at most this long; it doubles.
pub const FIRST_BACKOFF: Duration = Duration::from_millis(200);
/// No pause between two tries is longer.
pub const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// How long credentials without an end are used, as the SDK's own clients do.
const CREDENTIALS_KEPT: Duration = Duration::from_secs(15 * 60);
/// How long before their end credentials are no longer used.
const CREDENTIALS_RESERVE: Duration = Duration::from_secs(10);

/// The standard AWS configuration (environment, profile, instance role), read once and when first needed.
///
/// Reading it in an environment without a region asks the instance's metadata service, which takes a moment.
#[derive(Debug)]
pub struct Session {
    config: OnceCell<SdkConfig>,
    proxy: ProxyConfig,
    connector: OnceCell<Connector>,
    credentials: Mutex<Option<(Credentials, SystemTime)>>,
}

impl Session {
    /// One that reads the environment when first needed. `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_REDSHIFT_DATA`,
    /// `AWS_ENDPOINT_URL_SFN`, `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_REGION`, `AWS_PROFILE` and the others hold.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::new(None, ProxyConfig::from_env())
    }

    /// One of a configuration that the caller made, without a proxy for what no client of the SDK sends.
    #[must_use]
    pub fn of(config: SdkConfig) -> Self {
        Self::new(Some(config), ProxyConfig::disabled())
    }

    fn new(config: Option<SdkConfig>, proxy: ProxyConfig) -> Self {
        Self {
            config: OnceCell::new_with(config),
            proxy,
            connector: OnceCell::new(),
            credentials: Mutex::default(),
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

    /// The host's own credentials. They are kept until they end.
    pub(crate) async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let mut kept = self.credentials.lock().await;
        let now = SystemTime::now();
        if let Some((credentials, end)) = kept.as_ref()
            && now < *end
        {
            return Ok(credentials.clone());
        }
        let provider = self.config().await.credentials_provider();
        let provider = provider.ok_or_else(|| CredentialsError::not_loaded("none configured"))?;
        let fresh = provider.provide_credentials().await?;
        let end = fresh.expiry().map_or(now + CREDENTIALS_KEPT, |end| {
            end.checked_sub(CREDENTIALS_RESERVE).unwrap_or(end)
        });
        *kept = Some((fresh.clone(), end));
        Ok(fresh)
    }

    /// What sends requests that no client of the SDK makes. The caller bounds its calls.
    pub(crate) async fn connector(&self) -> &Connector {
        let make = || async {
            let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT);
            let sleep = self.config().await.sleep_impl();
            connector_with(self.proxy.clone(), Some(settings.build()), sleep)
        };
        self.connector.get_or_init(make).await
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

pub(crate) fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(FIRST_BACKOFF)
        .with_max_backoff(MAX_BACKOFF)
}

/// A client for what is no service of AWS. The caller bounds its calls.
pub(crate) fn connector(proxy: ProxyConfig) -> Connector {
    connector_with(proxy, None, None)
}

/// One client for all services, so that root certificates are read and checked once per process.
pub(crate) fn http_client(proxy: ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let sleep = components.and_then(|components| components.sleep_impl());
        connector_with(proxy.clone(), settings.cloned(), sleep)
    })
}

fn connector_with(
    proxy: ProxyConfig,
    settings: Option<HttpConnectorSettings>,
    sleep: Option<SharedAsyncSleep>,
) -> Connector {
    let mut connector =
        ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::Ring));
    connector.set_proxy_config(Some(proxy));
    connector.set_connector_settings(settings);
    connector.set_sleep_impl(sleep);
    connector.build()
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

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use aws_credential_types::provider::future;

    use super::*;

    #[derive(Debug)]
    struct Counting {
        asked: Arc<AtomicUsize>,
        lives: Option<Duration>,
    }

    impl ProvideCredentials for Counting {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let end = self.lives.map(|lives| SystemTime::now() + lives);
            future::ProvideCredentials::ready(Ok(Credentials::new("a", "b", None, end, "test")))
        }
    }

    #[tokio::test]
    async fn credentials_are_asked_for_once_until_shortly_before_they_end() {
        for (lives, asked) in [(None, 1), (Some(3600), 1), (Some(9), 3), (Some(0), 3)] {
            let provider = Counting {
                asked: Arc::default(),
                lives: lives.map(Duration::from_secs),
            };
            let count = Arc::clone(&provider.asked);
            let config = SdkConfig::builder()
                .credentials_provider(SharedCredentialsProvider::new(provider))
                .build();
            let session = Session::of(config);
            for _ in 0..3 {
                session.credentials().await.expect("credentials");
            }
            assert_eq!(count.load(Ordering::SeqCst), asked, "{lives:?}");
        }
        let session = Session::of(SdkConfig::builder().build());
        session.credentials().await.expect_err("there are none");
    }
}
