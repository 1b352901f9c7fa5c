//! The engine that compiles and runs components.
//!
//! One function makes every engine of the project. What it compiles in one process loads in another only if
//! both were configured alike, and wasmtime's defaults follow the cargo features it was built with: so
//! everything that counts is written out here, and nothing is left to a default.

mod target;
mod ticker;

use wasmtime::{Config, Engine, OptLevel, WasmBacktraceDetails, WasmFeatures};

pub use target::{Target, UnknownTarget};
pub(crate) use ticker::{TICK, Ticker};

/// What of WebAssembly a policy may use: what toolchains emit by default for a guest without threads.
///
/// Left out is what needs a garbage collector (the lean host has none), threads, 64-bit memories, relaxed
/// SIMD (its results differ between processors, so a replay would too) and asynchronous components (the
/// contract is synchronous).
const ALLOWED: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::COMPONENT_MODEL)
    // No proposal, but the parser's mark for a host with a garbage collector.
    .difference(WasmFeatures::GC_TYPES);

/// How deep a guest may recurse, in bytes of machine stack.
///
/// Twice the guest's own stack in linear memory, so that in a guest built as the standard policy is, that
/// one ends first however its frames are spread.
const WASM_STACK: usize = 2 * 1024 * 1024;

/// The stack of one call: the guest's part and what host functions need, which run on it too. An unoptimised
/// AWS client takes some hundreds of kilobytes. It is address space: only what is touched becomes memory.
const CALL_STACK: usize = WASM_STACK + 4 * 1024 * 1024;

/// Whether instructions are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Metering {
    /// No: time alone limits a guest. For production.
    #[default]
    Off,
    /// Yes, by wasmtime's fuel, which comes out the same on every machine. For the workbench: it slows a guest
    /// by about a fifth. Artifacts of the one kind do not load in the other.
    Fuel,
}

/// Makes an engine. `target` decides what it compiles for; only one of this machine's own can run anything.
pub(crate) fn build(target: &Target, metering: Metering) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    // Named even if it is this machine: without a name the compiler would use whatever this processor can do.
    // With one it uses the baseline of the architecture, and `wasmtime` enables nothing by itself: SSE2 on
    // x86-64, ARMv8.0 on aarch64. A fleet of Lambda hosts has older and newer processors.
    config.target(target.triple())?;

    config
        .wasm_features(WasmFeatures::all().difference(ALLOWED), false)
        .wasm_features(ALLOWED, true);
    config.shared_memory(false).concurrency_support(false);

    config
        .epoch_interruption(true)
        .consume_fuel(metering == Metering::Fuel);
    config
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(CALL_STACK)
        .async_stack_zeroing(false);

    // Four GiB of address space with a guard behind it need no bounds checks in the code.
    config
        .signals_based_traps(true)
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        .memory_reservation_for_growth(2 << 30)
        .memory_may_move(true)
        .guard_before_linear_memory(true)
        .memory_init_cow(true)
        .table_lazy_init(true);

    // A backtrace names functions without these; they are a seventh of an artifact.
    config
        .debug_info(false)
        .debug_symbols(false)
        .generate_address_map(false)
        .native_unwind_info(target.is_windows())
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .relaxed_simd_deterministic(true);

    compiler(&mut config);
    Engine::new(&config)
}

#[cfg(feature = "compiler")]
fn compiler(config: &mut Config) {
    config
        .strategy(wasmtime::Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        // The bits of a NaN differ between processors otherwise, and a replay would too.
        .cranelift_nan_canonicalization(true)
        .parallel_compilation(true);
}

#[cfg(not(feature = "compiler"))]
fn compiler(config: &mut Config) {
    let _: (&mut Config, Option<OptLevel>) = (config, None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_of_one_kind_are_interchangeable() {
        let hash = |metering| {
            use std::hash::{DefaultHasher, Hash, Hasher};
            let engine = build(&Target::host(), metering).unwrap();
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        assert_eq!(hash(Metering::Off), hash(Metering::Off));
        assert_ne!(hash(Metering::Off), hash(Metering::Fuel));
    }

    #[test]
    fn the_lean_hosts_missing_features_are_off() {
        let engine = build(&Target::host(), Metering::Off).unwrap();
        let features = engine.get_wasm_features();
        for feature in [
            WasmFeatures::GC,
            WasmFeatures::EXCEPTIONS,
            WasmFeatures::THREADS,
            WasmFeatures::CM_ASYNC,
        ] {
            assert!(!features.intersects(feature), "{feature:?}");
        }
        assert!(!engine.get_concurrency_support());
    }
}
