//! Policies whose every call is told to somebody: what was asked of the services, what was decided, what it took.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;

use crate::{
    call::{CallContext, Closed, Fault, Identity, Invoked, Policy, Settled, Usage},
    contract::{Closing, Invocation, Settlement, Waiter},
    journal::Journaled,
    record::{Asked, Decision, DecisionRecord, FORMAT},
    services::Services,
};

/// Is told of calls.
pub trait Witness: Send + Sync {
    /// Is told of a call that is over. The event waits while this runs.
    fn saw(&self, record: DecisionRecord);
}

impl<F: Fn(DecisionRecord) + Send + Sync> Witness for F {
    fn saw(&self, record: DecisionRecord) {
        self(record);
    }
}

/// A policy with a witness.
pub struct Witnessed {
    policy: Arc<dyn Policy>,
    witness: Arc<dyn Witness>,
    revision: Option<u64>,
}

impl Witnessed {
    /// Tells the witness of every call of the policy.
    pub fn new(policy: Arc<dyn Policy>, witness: Arc<dyn Witness>) -> Self {
        Self {
            policy,
            witness,
            revision: None,
        }
    }

    /// The same policy, which is of this revision of a policy set.
    #[must_use]
    pub fn of_revision(self, revision: Option<u64>) -> Self {
        Self { revision, ..self }
    }

    /// Makes a call and tells of it.
    async fn ask<'a, T, F>(
        &'a self,
        context: CallContext,
        asked: Asked,
        call: impl FnOnce(&'a dyn Policy, CallContext) -> F,
        usage: impl FnOnce(&T) -> Usage,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
        for<'t> Decision: From<&'t T>,
    {
        let (context, journal) = journaled(context);
        let (at, begun) = (context.now, Instant::now());
        let result = call(&*self.policy, context).await;
        let (decision, usage) = match &result {
            Ok(done) => (done.into(), usage(done)),
            Err(fault) => (fault.into(), fault.usage),
        };
        self.witness.saw(DecisionRecord {
            format: FORMAT,
            host: env!("CARGO_PKG_VERSION").to_owned(),
            policy: self.identity().clone(),
            revision: self.revision,
            at,
            asked,
            calls: journal.calls(),
            decision,
            duration_us: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
            usage,
            masked: None,
        });
        result
    }
}

/// The same frame with a journal before the services.
fn journaled(context: CallContext) -> (CallContext, Arc<Journaled<Arc<dyn Services>>>) {
    let journal = Arc::new(Journaled::new(context.services));
    let services: Arc<dyn Services> = Arc::<Journaled<Arc<dyn Services>>>::clone(&journal);
    (
        CallContext {
            services,
            ..context
        },
        journal,
    )
}

#[async_trait]
impl Policy for Witnessed {
    fn identity(&self) -> &Identity {
        self.policy.identity()
    }

    async fn invoke(
        &self,
        context: CallContext,
        invocation: Invocation,
        waiter: Option<Waiter>,
    ) -> Result<Invoked, Fault> {
        let asked = Asked::Invoke {
            invocation: invocation.clone(),
            waiter,
        };
        self.ask(
            context,
            asked,
            |policy, context| policy.invoke(context, invocation, waiter),
            |invoked: &Invoked| invoked.usage,
        )
        .await
    }

    async fn settle(
        &self,
        context: CallContext,
        settlement: Settlement,
        waiter: Waiter,
    ) -> Result<Settled, Fault> {
        let asked = Asked::Settle {
            settlement: Box::new(settlement.clone()),
            waiter,
        };
        self.ask(
            context,
            asked,
            |policy, context| policy.settle(context, settlement, waiter),
            |settled: &Settled| settled.usage,
        )
        .await
    }

