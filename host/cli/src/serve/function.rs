//! The functions behind the Invoke API.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use signalbox_lambda::InvocationContext;
use signalbox_local::{
    lambda_api::{self, FunctionName, Invocation},
    step_functions::FunctionError,
};

use crate::machine::functions::Functions;

pub(super) struct Invoked(pub(super) Arc<Functions>);

#[async_trait]
impl lambda_api::Functions for Invoked {
    fn has(&self, function: &FunctionName) -> bool {
        self.0.host(&function.name).is_some()
    }

    async fn invoke(&self, invocation: Invocation) -> Result<Value, FunctionError> {
        let Some(host) = self.0.host(&invocation.function.name) else {
            return Err(FunctionError {
                error_type: "ResourceNotFoundException".to_owned(),
                message: format!("there is no function {}", invocation.function.name),
            });
        };
        let frame = InvocationContext {
            request_id: invocation.request_id,
            deadline: invocation.deadline,
            function_arn: Some(invocation.function.arn()),
        };
        host.handle_text(invocation.payload, frame)
            .await
            .map_err(|raised| FunctionError {
                error_type: raised.error_type,
                message: raised.message,
            })
    }
}
