//! Compiling what a policy set brings: in a process of its own, with limits, one at a time.
//!
//! Nobody can say beforehand what a component costs to compile. So the program starts itself anew as a compiler
//! ([`child`]), with limits on processor time and memory that the system enforces, and takes the machine code from its
//! standard output. Whoever gives up waiting ends the compiler too. A component that could not be compiled is not
//! tried again at once.

mod failures;

use std::{
    io::{Read, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{task::spawn_blocking, time::timeout};

use crate::{
    engine::{self, Metering, Target},
    load::LoadError,
};

/// The first argument of a program that is to be the compiler.
const ARGUMENT: &str = "compile-one-component";
/// Processor time of one component unless the environment says otherwise. The standard policy takes a second, an
/// interpreter of a language ten to twenty.
const CPU_SECONDS: u64 = 60;
/// The variable that says otherwise.
const CPU_VARIABLE: &str = "SIGNALBOX_COMPILE_SECONDS";
/// Time of one component, whatever it waits for.
const WALL: Duration = Duration::from_secs(180);
/// Memory of one component.
const MEMORY: u64 = 1 << 30;
/// The variable that names another one, in megabytes.
const MEMORY_VARIABLE: &str = "SIGNALBOX_COMPILE_MEMORY_MB";
/// The least memory that anything is compiled in.
const MEMORY_LEAST: u64 = 128 << 20;
/// What of a function's memory is left to the host while a component is compiled.
const MEMORY_OF_HOST: u64 = 96 << 20;
/// Machine code is at most so many times as long as a component's file may be.
const CODE_TIMES: u64 = 8;
/// And this much more.
const CODE_LEAST: u64 = 64 << 20;
/// So many characters of what the compiler says about a failure are told.
const SAID: usize = 2_000;
/// So many bytes of it are read.
const SAID_READ: u64 = 64 << 10;

/// One at a time: more would share the time and add up the memory.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Compiles in a child process.
#[derive(Debug, Clone)]
pub(crate) struct Compiler {
    /// The program, which calls [`child`].
    program: PathBuf,
    metering: Metering,
}

impl Compiler {
    /// A compiler for engines of this kind; none if this program is none.
    pub(crate) fn new(metering: Metering) -> Option<Self> {
        this_program().map(|program| Self { program, metering })
    }

    /// The machine code of a component.
    pub(crate) async fn compile(
        &self,
        policy: &str,
        bytes: Vec<u8>,
        digest: &str,
    ) -> Result<Vec<u8>, LoadError> {
        failures::check(policy, digest)?;
        let _turn = TURN.lock().await;
        // It may have failed while this one waited.
        failures::check(policy, digest)?;
        let (seconds, memory) = (seconds(), memory());
        let compiled = match timeout(WALL, self.ask(bytes, seconds, memory)).await {
            Ok(asked) => asked,
            Err(_) => Err(Failed::Limits(format!(
                "it was not done after {} s",
                WALL.as_secs()
            ))),
        };
        compiled.map_err(|failed| {
            let error = match failed {
                Failed::Invalid(reason) => LoadError::Invalid {
                    policy: policy.to_owned(),
                    reason,
                },
                Failed::Limits(reason) => LoadError::TooCostly {
                    policy: policy.to_owned(),
                    reason,
                    seconds,
                    megabytes: memory >> 20,
                },
                Failed::Program(reason) => LoadError::NoChild {
                    policy: policy.to_owned(),
                    reason,
                },
            };
            if !matches!(error, LoadError::NoChild { .. }) {
                failures::note(digest, &error);
            }
            error
        })
    }

    async fn ask(&self, bytes: Vec<u8>, seconds: u64, memory: u64) -> Result<Vec<u8>, Failed> {
        let program = |error: std::io::Error| Failed::Program(error.to_string());
        let mut child = Command::new(&self.program)
            .arg(ARGUMENT)
            .arg(match self.metering {
                Metering::Off => "off",
                Metering::Fuel => "fuel",
            })
            .arg(seconds.to_string())
            .arg(memory.to_string())
            // Nothing of the host's surroundings is the compiler's business, credentials least of all.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(program)?;
        let (Some(mut input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Failed::Program("it has no pipes".to_owned()));
        };
        let child = Running(Arc::new(Mutex::new(child)));
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX / CODE_TIMES);
        // A compiler that ends early says why itself.
        let write = spawn_blocking(move || drop(input.write_all(&bytes)));
        let code = spawn_blocking(move || read(output, CODE_TIMES * length + CODE_LEAST));
        let said = spawn_blocking(move || read(errors, SAID_READ));
        let (_, code, said) = tokio::join!(write, code, said);
        let process = Arc::clone(&child.0);
        // Its output has ended, so it has, or does at once.
        let status = spawn_blocking(move || {
            let mut process = process.lock().unwrap_or_else(PoisonError::into_inner);
            process.wait()
        });
        let status = status.await.map_err(|error| program(error.into()))?;
        let status = status.map_err(program)?;
        let code = code.map_err(|error| program(error.into()))?;
        if status.success() {
            return code.map_err(program);
        }
        let said = said.ok().and_then(Result::ok).unwrap_or_default();
        let said: String = String::from_utf8_lossy(&said)
            .trim()
            .chars()
            .take(SAID)
            .collect();
        match status.code() {
            Some(code) if code == i32::from(INVALID) => Err(Failed::Invalid(said)),
            Some(code) => Err(Failed::Program(format!(
                "it ended with code {code}: {said}"
            ))),
            None => Err(Failed::Limits(format!("the compiler was ended ({status})"))),
        }
    }
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

/// Why there is no machine code.
enum Failed {
    /// The component is broken.
    Invalid(String),
    /// It costs too much.
    Limits(String),
    /// The compiler cannot be run.
    Program(String),
}

/// A number out of the environment.
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn seconds() -> u64 {
    variable(CPU_VARIABLE).map_or(CPU_SECONDS, |seconds| seconds.clamp(1, 600))
}

/// The memory of the compiler: on AWS Lambda what the function leaves.
fn memory() -> u64 {
    if let Some(megabytes) = variable(MEMORY_VARIABLE) {
        return megabytes.clamp(64, 65_536) << 20;
    }
    match variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") {
        Some(megabytes) => (megabytes << 20)
            .saturating_sub(MEMORY_OF_HOST)
            .clamp(MEMORY_LEAST, MEMORY),
        None => MEMORY,
    }
}

/// The exit code for a component that does not compile.
const INVALID: u8 = 3;
/// The exit code for a compiler that cannot work.
const UNUSABLE: u8 = 4;

/// Whether this program can be started as a compiler.
static IS_COMPILER: AtomicBool = AtomicBool::new(false);

/// Compiles one component if this process was started for that, and says how it ended; none if it was not. A program
/// calls this before anything else; from then on its engines compile what is not a part of it in such processes. In a program that does not
/// call it they compile in the process itself, without limits.
#[must_use]
pub fn child() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != ARGUMENT) {
        IS_COMPILER.store(true, Ordering::Relaxed);
        return None;
    }
    let metering = match arguments.next()?.to_str()? {
        "fuel" => Metering::Fuel,
        _ => Metering::Off,
    };
    let mut number = || -> Option<u64> { arguments.next()?.to_str()?.parse().ok() };
    let (seconds, memory) = (number()?, number()?);
    Some(match work(metering, seconds, memory) {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, reason)) => {
            let _ = writeln!(std::io::stderr(), "{reason}");
            ExitCode::from(code)
        }
    })
}

