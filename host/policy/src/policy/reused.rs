//! An instance that is kept between calls.

use std::sync::Arc;

use wasmtime::Store;

use crate::{
    call::{CallContext, Fault, Invoked},
    contract::Invocation,
    generation::Guest,
    instance::{log::Log, state::State, task::Export},
    policy::ComponentPolicy,
};

/// An instance that is kept between calls, for measuring what a fresh one costs.
///
/// No host uses it: what one event leaves in memory must not reach the next.
#[doc(hidden)]
pub struct Reused<'a> {
    policy: &'a ComponentPolicy,
    store: Store<State>,
    instance: Box<dyn Guest>,
}

impl ComponentPolicy {
    /// Makes an instance to keep.
    #[doc(hidden)]
    pub async fn reused(&self, context: CallContext) -> Result<Reused<'_>, Fault> {
        let mut store = self.store(Export::Invoke, None, context)?;
        let made = self.parts.prepared.instantiate(&mut store).await;
        let instance = self.conclude(&mut store, Ok(made))?;
        Ok(Reused {
            policy: self,
            store,
            instance,
        })
    }
}

impl Reused<'_> {
    /// Works on one payload that no task waits for.
    #[doc(hidden)]
    pub async fn invoke(
        &mut self,
        context: CallContext,
        invocation: &Invocation,
    ) -> Result<Invoked, Fault> {
        let deadline = context.deadline;
        let limits = self.policy.parts.limits;
        let log = Log::new(
            Arc::clone(&self.policy.name),
            None,
            limits.log_lines,
            limits.log_line,
        );
        let fresh = State::new(Export::Invoke, None, limits, context, log);
        let allowance = std::mem::replace(self.store.data_mut(), fresh).allowance;
        self.store.data_mut().allowance = allowance;
        let outcome = self
            .policy
            .run(self.store.data().turns(), deadline, async {
                self.instance
                    .invoke(&mut self.store, self.policy.settings(), invocation, None)
                    .await
            })
            .await;
        let reply = self.policy.conclude(&mut self.store, outcome)?;
        let usage = self.policy.usage(&mut self.store);
        self.policy.judge(self.store.data_mut(), reply, usage)
    }
}
