//! The built `bootstrap` under a Runtime API, end to end.
//!
//! Redshift and Step Functions are the project's own servers on loopback. DynamoDB is the table of `support`, or
//! whatever `SIGNALBOX_TEST_DYNAMODB_URL` names.

#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests assert by failing loudly, in their helpers too, and have no users"
)]

#[path = "../support/schema.rs"]
mod schema;
#[path = "../support/mod.rs"]
mod support;

mod at_once;
mod attempts;
mod broken;
mod custom_resources;
mod doctor;
mod errors;
mod events;
mod grants;
mod hostile_payloads;
mod instructions;
mod ledger;
mod life;
mod modes;
mod operating;
mod policies;
mod policy_sets;
mod records;
mod registry;
mod sessions;
mod sets;
mod signed_sets;
mod sources;
mod start;
mod stops;
mod sweep;
