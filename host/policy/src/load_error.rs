//! Why a policy did not load.

use crate::{
    call::{Fault, FaultKind},
    contract::Finding,
    engine::Target,
    generation::WORLD,
};

/// A policy did not load. Each message names the policy, and says what to do where that is not plain.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// The bytes are something else.
    #[error("policy `{policy}`: this is no component but {found}. {help}")]
    NotAComponent {
        /// Which policy.
        policy: String,
        /// What the bytes are.
        found: &'static str,
        /// What to do.
        help: &'static str,
    },
    /// It is too long.
    #[error(
        "policy `{policy}`: its file has {found} bytes, and at most {allowed} are allowed; `limits.component` of the \
         policy raises that"
    )]
    TooLarge {
        /// Which policy.
        policy: String,
        /// Its size in bytes.
        found: usize,
        /// What is allowed.
        allowed: usize,
    },
    /// It has more of something than it may, whatever its size.
    #[error(
        "policy `{policy}`: its component has more than {most} {what}; nothing of it was compiled. Build it with \
         optimisation, and leave out what it does not use"
    )]
    TooMuch {
        /// Which policy.
        policy: String,
        /// Of what.
        what: &'static str,
        /// How much there may be.
        most: u64,
    },
    /// The compiler did not get to the end with it.
    #[error(
        "policy `{policy}`: its component was not compiled: {reason}. The compiler had {seconds} s of processor time \
         (SIGNALBOX_COMPILE_SECONDS) and {megabytes} MB (SIGNALBOX_COMPILE_MEMORY_MB). What needs more of them can be \
         brought as an artifact that `signalbox policy compile` made, in a signed set"
    )]
    TooCostly {
        /// Which policy.
        policy: String,
        /// What happened.
        reason: String,
        /// The processor time it had.
        seconds: u64,
        /// The memory it had.
        megabytes: u64,
    },
    /// It could not be compiled a while ago.
    #[error(
        "policy `{policy}`: its component could not be compiled in {tries} tries; the next one is in {seconds} s. The last \
         time: {reason}"
    )]
    TriedBefore {
        /// Which policy.
        policy: String,
        /// How often it was tried.
        tries: u32,
        /// When it may be tried again.
        seconds: u64,
        /// What happened the last time.
        reason: String,
    },
    /// The compiler does not run.
    #[error("policy `{policy}`: the process that compiles components does not work: {reason}")]
    NoChild {
        /// Which policy.
        policy: String,
        /// Why.
        reason: String,
    },
    /// It looks like a component, but is broken or needs a feature of WebAssembly that policies do not have.
    #[error("policy `{policy}`: the component does not compile: {reason}")]
    Invalid {
        /// Which policy.
        policy: String,
        /// What wasmtime said.
        reason: String,
    },
    /// It imports what no policy is given.
    #[error(
        "policy `{policy}`: it imports {}, which no policy is given; a policy imports nothing but interfaces of \
         `signalbox:policy` (world `{WORLD}`) and, on a host that has it, WASI 0.2 (cli, clocks, filesystem, io, random, \
         sockets; nothing is granted)",
         quoted(.imports)
    )]
    Imports {
        /// Which policy.
        policy: String,
        /// The names of the imports.
        imports: Vec<String>,
    },
    /// It needs WASI, and this host has none.
    #[error(
        "policy `{policy}`: it needs WASI ({}), and this host was built without it. Run it on a host with the cargo \
         feature `wasi`, as the ordinary build has it; a policy in Rust needs none if it is built for \
         `wasm32-unknown-unknown`",
         quoted(.imports)
    )]
    Wasi {
        /// Which policy.
        policy: String,
        /// The names of the imports.
        imports: Vec<String>,
    },
    /// It imports what a newer version of the contract has and this host's does not.
    #[error(
        "policy `{policy}`: it imports {}, which this host does not have: signalbox {} has version {provided} of \
         the contract. Use a newer signalbox, or build the policy for that version",
        quoted(.missing), env!("CARGO_PKG_VERSION")
    )]
    Missing {
        /// Which policy.
        policy: String,
        /// Each function with its interface, or the interface alone: `signalbox:policy/clock@0.1.1#now`.
        missing: Vec<String>,
        /// The version of the contract that the host has.
        provided: String,
    },
    /// It was built for a version of the contract that this host does not know.
    #[error(
        "policy `{policy}`: it was built for version {built_for} of the contract, and signalbox {} has {} of it. Use a \
         signalbox that has it, or build the policy for a version that is compatible",
        env!("CARGO_PKG_VERSION"), .provided.join(" and ")
    )]
    Version {
        /// Which policy.
        policy: String,
        /// The version of its export.
        built_for: String,
        /// The newest version of each generation that the host has.
        provided: Vec<String>,
    },
    /// It is of another world.
    #[error("policy `{policy}`: it is not of the world `{WORLD}`: {reason}")]
    World {
        /// Which policy.
        policy: String,
        /// What is missing or different.
        reason: String,
    },
    /// The settings are no JSON.
    #[error("policy `{policy}`: the settings are not JSON: {reason}")]
    SettingsSyntax {
        /// Which policy.
        policy: String,
        /// Where, and why.
        reason: String,
    },
    /// The policy refused its settings.
    #[error("policy `{policy}`: it refused its settings:{}", list(.findings))]
    Settings {
        /// Which policy.
        policy: String,
        /// What is wrong with them.
        findings: Vec<Finding>,
    },
    /// It misbehaved while it was asked.
    #[error("policy `{policy}` did not load: {reason}")]
    Fault {
        /// Which policy.
        policy: String,
        /// How.
        kind: FaultKind,
        /// What happened.
        reason: String,
    },
    /// An artifact is not the one that was meant.
    #[error(
        "policy `{policy}`: the precompiled artifact has SHA-256 {found}, but {expected} was expected; nothing of it \
         was run"
    )]
    Digest {
        /// Which policy.
        policy: String,
        /// The expected digest.
        expected: String,
        /// The digest of the bytes.
        found: String,
    },
    /// An artifact was made for another host.
    #[error(
        "policy `{policy}`: the precompiled artifact does not fit this host: {reason}. Make it with \
         `signalbox policy compile --target {target}` of the same version as this host"
    )]
    Artifact {
        /// Which policy.
        policy: String,
        /// What this host is.
        target: String,
        /// What wasmtime said.
        reason: String,
    },
    /// This host has no compiler.
    #[error(
        "policy `{policy}`: this host was built without a compiler and loads precompiled artifacts only. Make one \
         with `signalbox policy compile --target {target}`"
    )]
    NoCompiler {
        /// Which policy.
        policy: String,
        /// What this host is.
        target: String,
    },
}

impl LoadError {
    pub(crate) fn artifact(policy: &str, reason: String) -> Self {
        Self::Artifact {
            policy: policy.to_owned(),
            target: Target::host().to_string(),
            reason,
        }
    }

    pub(crate) fn world(policy: &str, reason: impl Into<String>) -> Self {
        Self::World {
            policy: policy.to_owned(),
            reason: reason.into(),
        }
    }
}

impl From<Fault> for LoadError {
    fn from(fault: Fault) -> Self {
        Self::Fault {
            policy: fault.policy,
            kind: fault.kind,
            reason: fault.message,
        }
    }
}

fn quoted(names: &[String]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// What a policy said of settings that it refused or found odd, one line per finding.
pub(crate) fn list(findings: &[Finding]) -> String {
    let mut lines = String::new();
    for Finding {
        path,
        message,
        help,
    } in findings
    {
        lines.push_str("\n  - ");
        if !path.is_empty() {
            lines.push_str(path);
            lines.push_str(": ");
        }
        lines.push_str(message);
        if let Some(help) = help {
            lines.push_str(" (");
            lines.push_str(help);
            lines.push(')');
        }
    }
    lines
}
