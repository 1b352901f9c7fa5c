//! A policy that uses the whole contract: every export, every import, every field of what it asks for.
//!
//! It is built once for each version of the contract and kept as it is, so that a host that would no longer run it is
//! found: see `tests/guests/kept/rebuild`.

#[cfg(target_arch = "wasm32")]
mod policy;
