//! The Lambda host: decodes an event, dispatches it, encodes the answer.
//!
//! [`Config`] says what was decided, [`Host::on_aws`] makes a host of it, and [`Host::handle`] answers one event.
//! `bootstrap` is that under Lambda's Runtime API ([`runtime::run`]); the demo and `signalbox serve` use the same
//! [`Host`].

pub mod config;
pub mod dispatch;
pub mod event;
pub mod log;
pub mod nearest;
pub mod policy_tests;
pub mod records;
pub mod runtime;
pub mod set;
pub mod start;

pub use config::{Config, ConfigError};
pub use dispatch::{Host, InvocationContext};
pub use start::StartError;
