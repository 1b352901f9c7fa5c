//! `signalbox`: what people run.

use std::process::ExitCode;

fn main() -> ExitCode {
    signalbox_cli::run()
}
