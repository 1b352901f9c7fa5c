//! The contract, generated from `wit/`: its records as Rust types, its imports as functions, and the
//! macro behind [`export_policy!`](crate::export_policy).
//!
//! The types are used natively too, so that the kit and the contract cannot drift apart. The functions
//! exist on a native target only to make it link; nothing but [`Exported`](crate::Exported) calls them.
#![allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::unreachable,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

wit_bindgen::generate!({
    world: "prepared-policy",
    path: "../../wit",
    pub_export_macro: true,
    default_bindings_module: "signalbox_kit::bindings",
    additional_derives: [PartialEq],
});
