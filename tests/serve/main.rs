//! The built `signalbox serve`, end to end.

#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests assert by failing loudly, in their helpers too, and have no users"
)]
#![cfg(unix)]

mod function;
mod restart;
mod rough;
mod support;
