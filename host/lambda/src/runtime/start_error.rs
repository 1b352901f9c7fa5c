//! Telling that the start failed: Lambda by its Runtime API, people on standard error.

use std::io::Write as _;

use lambda_runtime_api_client::{Client, body::Body, build_request};
use serde_json::json;

use crate::start::StartError;

/// Tells both. That telling itself fails is not told: there is nobody left to tell.
pub(super) async fn report(error: &StartError) {
    let message = error.to_string();
    tracing::error!(error = StartError::NAME, reason = message, "not started");
    print(&message);
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return;
    }
    let body = json!({ "errorType": StartError::NAME, "errorMessage": message, "stackTrace": [] });
    let request = build_request()
        .method("POST")
        .uri("/2018-06-01/runtime/init/error")
        .header("lambda-runtime-function-error-type", StartError::NAME)
        .body(Body::from(body.to_string()));
    if let (Ok(request), Ok(client)) = (request, Client::builder().build()) {
        let _ = client.call(request).await;
    }
}

/// Writes to standard error. Unlike `eprintln!` it does not panic if nobody listens there.
pub(super) fn print(message: &str) {
    let _ = writeln!(std::io::stderr(), "bootstrap: {message}");
}
