//! Where a policy's code comes from.

use std::{borrow::Cow, sync::Arc};

use wasmtime::{Engine, component::Component};

use crate::policy::ComponentPolicy;

/// A policy's code.
#[derive(Clone)]
pub enum Source {
    /// A component. It is compiled, or taken from the cache.
    Component(Cow<'static, [u8]>),
    /// What [`compile`](crate::artifact) made of a component: machine code, which is run as it is.
    Artifact {
        /// The artifact.
        bytes: Cow<'static, [u8]>,
        /// The SHA-256 (hexadecimal) that whoever is trusted says it has.
        sha256: String,
        /// The SHA-256 of the component that it was made of, if known: it names the policy in records.
        component: Option<String>,
    },
    /// The code of a policy that is loaded already, for other settings or limits.
    Loaded(Arc<ComponentPolicy>),
}

/// Loads machine code.
///
/// The callers vouch for the bytes: they have just hashed exactly these, and found the digest that a trusted
/// party gave, or the one under which this very user stored them in a folder of its own.
#[allow(
    unsafe_code,
    reason = "loading machine code is what this function is for"
)]
pub(crate) fn deserialize(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `bytes` were made by `Engine::precompile_component` or `Component::serialize` and not changed
    // since. The digest says so, and it was taken of this slice, not of a file that could be replaced between
    // the check and the use. Wasmtime itself refuses another version, other settings and another processor.
    unsafe { Component::deserialize(engine, bytes) }
}
