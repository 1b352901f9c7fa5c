//! Requests to one registry, each with a bound of time, size and safety.

use std::{error::Error as _, time::Duration};

use reqwest::{Client, Method, RequestBuilder, Response, Url, redirect};
use tokio::time::timeout;

use crate::{
    error::RegistryError,
    login_hosts::LoginHosts,
    reference::{host, is_loopback},
};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long nothing may come.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request, or reading what it is answered with, may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Registries send layers from elsewhere.
const REDIRECTS: usize = 5;

/// Speaks to one registry.
pub(crate) struct Http {
    client: Client,
    base: String,
    logins: LoginHosts,
}

impl Http {
    /// For a registry.
    pub(crate) fn new(logins: LoginHosts) -> Result<Self, RegistryError> {
        use_ring();
        let registry = &logins.registry;
        let near = is_loopback(host(registry));
        let builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(redirect::Policy::limited(REDIRECTS))
            .https_only(!near)
            .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")));
        // No proxy reaches this machine's own registry, and it would get the login in the clear.
        let builder = if near { builder.no_proxy() } else { builder };
        Ok(Self {
            client: builder.build().map_err(unavailable)?,
            base: format!("{}://{registry}/v2/", if near { "http" } else { "https" }),
            logins,
        })
    }

    /// A GET of a path below `/v2/`.
    pub(crate) fn get(&self, path: &str) -> Result<RequestBuilder, RegistryError> {
        self.request(Method::GET, path)
    }

    /// A request for a path below `/v2/`.
    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
    ) -> Result<RequestBuilder, RegistryError> {
        let url: Url = format!("{}{path}", self.base)
            .parse()
            .map_err(|_| RegistryError::Setting("it is no part of an address".to_owned()))?;
        Ok(self.client.request(method, url))
    }

    /// A GET of something elsewhere.
    pub(crate) fn at(&self, url: Url) -> RequestBuilder {
        self.client.get(url)
    }

    /// Checks the address that the registry sends its callers to for a token.
    pub(crate) fn check(&self, realm: &str, has_login: bool) -> Result<Url, RegistryError> {
        self.logins.check(realm, has_login)
    }

    /// Sends a request and waits for the head of the reply.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, RegistryError> {
        within(async { request.send().await.map_err(unavailable) }).await
    }

    /// What a reply holds, of at most so many bytes.
    pub(crate) async fn read(
        &self,
        mut reply: Response,
        most: usize,
    ) -> Result<Vec<u8>, RegistryError> {
        within(async {
            let mut bytes = Vec::new();
            while let Some(chunk) = reply.chunk().await.map_err(unavailable)? {
                if bytes.len() + chunk.len() > most {
                    return Err(RegistryError::TooLong(most));
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes)
        })
        .await
    }
}

/// Says which cryptography TLS uses: without a default reqwest panics. Whoever chose one before keeps it.
pub(crate) fn use_ring() {
    let _: Result<(), _> = rustls::crypto::ring::default_provider().install_default();
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

/// Without any address: a registry may have sent on to one that lets in whoever knows it. The library's own errors among
/// the causes repeat it, others do not know it.
pub(crate) fn unavailable(error: reqwest::Error) -> RegistryError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        if !inner.is::<reqwest::Error>() {
            text = format!("{text}: {inner}");
        }
        cause = inner.source();
    }
    RegistryError::Unavailable(text)
}
