//! The built standard policy.

/// The standard policy: a component of the world `signalbox:policy/policy`.
pub const STANDARD: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/standard.wasm"));
