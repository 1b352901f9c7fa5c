//! Content of one repository, asked for with a pass that is renewed when it is not taken any more.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use oci_client::Reference;
use reqwest::{Method, Response, StatusCode, header};
use tokio::{sync::Mutex, time::sleep};

use crate::{
    Logins,
    error::RegistryError,
    http::Http,
    login_hosts::LoginHosts,
    pass::{self, Deed, Pass},
};

/// How often is asked. One that was frozen in the middle of a request, as Lambda freezes between invocations, asks again.
const ATTEMPTS: u32 = 3;
/// Pause before the second try; doubled before the third.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Transport {
    image: Reference,
    logins: Arc<dyn Logins>,
    login_hosts: Vec<String>,
    http: OnceLock<Http>,
    pass: Mutex<Option<Pass>>,
}

impl Transport {
    pub(crate) fn new(image: Reference, logins: Arc<dyn Logins>, login_hosts: Vec<String>) -> Self {
        Self {
            image,
            logins,
            login_hosts,
            http: OnceLock::new(),
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
        again(|| async {
            let reply = self.ask(Method::GET, path, accept).await?;
            self.http()?.read(reply, most).await
        })
        .await
    }

    /// The digest that the registry gives for what is there, if it gives one.
    pub(crate) async fn digest_of(
        &self,
        path: &str,
        accept: &str,
    ) -> Result<Option<String>, RegistryError> {
        let reply = again(|| self.ask(Method::HEAD, path, accept)).await?;
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
            status => Err(RegistryError::of(status)),
        }
    }

    async fn try_ask(
        &self,
        method: Method,
        path: &str,
        accept: &str,
    ) -> Result<Response, RegistryError> {
        let pass = self.held_pass().await?;
        let http = self.http()?;
        let path = format!("{}/{path}", self.image.repository());
        let request = http.request(method, &path)?.header(header::ACCEPT, accept);
        http.send(pass.show(request)).await
    }

    async fn held_pass(&self) -> Result<Pass, RegistryError> {
        let mut held = self.pass.lock().await;
        if let Some(pass) = &*held {
            return Ok(pass.clone());
        }
        let pass = self.pass(Deed::Pull).await?;
        *held = Some(pass.clone());
        Ok(pass)
    }

    /// Gets a pass.
    pub(crate) async fn pass(&self, deed: Deed) -> Result<Pass, RegistryError> {
        let login = self.logins.login().await?;
        pass::get(self.http()?, self.image.repository(), deed, login).await
    }

    fn http(&self) -> Result<&Http, RegistryError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = Http::new(LoginHosts {
            registry: self.image.resolve_registry().to_owned(),
            others: self.login_hosts.clone(),
        })?;
        Ok(self.http.get_or_init(|| http))
    }
}

/// Tries what may pass again.
async fn again<T, F>(attempt: impl Fn() -> F) -> Result<T, RegistryError>
where
    F: Future<Output = Result<T, RegistryError>>,
{
    let mut pause = PAUSE;
    let mut tries = 1;
    loop {
        match attempt().await {
            Err(RegistryError::Unavailable(_)) if tries < ATTEMPTS => {}
            ended => return ended,
        }
        tries += 1;
        sleep(pause).await;
        pause *= 2;
    }
}
