//! The fault suite: the life of tasks under every plan of faults, checked against a model of the services
//! (`docs/invariants.md`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test fails loudly, in its helpers too"
)]

mod batch;
mod begin;
mod beyond;
mod bugs;
mod check;
mod checked;
mod choice;
mod cores;
mod ends;
mod exhaustive;
mod faults;
#[path = "../shared/items.rs"]
mod items;
mod lasting;
mod messages;
mod paths;
mod policy;
mod ports;
mod random;
mod redshift;
mod run;
mod schedule;
mod services;
mod sessions;
mod world;

/// Says something that is seen without `--nocapture`.
fn say(text: &str) {
    use std::io::Write;
    // The harness captures what `eprintln!` writes, and not what is written to the file.
    let _ = writeln!(std::io::stderr(), "fault model: {text}");
}
