//! WASI 0.2 for policies in languages whose toolchains need it: all of it is there, and nothing is granted.
//!
//! No arguments, no environment, no files, no sockets, an empty standard input. What a policy writes to standard output
//! and standard error are lines of its log. Time and random numbers follow from what the record of the event holds, so
//! that a replay sees the same ones: see [`Frame`].

mod clock;
mod output;
mod random;

use wasmtime::component::{ResourceTable, ResourceTableError};
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxView};

pub(super) use self::clock::Monotonic;
use self::{
    clock::Clock,
    output::Output,
    random::{Random, Seed},
};
use crate::{call::FaultKind, contract::Level, instance::log::Log};

/// How many WASI resources (streams, pollables, errors) a policy may hold at once. They are the host's memory.
const RESOURCES: usize = 1000;

/// The most random bytes of one call. The host makes them before the guest's memory takes them.
const RANDOM_BYTES: u64 = 64 * 1024;

/// What of an event WASI follows from.
pub(crate) struct Frame {
    /// When the host began to work on it: milliseconds since the Unix epoch.
    pub(crate) start: u64,
    /// Which export runs.
    pub(crate) export: &'static str,
    /// What it is about: the id of the request, or of the statement's record.
    pub(crate) subject: String,
}

/// WASI of one call. It is made when it is first used, since few policies need it.
pub(crate) struct Wasi {
    frame: Frame,
    log: Log,
    parts: Option<Parts>,
}

struct Parts {
    ctx: WasiCtx,
    table: ResourceTable,
    clock: Clock,
}

impl Wasi {
    pub(crate) fn new(frame: Frame, log: Log) -> Self {
        Self {
            frame,
            log,
            parts: None,
        }
    }

    /// Says what the call is about, before anything of it runs.
    pub(crate) fn about(&mut self, subject: &str) {
        subject.clone_into(&mut self.frame.subject);
    }

    /// What WASI's own implementation works with.
    pub(super) fn view(&mut self) -> WasiCtxView<'_> {
        let Parts { ctx, table, .. } = self.parts();
        WasiCtxView { ctx, table }
    }

    /// The interface `wasi:clocks/monotonic-clock`.
    pub(super) fn monotonic(&mut self) -> Monotonic<'_> {
        let Parts { table, clock, .. } = self.parts();
        Monotonic { clock, table }
    }

    fn parts(&mut self) -> &mut Parts {
        let Self { frame, log, parts } = self;
        parts.get_or_insert_with(|| Parts::new(frame, log))
    }
}

impl Parts {
    fn new(frame: &Frame, log: &Log) -> Self {
        let clock = Clock::starting(frame.start);
        let seed = Seed::of(frame);
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        let mut ctx = WasiCtx::builder();
        ctx.wall_clock(clock.clone())
            .monotonic_clock(clock.clone())
            .secure_random(Random::new(&seed, "random"))
            .insecure_random(Random::new(&seed, "insecure"))
            .insecure_random_seed(Random::new(&seed, "seed").number())
            .max_random_size(RANDOM_BYTES)
            .stdout(Output::new(log.clone(), Level::Info))
            .stderr(Output::new(log.clone(), Level::Warn));
        Self {
            ctx: ctx.build(),
            table,
            clock,
        }
    }
}

/// What WASI ended the guest for, if it did.
pub(crate) fn fault(error: &wasmtime::Error) -> Option<(FaultKind, String)> {
    if let Some(I32Exit(status)) = error.downcast_ref() {
        let what = format!("it ended itself (`exit` with status {status})");
        return Some((FaultKind::Trap, what));
    }
    match error.downcast_ref() {
        Some(ResourceTableError::Full) => Some((
            FaultKind::Memory,
            format!("it held more than the {RESOURCES} WASI resources that it may hold at once"),
        )),
        _ => None,
    }
}
