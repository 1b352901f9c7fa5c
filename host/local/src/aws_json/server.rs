//! One HTTP server for one service.

use super::Service;
use super::error::ServiceError;
use super::faults::{CallFault, Faults, ServiceFault};
use crate::http::{Bodies, BodyError, Closing, HttpServer};
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

/// The largest request body. A batch of 40 statements of 100 KB, with escapes, fits.
pub(crate) const BODY_LIMIT: usize = 8 * 1024 * 1024;

struct Shared<S> {
    service: Arc<S>,
    faults: Faults,
    bodies: Bodies,
    closing: Closing,
}

/// Serves `service` at `address`; port 0 takes a free one.
pub(crate) async fn start<S: Service>(
    service: Arc<S>,
    address: SocketAddr,
    faults: Faults,
) -> std::io::Result<HttpServer> {
    HttpServer::start(address, |closing| {
        let shared = Arc::new(Shared {
            service,
            faults,
            bodies: Bodies::new(),
            closing,
        });
        Router::new().fallback(answer::<S>).with_state(shared)
    })
    .await
}

async fn answer<S: Service>(State(shared): State<Arc<Shared<S>>>, request: Request) -> Response {
    let (operation, input) = match open::<S>(&shared, request).await {
        Ok(opened) => opened,
        Err(error) => return reply::<S>(Err(error)),
    };
    // Without this a call that waits would hold up the shutdown.
    tokio::select! {
        response = serve(&shared, &operation, input) => response,
        () = shared.closing.closed() => reply::<S>(Err(shutting_down())),
    }
}

async fn serve<S: Service>(
    shared: &Shared<S>,
    operation: &str,
    input: Map<String, Value>,
) -> Response {
    let fault = shared.faults.take(operation, &input);
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
    let body = shared
        .bodies
        .read(request.into_body(), BODY_LIMIT)
        .await
        .map_err(unreadable)?;
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

fn unreadable(error: BodyError) -> ServiceError {
    match error {
        BodyError::TooLarge(_) => ServiceError {
            status: 413,
            ..ServiceError::client(
                "RequestEntityTooLargeException",
                format!("The body is larger than {BODY_LIMIT} bytes."),
            )
        },
        BodyError::Late => ServiceError {
            status: 408,
            ..ServiceError::client("RequestTimeoutException", "The body did not come in time.")
        },
        BodyError::Broken(reason) => ServiceError::client(
            "SerializationException",
            format!("The body could not be read: {reason}."),
        ),
    }
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
            if let Some(id) = error.resource_id {
                body.insert("ResourceId".to_owned(), id.into());
            }
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
