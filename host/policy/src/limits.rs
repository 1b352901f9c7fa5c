//! What a policy may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wasmtime::ResourceLimiter;

const MIB: usize = 1024 * 1024;

/// What one call of a policy may use. Each field has a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Time in the guest, in milliseconds; calls of the host are not counted. Default: 1,000.
    pub guest_time_ms: u64,
    /// Linear memory of all modules of the component together, in bytes. Default: 64 MiB.
    pub memory: usize,
    /// Tables of all modules together. Default: 32.
    pub tables: usize,
    /// Elements of all tables together. Default: 100,000.
    pub table_elements: usize,
    /// Core instances and components within the component. Default: 64.
    pub instances: usize,
    /// Calls of `redshift-data`, `ledger` and `task.heartbeat`. Default: 200.
    pub host_calls: u32,
    /// What one call may hand to the host, and what an export may return, in bytes as the host holds it.
    /// Default: 16 MiB, so that a reply which is too long can still be named as such.
    pub call_bytes: usize,
    /// The reply of `invoke`, in bytes. Default and most: 6 MiB, as much as AWS Lambda takes.
    pub reply: usize,
    /// The component's file, in bytes; of a precompiled artifact four times as much. Default: 64 MiB.
    pub component: usize,
    /// Lines of log; those beyond are dropped, and one line says how many. Default: 100.
    pub log_lines: u32,
    /// One line of log, in bytes; a longer one is cut. Default: 4,096.
    pub log_line: usize,
    /// Fuel, on an engine that meters it. Default: as much as there is.
    pub fuel: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            guest_time_ms: 1000,
            memory: 64 * MIB,
            tables: 32,
            table_elements: 100_000,
            instances: 64,
            host_calls: 200,
            call_bytes: 16 * MIB,
            reply: 6 * MIB,
            component: 64 * MIB,
            log_lines: 100,
            log_line: 4096,
            fuel: None,
        }
    }
}

impl Limits {
    /// [`Limits::guest_time_ms`] as a duration.
    #[must_use]
    pub const fn guest_time(&self) -> Duration {
        Duration::from_millis(self.guest_time_ms)
    }
}

/// What compiling one component may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Processor time, in seconds. Default: 60. The standard policy takes one, an interpreter of a language ten to twenty.
    pub seconds: u64,
    /// Memory, in bytes. Default: 1 GiB.
    pub memory: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            seconds: 60,
            memory: 1 << 30,
        }
    }
}

/// Which limit a component ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It wanted its memories to be so many bytes.
    Memory(usize),
    /// It wanted its tables to have so many elements.
    Table(usize),
}

/// Counts what the modules of one instance take, and refuses what is too much.
///
/// A guest that is refused memory goes on or traps in its own way, which says nothing of the reason: so the
/// refusal is kept here.
#[derive(Debug)]
pub(crate) struct Allowance {
    limits: Limits,
    memory: usize,
    elements: usize,
    refused: Option<Refused>,
}

impl Allowance {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            memory: 0,
            elements: 0,
            refused: None,
        }
    }

    /// The memory taken, in bytes. Memory never shrinks, so it is the most there was.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    /// What was refused last.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.refused
    }
}

impl ResourceLimiter for Allowance {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        let granted = total <= self.limits.memory;
        if granted {
            self.memory = total;
        } else {
            self.refused = Some(Refused::Memory(total));
        }
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self
            .elements
            .saturating_add(desired.saturating_sub(current));
        let granted = total <= self.limits.table_elements;
        if granted {
            self.elements = total;
        } else {
            self.refused = Some(Refused::Table(total));
        }
        Ok(granted)
    }

    fn instances(&self) -> usize {
        self.limits.instances
    }

    fn tables(&self) -> usize {
        self.limits.tables
    }

    fn memories(&self) -> usize {
        self.limits.instances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_are_counted_together() {
        let mut allowance = Allowance::new(Limits {
            memory: 100,
            ..Limits::default()
        });
        assert!(allowance.memory_growing(0, 60, None).unwrap());
        assert!(!allowance.memory_growing(0, 60, None).unwrap());
        assert_eq!(allowance.refused(), Some(Refused::Memory(120)));
        assert!(allowance.memory_growing(60, 100, None).unwrap());
        assert_eq!(allowance.memory(), 100);
    }

    #[test]
    fn a_manifest_names_what_it_changes_and_nothing_unknown() {
        let limits: Limits = serde_json::from_str(r#"{"guest-time-ms": 50}"#).unwrap();
        assert_eq!(
            limits,
            Limits {
                guest_time_ms: 50,
                ..Limits::default()
            }
        );
        let error = serde_json::from_str::<Limits>(r#"{"guest-time": 50}"#)
            .unwrap_err()
            .to_string();
        assert!(error.contains("`guest-time-ms`"), "{error}");
    }
}
