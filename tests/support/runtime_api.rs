//! The Runtime API of AWS Lambda, towards one function.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot, watch};

/// How long a test waits for an answer before it fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// Lambda's own time-out of the function in these tests.
pub const FUNCTION_TIME: Duration = Duration::from_secs(29);
/// The function that is invoked.
pub const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:tasker";

/// How an invocation failed, as Lambda tells it to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// `errorType`.
    pub error_type: String,
    /// `errorMessage`.
    pub message: String,
}

/// An invocation, as the caller sees it.
pub type Answer = Result<Value, Failed>;

struct Pending {
    function: String,
    request_id: String,
    event: String,
    time: Duration,
    answer: oneshot::Sender<Answer>,
}

struct Shared {
    waiting: AsyncMutex<mpsc::UnboundedReceiver<Pending>>,
    open: Mutex<HashMap<String, oneshot::Sender<Answer>>>,
    init_error: watch::Sender<Option<Failed>>,
    polled: watch::Sender<bool>,
}

/// The server. A function that asks it for events gets those that are invoked here.
pub struct RuntimeApi {
    address: SocketAddr,
    queue: mpsc::UnboundedSender<Pending>,
    shared: Arc<Shared>,
}

impl RuntimeApi {
    /// Starts it on a free port of loopback.
    pub async fn start() -> Self {
        let (queue, waiting) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            waiting: AsyncMutex::new(waiting),
            open: Mutex::default(),
            init_error: watch::Sender::new(None),
            polled: watch::Sender::new(false),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(response),
            )
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(Arc::clone(&shared))
            // A function may answer with 6 MB, and more to see it refused.
            .layer(axum::extract::DefaultBodyLimit::max(16 * 1024 * 1024));
        let address = super::serve(router).await;
        Self {
            address,
            queue,
            shared,
        }
    }

    /// For `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Invokes the function with an event and waits for its answer.
    pub async fn invoke(&self, event: &Value) -> Answer {
        self.invoke_text(&event.to_string(), FUNCTION_TIME).await
    }

    /// Invokes an alias of the function.
    pub async fn invoke_by(&self, alias: &str, event: &Value) -> Answer {
        let function = format!("{FUNCTION_ARN}:{alias}");
        self.send(&function, &uuid(), &event.to_string(), FUNCTION_TIME)
            .await
    }

    /// Invokes the function with any bytes of text and with some time.
    pub async fn invoke_text(&self, event: &str, time: Duration) -> Answer {
        let request_id = uuid();
        self.invoke_again(&request_id, event, time).await
    }

    /// Invokes the function under a request id of the caller's, as Lambda does when it repeats an asynchronous
    /// invocation.
    pub async fn invoke_again(&self, request_id: &str, event: &str, time: Duration) -> Answer {
        self.send(FUNCTION_ARN, request_id, event, time).await
    }

    async fn send(&self, function: &str, request_id: &str, event: &str, time: Duration) -> Answer {
        let (answer, answered) = oneshot::channel();
        let pending = Pending {
            function: function.to_owned(),
            request_id: request_id.to_owned(),
            event: event.to_owned(),
            time,
            answer,
        };
        assert!(self.queue.send(pending).is_ok(), "the API runs");
        tokio::time::timeout(PATIENCE, answered)
            .await
            .expect("an answer in time")
            .expect("an answer")
    }

    /// Waits until the function asks for its first event; an error is what it reported instead.
    pub async fn started(&self) -> Result<(), Failed> {
        let mut polled = self.shared.polled.subscribe();
        let mut init_error = self.shared.init_error.subscribe();
        let outcome = async {
            tokio::select! {
                polled = polled.wait_for(|polled| *polled) => { polled.expect("the API runs"); Ok(()) }
                failed = init_error.wait_for(Option::is_some) => {
                    Err(failed.expect("the API runs").clone().expect("an error"))
                }
            }
        };
        tokio::time::timeout(PATIENCE, outcome)
            .await
            .expect("a start in time")
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.polled.send_replace(true);
    let Some(pending) = shared.waiting.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = SystemTime::now() + pending.time;
    let milliseconds = deadline
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_millis();
    shared
        .open
        .lock()
        .expect("lock")
        .insert(pending.request_id.clone(), pending.answer);
    (
        [
            ("lambda-runtime-aws-request-id", pending.request_id),
            ("lambda-runtime-deadline-ms", milliseconds.to_string()),
            ("lambda-runtime-invoked-function-arn", pending.function),
            (
                "lambda-runtime-trace-id",
                "Root=1-0-0;Parent=0;Sampled=0".to_owned(),
            ),
            ("content-type", "application/json".to_owned()),
        ],
        pending.event,
    )
        .into_response()
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    // What is no JSON is not an answer that Lambda takes.
    let Ok(value) = serde_json::from_slice(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    answer(&shared, &id, Ok(value))
}

async fn error(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> Response {
    match failed(&body) {
        Some(failed) => answer(&shared, &id, Err(failed)),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn init_error(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(failed) = failed(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let header = headers
        .get("lambda-runtime-function-error-type")
        .and_then(|value| value.to_str().ok());
    assert_eq!(
        header,
        Some(failed.error_type.as_str()),
        "header and body name the same error"
    );
    shared.init_error.send_replace(Some(failed));
    accepted()
}

fn failed(body: &[u8]) -> Option<Failed> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(Failed {
        // A state machine matches names: a word, never the path of a type of Rust.
        error_type: text("errorType")
            .filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric()))?,
        message: text("errorMessage")?,
    })
}

fn answer(shared: &Shared, id: &str, answer: Answer) -> Response {
    match shared.open.lock().expect("lock").remove(id) {
        Some(caller) => {
            // A caller that gave up is not waited for.
            let _ = caller.send(answer);
            accepted()
        }
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, json!({"status": "OK"}).to_string()).into_response()
}

/// An id that no other request of this process has.
fn uuid() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!(
        "{:08x}-0000-4000-8000-{:012x}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}
