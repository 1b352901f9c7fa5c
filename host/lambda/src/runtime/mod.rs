//! `bootstrap`: the host under AWS Lambda's Runtime API.

mod after;
mod deadline;
mod start_error;

use std::{process::ExitCode, time::SystemTime};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, value::RawValue};
use signalbox_tasker::Raised;
use tokio::time::Instant;

use crate::{
    config::Config,
    dispatch::{Host, InvocationContext},
    log,
    start::StartError,
};

/// What Lambda sets for every function, and its client cannot do without.
const VARIABLES: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

/// How many events Lambda gives one process at a time. Lambda Managed Instances sets it; elsewhere it is one.
const MAX_CONCURRENCY: &str = "AWS_LAMBDA_MAX_CONCURRENCY";

/// Runs until Lambda ends the process.
///
/// One thread serves where Lambda gives one event at a time: a second thread would cost its start on every cold start.
/// Where several events come at once, each processor has a thread. What blocks (compiling a policy) has threads of its own.
#[must_use]
pub fn run() -> ExitCode {
    #[cfg(feature = "compiler")]
    if let Some(ended) = signalbox_policy::compile::child() {
        return ended;
    }
    let several = std::env::var(MAX_CONCURRENCY)
        .is_ok_and(|events| events.parse().is_ok_and(|events: u32| events > 1));
    let mut runtime = match several {
        true => tokio::runtime::Builder::new_multi_thread(),
        false => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            start_error::print(&format!("no runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(serve())
}

async fn serve() -> ExitCode {
    let host = match start().await {
        Ok(host) => host.led(),
        Err(error) => {
            start_error::report(&error).await;
            return ExitCode::FAILURE;
        }
    };
    let afterwards = after::Afterwards(host.clone());
    let service = service_fn(move |event| handle(host.clone(), event));
    let runtime = lambda_runtime::Runtime::new(service).layer(afterwards);
    match runtime.run_concurrent().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            start_error::print(&format!("the Runtime API failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn start() -> Result<Host, StartError> {
    let config = Config::from_process();
    log::begin(
        config
            .as_ref()
            .map(|config| config.log_level)
            .unwrap_or_default(),
    );
    let config = config?;
    for name in VARIABLES {
        if std::env::var_os(name).is_none() {
            return Err(StartError::NotOnLambda(format!(
                "environment variable {name}: is not set; AWS Lambda sets it where it starts `bootstrap`. On one's own \
                 machine use `signalbox`"
            )));
        }
    }
    for warning in &config.warnings {
        tracing::warn!(warning, "configuration");
    }
    let host = Host::on_aws(&config).await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        deployment = config.deployment,
        targets = config.targets.len(),
        policies = config.policies.len(),
        "started"
    );
    Ok(host)
}

/// The event is taken as text: a refusal of the client's own parser would carry the name of a Rust type.
async fn handle(host: Host, event: LambdaEvent<Box<RawValue>>) -> Result<Value, Failed> {
    let LambdaEvent { payload, context } = event;
    let left = deadline::time_left(context.deadline(), SystemTime::now());
    let frame = InvocationContext {
        request_id: context.request_id.clone(),
        deadline: Instant::now() + left,
        function_arn: Some(context.invoked_function_arn.clone()).filter(|arn| !arn.is_empty()),
    };
    let answer = host.handle_text(Box::<str>::from(payload), frame).await;
    answer.map_err(Failed)
}

/// An error on its way to the Runtime API.
#[derive(Debug)]
struct Failed(Raised);

impl From<Failed> for Diagnostic {
    fn from(Failed(raised): Failed) -> Self {
        Self {
            error_type: raised.error_type,
            error_message: raised.message,
        }
    }
}
