//! One HTTP server for one service.

use super::Service;
use super::error::ServiceError;
use super::faults::{CallFault, Faults, ServiceFault};
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// The largest request body. A batch of 40 statements of 100 KB, with escapes, fits.
pub(crate) const BODY_LIMIT: usize = 8 * 1024 * 1024;
/// How long a client may take to send its body.
const BODY_TIME: Duration = Duration::from_secs(30);
/// How many bodies may be read at a time: with [`BODY_LIMIT`] this bounds the memory for them.
const BODIES_AT_A_TIME: usize = 32;
/// How long open connections have to end at a shutdown before they are cut.
const SHUTDOWN_TIME: Duration = Duration::from_secs(3);

struct Shared<S> {
    service: Arc<S>,
    faults: Faults,
    bodies: Semaphore,
    closing: watch::Receiver<bool>,
}

/// A running server. Dropping it cuts its connections.
#[derive(Debug)]
pub(crate) struct JsonServer {
    address: SocketAddr,
    closing: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl JsonServer {
    /// Serves `service` at `address`; port 0 takes a free one.
    pub(crate) async fn start<S: Service>(
        service: Arc<S>,
        address: SocketAddr,
        faults: Faults,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (closing, closes) = watch::channel(false);
        let shared = Arc::new(Shared {
            service,
            faults,
            bodies: Semaphore::new(BODIES_AT_A_TIME),
            closing: closes.clone(),
        });
        let router = Router::new().fallback(answer::<S>).with_state(shared);
        let task = tokio::spawn(async move {
            let served = axum::serve(listener, router)
                .with_graceful_shutdown(closed(closes))
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "the server ended");
            }
        });
        Ok(Self {
            address,
            closing,
            task,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more calls, ends waiting ones, and returns when the connections are closed.
    pub(crate) async fn shutdown(mut self) {
        self.closing.send_replace(true);
        if tokio::time::timeout(SHUTDOWN_TIME, &mut self.task)
            .await
            .is_err()
        {
            self.task.abort();
        }
    }
}

impl Drop for JsonServer {
    fn drop(&mut self) {
        self.closing.send_replace(true);
        self.task.abort();
    }
}

/// Returns when the server closes.
async fn closed(mut closing: watch::Receiver<bool>) {
    // An error says that the server's handle is gone, which closes it too.
    let _ = closing.wait_for(|closing| *closing).await;
}

async fn answer<S: Service>(State(shared): State<Arc<Shared<S>>>, request: Request) -> Response {
    let (operation, input) = match open::<S>(&shared, request).await {
        Ok(opened) => opened,
        Err(error) => return reply::<S>(Err(error)),
    };
    // Without this a call that waits would hold up the shutdown.
    tokio::select! {
        response = serve(&shared, &operation, input) => response,
        () = closed(shared.closing.clone()) => reply::<S>(Err(shutting_down())),
    }
}

async fn serve<S: Service>(
    shared: &Shared<S>,
    operation: &str,
    input: Map<String, Value>,
) -> Response {
    let fault = shared.faults.take(operation);
    match &fault {
        CallFault::FailBefore(fault) => return reply::<S>(Err(fault.clone().into())),
        CallFault::DisconnectBefore => return broken(),
        CallFault::HangBefore => return std::future::pending().await,
        CallFault::DelayBefore(time) => tokio::time::sleep(*time).await,
        _ => {}
    }
    let response = reply::<S>(shared.service.call(operation, input).await);
    match fault {
        CallFault::FailAfter(fault) => reply::<S>(Err(fault.into())),
        CallFault::DisconnectAfter => broken(),
        CallFault::HangAfter => std::future::pending().await,
        CallFault::DelayAfter(time) => {
            tokio::time::sleep(time).await;
            response
        }
        _ => response,
    }
}

/// The operation that is called and its input.
async fn open<S: Service>(
    shared: &Shared<S>,
    request: Request,
) -> Result<(String, Map<String, Value>), ServiceError> {
    if request.method() != Method::POST {
        return Err(ServiceError::unknown_operation(request.method().as_str()));
    }
    let operation = operation::<S>(request.headers())?;
    let reading = shared.bodies.acquire().await.map_err(|_| shutting_down())?;
    let body = tokio::time::timeout(
        BODY_TIME,
        axum::body::to_bytes(request.into_body(), BODY_LIMIT),
    )
    .await
    .map_err(|_| ServiceError::client("RequestTimeoutException", "The body did not come."))?
    .map_err(|error| ServiceError {
        status: 413,
        ..ServiceError::client(
            "RequestEntityTooLargeException",
            format!("The body could not be read (at most {BODY_LIMIT} bytes): {error}."),
        )
    })?;
    drop(reading);
    if body.is_empty() {
        return Ok((operation, Map::new()));
    }
    let input = serde_json::from_slice(&body).map_err(|error| {
        ServiceError::client(
            "SerializationException",
            format!("The body is not a JSON object: {error}."),
        )
    })?;
    Ok((operation, input))
}

fn operation<S: Service>(headers: &HeaderMap) -> Result<String, ServiceError> {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    match target.split_once('.') {
        Some((prefix, operation)) if prefix == S::TARGET_PREFIX => Ok(operation.to_owned()),
        _ => Err(ServiceError::unknown_operation(target)),
    }
}

fn shutting_down() -> ServiceError {
    ServiceError {
        status: 503,
        ..ServiceError::server(
            "ServiceUnavailableException",
            "The server is shutting down.",
        )
    }
}

fn reply<S: Service>(result: Result<Value, ServiceError>) -> Response {
    let (status, body) = match result {
        Ok(value) => (200, value),
        Err(error) => {
            let mut body = Map::new();
            body.insert("__type".to_owned(), error.code.into());
            body.insert(S::MESSAGE_MEMBER.to_owned(), error.message.into());
            (error.status, Value::Object(body))
        }
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(S::CONTENT_TYPE),
    );
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// A reply whose body breaks off, upon which the connection is cut.
fn broken() -> Response {
    Response::new(Body::new(BrokenBody))
}

struct BrokenBody;

impl HttpBody for BrokenBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into())))
    }
}

impl From<ServiceFault> for ServiceError {
    fn from(fault: ServiceFault) -> Self {
        Self {
            status: fault.status,
            ..Self::client(&fault.code, fault.message)
        }
    }
}
