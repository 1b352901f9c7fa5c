//! The policies that are in force, and how they are asked.

use std::sync::{Arc, PoisonError, RwLock};

use signalbox_policy::{
    CallContext, Policy, Services,
    shadow::{Shadowed, Shadows},
};
use tokio::time::Duration;

use super::{Call, services::EventServices};
use crate::{
    grants::GrantedServices,
    policies::{Granted, PolicySet, Shadow},
    side_by_side::Lanes,
};

/// Decisions of one policy about statements of one target that are made at once: one that loops leaves time for the others.
const DECISIONS: usize = 8;
/// A decision that takes longer, since a service does not answer it, gives its place to the next one.
const DECISION_PATIENCE: Duration = Duration::from_secs(2);

/// Cheap to clone; clones share everything.
#[derive(Clone)]
pub(super) struct InForce {
    policies: Arc<RwLock<Arc<PolicySet>>>,
    /// Decisions that are to be compared with those of other policies.
    pub(super) shadows: Arc<Shadows>,
    /// Places for decisions of each policy about each target.
    pub(super) decisions: Arc<Lanes>,
}

impl InForce {
    pub(super) fn new(policies: PolicySet) -> Self {
        Self {
            policies: Arc::new(RwLock::new(Arc::new(policies))),
            shadows: Arc::default(),
            decisions: Arc::new(Lanes::new(DECISIONS, DECISION_PATIENCE)),
        }
    }

    pub(super) fn policies(&self) -> Arc<PolicySet> {
        Arc::clone(&self.policies.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn put(&self, policies: PolicySet) {
        *self
            .policies
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(policies);
    }

    /// The policies that are in force now, whatever is put in force meanwhile.
    pub(super) fn snapshot(&self) -> Self {
        Self {
            policies: Arc::new(RwLock::new(self.policies())),
            ..self.clone()
        }
    }

    /// The policy that acts, and is compared if it has a shadow.
    pub(super) fn acting(&self, granted: &Granted) -> Arc<dyn Policy> {
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
}

/// What a policy gets for one call.
pub(super) fn context(services: Arc<EventServices>, call: &Call) -> CallContext {
    let now = u64::try_from(services.backend.now()).unwrap_or_default();
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
        now,
        deadline: call.deadline,
    }
}
