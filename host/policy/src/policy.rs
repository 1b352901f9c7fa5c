//! A loaded component, as a policy that can be called.

mod reused;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::{Instant, error::Elapsed, timeout_at};
use wasmtime::{
    Store,
    component::{Component, Resource},
};

use crate::{
    call::{CallContext, Closed, Fault, FaultKind, Identity, Invoked, Policy, Settled, Usage},
    contract::{
        Closing, Description, Finding, Invocation, Rejection, Settlement, TaskHandle, Waiter,
    },
    engine::{Metering, Ticker},
    generation::Prepared,
    inspect,
    instance::{
        self, Redact, fault,
        log::Log,
        meter::Turns,
        state::State,
        stop::Stop,
        task::{self, Export},
    },
    limits::Limits,
    load_error::LoadError,
    services::Services,
};

#[doc(hidden)]
pub use reused::Reused;

/// A component that was checked and has accepted its settings. Every call runs in an instance of its own.
pub struct ComponentPolicy {
    parts: Parts,
    name: Arc<str>,
    identity: Identity,
    settings: String,
    /// What the policy wants to be given in place of its settings.
    prepared_settings: Option<String>,
    description: Option<Description>,
    warnings: Vec<Finding>,
}

/// What calls are made with.
pub(crate) struct Parts {
    pub(crate) prepared: Box<dyn Prepared>,
    pub(crate) metering: Metering,
    pub(crate) ticker: Arc<Ticker>,
    pub(crate) limits: Limits,
    pub(crate) redact: Option<Redact>,
}

/// The interface that a policy may export beside the handler, and its function.
const PREPARATION: &str = "signalbox:policy/preparation@0.1.0";
const PREPARE_SETTINGS: &str = "prepare-settings";

/// The number behind every handle of the task: there is one task in a call.
const TASK: u32 = 1;

impl ComponentPolicy {
    pub(crate) fn new(parts: Parts, identity: Identity, settings: String) -> Self {
        let name = identity.name.as_str().into();
        Self {
            parts,
            name,
            identity,
            settings,
            prepared_settings: None,
            description: None,
            warnings: Vec::new(),
        }
    }

    /// What the policy says of itself.
    #[must_use]
    pub fn description(&self) -> Option<&Description> {
        self.description.as_ref()
    }

    /// What it found odd in its settings.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// Its code.
    pub(crate) fn component(&self) -> Component {
        self.parts.prepared.instance().component().clone()
    }

    /// Whether it needs WASI, which the lean host does not have.
    #[must_use]
    pub fn needs_wasi(&self) -> bool {
        let pre = self.parts.prepared.instance();
        inspect::imports_of(pre.engine(), pre.component())
            .iter()
            .any(|import| import.starts_with("wasi:"))
    }

