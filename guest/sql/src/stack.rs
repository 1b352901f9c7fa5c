//! Room on the stack for the parser.

use crate::depth::Bound;

/// Run the parser where the stack is large enough for SQL within the bounds; none if there is no room.
///
/// In a policy the guest's own stack is large enough (`guest/standard/build.rs`).
#[cfg(target_arch = "wasm32")]
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn with_room<T: Send>(_bound: Bound, parse: impl FnOnce() -> T + Send) -> Option<T> {
    Some(parse())
}

/// Run the parser where the stack is large enough for SQL within the bounds; none if there is no room.
///
/// Natively the caller's stack may be a test thread's 2 MiB, and in a build without optimisation the parser
/// takes up to 200 KiB for each level of nesting: all but shallow SQL gets a thread of its own. Address space
/// is all that its stack costs.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn with_room<T: Send>(bound: Bound, parse: impl FnOnce() -> T + Send) -> Option<T> {
    /// What surely fits into half of a test thread's stack.
    const SHALLOW: Bound = Bound {
        depth: 50,
        nesting: 3,
        width: crate::depth::MAX_WIDTH,
    };
    /// The worst of `deep_sql_cases` takes between 4 and 8 MiB in a build without optimisation.
    const STACK_BYTES: usize = 32 * 1024 * 1024;

    if bound.depth <= SHALLOW.depth && bound.nesting <= SHALLOW.nesting {
        return Some(parse());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, parse)
            .ok()?;
        thread.join().ok()
    })
}