    async fn closed(&self, context: CallContext, closing: Closing) -> Result<Closed, Fault> {
        let asked = Asked::Closed {
            closing: closing.clone(),
        };
        self.ask(
            context,
            asked,
            |policy, context| policy.closed(context, closing),
            |closed: &Closed| closed.usage,
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use tokio::time::Instant;

    use super::*;
    use crate::{
        call::FaultKind,
        contract::{Rejection, Source, UnknownFields},
        services::Denied,
    };

    /// Sends a heartbeat, and does what its name says.
    struct Fake(Identity);

    impl Fake {
        fn named(name: &str) -> Arc<Self> {
            Arc::new(Self(Identity {
                name: name.to_owned(),
                version: "1".to_owned(),
                digest: String::new(),
                settings_digest: String::new(),
            }))
        }
    }

    #[async_trait]
    impl Policy for Fake {
        fn identity(&self) -> &Identity {
            &self.0
        }

        async fn invoke(
            &self,
            context: CallContext,
            _: Invocation,
            _: Option<Waiter>,
        ) -> Result<Invoked, Fault> {
            let _ = context.services.heartbeat().await;
            let usage = Usage {
                guest_time: Duration::from_millis(3),
                ..Usage::default()
            };
            let reply = match self.0.name.as_str() {
                "good" => Ok("{\"Id\": \"1\"}".to_owned()),
                "refuses" => Err(Rejection {
                    error: "PolicyDenied".to_owned(),
                    message: "no".to_owned(),
                }),
                name => {
                    return Err(Fault {
                        policy: name.to_owned(),
                        kind: FaultKind::Trap,
                        message: "it trapped".to_owned(),
                        usage,
                        decided: false,
                    });
                }
            };
            Ok(Invoked {
                reply,
                answer: None,
                bound: false,
                usage,
            })
        }

        async fn settle(&self, _: CallContext, _: Settlement, _: Waiter) -> Result<Settled, Fault> {
            panic!("not asked here")
        }

        async fn closed(&self, _: CallContext, _: Closing) -> Result<Closed, Fault> {
            panic!("not asked here")
        }
    }

    async fn seen(name: &str) -> DecisionRecord {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let witness = {
            let seen = Arc::clone(&seen);
            move |record| seen.lock().unwrap().push(record)
        };
        let policy = Witnessed::new(Fake::named(name), Arc::new(witness));
        let context = CallContext {
            services: Arc::new(Denied),
            now: 0,
            deadline: Instant::now() + Duration::from_secs(60),
        };
        let _ = policy.invoke(context, invocation(), None).await;
        let mut seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 1);
        seen.remove(0)
    }

    fn invocation() -> Invocation {
        Invocation {
            request_id: "r".to_owned(),
            source: Source::Invocation,
            payload: "{}".to_owned(),
            execution_arn: None,
            function_arn: None,
            targets: Vec::new(),
            unknown_fields: UnknownFields::Ignore,
        }
    }

    #[tokio::test]
    async fn every_end_of_a_call_is_told() {
        for (name, decision) in [
            (
                "good",
                Decision::Invoked {
                    reply: serde_json::json!({"Id": "1"}),
                    answer: None,
                    bound: false,
                },
            ),
            (
                "refuses",
                Decision::Rejected(Rejection {
                    error: "PolicyDenied".to_owned(),
                    message: "no".to_owned(),
                }),
            ),
            (
                "traps",
                Decision::Fault {
                    kind: FaultKind::Trap,
                    message: "it trapped".to_owned(),
                },
            ),
        ] {
            let seen = seen(name).await;
            assert_eq!(seen.decision, decision);
            let asked = Asked::Invoke {
                invocation: invocation(),
                waiter: None,
            };
            assert_eq!(seen.asked, asked);
            assert_eq!(seen.policy.name, name);
            assert_eq!(seen.usage.guest_time, Duration::from_millis(3));
            let calls: Vec<_> = seen.calls.iter().map(|call| &*call.function).collect();
            assert_eq!(calls, ["callbacks/heartbeat"]);
        }
    }
}
