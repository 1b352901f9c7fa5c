//! The binary `signalbox`: try everything on one machine, prepare and operate a deployment, look at
//! policies.

mod args;
mod demo;
mod doctor;
mod engine;
mod ledger;
mod machine;
mod out;
mod policy;
mod serve;
mod settings;
mod tasks;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};

/// The exit code where something went otherwise than it should.
const FAILED: u8 = 1;
/// The exit code where what was asked for cannot be done: an argument, a file, a setting.
const UNUSABLE: u8 = 2;

/// Runs what the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return unusable(&format!("the runtime does not start: {error}")),
    };
    let done = runtime.block_on(async {
        match args.command.unwrap_or_default() {
            Command::Demo(options) => demo::run(&options).await,
            Command::Ledger(command) => ledger::run(&command).await,
            Command::Policy(command) => policy::run(&command).await,
            Command::Serve(options) => serve::run(&options).await,
            Command::Doctor(options) => doctor::run(&options).await,
            Command::Tasks(command) => tasks::run(&command).await,
        }
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(message) => unusable(&message),
    }
}

fn unusable(message: &str) -> ExitCode {
    out::error(message);
    ExitCode::from(UNUSABLE)
}

/// What a command comes to: whether all went as it should, or why it cannot be done.
type Done = Result<bool, String>;
