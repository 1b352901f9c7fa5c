//! CloudFormation: the port [`CustomResources`], a PUT to the address that a request carries.

mod address;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use signalbox_tasker::ports::{CustomResources, ResponseUrl, SendError};
use tokio::time::timeout;

use crate::{reply, session};

/// How long one PUT may take.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers custom resources. Makes its HTTP client when first used.
#[derive(Debug)]
pub struct CloudFormation {
    region: Option<String>,
    origins: Vec<String>,
    proxy: ProxyConfig,
    connector: OnceLock<Connector>,
}

impl CloudFormation {
    /// Answers CloudFormation's own addresses in the region of the environment (`AWS_REGION`, else `AWS_DEFAULT_REGION`), and
    /// these origins (`http://127.0.0.1:9000`), which are for tests. Goes through the proxy that the environment names.
    #[must_use]
    pub fn new(origins: Vec<String>) -> Self {
        let read = |name| {
            std::env::var(name)
                .ok()
                .filter(|value: &String| !value.is_empty())
        };
        Self {
            region: read("AWS_REGION").or_else(|| read("AWS_DEFAULT_REGION")),
            origins,
            proxy: ProxyConfig::from_env(),
            connector: OnceLock::new(),
        }
    }

    fn connector(&self) -> &Connector {
        self.connector
            .get_or_init(|| session::connector(self.proxy.clone()))
    }

    async fn put(&self, url: &ResponseUrl, response: &str) -> Result<(), SendError> {
        let mut request = HttpRequest::new(SdkBody::from(response));
        request
            .set_method("PUT")
            .and_then(|()| request.set_uri(url.reveal()))
            .map_err(|_| closed("InvalidResponseUrl"))?;
        // The address was signed for this one. Without the header a client may add one of its own.
        request.headers_mut().insert("content-type", "");
        let reply = self
            .connector()
            .call(request)
            .await
            .map_err(|error| lost(&error))?;
        match reply.status().as_u16() {
            200..300 => Ok(()),
            status => Err(refused(status, reply).await),
        }
    }
}

#[async_trait]
impl CustomResources for CloudFormation {
    fn check(&self, url: &ResponseUrl) -> Result<(), String> {
        address::check(url.reveal(), self.region.as_deref(), &self.origins)
    }

    async fn respond(&self, url: &ResponseUrl, response: &str) -> Result<(), SendError> {
        // An address from the ledger may be older than the configuration.
        self.check(url).map_err(|_| closed("ForeignResponseUrl"))?;
        timeout(ATTEMPT_TIMEOUT, self.put(url, response))
            .await
            .unwrap_or_else(|_| {
                Err(SendError::Passing {
                    code: "RequestTimeout".to_owned(),
                    message: "no reply within the time-out".to_owned(),
                })
            })
    }
}

fn closed(code: &str) -> SendError {
    SendError::Closed {
        code: code.to_owned(),
    }
}

/// What is said of a lost connection names no address.
fn lost(error: &ConnectorError) -> SendError {
    let kind = if error.is_timeout() {
        "no reply within the time-out"
    } else if error.is_io() {
        "the connection failed"
    } else {
        "the request failed"
    };
    SendError::Passing {
        code: "ConnectionError".to_owned(),
        message: kind.to_owned(),
    }
}

/// A reply that is no success. Of its body, which may repeat the address and what it was signed with, only the
/// error's name is read. A redirect is not followed: what is signed holds for one host.
async fn refused(status: u16, reply: HttpResponse) -> SendError {
    let code = reply::s3_code(reply).await;
    let told = code.clone().unwrap_or_else(|| format!("HTTP {status}"));
    let passing = match (status, code.as_deref()) {
        // S3 says so of a sender that was too slow, and of two at once.
        (400, Some("RequestTimeout")) | (409, Some("OperationAborted")) => true,
        (status, _) => status >= 500 || matches!(status, 307 | 408 | 425 | 429),
    };
    if passing {
        SendError::Passing {
            code: told,
            message: format!("the response was answered with HTTP {status}"),
        }
    } else {
        closed(&told)
    }
}
