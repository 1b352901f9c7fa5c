//! Built guests for tests.

// Helpers of tests fail loudly.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod caller;

/// A policy that misbehaves in the way that its settings or the payload ask for: see `tests/guests/hostile`.
pub const HOSTILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm"));

/// A policy that uses the whole contract, as it was built for each version of it: see `tests/guests/kept`.
pub const KEPT: &[(&str, &[u8])] = &[("0.1.0", include_bytes!("../../kept/contract-0.1.0.wasm"))];
