//! Policies that are asked beside the one that acts, and change nothing.
//!
//! A [`Shadowed`] policy writes down what the acting one did. After the real answer was sent the host lets the shadows
//! run ([`Shadows::run`]): each makes the recorded decision again ([`crate::replay`]), so it is told what the acting one was
//! told and none of its effects reaches a service. A policy that is only monitored is the shadow of its route's baseline.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    call::{CallContext, Closed, Fault, Identity, Invoked, Policy, Settled},
    contract::{Closing, Invocation, Settlement, Waiter},
    record::DecisionRecord,
    replay::{Plain, Replay, replay},
    share::Share,
    witness::Witnessed,
};

/// How many decisions wait for their shadow. A batch has ten events or so; more would be memory for nothing.
const MOST: usize = 32;
/// How many bytes of decisions wait for it. What is longer has rows in it, as few have.
const ROOM: usize = 8 * 1024 * 1024;
/// What the sample is chosen by.
const SALT: &str = "shadow";

tokio::task_local! {
    /// The policy that acted, while its shadow runs.
    static SHADOW_OF: Arc<str>;
}

/// The policy that acted, for what is logged while its shadow runs; none outside of that.
pub(crate) fn shadow_of() -> Option<Arc<str>> {
    SHADOW_OF.try_with(Arc::clone).ok()
}

/// A policy that acts, with one that is compared with it.
pub struct Shadowed {
    acting: Arc<dyn Policy>,
    witnessed: Witnessed,
    sample: Share,
}

impl Shadowed {
    /// Compares `shadow` with `acting` on a sample of its decisions, when `shadows` are let to run.
    #[must_use]
    pub fn new(
        acting: Arc<dyn Policy>,
        shadow: Arc<dyn Policy>,
        sample: Share,
        shadows: Arc<Shadows>,
    ) -> Self {
        let witness = move |record| shadows.wait(record, Arc::clone(&shadow));
        Self {
            witnessed: Witnessed::new(Arc::clone(&acting), Arc::new(witness)),
            acting,
            sample,
        }
    }

    fn policy(&self, subject: &str) -> &dyn Policy {
        if self.sample.takes(SALT, subject) {
            &self.witnessed
        } else {
            &*self.acting
        }
    }
}

#[async_trait]
impl Policy for Shadowed {
    fn identity(&self) -> &Identity {
        self.acting.identity()
    }

    async fn invoke(
        &self,
        context: CallContext,
        invocation: Invocation,
        waiter: Option<Waiter>,
    ) -> Result<Invoked, Fault> {
        self.policy(&invocation.request_id)
            .invoke(context, invocation, waiter)
            .await
    }

    async fn settle(
        &self,
        context: CallContext,
        settlement: Settlement,
        waiter: Waiter,
    ) -> Result<Settled, Fault> {
        self.policy(&settlement.facts.record_id)
            .settle(context, settlement, waiter)
            .await
    }

    async fn closed(&self, context: CallContext, closing: Closing) -> Result<Closed, Fault> {
        self.policy(&closing.facts.record_id)
            .closed(context, closing)
            .await
    }
}

/// Decisions that wait for their shadow.
#[derive(Default)]
pub struct Shadows {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    decisions: VecDeque<(DecisionRecord, Arc<dyn Policy>)>,
    /// How many bytes they take.
    bytes: usize,
    skipped: u64,
}

/// What the shadows came to.
#[derive(Debug, Default)]
pub struct Shaded {
    /// Those that were asked.
    pub compared: Vec<Comparison>,
    /// How many decisions no shadow was asked about: too many at once, or no time was left.
    pub skipped: u64,
}

/// One decision and what its shadow would have done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// What the decision was about: the id of the request or of the statement's record.
    pub subject: String,
    /// The export.
    pub export: &'static str,
    /// The policy that acted.
    pub acting: Identity,
    /// The policy that did not.
    pub shadow: Identity,
    /// What it would have done.
    pub replay: Replay,
}

