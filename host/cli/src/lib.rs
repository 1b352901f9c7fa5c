//! The binary `signalbox`: try everything on one machine, prepare and operate a deployment, look at
//! policies.

mod args;
mod demo;
mod doctor;
mod engine;
mod invoke;
mod ledger;
mod machine;
mod manual;
mod out;
mod policy;
mod replay;
mod serve;
mod settings;
mod signals;
mod step;
mod tasks;

use std::{process::ExitCode, time::Duration};

use clap::Parser;

use crate::{
    args::{Args, Command},
    signals::{Asked, Signals},
};

/// The exit code where something went otherwise than it should.
const FAILED: u8 = 1;
/// The exit code where what was asked for cannot be done: an argument, a file, a setting.
const UNUSABLE: u8 = 2;

/// How long SQL that is under way may take to notice that the process ends.
const FAREWELL: Duration = Duration::from_secs(5);

/// Runs what the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    if let Some(ended) = signalbox_policy::compile::child() {
        return ended;
    }
    let args = Args::parse();
    if args.json {
        out::speak_json();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return unusable(&format!("the runtime does not start: {error}")),
    };
    let command = args.command.unwrap_or_default();
    let has_machine = command.has_machine();
    let done = runtime.block_on(interruptible(command));
    runtime.shutdown_timeout(FAREWELL);
    match done {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        Ok(Ok(false)) => ExitCode::from(FAILED),
        Ok(Err(message)) => unusable(&message),
        Err(asked) => {
            out::error(if has_machine {
                "interrupted; servers and temporary files are gone"
            } else {
                "interrupted"
            });
            ExitCode::from(asked.exit_code())
        }
    }
}

/// Runs a command, unless a signal is faster.
async fn interruptible(command: Command) -> Result<Done, Asked> {
    // Until it is told to stop is what this one was asked for.
    if matches!(command, Command::Serve(_)) {
        return Ok(run_command(command).await);
    }
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return Ok(Err(error)),
    };
    // What is dropped here takes its servers and its temporary files with it.
    tokio::select! {
        done = run_command(command) => Ok(done),
        asked = signals.stop() => Err(asked),
    }
}

async fn run_command(command: Command) -> Done {
    match command {
        Command::Demo(options) => demo::run(&options).await,
        Command::Serve(options) => serve::run(&options).await,
        Command::Invoke(options) => invoke::run(&options).await,
        Command::Step(options) => step::run(&options).await,
        Command::Replay(options) => replay::run(&options).await,
        Command::Ledger(command) => ledger::run(&command).await,
        Command::Doctor(options) => doctor::run(&options).await,
        Command::Policy(command) => policy::run(&command).await,
        Command::Status { settings } => policy::status::run(&settings).await,
        Command::Tasks(command) => tasks::run(&command).await,
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { output } => manual::pages(output.as_deref()),
    }
}

fn unusable(message: &str) -> ExitCode {
    out::error(message);
    out::json_once(&serde_json::json!({ "error": message }));
    ExitCode::from(UNUSABLE)
}

/// What a command comes to: whether all went as it should, or why it cannot be done.
type Done = Result<bool, String>;
