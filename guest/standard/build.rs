//! Sets the stack of the guest.
#![allow(clippy::print_stdout)] // That is how a build script speaks to cargo.

/// Bytes of the guest's stack.
///
/// SQL needs little of it: it is read without recursion, whatever its depth (`signalbox_sql`). JSON is nested up to 128
/// levels. The size is the one that the toolchain has as its default, said here so that it does not change with it; the
/// host's tests run all SQL of `deep_sql_cases` through the component.
const STACK_BYTES: u32 = 1_048_576;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Only the linker for wasm knows the option.
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "wasm32") {
        println!("cargo::rustc-link-arg-cdylib=-zstack-size={STACK_BYTES}");
    }
}
