//! The newest generation, whose types the host itself uses.

use async_trait::async_trait;
use wasmtime::{
    Result, Store,
    component::{HasSelf, InstancePre, Resource},
};

use super::{Generation, Guest, Prepared, Version};
use crate::{
    contract::{
        Closing, Description, Finding, Invocation, OnStop, Rejection, Settlement, TaskHandle,
        bindings,
    },
    instance::state::State,
};

/// `wit/` at the root of the repository.
pub(super) const V0_1: Generation = Generation {
    version: Version {
        major: 0,
        minor: 1,
        patch: 0,
    },
    imports: &[
        (
            "redshift-data",
            &[
                "execute-statement",
                "batch-execute-statement",
                "describe-statement",
                "cancel-statement",
                "get-statement-result",
                "list-statements",
            ],
        ),
        (
            "callbacks",
            &["task.waiter", "task.succeed", "task.fail", "task.heartbeat"],
        ),
        ("ledger", &["latest"]),
        ("clock", &["now"]),
        ("log", &["write"]),
        ("types", &[]),
    ],
    exports: EXPORTS,
    link: |linker| bindings::Policy::add_to_linker::<State, HasSelf<State>>(linker, |state| state),
    prepare: |instance| Ok(Box::new(bindings::PolicyPre::new(instance)?)),
};

/// The functions of `handler`.
pub(super) const EXPORTS: &[&str] = &[
    "describe",
    "validate-settings",
    "invoke",
    "settle",
    "closed",
];

#[async_trait]
impl Prepared for bindings::PolicyPre<State> {
    fn instance(&self) -> &InstancePre<State> {
        self.instance_pre()
    }

    async fn instantiate(&self, store: &mut Store<State>) -> Result<Box<dyn Guest>> {
        Ok(Box::new(self.instantiate_async(store).await?))
    }
}

#[async_trait]
impl Guest for bindings::Policy {
    async fn describe(&self, store: &mut Store<State>) -> Result<Description> {
        self.signalbox_policy_handler().call_describe(store).await
    }

    async fn validate_settings(
        &self,
        store: &mut Store<State>,
        settings: &String,
    ) -> Result<core::result::Result<Vec<Finding>, Vec<Finding>>> {
        self.signalbox_policy_handler()
            .call_validate_settings(store, settings)
            .await
    }

    async fn invoke(
        &self,
        store: &mut Store<State>,
        settings: &String,
        invocation: &Invocation,
        task: Option<Resource<TaskHandle>>,
    ) -> Result<core::result::Result<String, Rejection>> {
        self.signalbox_policy_handler()
            .call_invoke(store, settings, invocation, task)
            .await
    }

    async fn settle(
        &self,
        store: &mut Store<State>,
        settings: &String,
        settlement: &Settlement,
        task: Resource<TaskHandle>,
    ) -> Result<()> {
        self.signalbox_policy_handler()
            .call_settle(store, settings, settlement, task)
            .await
    }

    async fn closed(
        &self,
        store: &mut Store<State>,
        settings: &String,
        closing: &Closing,
    ) -> Result<OnStop> {
        self.signalbox_policy_handler()
            .call_closed(store, settings, closing)
            .await
    }
}
