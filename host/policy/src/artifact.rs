//! Compiling ahead of time.

use crate::{
    LoadError,
    compile::Compiler,
    engine::{self, Metering, Target},
    machine_code::seal,
};

/// A component could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Not a component, or one that does not compile.
    #[error(transparent)]
    Component(#[from] LoadError),
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
/// version on a machine of the target's kind. It is compiled in this process, without limits: for components that are
/// trusted.
///
/// # Errors
/// See [`CompileError`].
pub fn compile(
    component: &[u8],
    target: &Target,
    metering: Metering,
) -> Result<Vec<u8>, CompileError> {
    let engine = engine_for(component, target, metering)?;
    let code = engine.precompile_component(component).map_err(|error| {
        CompileError::Component(LoadError::Invalid {
            policy: NAME.to_owned(),
            reason: format!("{error:#}"),
        })
    })?;
    Ok(seal(code, component))
}

/// As [`compile`], by a compiler with its limits.
///
/// # Errors
/// See [`CompileError`].
pub async fn compile_by(
    compiler: &Compiler,
    component: &[u8],
    target: &Target,
    metering: Metering,
) -> Result<Vec<u8>, CompileError> {
    engine_for(component, target, metering)?;
    let bytes = component.to_vec();
    let code = compiler.compile(NAME, bytes, target, metering).await?;
    Ok(seal(code, component))
}

/// What the component is called in messages.
const NAME: &str = "component";

/// Checks what can be said without compiling.
fn engine_for(
    component: &[u8],
    target: &Target,
    metering: Metering,
) -> Result<wasmtime::Engine, CompileError> {
    crate::magic::is_component(NAME, component)?;
    crate::outline::Outline::of(NAME, component)?;
    engine::build(target, metering).map_err(|error| CompileError::Target {
        target: target.clone(),
        reason: format!("{error:#}"),
    })
}
