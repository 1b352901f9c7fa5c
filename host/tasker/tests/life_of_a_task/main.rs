//! The life of a task over services that are played, and what must hold whatever happens to it
//! (`docs/invariants.md`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test fails loudly, in its helpers too"
)]

mod answers;
mod at_once;
mod attempts;
mod bad_input;
mod baseline;
mod budgets;
mod cancels;
mod cost;
mod custom_resources;
mod denied;
mod fairness;
mod found;
#[path = "../shared/items.rs"]
mod items;
mod latest;
mod life;
mod locks;
mod machine;
mod operating;
mod originals;
mod pace;
mod plans;
mod refusals;
mod replaced_role;
mod routes;
mod running;
mod sessions;
mod starts;
mod stops;
mod stuck;
mod support;
mod sweep;
mod taken_up;
mod truth;
mod versions;
