//! The standard policy: the kit with settings, exported as a component.
//!
//! With the settings `{}` it does what the original did. The export exists on wasm32 only.

use signalbox_kit::{Identity, Policy, export_policy};

/// The standard policy.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standard;

impl Policy for Standard {
    fn identity(&self) -> Identity {
        Identity {
            name: "standard",
            version: env!("CARGO_PKG_VERSION"),
            summary: "Runs SQL for tasks, under rules given as settings.",
        }
    }
}

export_policy!(Standard);
