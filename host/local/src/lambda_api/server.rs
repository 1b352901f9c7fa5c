//! The operation.

use super::call::{self, InvocationType, SYNCHRONOUS_BYTES};
use super::error::{ApiError, json_reply};
use super::{FunctionName, Functions, Invocation, LambdaApiOptions};
use crate::http::{Bodies, Closing};
use crate::step_functions::FunctionError;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::HeaderValue;
use axum::response::Response;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How many invocations may be under way: Lambda's concurrency of an account.
const AT_A_TIME: usize = 1000;

/// The state of a server.
pub(super) struct Core {
    options: LambdaApiOptions,
    functions: Arc<dyn Functions>,
    bodies: Bodies,
    under_way: Mutex<JoinSet<()>>,
}

impl Core {
    pub(super) fn new(options: LambdaApiOptions, functions: Arc<dyn Functions>) -> Self {
        Self {
            options,
            functions,
            bodies: Bodies::new(),
            under_way: Mutex::default(),
        }
    }

    /// Drops what is under way.
    pub(super) fn abort(&self) {
        self.under_way().abort_all();
    }

    /// Drops what is under way, and returns when nothing is left of it.
    pub(super) async fn stop(&self) {
        let mut under_way = std::mem::take(&mut *self.under_way());
        under_way.shutdown().await;
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn invoke(&self, invocation: Invocation) -> Result<Value, FunctionError> {
        let (deadline, request_id) = (invocation.deadline, invocation.request_id.clone());
        match tokio::time::timeout_at(deadline, self.functions.invoke(invocation)).await {
            Ok(result) => result,
            Err(_) => Err(FunctionError {
                error_type: "Sandbox.Timedout".to_owned(),
                message: format!(
                    "RequestId: {request_id} Error: Task timed out after {:.2} seconds",
                    self.options.function_time.as_secs_f64()
                ),
            }),
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.options.function_time
    }

    /// Begins something that ends by itself, whether the client waits for it or hangs up.
    fn begin(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<(), ApiError> {
        let mut under_way = self.under_way();
        while under_way.try_join_next().is_some() {}
        if under_way.len() >= AT_A_TIME {
            return Err(ApiError::new(
                429,
                "TooManyRequestsException",
                format!("{AT_A_TIME} invocations are under way: Rate Exceeded."),
            ));
        }
        under_way.spawn(work);
        Ok(())
    }

    async fn repeat(self: Arc<Self>, mut invocation: Invocation) {
        let retry = self.options.retry;
        for number in 1.. {
            invocation.deadline = self.deadline();
            let Err(error) = self.invoke(invocation.clone()).await else {
                return;
            };
            if number > retry.times {
                tracing::error!(
                    function = invocation.function.name,
                    request = invocation.request_id,
                    error = error.error_type,
                    alarm = "DeadLetter",
                    "an asynchronous invocation is dropped"
                );
                return;
            }
            tokio::time::sleep(retry.pause(number)).await;
        }
    }
}

pub(super) fn router(core: Arc<Core>, closing: Closing) -> Router {
    let invoke = post(
        |State((core, closing)): State<(Arc<Core>, Closing)>,
         Path(name): Path<String>,
         request: Request| async move {
            let request_id = uuid::Uuid::new_v4().to_string();
            let answered = tokio::select! {
                answered = answer(&core, &name, &request_id, request) => answered,
                () = closing.closed() => Err(ApiError::new(
                    503,
                    "ServiceException",
                    "The server is shutting down.",
                )),
            };
            answered.unwrap_or_else(|error| error.reply(&request_id))
        },
    )
    .fallback(unknown);
    Router::new()
        .route("/2015-03-31/functions/{name}/invocations", invoke)
        .fallback(unknown)
        .with_state((core, closing))
}

async fn unknown(request: Request) -> Response {
    let path: String = request.uri().path().chars().take(200).collect();
    ApiError::new(
        404,
        "UnknownOperationException",
        format!(
            "There is no operation {} {path} here, only POST /2015-03-31/functions/NAME/invocations (Invoke).",
            request.method()
        ),
    )
    .reply(&uuid::Uuid::new_v4().to_string())
}

async fn answer(
    core: &Arc<Core>,
    name: &str,
    request_id: &str,
    request: Request,
) -> Result<Response, ApiError> {
    let function = call::function(name, request.uri().query())?;
    let kind = InvocationType::read(request.headers())?;
    let wants_log = call::wants_log(request.headers())?;
    if !core.functions.has(&function) {
        return Err(ApiError::new(
            404,
            "ResourceNotFoundException",
            format!("Function not found: {}", function.arn()),
        ));
    }
    let body = core
        .bodies
        .read(request.into_body(), kind.most_bytes())
        .await
        .map_err(|error| kind.unreadable(error))?;
    let invocation = Invocation {
        request_id: request_id.to_owned(),
        function,
        deadline: core.deadline(),
        payload: call::payload(&body)?,
    };
    drop(body);
    match kind {
        InvocationType::DryRun => Ok(json_reply(204, Body::empty(), request_id)),
        InvocationType::Event => {
            core.begin(Arc::clone(core).repeat(invocation))?;
            Ok(json_reply(202, Body::empty(), request_id))
        }
        InvocationType::RequestResponse => wait(core, invocation, wants_log).await,
    }
}

/// Invokes the function and gives its answer.
async fn wait(
    core: &Arc<Core>,
    invocation: Invocation,
    wants_log: bool,
) -> Result<Response, ApiError> {
    let began = Instant::now();
    let request_id = invocation.request_id.clone();
    let version = version(&invocation.function);
    let (done, is_done) = oneshot::channel();
    let invoking = Arc::clone(core);
    core.begin(async move {
        // Nobody waits if the client hung up.
        let _ = done.send(invoking.invoke(invocation).await);
    })?;
    let result = is_done.await.map_err(|_| {
        ApiError::new(
            500,
            "ServiceException",
            "The function broke down; the log of `signalbox` says why.",
        )
    })?;
    let result = result.map(|value| value.to_string()).and_then(|text| {
        if text.len() <= SYNCHRONOUS_BYTES {
            return Ok(text);
        }
        Err(FunctionError {
            error_type: "Function.ResponseSizeTooLarge".to_owned(),
            message: format!(
                "Response payload size ({} bytes) exceeded maximum allowed payload size ({SYNCHRONOUS_BYTES} bytes).",
                text.len()
            ),
        })
    });
    let log = wants_log.then(|| log(&request_id, &version, &result, began));
    let (is_error, body) = match result {
        Ok(text) => (false, text),
        Err(error) => (
            true,
            json!({ "errorMessage": error.message, "errorType": error.error_type }).to_string(),
        ),
    };
    let mut response = json_reply(200, body.into(), &request_id);
    let headers = response.headers_mut();
    if let Ok(version) = HeaderValue::from_str(&version) {
        headers.insert("x-amz-executed-version", version);
    }
    if is_error {
        headers.insert(
            "x-amz-function-error",
            HeaderValue::from_static("Unhandled"),
        );
    }
    if let Some(log) = log.and_then(|log| HeaderValue::from_str(&BASE64.encode(log)).ok()) {
        headers.insert("x-amz-log-result", log);
    }
    Ok(response)
}

/// What was executed: versions are all the same here, and what an alias stands for is not known.
fn version(function: &FunctionName) -> String {
    match &function.qualifier {
        Some(version) if version.bytes().all(|b| b.is_ascii_digit()) => version.clone(),
        _ => "$LATEST".to_owned(),
    }
}

/// The lines that Lambda itself writes about an invocation. The function's own are where the process logs.
fn log(
    request_id: &str,
    version: &str,
    result: &Result<String, FunctionError>,
    began: Instant,
) -> String {
    let error = match result {
        Ok(_) => String::new(),
        Err(error) => format!("[ERROR] {}\n", error.error_type),
    };
    let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
    format!(
        "START RequestId: {request_id} Version: {version}\n{error}END RequestId: {request_id}\nREPORT RequestId: \
         {request_id}\tDuration: {milliseconds:.2} ms\n"
    )
}
