//! Builds the guests that tests need.

use std::process::ExitCode;

use signalbox_guest_build::Guest;

fn main() -> ExitCode {
    let hostile = Guest::new("signalbox-hostile").source("tests/guests/hostile");
    match hostile.build("hostile.wasm") {
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
