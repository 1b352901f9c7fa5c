//! Built guests for tests.

/// A policy that misbehaves in the way that its settings or the payload ask for: see `tests/guests/hostile`.
pub const HOSTILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm"));
