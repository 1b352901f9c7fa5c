//! Compiling ahead of time.

use crate::engine::{self, Metering, Target};

/// A component could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Not a component, or one that does not compile.
    #[error(transparent)]
    Component(#[from] crate::LoadError),
    /// This build has no compiler for that machine.
    #[error(
        "this build of signalbox does not compile for `{target}`: {reason}. Compile on a machine of that kind, or \
         build signalbox with the feature `cross-compile`"
    )]
    Target {
        /// The machine.
        target: Target,
        /// What the compiler said.
        reason: String,
    },
}

/// Compiles a component for a host without a compiler, by the same engine that compiles in the process.
///
/// The artifact is machine code: pass its SHA-256 on by a way that is trusted. It loads in a host of the same
/// version on a machine of the target's kind.
///
/// # Errors
/// See [`CompileError`].
pub fn compile(
    component: &[u8],
    target: &Target,
    metering: Metering,
) -> Result<Vec<u8>, CompileError> {
    crate::load::is_component("component", component)?;
    crate::load::Outline::of("component", component)?;
    let engine = engine::build(target, metering).map_err(|error| CompileError::Target {
        target: target.clone(),
        reason: format!("{error:#}"),
    })?;
    engine.precompile_component(component).map_err(|error| {
        CompileError::Component(crate::LoadError::Invalid {
            policy: "component".to_owned(),
            reason: format!("{error:#}"),
        })
    })
}
