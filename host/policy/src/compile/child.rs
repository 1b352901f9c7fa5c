//! The compiler's own side: a process that compiles one component and ends.

use std::{
    ffi::OsString,
    io::{Read as _, Write as _},
    process::ExitCode,
};

use super::request::Request;
use crate::{engine, limits::CompileLimits};

/// The exit code for a component that does not compile.
pub(super) const INVALID: u8 = 3;
/// The exit code for a compiler that cannot work.
pub(super) const UNUSABLE: u8 = 4;

/// Compiles if the arguments ask for it.
pub(super) fn run(arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let asked = Request::read(arguments)?;
    let done = asked
        .map_err(|reason| (UNUSABLE, reason))
        .and_then(|request| work(&request));
    Some(match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, reason)) => {
            let _ = writeln!(std::io::stderr(), "{reason}");
            ExitCode::from(code)
        }
    })
}

fn work(request: &Request) -> Result<(), (u8, String)> {
    let unusable = |error: &dyn std::fmt::Display| (UNUSABLE, error.to_string());
    limit(request.limits).map_err(|error| unusable(&error))?;
    let mut component = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut component)
        .map_err(|error| unusable(&error))?;
    let engine = engine::build(&request.target, request.metering)
        .map_err(|error| unusable(&format!("{error:#}")))?;
    let code = engine
        .precompile_component(&component)
        .map_err(|error| (INVALID, format!("{error:#}")))?;
    std::io::stdout()
        .lock()
        .write_all(&code)
        .map_err(|error| unusable(&error))
}

/// Has the system end this process where it takes more. Where the machine allows less, less is the limit.
#[cfg(unix)]
fn limit(limits: CompileLimits) -> std::io::Result<()> {
    use rlimit::{Resource, getrlimit, setrlimit};
    for (resource, most) in [
        (Resource::CPU, limits.seconds),
        (Resource::DATA, limits.memory),
        (Resource::CORE, 0),
    ] {
        let (_, hard) = getrlimit(resource)?;
        let most = most.min(hard);
        setrlimit(resource, most, most)?;
    }
    Ok(())
}

/// Elsewhere the time that whoever asks waits is the limit.
#[cfg(not(unix))]
fn limit(_: CompileLimits) -> std::io::Result<()> {
    Ok(())
}
