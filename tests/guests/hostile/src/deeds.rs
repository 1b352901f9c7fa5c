//! What a policy must not be able to do harm with.

use core::hint::black_box;

/// Ends in an instruction that traps.
pub(crate) fn trap() {
    core::arch::wasm32::unreachable()
}

/// Panics, as a mistake in Rust does.
#[allow(clippy::panic)]
pub(crate) fn panic() {
    panic!("this guest panics on request")
}

/// Never returns and never calls the host.
pub(crate) fn spin() {
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

/// Takes memory until there is none.
pub(crate) fn allocate() {
    let mut kept = Vec::new();
    loop {
        kept.push(vec![1_u8; 1 << 20]);
        black_box(&kept);
    }
}

/// Takes memory until there is none, and then goes on as if nothing had happened.
pub(crate) fn allocate_and_carry_on() {
    while core::arch::wasm32::memory_grow(0, 16) != usize::MAX {}
}

/// Calls itself without an end.
pub(crate) fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    if black_box(depth) == u64::MAX {
        return 0;
    }
    recurse(depth + 1) + frame.first().copied().unwrap_or_default()
}
