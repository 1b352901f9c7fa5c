//! The functions: hosts, as Lambda would run them.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use serde_json::Value;
use signalbox_lambda::{Host, InvocationContext};
use signalbox_local::{
    ACCOUNT, REGION,
    lambda_api::FunctionName,
    step_functions::{FunctionError, InvokeFunction},
};
use tokio::time::Instant;

/// The original's time for one invocation.
pub(crate) const FUNCTION_TIME: Duration = Duration::from_secs(29);

/// Hosts by the name of their function.
pub(crate) struct Functions {
    hosts: BTreeMap<String, Host>,
}

impl Functions {
    pub(crate) fn new(hosts: BTreeMap<String, Host>) -> Self {
        Self { hosts }
    }

    /// The names, for events that go to all.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.hosts.keys().map(String::as_str)
    }

    pub(crate) fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.values()
    }

    pub(crate) fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.get(name)
    }
}

/// The frame of one more invocation of the function with this ARN.
pub(crate) fn context(arn: String) -> InvocationContext {
    InvocationContext {
        // Random, since a ledger in a file remembers the requests of earlier runs.
        request_id: uuid::Uuid::new_v4().to_string(),
        deadline: Instant::now() + FUNCTION_TIME,
        function_arn: Some(arn),
    }
}

/// The ARN of a function of this machine.
pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

#[async_trait]
impl InvokeFunction for Functions {
    async fn invoke(&self, function_name: &str, payload: Value) -> Result<Value, FunctionError> {
        let found = FunctionName::parse(function_name)
            .and_then(|function| Some((self.host(&function.name)?, function.arn())));
        let Some((host, arn)) = found else {
            let known: Vec<_> = self.names().collect();
            return Err(FunctionError {
                error_type: "Lambda.ResourceNotFoundException".to_owned(),
                message: format!(
                    "there is no function {function_name} on this machine, only {}",
                    known.join(", ")
                ),
            });
        };
        host.handle(payload, context(arn))
            .await
            .map_err(|raised| FunctionError {
                error_type: raised.error_type,
                message: raised.message,
            })
    }
}
