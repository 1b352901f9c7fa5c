//! Faults that are injected into a server, for tests and demos.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};

/// An error that is injected in place of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFault {
    /// The exception's name, such as `ThrottlingException`.
    pub code: String,
    /// Its text.
    pub message: String,
    /// The HTTP status: 400 for the client's faults, 500 for the server's.
    pub status: u16,
}

impl ServiceFault {
    /// An `InternalServerException` with status 500.
    pub fn internal() -> Self {
        Self {
            code: "InternalServerException".to_owned(),
            message: "Injected: the service failed.".to_owned(),
            status: 500,
        }
    }

    /// A `ThrottlingException` with status 400.
    pub fn throttling() -> Self {
        Self {
            code: "ThrottlingException".to_owned(),
            message: "Injected: rate exceeded.".to_owned(),
            status: 400,
        }
    }
}

/// What happens to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallFault {
    /// Nothing: the call is served. Of use in a row of faults.
    Serve,
    /// The call fails and has no effect.
    FailBefore(ServiceFault),
    /// The call takes effect, then fails.
    FailAfter(ServiceFault),
    /// The connection breaks before the call has an effect.
    DisconnectBefore,
    /// The call takes effect, then the connection breaks.
    DisconnectAfter,
    /// The call has no effect and no reply comes until the client gives up or the server ends.
    HangBefore,
    /// The call takes effect, but no reply comes until the client gives up or the server ends.
    HangAfter,
    /// The call is served this much later (wall clock).
    DelayBefore(Duration),
    /// The call takes effect and its reply comes this much later (wall clock).
    DelayAfter(Duration),
}

type Hook = dyn Fn(&str, &Map<String, Value>) -> Option<CallFault> + Send + Sync;

#[derive(Default)]
struct Plan {
    queued: HashMap<String, VecDeque<CallFault>>,
    hook: Option<Arc<Hook>>,
}

/// The faults of a server. Clones share one plan, so it can be changed while the server runs.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faults")
    }
}

impl Faults {
    /// No faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fault for a coming call of `operation` (such as `ExecuteStatement`): the first one added strikes
    /// the next call, the second one the call after it, and so on.
    pub fn next_call(&self, operation: &str, fault: CallFault) {
        self.plan(|plan| {
            plan.queued
                .entry(operation.to_owned())
                .or_default()
                .push_back(fault);
        });
    }

    /// Asks `hook`, with the operation's name and its input, for every call that has no queued fault.
    pub fn on_call(
        &self,
        hook: impl Fn(&str, &Map<String, Value>) -> Option<CallFault> + Send + Sync + 'static,
    ) {
        self.plan(|plan| plan.hook = Some(Arc::new(hook)));
    }

    /// Forgets all faults.
    pub fn clear(&self) {
        self.plan(|plan| *plan = Plan::default());
    }

    /// The fault for a call that has just come.
    pub(crate) fn take(&self, operation: &str, input: &Map<String, Value>) -> CallFault {
        let (queued, hook) = self.plan(|plan| {
            let queued = plan.queued.get_mut(operation).and_then(VecDeque::pop_front);
            (queued, plan.hook.clone())
        });
        queued
            .or_else(|| hook.and_then(|hook| hook(operation, input)))
            .unwrap_or(CallFault::Serve)
    }

    fn plan<T>(&self, act: impl FnOnce(&mut Plan) -> T) -> T {
        // A hook that panicked left no plan half-changed: it runs outside the lock.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queued_faults_come_in_order_and_before_the_hook() {
        let faults = Faults::new();
        faults.next_call("A", CallFault::HangAfter);
        faults.next_call("A", CallFault::Serve);
        faults.on_call(|operation, input| {
            (operation == "A" && input.is_empty()).then_some(CallFault::HangBefore)
        });
        let take = |operation| faults.take(operation, &Map::new());
        assert_eq!(take("A"), CallFault::HangAfter);
        assert_eq!(take("A"), CallFault::Serve);
        assert_eq!(take("A"), CallFault::HangBefore);
        assert_eq!(take("B"), CallFault::Serve);
        faults.clear();
        assert_eq!(take("A"), CallFault::Serve);
    }
}
