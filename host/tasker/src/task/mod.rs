//! What becomes of an event.

mod answer;
mod attach;
mod attend;
mod cancel;
mod deliver;
mod failure;
mod invoke;
mod original;
mod outcome;
mod pace;
mod recover;
mod reserve;
mod services;
mod sessions;
mod settle;
mod settle_now;
mod start;
mod stop;
mod sweep;
mod tell;

use std::sync::{Arc, PoisonError, RwLock};

use signalbox_policy::{CallContext, Services, Witness, Witnessed, contract::Source};
use tokio::time::Instant;

use crate::{
    options::Options,
    policies::PolicySet,
    ports::{Callbacks, Clock, CustomResources, Ledger, Warehouse},
    record::Store,
};

pub use answer::status_name;
use pace::Paces;
pub use settle::Settling;
pub use settle_now::{Settled, SettledNow};
pub use sweep::SweepSummary;

/// The world, as the domain sees it.
#[derive(Clone)]
pub struct Ports {
    /// The Redshift Data API.
    pub warehouse: Arc<dyn Warehouse>,
    /// Step Functions.
    pub callbacks: Arc<dyn Callbacks>,
    /// CloudFormation.
    pub custom_resources: Arc<dyn CustomResources>,
    /// The durable record.
    pub ledger: Arc<dyn Ledger>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// One event's frame.
#[derive(Debug, Clone)]
pub struct Call {
    /// The id of the Lambda request.
    pub request_id: String,
    /// The ARN of the function that was invoked, with its alias or version.
    pub function_arn: Option<String>,
    /// How the event came.
    pub source: Source,
    /// When the answer has to be ready: Lambda's deadline less what answering takes.
    pub deadline: Instant,
}

/// Works on events. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Tasker {
    ports: Ports,
    options: Arc<Options>,
    store: Store,
    policies: Arc<RwLock<Arc<PolicySet>>>,
    witnesses: Vec<Arc<dyn Witness>>,
    paces: Arc<Paces>,
}

impl Tasker {
    /// A tasker over these ports.
    #[must_use]
    pub fn new(ports: Ports, options: Options, policies: PolicySet) -> Self {
        let paces = Arc::new(Paces::new(&options.rates));
        let options = Arc::new(options);
        let store = Store::new(
            Arc::clone(&ports.ledger),
            Arc::clone(&ports.clock),
            Arc::clone(&options),
        );
        Self {
            ports,
            options,
            store,
            policies: Arc::new(RwLock::new(Arc::new(policies))),
            witnesses: Vec::new(),
            paces,
        }
    }

    /// Tells a witness of every call of a policy from now on, also of policies that are put in force later. For a tasker
    /// that has no clones yet.
    #[must_use]
    pub fn witnessed(mut self, witness: Arc<dyn Witness>) -> Self {
        let policies = PolicySet::clone(&self.policies());
        self.put(watched(policies, &witness));
        self.witnesses.push(witness);
        self
    }

    /// Puts another set of policies in force. Events that are being worked on keep the one they began with.
    pub fn swap(&self, policies: PolicySet) {
        self.put(self.witnesses.iter().fold(policies, watched));
    }

    fn put(&self, policies: PolicySet) {
        *self
            .policies
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(policies);
    }

    /// The settings.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    fn policies(&self) -> Arc<PolicySet> {
        Arc::clone(&self.policies.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The tasker for one event: no read of the ledger outlasts it.
    fn within(&self, call: &Call) -> Self {
        Self {
            store: self.store.until(call.deadline),
            ..self.clone()
        }
    }

    /// The time, in milliseconds since the Unix epoch.
    fn now(&self) -> i64 {
        self.store.now()
    }

    /// The age at which an open record is looked at, in milliseconds.
    fn sweep_after_ms(&self) -> i64 {
        i64::try_from(self.options.sweep_after.as_millis()).unwrap_or(i64::MAX)
    }

    fn context(&self, services: Arc<dyn Services>, call: &Call) -> CallContext {
        CallContext {
            services,
            now: u64::try_from(self.now()).unwrap_or_default(),
            deadline: call.deadline,
        }
    }
}

fn watched(policies: PolicySet, witness: &Arc<dyn Witness>) -> PolicySet {
    policies.map(|policy| Arc::new(Witnessed::new(policy, Arc::clone(witness))))
}
