//! How policies are given WASI.

use wasmtime::component::{HasData, Linker};
use wasmtime_wasi::{
    WasiCtxView, WasiView,
    p2::{self, bindings::clocks::monotonic_clock},
};

use super::{state::State, wasi::Monotonic};

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.view()
    }
}

/// How the linker finds the monotonic clock.
struct HasMonotonic;

impl HasData for HasMonotonic {
    type Data<'a> = Monotonic<'a>;
}

/// Gives WASI to policies.
pub(crate) fn add_wasi(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    p2::add_to_linker_async(linker)?;
    // Its own one would have the host sleep where a policy does.
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<State, HasMonotonic>(linker, |state| state.wasi.monotonic())?;
    linker.allow_shadowing(false);
    Ok(())
}
