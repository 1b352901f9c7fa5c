//! What takes records as far as they go: for completion events, the sweep, stops and attempts.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    Call, Settling,
    attach::Settles,
    backend::Backend,
    deliver::Delivery,
    in_force::InForce,
    services::EventServices,
    settle::{DECISION_TIME, time_left},
};
use crate::{
    ids::RecordId,
    policies::Granted,
    record::{Record, Stored},
    scope::Scope,
    secrets::Secrets,
    waiting::Waiting,
};

/// Takes records as far as they go: asks Redshift, lets their policies decide, answers. Cheap to clone; clones share
/// everything.
#[derive(Clone)]
pub(super) struct Settler {
    pub(super) backend: Backend,
    pub(super) delivery: Delivery,
    pub(super) in_force: InForce,
}

impl Settler {
    pub(super) fn new(backend: Backend, in_force: InForce) -> Self {
        Self {
            delivery: Delivery::of(&backend),
            backend,
            in_force,
        }
    }

    /// The same for one event: no read of the ledger outlasts it.
    pub(super) fn within(&self, call: &Call) -> Self {
        Self {
            backend: self.backend.until(call.deadline),
            ..self.clone()
        }
    }

    /// Has a policy decide about a record when there is a place for that, and says how much time it had. None if there is
    /// too little time by then: a policy that is cut off by the invocation's end would be taken for one that faults.
    pub(super) async fn decision<F: Future>(
        &self,
        call: &Call,
        record: &Record,
        decision: F,
    ) -> Option<(Duration, F::Output)> {
        let policy = record.policy.as_ref().map(|policy| policy.name.as_str());
        let target = record.statement.as_ref().map(|it| it.target.as_str());
        let name = format!("{policy:?} {target:?}");
        let end = call.deadline.checked_sub(DECISION_TIME)?;
        let decision = async { (time_left(call), decision.await) };
        self.in_force.decisions.run_by(&name, end, decision).await
    }

    /// The services of a policy in an event.
    pub(super) fn services(
        &self,
        call: &Call,
        granted: &Granted,
        record_id: RecordId,
    ) -> EventServices {
        EventServices::new(
            &self.backend,
            Arc::new(self.clone()),
            call,
            granted,
            record_id,
        )
    }

    /// The services of a policy that is asked about a record.
    pub(super) fn services_of(
        &self,
        call: &Call,
        granted: &Granted,
        record: &Record,
    ) -> EventServices {
        let mut secrets = Secrets::default();
        for token in record.tokens() {
            secrets.take(token.reveal());
        }
        let waiting = record.who_waits();
        if let Some(secret) = waiting.as_ref().and_then(Waiting::secret) {
            secrets.take(secret);
        }
        let mut services = self.services(call, granted, record.record_id.clone());
        // What is decided here is decided once, so how much the process has to do must not be in it.
        services.grants = granted
            .grants
            .as_ref()
            .map(|grants| Arc::new(grants.unmetered()));
        services.scope = Scope::of_record(&self.backend.options.deployment, granted, record);
        services.secrets = Arc::new(secrets);
        services.execution_arn.clone_from(&record.execution_arn);
        services.waiting = waiting;
        services
    }
}

#[async_trait]
impl Settles for Settler {
    async fn settle_record(&self, call: &Call, stored: Stored) -> Settling {
        self.settle_stored(call, stored, None, None).await
    }
}
