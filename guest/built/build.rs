//! Builds the standard policy.

use std::process::ExitCode;

use signalbox_guest_build::Guest;

fn main() -> ExitCode {
    let standard = Guest::new("signalbox-standard")
        .source("guest/sql")
        .source("guest/kit")
        .source("guest/standard");
    match standard.build("standard.wasm") {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            #[allow(
                clippy::print_stdout,
                reason = "cargo shows an error of a build script this way"
            )]
            for line in error.to_string().lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}
