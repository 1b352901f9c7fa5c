//! Policies whose every call is told to somebody: what was asked of the services, what was decided, what it took.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;

use crate::{
    call::{
        Answer, CallContext, Closed, Fault, FaultKind, Identity, Invoked, Policy, Settled, Usage,
    },
    contract::{Closing, Invocation, OnStop, Rejection, Settlement, Waiter},
    journal::{HostCall, Journaled},
    services::Services,
};

/// One call of a policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    /// Which policy.
    pub policy: Identity,
    /// What it was asked: `invoke`, `settle` or `closed`.
    pub export: &'static str,
    /// Its calls of the services that returned, in this order.
    pub calls: Vec<HostCall>,
    /// What came of it.
    pub decision: Decision,
    /// What it took.
    pub usage: Usage,
}

/// What a call of a policy came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Decision {
    /// `invoke` returned.
    Invoked {
        /// The function's reply.
        reply: Value,
        /// What the task is told already.
        answer: Option<Answer>,
        /// Whether a statement is bound to the task.
        bound: bool,
    },
    /// `invoke` refused the payload.
    Rejected(Rejection),
    /// `settle` decided what the task is told.
    Settled {
        /// The answer.
        answer: Answer,
    },
    /// `closed` decided what becomes of the statement.
    Closed {
        /// The decision.
        on_stop: OnStop,
    },
    /// The policy misbehaved.
    Fault {
        /// How.
        kind: FaultKind,
        /// What happened.
        message: String,
    },
}

impl Decision {
    /// Whether the policy misbehaved.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Fault { .. })
    }
}

/// Is told of calls.
pub trait Witness: Send + Sync {
    /// Is told of a call that is over. The event waits while this runs.
    fn saw(&self, evaluation: Evaluation);
}

impl<F: Fn(Evaluation) + Send + Sync> Witness for F {
    fn saw(&self, evaluation: Evaluation) {
        self(evaluation);
    }
}

/// A policy with a witness.
pub struct Witnessed {
    policy: Arc<dyn Policy>,
    witness: Arc<dyn Witness>,
}

impl Witnessed {
    /// Tells the witness of every call of the policy.
    pub fn new(policy: Arc<dyn Policy>, witness: Arc<dyn Witness>) -> Self {
        Self { policy, witness }
    }

    fn tell<T>(
        &self,
        export: &'static str,
        journal: &Journaled<Arc<dyn Services>>,
        result: &Result<T, Fault>,
        decided: impl FnOnce(&T) -> (Decision, Usage),
    ) {
        let (decision, usage) = match result {
            Ok(done) => decided(done),
            Err(fault) => {
                let decision = Decision::Fault {
                    kind: fault.kind,
                    message: fault.message.clone(),
                };
                (decision, fault.usage)
            }
        };
        self.witness.saw(Evaluation {
            policy: self.identity().clone(),
            export,
            calls: journal.calls(),
            decision,
            usage,
        });
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
        let (context, journal) = journaled(context);
        let result = self.policy.invoke(context, invocation, waiter).await;
        self.tell("invoke", &journal, &result, |invoked| {
            let decision = match &invoked.reply {
                Err(rejection) => Decision::Rejected(rejection.clone()),
                Ok(reply) => Decision::Invoked {
                    // The host has checked that it is JSON.
                    reply: serde_json::from_str(reply).unwrap_or_default(),
                    answer: invoked.answer.clone(),
                    bound: invoked.bound,
                },
            };
            (decision, invoked.usage)
        });
        result
    }

    async fn settle(
        &self,
        context: CallContext,
        settlement: Settlement,
        waiter: Waiter,
    ) -> Result<Settled, Fault> {
        let (context, journal) = journaled(context);
        let result = self.policy.settle(context, settlement, waiter).await;
        self.tell("settle", &journal, &result, |settled| {
            let answer = settled.answer.clone();
            (Decision::Settled { answer }, settled.usage)
        });
        result
    }

    async fn closed(&self, context: CallContext, closing: Closing) -> Result<Closed, Fault> {
        let (context, journal) = journaled(context);
        let result = self.policy.closed(context, closing).await;
        self.tell("closed", &journal, &result, |closed| {
            let on_stop = closed.decision;
            (Decision::Closed { on_stop }, closed.usage)
        });
        result
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use tokio::time::Instant;

    use super::*;
    use crate::{
        contract::{Source, UnknownFields},
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

    async fn seen(name: &str) -> Evaluation {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let witness = {
            let seen = Arc::clone(&seen);
            move |evaluation| seen.lock().unwrap().push(evaluation)
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
            assert_eq!((seen.export, &seen.decision), ("invoke", &decision));
            assert_eq!(seen.policy.name, name);
            assert_eq!(seen.usage.guest_time, Duration::from_millis(3));
            let calls: Vec<_> = seen.calls.iter().map(|call| &*call.function).collect();
            assert_eq!(calls, ["callbacks/heartbeat"]);
        }
    }
}
