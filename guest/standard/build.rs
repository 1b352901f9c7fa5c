//! Sets the stack of the guest.
#![allow(clippy::print_stdout)] // That is how a build script speaks to cargo.

/// Bytes of the guest's stack.
///
/// SQL is parsed and walked by recursion, within bounds that the kit sets before it parses
/// (`signalbox_kit::sql`). The worst of `deep_sql_cases`, subselects in FROM up to the parser's limit, takes
/// 600 KiB: it runs in 608 KiB and not in 576. The rest is room for another compiler. The stack is part of
/// the memory of every fresh instance, so it is no larger. The machine's stack of the same case stays below
/// 256 KiB. The host's tests run all cases through the component.
const STACK_BYTES: u32 = 1_048_576;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Only the linker for wasm knows the option.
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "wasm32") {
        println!("cargo::rustc-link-arg-cdylib=-zstack-size={STACK_BYTES}");
    }
}
