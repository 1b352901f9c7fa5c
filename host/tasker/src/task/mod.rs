//! What becomes of an event.
//!
//! | part | does | may use |
//! |---|---|---|
//! | [`Backend`](backend::Backend) | services, ledger, time, rates; look-ups by name, cancels | |
//! | [`Delivery`](deliver::Delivery) | sends decided answers and marks records | the ledger, callbacks |
//! | [`Attempts`](attach::Attempts) | attempts at work that has a name | backend, the port [`Settles`](attach::Settles) |
//! | [`EventServices`] | what a policy calls: starts, cancels, reads | backend, `Settles` |
//! | [`Tasker`] | events: invoke, settle, sweep, stop; asks policies | all of them |

mod answer;
mod attach;
mod attend;
mod backend;
mod cancel;
mod deliver;
mod event;
mod failure;
mod follow_up;
mod gone;
mod invoke;
mod look_up;
mod original;
mod outcome;
mod owner;
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

use signalbox_policy::{
    CallContext, Policy, Services, Witness, Witnessed,
    contract::Source,
    shadow::{Shadowed, Shadows},
};
use tokio::time::{Duration, Instant};

use crate::{
    grants::GrantedServices,
    options::Options,
    policies::{Granted, PolicySet, Shadow},
    ports::{Callbacks, Clock, CustomResources, Ledger, Warehouse},
    side_by_side::Lanes,
};

pub use answer::status_name;
use backend::Backend;
use deliver::Delivery;
use services::EventServices;
pub use settle::Settling;
pub use settle_now::{Settled, SettledNow};
pub use sweep::SweepSummary;

/// Decisions of one policy about statements of one target that are made at once: one that loops leaves time for the others.
const DECISIONS: usize = 8;
/// A decision that takes longer, since a service does not answer it, gives its place to the next one.
const DECISION_PATIENCE: Duration = Duration::from_secs(2);

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
    /// Until when the event is worked on: Lambda's deadline less what it takes to close and to answer.
    pub deadline: Instant,
    /// Until when what was begun is closed: a fault recorded, a statement cancelled, an answer sent. Later than
    /// `deadline`, and early enough that Lambda still takes the reply.
    pub answer_by: Instant,
}

impl Call {
    /// The same event, for what is done to close it when its own time is over.
    pub(crate) fn closing(&self) -> Self {
        Self {
            deadline: self.answer_by,
            ..self.clone()
        }
    }

    /// The same event, worked on until an earlier moment.
    pub(crate) fn until(&self, deadline: Instant) -> Self {
        Self {
            deadline: self.deadline.min(deadline),
            ..self.clone()
        }
    }
}

/// Works on events. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Tasker {
    backend: Backend,
    delivery: Delivery,
    policies: Arc<RwLock<Arc<PolicySet>>>,
    witnesses: Vec<Arc<dyn Witness>>,
    shadows: Arc<Shadows>,
    /// Places for decisions of each policy about each target.
    decisions: Arc<Lanes>,
}

impl Tasker {
    /// A tasker over these ports.
    #[must_use]
    pub fn new(ports: Ports, options: Options, policies: PolicySet) -> Self {
        let backend = Backend::new(ports, options);
        Self {
            delivery: Delivery::of(&backend),
            backend,
            policies: Arc::new(RwLock::new(Arc::new(policies))),
            witnesses: Vec::new(),
            shadows: Arc::default(),
            decisions: Arc::new(Lanes::new(DECISIONS, DECISION_PATIENCE)),
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

    /// Decisions that are to be compared with what other policies would have done, after the answer was sent.
    #[must_use]
    pub fn shadows(&self) -> &Shadows {
        &self.shadows
    }

    /// The policy that acts, and is compared if it has a shadow.
    fn acting(&self, granted: &Granted) -> Arc<dyn Policy> {
        let policy = Arc::clone(&granted.policy);
        match &granted.shadow {
            None => policy,
            Some(Shadow {
                policy: shadow,
                sample,
            }) => Arc::new(Shadowed::new(
                policy,
                Arc::clone(shadow),
                *sample,
                Arc::clone(&self.shadows),
            )),
        }
    }

    fn put(&self, policies: PolicySet) {
        *self
            .policies
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(policies);
    }

    /// The same tasker with the policies that are in force now, whatever is swapped meanwhile: for one event.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        Self {
            policies: Arc::new(RwLock::new(self.policies())),
            ..self.clone()
        }
    }

    /// Whether callers of this function may have the host look for what is overdue.
    #[must_use]
    pub fn may_sweep(&self, function_arn: Option<&str>) -> bool {
        self.policies().serves(function_arn)
    }

    /// The settings.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.backend.options
    }

    /// The world that it works in.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.backend.ports
    }

    fn policies(&self) -> Arc<PolicySet> {
        Arc::clone(&self.policies.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The tasker for one event: no read of the ledger outlasts it.
    fn within(&self, call: &Call) -> Self {
        Self {
            backend: self.backend.until(call.deadline),
            ..self.clone()
        }
    }

    fn context(&self, services: Arc<EventServices>, call: &Call) -> CallContext {
        let services: Arc<dyn Services> = match services.grants.clone() {
            Some(grants) => {
                let name = services.policy.name.clone();
                let secrets = Arc::clone(&services.secrets);
                Arc::new(GrantedServices::new(services, grants, &name, secrets))
            }
            None => services,
        };
        CallContext {
            services,
            now: u64::try_from(self.backend.now()).unwrap_or_default(),
            deadline: call.deadline,
        }
    }
}

fn watched(policies: PolicySet, witness: &Arc<dyn Witness>) -> PolicySet {
    let revision = policies.revision();
    policies.map(|policy| {
        let watched = Witnessed::new(policy, Arc::clone(witness));
        Arc::new(watched.of_revision(revision))
    })
}
