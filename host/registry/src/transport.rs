//! Requests to a registry.
//!
//! How to get in is `oci_client`'s business. What is fetched is read here, since nothing bounds what that one reads.

use std::{
    error::Error as _,
    sync::{Arc, OnceLock},
    time::Duration,
};

use oci_client::{
    Client, Reference, RegistryOperation,
    client::{ClientConfig, ClientProtocol},
    errors::OciDistributionError,
};
use reqwest::{Method, Response, StatusCode, header, redirect};
use tokio::{sync::Mutex, time::timeout};

use crate::{Login, Logins, auth, error::RegistryError};

/// How long a connection may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long nothing may come.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request may take in all.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Registries send layers from elsewhere.
const REDIRECTS: usize = 5;

/// What lets one in.
#[derive(Clone)]
enum Pass {
    Nothing,
    Basic(Login),
    Bearer(String),
}

pub(crate) struct Transport {
    image: Reference,
    logins: Arc<dyn Logins>,
    clients: OnceLock<(Client, reqwest::Client)>,
    pass: Mutex<Option<Pass>>,
}

impl Transport {
    pub(crate) fn new(image: Reference, logins: Arc<dyn Logins>) -> Self {
        Self {
            image,
            logins,
            clients: OnceLock::new(),
            pass: Mutex::new(None),
        }
    }

    /// What is there, of at most so many bytes.
    pub(crate) async fn get(
        &self,
        path: &str,
        accept: &str,
        most: usize,
    ) -> Result<Vec<u8>, RegistryError> {
        let fetched = async {
            let mut reply = self.ask(Method::GET, path, accept).await?;
            let mut bytes = Vec::new();
            while let Some(chunk) = reply.chunk().await.map_err(unavailable)? {
                if bytes.len() + chunk.len() > most {
                    return Err(RegistryError::TooLong(most));
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes)
        };
        within(fetched).await
    }

    /// The digest that the registry gives for what is there, if it gives one.
    pub(crate) async fn digest_of(
        &self,
        path: &str,
        accept: &str,
    ) -> Result<Option<String>, RegistryError> {
        let reply = within(self.ask(Method::HEAD, path, accept)).await?;
        let told = reply.headers().get("docker-content-digest");
        Ok(told
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned))
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        accept: &str,
    ) -> Result<Response, RegistryError> {
        let mut reply = self.try_ask(method.clone(), path, accept).await?;
        // A pass is good for minutes or hours, and is asked for anew once. Amazon ECR says 403 of one that is too old.
        let is_denied = matches!(
            reply.status(),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        );
        if is_denied && self.pass.lock().await.take().is_some() {
            reply = self.try_ask(method, path, accept).await?;
        }
        match reply.status() {
            StatusCode::OK => Ok(reply),
            status if status.is_server_error() => Err(RegistryError::Unavailable(format!(
                "HTTP {}",
                status.as_u16()
            ))),
            status => Err(RegistryError::Refused {
                status: status.as_u16(),
            }),
        }
    }

    async fn try_ask(
        &self,
        method: Method,
        path: &str,
        accept: &str,
    ) -> Result<Response, RegistryError> {
        let pass = self.pass().await?;
        let (_, http) = self.clients()?;
        let registry = self.image.resolve_registry();
        let scheme = if is_loopback(registry) {
            "http"
        } else {
            "https"
        };
        let repository = self.image.repository();
        let request = http
            .request(
                method,
                format!("{scheme}://{registry}/v2/{repository}/{path}"),
            )
            .header(header::ACCEPT, accept);
        let request = match &pass {
            Pass::Nothing => request,
            Pass::Basic(Login { username, password }) => {
                request.basic_auth(username, Some(password))
            }
            Pass::Bearer(token) => request.bearer_auth(token),
        };
        request.send().await.map_err(unavailable)
    }

    async fn pass(&self) -> Result<Pass, RegistryError> {
        let mut held = self.pass.lock().await;
        if let Some(pass) = &*held {
            return Ok(pass.clone());
        }
        let (client, _) = self.clients()?;
        let login = self.logins.login().await?;
        let auth = auth(login.clone());
        let asked = client
            .auth(&self.image, &auth, RegistryOperation::Pull)
            .await;
        let pass = match (asked, login) {
            (Ok(Some(token)), _) => Pass::Bearer(token),
            (Ok(None), Some(login)) => Pass::Basic(login),
            (Ok(None), None) => Pass::Nothing,
            (Err(error), _) => return Err(not_let_in(error)),
        };
        *held = Some(pass.clone());
        Ok(pass)
    }

    fn clients(&self) -> Result<&(Client, reqwest::Client), RegistryError> {
        if let Some(clients) = self.clients.get() {
            return Ok(clients);
        }
        let registry = self.image.resolve_registry();
        let client = Client::try_from(ClientConfig {
            protocol: protocol(registry),
            connect_timeout: Some(CONNECT_TIMEOUT),
            read_timeout: Some(READ_TIMEOUT),
            ..ClientConfig::default()
        })
        .map_err(not_let_in)?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(redirect::Policy::limited(REDIRECTS))
            .https_only(!is_loopback(registry))
            .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(unavailable)?;
        Ok(self.clients.get_or_init(|| (client, http)))
    }
}

async fn within<T>(
    asked: impl Future<Output = Result<T, RegistryError>>,
) -> Result<T, RegistryError> {
    timeout(REQUEST_TIMEOUT, asked).await.unwrap_or_else(|_| {
        Err(RegistryError::Unavailable(format!(
            "no reply within {} seconds",
            REQUEST_TIMEOUT.as_secs()
        )))
    })
}

/// Without the address: a registry may have sent on to one that lets in whoever knows it.
pub(crate) fn unavailable(error: reqwest::Error) -> RegistryError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    RegistryError::Unavailable(text)
}

/// The library's own words may have addresses and replies in them.
pub(crate) fn not_let_in(error: OciDistributionError) -> RegistryError {
    match error {
        OciDistributionError::RequestError(error) => unavailable(error),
        OciDistributionError::AuthenticationFailure(_)
        | OciDistributionError::UnauthorizedError { .. } => RegistryError::Refused { status: 401 },
        OciDistributionError::RegistryTokenDecodeError(_) => {
            RegistryError::Unavailable("its token cannot be read".to_owned())
        }
        _ => RegistryError::Unavailable("it could not be asked for a token".to_owned()),
    }
}

pub(crate) fn protocol(registry: &str) -> ClientProtocol {
    if is_loopback(registry) {
        ClientProtocol::Http
    } else {
        ClientProtocol::Https
    }
}

/// Whether a registry is on this machine, where there is no TLS.
fn is_loopback(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}
