//! The built `signalbox`, as people and scripts run it.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests assert by failing loudly, in their helpers too, and have no users"
)]

mod components;
mod diff;
mod invoke;
mod lint;
mod manners;
mod policy_new;
mod policy_strength;
mod policy_test;
mod replay;
#[path = "../support/schema.rs"]
mod schema;
mod sets;
mod step;
mod support;
