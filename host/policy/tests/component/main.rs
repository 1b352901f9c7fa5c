//! Policies that are real components, on the real engine.

// Helpers of tests fail loudly too.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod artifacts;
mod common;
mod compiling;
mod faults;
mod load;
mod preparation;
mod replay;
mod standard;
mod tasks;
