//! `bootstrap`: what AWS Lambda starts.

use std::process::ExitCode;

fn main() -> ExitCode {
    signalbox_lambda::runtime::run()
}