    /// What one call may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.parts.limits
    }

    /// Asks the policy what it is and whether it accepts its settings.
    pub(crate) async fn introduce(
        &mut self,
        services: Arc<dyn Services>,
        deadline: Instant,
    ) -> Result<(), LoadError> {
        let context = CallContext {
            services,
            now: 0,
            deadline,
        };
        let description = self.describe(context.clone()).await?;
        self.identity.version.clone_from(&description.version);
        self.description = Some(description);
        match self.validate(context.clone()).await? {
            Ok(warnings) => {
                self.warnings = warnings;
                self.prepared_settings = self.prepare_settings(context).await?;
                Ok(())
            }
            Err(findings) => Err(LoadError::Settings {
                policy: self.identity.name.clone(),
                findings,
            }),
        }
    }

    async fn describe(&self, context: CallContext) -> Result<Description, Fault> {
        let deadline = context.deadline;
        let mut store = self.store(Export::Describe, None, context)?;
        let outcome = self
            .run(store.data().turns(), deadline, async {
                let policy = self.parts.prepared.instantiate(&mut store).await?;
                policy.describe(&mut store).await
            })
            .await;
        self.conclude(&mut store, outcome)
    }

    async fn validate(
        &self,
        context: CallContext,
    ) -> Result<Result<Vec<Finding>, Vec<Finding>>, Fault> {
        let deadline = context.deadline;
        let mut store = self.store(Export::ValidateSettings, None, context)?;
        let outcome = self
            .run(store.data().turns(), deadline, async {
                let policy = self.parts.prepared.instantiate(&mut store).await?;
                policy.validate_settings(&mut store, &self.settings).await
            })
            .await;
        self.conclude(&mut store, outcome)
    }

    /// Asks a policy that prepares its settings for them in its own form.
    async fn prepare_settings(&self, context: CallContext) -> Result<Option<String>, Fault> {
        let instance = self.parts.prepared.instance();
        let component = instance.component();
        let function = component
            .get_export_index(None, PREPARATION)
            .and_then(|interface| component.get_export_index(Some(&interface), PREPARE_SETTINGS));
        let Some(function) = function else {
            return Ok(None);
        };
        let deadline = context.deadline;
        let mut store = self.store(Export::PrepareSettings, None, context)?;
        let outcome = self
            .run(store.data().turns(), deadline, async {
                let instance = instance.instantiate_async(&mut store).await?;
                let prepare =
                    instance.get_typed_func::<(&str,), (Option<String>,)>(&mut store, &function)?;
                let (prepared,) = prepare
                    .call_async(&mut store, (self.settings.as_str(),))
                    .await?;
                Ok(prepared)
            })
            .await;
        self.conclude(&mut store, outcome)
    }

    /// What the policy is given as its settings.
    fn settings(&self) -> &String {
        self.prepared_settings.as_ref().unwrap_or(&self.settings)
    }

    fn store(
        &self,
        export: Export,
        waiter: Option<Waiter>,
        context: CallContext,
    ) -> Result<Store<State>, Fault> {
        let Parts {
            prepared,
            metering,
            limits,
            redact,
            ..
        } = &self.parts;
        let log = Log::new(
            Arc::clone(&self.name),
            redact.clone(),
            limits.log_lines,
            limits.log_line,
        );
        let state = State::new(export, waiter, *limits, context, log);
        instance::store(prepared.instance().engine(), *metering, state)
            .map_err(|error| self.fault(FaultKind::Load, format!("{error:#}"), Usage::default()))
    }

    /// Runs a call of the guest up to the event's deadline, and counts its turns.
    async fn run<F: Future>(
        &self,
        turns: Turns,
        deadline: Instant,
        call: F,
    ) -> Result<F::Output, Elapsed> {
        timeout_at(deadline, self.parts.ticker.run(turns.count(call))).await
    }

    /// What came of the export: its result, or the fault that it ended in.
    fn conclude<T>(
        &self,
        store: &mut Store<State>,
        outcome: Result<wasmtime::Result<T>, Elapsed>,
    ) -> Result<T, Fault> {
        let (kind, message) = match outcome {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => fault::classify(&error, store.data()),
            // The call was dropped where it waited: in a call of the host, or between two ticks.
            Err(_) => fault::classify(&Stop::Deadline.into(), store.data()),
        };
        let usage = self.usage(store);
        Err(Fault {
            decided: store.data().task.is_answered(),
            ..self.fault(kind, message, usage)
        })
    }

    fn usage(&self, store: &mut Store<State>) -> Usage {
        let fuel = match (self.parts.metering, store.get_fuel()) {
            (Metering::Fuel, Ok(left)) => Some(
                self.parts
                    .limits
                    .fuel
                    .unwrap_or(u64::MAX)
                    .saturating_sub(left),
            ),
            _ => None,
        };
        Usage {
            fuel,
            ..store.data_mut().usage()
        }
    }

    fn fault(&self, kind: FaultKind, message: String, usage: Usage) -> Fault {
        Fault {
            policy: self.identity.name.clone(),
            kind,
            message,
            usage,
            decided: false,
        }
    }

    /// The fault of a policy that returned and broke the contract.
    fn broken(&self, kind: FaultKind, export: Export, what: &str, usage: Usage) -> Fault {
        self.fault(kind, fault::broken(export, what), usage)
    }

    /// Checks what `invoke` returned against what it did.
    fn judge(
        &self,
        state: &mut State,
        reply: Result<String, Rejection>,
        usage: Usage,
    ) -> Result<Invoked, Fault> {
        let task = &mut state.task;
        let (waits, bound, started) = (task.waits(), task.bound(), task.started());
        let answer = task.take_answer();
        let decided = answer.is_some() || reply.is_err();
        let broken = |kind, what: &str| {
            Err(Fault {
                decided,
                ..self.broken(kind, Export::Invoke, what, usage)
            })
        };
        match &reply {
            Ok(text) if text.len() > state.limits.reply => {
                let what = format!(
                    "its reply is {} bytes long; at most {} are allowed",
                    text.len(),
                    state.limits.reply
                );
                return broken(FaultKind::Output, &what);
            }
            Ok(text) => {
                if let Err(reason) = task::is_json(text) {
                    return broken(
                        FaultKind::Output,
                        &format!("its reply is not JSON: {reason}"),
                    );
                }
                if waits && !bound && answer.is_none() {
                    let what =
                        "it returned with the task neither bound to a statement nor answered";
                    return broken(FaultKind::Protocol, what);
                }
            }
            Err(_) if answer.is_some() => {
                return broken(
                    FaultKind::Protocol,
                    "it answered the task and rejected the payload too",
                );
            }
            Err(_) if started => {
                return broken(
                    FaultKind::Protocol,
                    "it rejected the payload after it had started a statement for it",
                );
            }
            Err(rejection) => {
                if let Err(reason) = task::error_name(&rejection.error, &["States.", "Lambda."]) {
                    return broken(FaultKind::Output, &format!("of its rejection {reason}"));
                }
            }
        }
        Ok(Invoked {
            reply,
            answer,
            bound,
            usage,
        })
    }
}

