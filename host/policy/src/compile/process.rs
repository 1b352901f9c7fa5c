//! The asking side: the compiler's process, what goes into it and what comes out.

use std::{
    io::{Read, Write as _},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::task::spawn_blocking;

use super::{
    child::{INVALID, UNUSABLE},
    request::Request,
};

/// Machine code is at most so many times as long as a component's file may be.
const CODE_TIMES: u64 = 8;
/// And this much more.
const CODE_LEAST: u64 = 64 << 20;
/// So many characters of what the compiler says about a failure are told.
const SAID: usize = 2_000;
/// So many bytes of it are read.
const SAID_READ: u64 = 64 << 10;
/// Threads of a compiler. Each takes memory, and more than these gain little.
const THREADS: usize = 4;

/// Why there is no machine code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failed {
    /// The component is broken.
    Invalid(String),
    /// The compiler did not get to the end with it.
    Limits(String),
    /// The compiler cannot be run.
    Program(String),
}

/// Has a program compile a component.
pub(super) async fn run(
    program: &Path,
    request: &Request,
    component: Vec<u8>,
) -> Result<Vec<u8>, Failed> {
    let unusable = |error: std::io::Error| Failed::Program(error.to_string());
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(THREADS));
    let mut child = Command::new(program)
        .args(request.arguments())
        // Nothing of the host's surroundings is the compiler's business, credentials least of all.
        .env_clear()
        .env("RAYON_NUM_THREADS", threads.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(unusable)?;
    let (Some(mut input), Some(output), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(Failed::Program("it has no pipes".to_owned()));
    };
    let child = Running(Arc::new(Mutex::new(child)));
    let length = u64::try_from(component.len()).unwrap_or(u64::MAX);
    let longest = length.saturating_mul(CODE_TIMES).saturating_add(CODE_LEAST);
    // A compiler that ends early says why itself.
    let write = spawn_blocking(move || drop(input.write_all(&component)));
    let code = spawn_blocking(move || read(output, longest.saturating_add(1)));
    let said = spawn_blocking(move || read(errors, SAID_READ));
    let (_, code, said) = tokio::join!(write, code, said);
    let process = Arc::clone(&child.0);
    // Its output has ended, so it has, or does at once.
    let status = spawn_blocking(move || {
        let mut process = process.lock().unwrap_or_else(PoisonError::into_inner);
        process.wait()
    });
    let status = status.await.map_err(|error| unusable(error.into()))?;
    let status = status.map_err(unusable)?;
    let code = code.map_err(|error| unusable(error.into()))?;
    let said = said.ok().and_then(Result::ok).unwrap_or_default();
    outcome(status, code.map_err(unusable)?, &said, longest)
}

/// What the end of a compiler says.
fn outcome(
    status: ExitStatus,
    code: Vec<u8>,
    said: &[u8],
    longest: u64,
) -> Result<Vec<u8>, Failed> {
    // It is not let write more, and fails by that.
    if u64::try_from(code.len()).is_ok_and(|length| length > longest) {
        return Err(Failed::Limits(format!(
            "its machine code is longer than {longest} bytes"
        )));
    }
    if status.success() {
        return Ok(code);
    }
    let said = String::from_utf8_lossy(said);
    // One line, as messages are.
    let said: Vec<&str> = said.split_whitespace().collect();
    let said: String = said.join(" ").chars().take(SAID).collect();
    Err(match status.code() {
        Some(code) if code == i32::from(INVALID) => Failed::Invalid(said),
        Some(code) if code == i32::from(UNUSABLE) => Failed::Program(said),
        // A limit of the system, a defect of the compiler, a stack that was not deep enough.
        _ if said.is_empty() => Failed::Limits(format!("the compiler ended with {status}")),
        _ => Failed::Limits(format!("the compiler ended with {status}: {said}")),
    })
}

/// A compiler that is ended when nobody waits for it any more.
struct Running(Arc<Mutex<Child>>);

impl Drop for Running {
    fn drop(&mut self) {
        // Whoever holds the lock waits for its end already.
        if let Ok(mut child) = self.0.try_lock() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Reads at most so many bytes.
fn read(from: impl Read, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn exited(code: u8) -> ExitStatus {
        ExitStatus::from_raw(i32::from(code) << 8)
    }

    #[test]
    fn every_end_of_a_compiler_has_its_meaning() {
        let ended = |status, said: &str| outcome(status, b"code".to_vec(), said.as_bytes(), 4);
        assert_eq!(ended(exited(0), "noise"), Ok(b"code".to_vec()));
        assert_eq!(
            ended(exited(INVALID), "no type 7\n"),
            Err(Failed::Invalid("no type 7".to_owned()))
        );
        assert_eq!(
            ended(exited(UNUSABLE), "no input"),
            Err(Failed::Program("no input".to_owned()))
        );
        for (status, wanted) in [
            (exited(101), "exit status: 101"),
            (ExitStatus::from_raw(6), "signal: 6"),
            (ExitStatus::from_raw(9), "signal: 9"),
        ] {
            match ended(status, "what happened") {
                Err(Failed::Limits(reason)) => {
                    assert!(reason.contains(wanted), "{reason}");
                    assert!(reason.ends_with(": what happened"), "{reason}");
                }
                other => panic!("{other:?}"),
            }
        }
        // It fails because nobody reads on: that is not the reason to tell.
        for status in [exited(0), exited(UNUSABLE)] {
            let long = outcome(status, b"code".to_vec(), b"broken pipe", 3);
            assert_eq!(
                long,
                Err(Failed::Limits(
                    "its machine code is longer than 3 bytes".to_owned()
                ))
            );
        }
    }
}
