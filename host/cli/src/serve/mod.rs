//! `signalbox serve`: the machine stays up for the user's own tools.

mod args;
mod function;
mod programme;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use signalbox_lambda::log;
use signalbox_local::{
    data_api::DataApiOptions,
    lambda_api::{LambdaApi, LambdaApiOptions, LambdaApiServer},
    step_functions::StepFunctionsOptions,
};

pub(crate) use self::args::ServeArgs;
use self::{function::Invoked, programme::Programme};
use crate::{
    Done,
    machine::{Machine, MachineOptions, delivery::Delivery, functions::FUNCTION_TIME},
    out,
    signals::Signals,
};

/// The variable with which a user names another Step Functions.
const SFN_VARIABLE: &str = "AWS_ENDPOINT_URL_SFN";

pub(crate) async fn run(args: &ServeArgs) -> Done {
    if args.machine.function.qualifier.is_some() {
        return Err(
            "--function takes the bare name here: which alias is meant is said by whoever invokes the function"
                .to_owned(),
        );
    }
    // Before anything starts: what is begun is cleaned up.
    let mut signals = Signals::listen()?;
    let served = tokio::select! {
        served = Served::start(args) => served?,
        _ = signals.stop() => return Ok(true),
    };
    let programme = served.programme(args);
    if out::speaks_json() {
        // One line, for who reads it while this runs.
        out::raw_json(&programme.json().to_string());
    }
    programme.lines().iter().for_each(out::line);
    signals.stop().await;
    out::line("stopping; once more to end at once");
    tokio::select! {
        () = served.stop() => {}
        _ = signals.stop() => {}
    }
    Ok(true)
}

struct Served {
    machine: Machine,
    lambda: LambdaApiServer,
    answer_at: Option<String>,
    /// How the AWS CLI names the function's default target.
    target: String,
}

impl Served {
    async fn start(args: &ServeArgs) -> Result<Self, String> {
        let functions = args.machine.functions()?;
        let mut target = String::new();
        if let Some(config) = functions.values().next() {
            target = programme::target(config);
            log::begin_for_people(config.log_level);
        }
        let answer_at = answer_at(args)?;
        let delivery = Delivery::by(args.events);
        let machine = Machine::start(MachineOptions {
            redshift: DataApiOptions {
                address: loopback(args.port_redshift_data),
                ..args.machine.redshift()
            },
            listener: None,
            states: StepFunctionsOptions {
                address: loopback(args.port_step_functions),
                time_scale: args.machine.time_scale(),
                ..StepFunctionsOptions::default()
            },
            answer_at: answer_at.clone(),
            functions,
            delivery,
            sweep_every: Some(Duration::from_secs(args.sweep_seconds)),
            witness: None,
        })
        .await?;
        let address = loopback(args.port_lambda);
        let options = LambdaApiOptions {
            address,
            function_time: FUNCTION_TIME,
            retry: Delivery::EVENTBRIDGE.retry,
        };
        let invoked = Arc::new(Invoked(Arc::clone(&machine.functions)));
        match LambdaApi::start(options, invoked).await {
            Ok(lambda) => Ok(Self {
                machine,
                lambda,
                answer_at,
                target,
            }),
            Err(error) => {
                machine.stop().await;
                Err(out::cannot_listen("Lambda's Invoke API", address, &error))
            }
        }
    }

    fn programme(&self, args: &ServeArgs) -> Programme {
        Programme {
            function: args.machine.function.name.clone(),
            redshift: self.machine.redshift.url(),
            lambda: self.lambda.url(),
            states: self.machine.states.url(),
            answer_at: self.answer_at.clone(),
            data_directory: args.machine.data_dir.clone(),
            engine: self.machine.redshift.engine(),
            engine_url: self.machine.redshift.engine_url(),
            target: self.target.clone(),
        }
    }

    async fn stop(self) {
        self.lambda.shutdown().await;
        self.machine.stop().await;
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Where tokens are answered, if not here.
fn answer_at(args: &ServeArgs) -> Result<Option<String>, String> {
    let (name, url) = match (&args.sfn_endpoint, std::env::var(SFN_VARIABLE)) {
        (Some(url), _) => ("--sfn-endpoint", url.clone()),
        (None, Ok(url)) if !url.trim().is_empty() => (SFN_VARIABLE, url.trim().to_owned()),
        (None, _) => return Ok(None),
    };
    // It was pasted from an earlier run on the same port.
    if args.port_step_functions != 0
        && url == format!("http://{}", loopback(args.port_step_functions))
    {
        return Ok(None);
    }
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    if rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace)) {
        return Ok(Some(url));
    }
    Err(format!(
        "{name}: {url:?} is no endpoint: give one as http://127.0.0.1:4566"
    ))
}
