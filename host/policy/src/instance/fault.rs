//! What went wrong in an instance, in words.

use wasmtime::{Trap, WasmBacktrace};

use crate::{
    call::FaultKind,
    instance::{state::State, stop::Stop, task::Export, trace},
    limits::{Limits, Refused},
};

/// Says what kind of fault an error of wasmtime is, and describes it.
pub(crate) fn classify(error: &wasmtime::Error, state: &State) -> (FaultKind, String) {
    let (kind, what) = reason(error, state);
    let mut message = format!("`{}`: {what}", state.export);
    if kind == FaultKind::Trap
        && let Some(trace) = error.downcast_ref::<WasmBacktrace>()
    {
        message.push_str(&trace::describe(trace));
    }
    (kind, message)
}

fn reason(error: &wasmtime::Error, state: &State) -> (FaultKind, String) {
    let Limits {
        memory,
        table_elements,
        call_bytes,
        ..
    } = state.limits;
    if let Some(stop) = error.downcast_ref::<Stop>() {
        let kind = match stop {
            Stop::GuestTime(_) | Stop::Deadline => FaultKind::Timeout,
            Stop::HostCalls(_) => FaultKind::HostCalls,
        };
        return (kind, stop.to_string());
    }
    // A guest that gets no memory traps as it likes, so this comes before the trap itself.
    match state.allowance.refused() {
        Some(Refused::Memory(wanted)) => {
            return (
                FaultKind::Memory,
                format!("it asked for {wanted} bytes of memory and may have {memory}"),
            );
        }
        Some(Refused::Table(wanted)) => {
            return (
                FaultKind::Memory,
                format!("it asked for {wanted} table elements and may have {table_elements}"),
            );
        }
        None => {}
    }
    #[cfg(feature = "wasi")]
    if let Some(fault) = crate::instance::wasi::fault(error) {
        return fault;
    }
    let root = error.root_cause().to_string();
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => (
            FaultKind::Timeout,
            "it burnt all the fuel that it may have".to_owned(),
        ),
        Some(Trap::Interrupt) => (FaultKind::Timeout, "it was interrupted".to_owned()),
        Some(Trap::StackOverflow) => (
            FaultKind::Trap,
            "it recursed until the stack was used up".to_owned(),
        ),
        Some(Trap::MemoryOutOfBounds) => {
            let what =
                "it reached outside of its memory, as also a recursion does that uses up the stack";
            (FaultKind::Trap, what.to_owned())
        }
        Some(Trap::UnreachableCodeReached) => (
            FaultKind::Trap,
            "it gave up (`unreachable`), as Rust does after a panic".to_owned(),
        ),
        Some(trap) => (FaultKind::Trap, format!("it trapped: {trap}")),
        // Wasmtime has no type for this one.
        None if root.contains("fuel allocated for hostcalls") => {
            if error.downcast_ref::<WasmBacktrace>().is_some() {
                (
                    FaultKind::HostCalls,
                    format!("it handed more than {call_bytes} bytes to one host call"),
                )
            } else {
                (
                    FaultKind::Output,
                    format!("it returned more than {call_bytes} bytes"),
                )
            }
        }
        None if root.contains("resource limit exceeded") => (FaultKind::Memory, root),
        None => (FaultKind::Trap, root),
    }
}

/// A fault that is not a trap: the policy returned, and broke the contract.
pub(crate) fn broken(export: Export, what: impl std::fmt::Display) -> String {
    format!("`{export}`: {what}")
}
