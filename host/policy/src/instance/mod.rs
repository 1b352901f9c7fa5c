//! One instance of a component, which lives for one call.

pub(crate) mod fault;
mod imports;
pub(crate) mod log;
pub(crate) mod meter;
mod rules;
pub(crate) mod state;
pub(crate) mod stop;
pub(crate) mod task;
mod trace;
#[cfg(feature = "wasi")]
mod wasi;
#[cfg(feature = "wasi")]
mod wasi_linker;

pub use log::{Line, Redact, gather};
#[cfg(feature = "wasi")]
pub(crate) use wasi_linker::add_wasi;

use wasmtime::{Store, UpdateDeadline};

use crate::{engine::Metering, instance::state::State};

/// A store for one call, under its limits.
pub(crate) fn store(
    engine: &wasmtime::Engine,
    metering: Metering,
    state: State,
) -> wasmtime::Result<Store<State>> {
    let limits = state.limits;
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.allowance);
    store.set_hostcall_fuel(limits.call_bytes);
    if metering == Metering::Fuel {
        store.set_fuel(limits.fuel.unwrap_or(u64::MAX))?;
    }
    // The guest is looked at every tick. The yield lets the process do other things meanwhile, such as to
    // notice that the event's time is up.
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut store| {
        store.data_mut().tick()?;
        Ok(UpdateDeadline::Yield(1))
    });
    Ok(store)
}
