//! The functions that the tasks invoke: hosts, as Lambda would run them.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::Value;
use signalbox_lambda::{Host, InvocationContext};
use signalbox_local::step_functions::{FunctionError, InvokeFunction};
use tokio::time::Instant;

/// The original's time for one invocation.
const FUNCTION_TIME: Duration = Duration::from_secs(29);

/// Hosts by the name of their function.
pub(crate) struct Functions {
    hosts: BTreeMap<&'static str, Host>,
    requests: AtomicU64,
}

impl Functions {
    pub(crate) fn new(hosts: BTreeMap<&'static str, Host>) -> Self {
        Self {
            hosts,
            requests: AtomicU64::new(1),
        }
    }

    /// The hosts, for events that go to all of them.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = (&'static str, &Host)> {
        self.hosts.iter().map(|(name, host)| (*name, host))
    }

    pub(crate) fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.get(name)
    }

    /// The frame of one more invocation.
    pub(crate) fn context(&self, name: &str) -> InvocationContext {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        InvocationContext {
            request_id: format!("00000000-0000-4000-8000-{number:012}"),
            deadline: Instant::now() + FUNCTION_TIME,
            function_arn: Some(arn(name)),
        }
    }
}

/// The ARN of a function.
pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:lambda:us-east-1:000000000000:function:{name}")
}

#[async_trait]
impl InvokeFunction for Functions {
    async fn invoke(&self, function_name: &str, payload: Value) -> Result<Value, FunctionError> {
        let name = function_name.rsplit(':').next().unwrap_or(function_name);
        let Some(host) = self.host(name) else {
            return Err(FunctionError {
                error_type: "Lambda.ResourceNotFoundException".to_owned(),
                message: format!("there is no function {name}"),
            });
        };
        host.handle(payload, self.context(name))
            .await
            .map_err(|raised| FunctionError {
                error_type: raised.error_type,
                message: raised.message,
            })
    }
}