#[async_trait]
impl Policy for ComponentPolicy {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    async fn invoke(
        &self,
        context: CallContext,
        invocation: Invocation,
        waiter: Option<Waiter>,
    ) -> Result<Invoked, Fault> {
        let deadline = context.deadline;
        let mut store = self.store(Export::Invoke, waiter, context)?;
        store.data_mut().about(&invocation.request_id);
        let task = waiter.map(|_| Resource::<TaskHandle>::new_borrow(TASK));
        let outcome = self
            .run(store.data().turns(), deadline, async {
                let policy = self.parts.prepared.instantiate(&mut store).await?;
                policy
                    .invoke(&mut store, self.settings(), &invocation, task)
                    .await
            })
            .await;
        let reply = self.conclude(&mut store, outcome)?;
        let usage = self.usage(&mut store);
        self.judge(store.data_mut(), reply, usage)
    }

    async fn settle(
        &self,
        context: CallContext,
        settlement: Settlement,
        waiter: Waiter,
    ) -> Result<Settled, Fault> {
        let deadline = context.deadline;
        let mut store = self.store(Export::Settle, Some(waiter), context)?;
        store.data_mut().about(&settlement.facts.record_id);
        let task = Resource::<TaskHandle>::new_borrow(TASK);
        let outcome = self
            .run(store.data().turns(), deadline, async {
                let policy = self.parts.prepared.instantiate(&mut store).await?;
                policy
                    .settle(&mut store, self.settings(), &settlement, task)
                    .await
            })
            .await;
        self.conclude(&mut store, outcome)?;
        let usage = self.usage(&mut store);
        match store.data_mut().task.take_answer() {
            Some(answer) => Ok(Settled { answer, usage }),
            None => Err(self.broken(
                FaultKind::Protocol,
                Export::Settle,
                "it returned without an answer for the task",
                usage,
            )),
        }
    }

    async fn closed(&self, context: CallContext, closing: Closing) -> Result<Closed, Fault> {
        let deadline = context.deadline;
        let mut store = self.store(Export::Closed, None, context)?;
        store.data_mut().about(&closing.facts.record_id);
        let outcome = self
            .run(store.data().turns(), deadline, async {
                let policy = self.parts.prepared.instantiate(&mut store).await?;
                policy.closed(&mut store, self.settings(), &closing).await
            })
            .await;
        let decision = self.conclude(&mut store, outcome)?;
        Ok(Closed {
            decision,
            usage: self.usage(&mut store),
        })
    }
}
