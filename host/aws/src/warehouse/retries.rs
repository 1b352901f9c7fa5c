//! Which refusals the SDK tries again by itself, beside those that it knows.

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use serde_json::Value;

use crate::call::{Meaning, meaning, wrapped};

/// Has a throttling tried again that comes inside of a `ValidationException`, as any other throttling is.
#[derive(Debug)]
pub(super) struct WrappedThrottling;

impl ClassifyRetry for WrappedThrottling {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let response = context
            .response()
            .filter(|response| response.status().is_client_error());
        let body = response.and_then(|response| response.body().bytes());
        match body.is_some_and(is_throttled) {
            true => RetryAction::throttling_error(),
            false => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "wrapped throttling"
    }
}

fn is_throttled(body: &[u8]) -> bool {
    let Ok(Value::Object(reply)) = serde_json::from_slice(body) else {
        return false;
    };
    let text = |names: [&str; 2]| names.iter().find_map(|name| reply.get(*name)?.as_str());
    // The name of the error may come in a header. Then its message has to do.
    let code = text(["__type", "code"]).unwrap_or("ValidationException");
    let code = code.rsplit('#').next().unwrap_or(code);
    let code = code.split(':').next().unwrap_or(code);
    let message = text(["message", "Message"]).unwrap_or_default();
    wrapped(code, message).is_some_and(|inner| meaning(inner, 400) == Meaning::Throttled)
}
