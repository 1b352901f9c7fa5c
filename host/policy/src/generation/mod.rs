//! Generations of the contract.
//!
//! All versions of the contract that are compatible by semantic versioning are one generation: every `0.1.x`, every
//! `1.x`. Within one, wasmtime links a policy that was built for one version with a host that has another. Each
//! generation has its own generated code; whatever it is, its imports end in the newest one's implementation, and its
//! exports are called with the newest one's types.

mod newest;
#[cfg(all(test, feature = "compiler"))]
mod tests;
mod version;

use async_trait::async_trait;
use wasmtime::{
    Result, Store,
    component::{InstancePre, Linker, Resource},
};

pub(crate) use version::Version;

use crate::{
    contract::{
        Closing, Description, Finding, Invocation, OnStop, Rejection, Settlement, TaskHandle,
    },
    instance::state::State,
};

/// The package of the contract.
pub(crate) const PACKAGE: &str = "signalbox:policy/";

/// The world that policies are of.
pub const WORLD: &str = "signalbox:policy/policy@0.1.0";

/// The interface that policies export.
pub(crate) const HANDLER: &str = "signalbox:policy/handler@";

/// The generations that this host has, the newest first.
pub(crate) const ALL: &[Generation] = &[newest::V0_1];

/// The functions of an interface.
pub(crate) type Functions = (&'static str, &'static [&'static str]);

/// A generation of the contract.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Generation {
    /// The newest version of it that this host has.
    pub(crate) version: Version,
    /// The imports of its policies: a policy that was built for a newer version may want others.
    pub(crate) imports: &'static [Functions],
    /// What its policies have to export as functions of [`HANDLER`].
    pub(crate) exports: &'static [&'static str],
    /// Gives policies their imports.
    pub(crate) link: fn(&mut Linker<State>) -> Result<()>,
    /// Takes a policy whose imports are there.
    pub(crate) prepare: fn(InstancePre<State>) -> Result<Box<dyn Prepared>>,
}

/// A policy that can be instantiated.
#[async_trait]
pub(crate) trait Prepared: Send + Sync {
    /// The same without its types.
    fn instance(&self) -> &InstancePre<State>;

    /// Makes an instance.
    async fn instantiate(&self, store: &mut Store<State>) -> Result<Box<dyn Guest>>;
}

/// An instance of a policy. The functions are those of the contract's `handler`.
#[allow(clippy::ptr_arg, reason = "the generated functions want it so")]
#[async_trait]
pub(crate) trait Guest: Send + Sync {
    async fn describe(&self, store: &mut Store<State>) -> Result<Description>;

    async fn validate_settings(
        &self,
        store: &mut Store<State>,
        settings: &String,
    ) -> Result<core::result::Result<Vec<Finding>, Vec<Finding>>>;

    async fn invoke(
        &self,
        store: &mut Store<State>,
        settings: &String,
        invocation: &Invocation,
        task: Option<Resource<TaskHandle>>,
    ) -> Result<core::result::Result<String, Rejection>>;

    async fn settle(
        &self,
        store: &mut Store<State>,
        settings: &String,
        settlement: &Settlement,
        task: Resource<TaskHandle>,
    ) -> Result<()>;

    async fn closed(
        &self,
        store: &mut Store<State>,
        settings: &String,
        closing: &Closing,
    ) -> Result<OnStop>;
}
