//! Nothing: this crate has dependencies only.
//!
//! Cargo builds a dependency once for each set of features that a selection of crates gives it, so that
//! `cargo test -p signalbox-tasker` would build most of what `cargo test` has built once more. Every host crate has
//! this one among its dev-dependencies, and so they all select the same.
