//! The Step Functions side of a task: a runner of state machines, and the operations with which a task is answered.
//!
//! Definitions are Amazon States Language, with JSONPath or JSONata; [`Definition::parse`] refuses what cannot be run
//! here, and [`SingleState`] takes one state out of a definition of which the rest need not run here.
//! Tasks invoke a function that the user of this library gives ([`InvokeFunction`]), with or without a callback.
//! Task tokens are open for one answer, which comes over HTTP from anybody who has the token.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use serde_json::json;
//! use signalbox_local::step_functions::{Definition, StepFunctions, StepFunctionsOptions};
//!
//! let server = StepFunctions::start(StepFunctionsOptions::default()).await?;
//! println!("AWS_ENDPOINT_URL_SFN={}", server.url());
//! let definition = Definition::parse(r#"{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}"#)?;
//! let outcome = server.run("first", &definition, json!({})).await;
//! println!("{}", outcome.status());
//! # Ok(())
//! # }
//! ```

mod core;
mod definition;
mod error;
mod events;
mod execution;
mod function;
pub mod machines;
mod observe;
mod query;
mod run;
mod service;
mod task;
#[cfg(test)]
mod tests;
mod tokens;
mod waiting;

pub use definition::{Definition, DefinitionError, SingleState};
pub use error::StateError;
pub use execution::ExecutionHandle;
pub use function::{FunctionError, InvokeFunction};
pub use observe::{Observation, Observer, Outcome, What};
pub use waiting::WaitingTask;

use self::core::Core;
use crate::aws_json::faults::Faults;
use crate::aws_json::server;
use crate::data_api::EventSink;
use crate::http::HttpServer;
use crate::time::TimeScale;
use serde_json::Value;
use service::StatesService;
use std::net::SocketAddr;
use std::sync::Arc;

/// How the server is set up.
#[derive(Clone)]
pub struct StepFunctionsOptions {
    /// Where to listen. The default is loopback, port 0: a free one.
    pub address: SocketAddr,
    /// How fast waits, retries, heartbeats and time-outs run.
    pub time_scale: TimeScale,
    /// The function that tasks invoke; [`StepFunctionsServer::set_function`] gives it later, for one that needs the
    /// server's address to be made.
    pub function: Option<Arc<dyn InvokeFunction>>,
    /// Who is told what happens.
    pub observer: Option<Arc<dyn Observer>>,
    /// Who gets `Step Functions Execution Status Change` of executions that ended.
    pub events: Option<Arc<dyn EventSink>>,
    /// Faults of calls.
    pub faults: Faults,
    /// The account in ARNs.
    pub account: String,
    /// The region in ARNs.
    pub region: String,
}

impl Default for StepFunctionsOptions {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            time_scale: TimeScale::REAL,
            function: None,
            observer: None,
            events: None,
            faults: Faults::new(),
            account: crate::ACCOUNT.to_owned(),
            region: crate::REGION.to_owned(),
        }
    }
}

/// Starts servers.
#[derive(Debug, Clone, Copy)]
pub struct StepFunctions;

impl StepFunctions {
    /// Starts a server. It runs until [`StepFunctionsServer::shutdown`]; dropped, it ends at once.
    pub async fn start(options: StepFunctionsOptions) -> std::io::Result<StepFunctionsServer> {
        let (address, faults) = (options.address, options.faults.clone());
        let core = Arc::new(Core::new(options));
        let service = Arc::new(StatesService(Arc::clone(&core)));
        let http = server::start(service, address, faults).await?;
        Ok(StepFunctionsServer {
            http,
            core: CloseOnDrop(core),
        })
    }
}

/// A running server.
pub struct StepFunctionsServer {
    http: HttpServer,
    core: CloseOnDrop,
}

struct CloseOnDrop(Arc<Core>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl std::fmt::Debug for StepFunctionsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StepFunctionsServer")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

impl StepFunctionsServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.http.address()
    }

    /// The endpoint, for `AWS_ENDPOINT_URL_SFN`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Gives the function that tasks invoke from now on.
    pub fn set_function(&self, function: Arc<dyn InvokeFunction>) {
        self.core.0.set_function(function);
    }

    /// A task that waits by itself: its token takes one answer over HTTP, as that of a state does.
    pub fn waiting_task(&self) -> WaitingTask {
        WaitingTask::new(self.core.0.tokens.issue())
    }

    /// Makes a machine known under a name, so that StartExecution finds it. Returns its ARN.
    pub fn register(&self, name: &str, definition: &Definition) -> String {
        self.core.0.register(name, definition.clone());
        self.core.0.machine_arn(name)
    }

    /// Starts an execution of `definition` under the machine's name, with a name of its own.
    pub fn start_execution(
        &self,
        machine_name: &str,
        definition: &Definition,
        input: Value,
    ) -> ExecutionHandle {
        let name = uuid::Uuid::new_v4().to_string();
        let started = self
            .core
            .0
            .start(machine_name, definition.clone(), &name, input);
        match started {
            Ok(execution) | Err(execution) => ExecutionHandle(execution),
        }
    }

    /// Runs an execution to its end.
    pub async fn run(&self, machine_name: &str, definition: &Definition, input: Value) -> Outcome {
        self.start_execution(machine_name, definition, input)
            .end()
            .await
    }

    /// Takes no more calls, cuts the executions and functions that run, and returns when nothing of the server is
    /// left.
    pub async fn shutdown(self) {
        self.core.0.close();
        self.http.shutdown().await;
        self.core.0.finished().await;
    }
}
