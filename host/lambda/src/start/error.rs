//! Why the host does not start.

use std::{io, path::PathBuf};

use signalbox_policy::{EngineError, LoadError};

use crate::{config::ConfigError, set::SetError};

/// The host does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is wrong or missing.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A policy's file cannot be read.
    #[error("policies.{policy}: cannot read {}: {error}", path.display())]
    Read {
        /// Which policy.
        policy: String,
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The standard policy is built in as WebAssembly only where the host has a compiler.
    #[error(
        "policies.{policy}: this host was built without a compiler, and {} cannot be read: {error}. Make the file with \
         `signalbox policy compile standard --target x86_64` (or `arm64`) and put it beside the executable, or name another `artifact`",
        path.display()
    )]
    NoStandard {
        /// Which policy.
        policy: String,
        /// Where its artifact should be.
        path: PathBuf,
        /// Why it cannot be read.
        error: io::Error,
    },
    /// The policy set does not load.
    #[error("the policy set is not loaded: {0}")]
    Set(#[from] SetError),
    /// The policy set's source names nothing in a registry.
    #[error("policy_set.source: {0}")]
    Registry(String),
    /// A policy does not load.
    #[error(transparent)]
    Policy(#[from] LoadError),
    /// This machine cannot run policies.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// `default_policy` is none of the policies. The configuration checks that; this is for one made by hand.
    #[error("default_policy: there is no policy `{0}`")]
    NoDefault(String),
    /// The variables are missing that Lambda sets for every function.
    #[error("{0}")]
    NotOnLambda(String),
}

impl StartError {
    /// The name of all of them as Lambda sees it.
    pub const NAME: &'static str = "ConfigurationError";
}
