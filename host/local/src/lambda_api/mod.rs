//! Lambda's Invoke API in front of functions of this process, for any emulator of Step Functions, SDK or command line.
//!
//! `POST /2015-03-31/functions/{name}/invocations` in the invocation types RequestResponse, Event and DryRun, with
//! the bare name, partial and full ARNs, aliases and versions. What a function is, [`Functions`] says.

mod call;
mod error;
mod name;
mod retry;
mod server;

pub use name::{FunctionName, is_name};
pub use retry::Retry;

use crate::http::HttpServer;
use crate::step_functions::FunctionError;
use async_trait::async_trait;
use serde_json::Value;
use server::Core;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Functions that can be invoked.
#[async_trait]
pub trait Functions: Send + Sync + 'static {
    /// Whether there is a function of this name.
    fn has(&self, function: &FunctionName) -> bool;

    /// Invokes a function. A future that is not ready at the deadline is dropped, as Lambda ends a function then.
    async fn invoke(&self, invocation: Invocation) -> Result<Value, FunctionError>;
}

/// One invocation.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The id of the request: the same when an asynchronous invocation is repeated.
    pub request_id: String,
    /// The function, as the caller named it.
    pub function: FunctionName,
    /// When it has to be done.
    pub deadline: Instant,
    /// The event, a JSON text.
    pub payload: Arc<str>,
}

/// How the server is set up.
#[derive(Clone)]
pub struct LambdaApiOptions {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// The time of one invocation.
    pub function_time: Duration,
    /// How an asynchronous invocation that failed is repeated.
    pub retry: Retry,
}

impl Default for LambdaApiOptions {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            function_time: Duration::from_secs(29),
            retry: Retry::default(),
        }
    }
}

/// Starts servers.
#[derive(Debug, Clone, Copy)]
pub struct LambdaApi;

impl LambdaApi {
    /// Starts a server. It runs until [`LambdaApiServer::shutdown`]; dropped, it ends at once.
    ///
    /// # Errors
    /// The address cannot be listened at.
    pub async fn start(
        options: LambdaApiOptions,
        functions: Arc<dyn Functions>,
    ) -> std::io::Result<LambdaApiServer> {
        let address = options.address;
        let core = Arc::new(Core::new(options, functions));
        let routed = Arc::clone(&core);
        let http = HttpServer::start(address, |closing| server::router(routed, closing)).await?;
        Ok(LambdaApiServer {
            http,
            core: AbortOnDrop(core),
        })
    }
}

/// A running server.
pub struct LambdaApiServer {
    http: HttpServer,
    core: AbortOnDrop,
}

/// Invocations hold what holds them.
struct AbortOnDrop(Arc<Core>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl std::fmt::Debug for LambdaApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LambdaApiServer")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

impl LambdaApiServer {
    /// The endpoint, for `AWS_ENDPOINT_URL_LAMBDA`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.http.address())
    }

    /// Takes no more calls, and returns when nothing of the server is left. Asynchronous invocations that have not
    /// ended are dropped.
    pub async fn shutdown(self) {
        self.http.shutdown().await;
        self.core.0.stop().await;
    }
}