fn work(metering: Metering, seconds: u64, memory: u64) -> Result<(), (u8, String)> {
    let unusable = |error: &dyn std::fmt::Display| (UNUSABLE, error.to_string());
    limit(seconds, memory).map_err(|error| unusable(&error))?;
    let mut component = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut component)
        .map_err(|error| unusable(&error))?;
    let engine = engine::build(&Target::host(), metering)
        .map_err(|error| unusable(&format!("{error:#}")))?;
    let code = engine
        .precompile_component(&component)
        .map_err(|error| (INVALID, format!("{error:#}")))?;
    std::io::stdout()
        .lock()
        .write_all(&code)
        .map_err(|error| unusable(&error))
}

/// Has the system end this process where it takes more.
#[cfg(unix)]
fn limit(seconds: u64, memory: u64) -> std::io::Result<()> {
    use rlimit::{Resource, setrlimit};
    for (resource, most) in [
        (Resource::CPU, seconds),
        (Resource::DATA, memory),
        (Resource::CORE, 0),
    ] {
        setrlimit(resource, most, most)?;
    }
    Ok(())
}

/// Elsewhere the time that whoever asks waits is the limit.
#[cfg(not(unix))]
fn limit(_: u64, _: u64) -> std::io::Result<()> {
    Ok(())
}

/// This program, if it can be started as a compiler.
fn this_program() -> Option<PathBuf> {
    if !IS_COMPILER.load(Ordering::Relaxed) {
        return None;
    }
    // On Linux this stays right where the file was replaced meanwhile.
    let path = Path::new("/proc/self/exe");
    if path.exists() {
        return Some(path.to_owned());
    }
    std::env::current_exe().ok()
}
