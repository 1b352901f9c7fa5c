//! Compiling what a policy set brings: in a process of its own, with limits, one at a time.
//!
//! Nobody can say beforehand what a component costs to compile. So a program starts itself anew as a compiler
//! ([`child`]), with limits on processor time and memory that the system enforces, and takes the machine code from its
//! standard output. A component that could not be compiled is not tried again at once.

mod child;
pub(crate) mod failures;
mod process;
mod request;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::time::timeout;

use self::{process::Failed, request::Request};
use crate::{
    engine::{Metering, Target},
    limits::CompileLimits,
    load_error::LoadError,
};

/// Seconds that one component may take, whatever it waits for.
const WALL_SECONDS: u32 = 180;

/// Whether this program can be started as a compiler.
static IS_COMPILER: AtomicBool = AtomicBool::new(false);

/// Compiles one component if this process was started for that, and says how it ended; none if it was not. A program
/// calls this before anything else; from then on it is one that [`Compiler::of_this_program`] finds.
#[must_use]
pub fn child() -> Option<ExitCode> {
    let ended = child::run(std::env::args_os().skip(1));
    if ended.is_none() {
        IS_COMPILER.store(true, Ordering::Relaxed);
    }
    ended
}

/// A program that compiles, and the limits within which it does.
#[derive(Debug, Clone)]
pub struct Compiler {
    program: PathBuf,
    limits: CompileLimits,
}

impl Compiler {
    /// A program that calls [`child`] before anything else.
    #[must_use]
    pub fn new(program: PathBuf, limits: CompileLimits) -> Self {
        Self { program, limits }
    }

    /// This program; none if it did not call [`child`].
    #[must_use]
    pub fn of_this_program(limits: CompileLimits) -> Option<Self> {
        if !IS_COMPILER.load(Ordering::Relaxed) {
            return None;
        }
        // On Linux this stays right where the file was replaced meanwhile.
        let path = Path::new("/proc/self/exe");
        let program = if path.exists() {
            path.to_owned()
        } else {
            std::env::current_exe().ok()?
        };
        Some(Self::new(program, limits))
    }

    /// The machine code of a component.
    pub(crate) async fn compile(
        &self,
        policy: &str,
        component: Vec<u8>,
        target: &Target,
        metering: Metering,
    ) -> Result<Vec<u8>, LoadError> {
        let request = Request {
            metering,
            limits: self.limits,
            target: target.clone(),
        };
        let compiled = within(
            WALL_SECONDS,
            process::run(&self.program, &request, component),
        )
        .await;
        let failed = match compiled {
            Some(Ok(code)) => return Ok(code),
            Some(Err(failed)) => failed,
            None => Failed::Limits(format!("it was not done after {WALL_SECONDS} s")),
        };
        let policy = policy.to_owned();
        Err(match failed {
            Failed::Invalid(reason) => LoadError::Invalid { policy, reason },
            Failed::Limits(reason) => LoadError::TooCostly {
                policy,
                reason,
                seconds: self.limits.seconds,
                megabytes: self.limits.memory >> 20,
            },
            Failed::Program(reason) => LoadError::NoChild { policy, reason },
        })
    }
}

/// Waits for so many seconds. Those in which the process is frozen, as on AWS Lambda between invocations, count as one.
async fn within<T>(seconds: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    for _ in 0..seconds {
        if let Ok(done) = timeout(Duration::from_secs(1), &mut work).await {
            return Some(done);
        }
    }
    None
}
