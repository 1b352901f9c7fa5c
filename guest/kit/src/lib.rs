//! The library for authors of policies.
//!
//! A policy is a type that implements [`Policy`], exported with [`export_policy!`]:
//!
//! ```
//! use signalbox_kit::{Identity, Policy};
//!
//! #[derive(Default)]
//! struct Ours;
//!
//! impl Policy for Ours {
//!     fn identity(&self) -> Identity {
//!         Identity { name: "ours", version: "1.0.0", summary: "The standard policy by another name." }
//!     }
//! }
//!
//! signalbox_kit::export_policy!(Ours);
//! ```
//!
//! Everything is pure but for the [`Host`], which a test replaces: [`handle`] has the functions of the
//! contract over any policy and any host.

pub mod answer;
pub mod bindings;
mod cap;
pub mod contract;
pub mod expect;
mod export;
pub mod handle;
pub mod host;
mod memo;
pub mod payload;
mod policy;
mod rules;
mod section;
pub mod settings;
pub use signalbox_sql as sql;
pub mod standard;
pub mod testing;
pub mod text;

pub use cap::ResultCap;
pub use export::Exported;
pub use handle::Decision;
pub use host::Host;
pub use policy::{Event, Identity, Policy, describe};

/// The JSON Schema of the settings of the standard policy.
pub const SETTINGS_SCHEMA: &str = include_str!("../settings.schema.json");