impl Shadows {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, record: DecisionRecord, shadow: Arc<dyn Policy>) {
        let mut waiting = self.waiting();
        let bytes = waiting.bytes.saturating_add(record.size());
        if waiting.decisions.len() < MOST && bytes <= ROOM {
            waiting.bytes = bytes;
            waiting.decisions.push_back((record, shadow));
        } else {
            waiting.skipped += 1;
        }
    }

    /// Asks the shadows of all decisions that wait, one after another, within this time. To be called when the real
    /// answer was sent. What there is no time for is counted and dropped.
    pub async fn run(&self, budget: Duration) -> Shaded {
        let deadline = Instant::now() + budget;
        let Waiting {
            decisions,
            mut skipped,
            ..
        } = std::mem::take(&mut *self.waiting());
        let mut compared = Vec::new();
        for (record, shadow) in decisions {
            if Instant::now() >= deadline {
                skipped += 1;
                continue;
            }
            let acting = Arc::from(record.policy.name.as_str());
            let replay = replay(&*shadow, &record, deadline, Arc::new(Plain));
            let replay = SHADOW_OF.scope(acting, replay).await;
            // One that was cut off says nothing about the policy.
            if Instant::now() >= deadline {
                skipped += 1;
                continue;
            }
            compared.push(Comparison {
                subject: record.asked.subject().to_owned(),
                export: record.asked.export(),
                acting: record.policy,
                shadow: shadow.identity().clone(),
                replay,
            });
        }
        Shaded { compared, skipped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        replay::{Outcome, testing::Fake},
        services::Denied,
    };

    fn context() -> CallContext {
        CallContext {
            services: Arc::new(Denied),
            now: 7,
            deadline: Instant::now() + Duration::from_secs(60),
        }
    }

    fn shadowed(shadow: Fake, percent: f64) -> (Shadowed, Arc<Shadows>) {
        let shadows = Arc::new(Shadows::default());
        let acting = Arc::new(Fake::starting("select 1"));
        let sample = Share::percent(percent).unwrap();
        let policy = Shadowed::new(acting, Arc::new(shadow), sample, Arc::clone(&shadows));
        (policy, shadows)
    }

    #[tokio::test]
    async fn a_shadow_is_asked_afterwards_and_reaches_no_service() {
        let (policy, shadows) = shadowed(Fake::starting("select 2"), 100.0);
        let services = crate::replay::testing::Counting::default();
        let context = CallContext {
            services: Arc::new(services.clone()),
            ..context()
        };
        let invoked = policy.invoke(context, Fake::invocation("r1"), None).await;
        assert!(invoked.unwrap().reply.is_ok());
        assert_eq!(services.starts(), ["select 1"]);
        let shaded = shadows.run(Duration::from_secs(60)).await;
        assert_eq!(services.starts(), ["select 1"], "the shadow starts nothing");
        assert_eq!((shaded.compared.len(), shaded.skipped), (1, 0));
        let comparison = &shaded.compared[0];
        assert_eq!(comparison.subject, "r1");
        assert_eq!(comparison.replay.outcome, Outcome::Changed);
        assert!(
            shadows
                .run(Duration::from_secs(60))
                .await
                .compared
                .is_empty()
        );
    }

    #[tokio::test]
    async fn what_is_not_in_the_sample_is_not_even_written_down() {
        let (policy, shadows) = shadowed(Fake::starting("select 1"), 0.0);
        let _ = policy.invoke(context(), Fake::invocation("r"), None).await;
        let shaded = shadows.run(Duration::from_secs(60)).await;
        assert_eq!((shaded.compared.len(), shaded.skipped), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_shadow_costs_its_budget_and_no_more() {
        let (policy, shadows) = shadowed(Fake::hanging(), 100.0);
        for request in ["a", "b", "c"] {
            let _ = policy
                .invoke(context(), Fake::invocation(request), None)
                .await;
        }
        let begun = Instant::now();
        let shaded = shadows.run(Duration::from_millis(50)).await;
        assert!(begun.elapsed() < Duration::from_millis(60));
        assert_eq!((shaded.compared.len(), shaded.skipped), (0, 3));
    }

    #[tokio::test]
    async fn no_more_wait_than_there_is_room_for() {
        let (policy, shadows) = shadowed(Fake::starting("select 1"), 100.0);
        for request in 0..MOST + 5 {
            let _ = policy
                .invoke(context(), Fake::invocation(&request.to_string()), None)
                .await;
        }
        let shaded = shadows.run(Duration::from_secs(60)).await;
        assert_eq!((shaded.compared.len(), shaded.skipped), (MOST, 5));
        assert!(shaded.compared.iter().all(|one| one.replay.is_same()));
    }
}
