//! What becomes of an event.
//!
//! | part | does | uses |
//! |---|---|---|
//! | `Backend` | services, ledger, time, rates; look-ups by name, cancels | |
//! | `Delivery` | sends decided answers and marks records | the ledger, callbacks |
//! | `InForce` | the policies in force, and how they are asked | |
//! | `Attempts` | attempts at work that has a name | backend, the port `Settles` |
//! | `EventServices` | what a policy calls: starts, cancels, reads | backend, `Settles` |
//! | `Settler` | completion events, the sweep, stops: takes records as far as they go | those above |
//! | `Invocations` | what a caller asks for, and what it is told | settler |
//! | `Tasker` | the door to all of them | |

mod answer;
mod attach;
mod attend;
mod backend;
mod busy;
mod cancel;
mod deliver;
mod explain;
mod failure;
mod follow_up;
mod gone;
mod in_force;
mod invoke;
mod look_up;
mod original;
mod outcome;
mod owner;
mod pace;
mod question;
mod recover;
mod reserve;
mod services;
mod sessions;
mod settle;
mod settle_now;
mod settler;
mod start;
mod stop;
mod sweep;
mod tell;

use std::sync::Arc;

use serde_json::Value;
use signalbox_policy::{Witness, Witnessed, contract::Source, shadow::Shadows};
use tokio::time::Instant;

use crate::{
    options::Options,
    policies::PolicySet,
    ports::{Callbacks, Clock, CustomResources, Ledger, LedgerError, Warehouse},
    raised::Raised,
    record::Record,
};

pub use crate::completion_event::status_name;
use backend::Backend;
use in_force::InForce;
use invoke::Invocations;
pub use settle::Settling;
pub use settle_now::{Settled, SettledNow};
use settler::Settler;
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
    settler: Settler,
    witnesses: Vec<Arc<dyn Witness>>,
}

impl Tasker {
    /// A tasker over these ports.
    #[must_use]
    pub fn new(ports: Ports, options: Options, policies: PolicySet) -> Self {
        let backend = Backend::new(ports, options);
        Self {
            settler: Settler::new(backend, InForce::new(policies)),
            witnesses: Vec::new(),
        }
    }

    /// Tells a witness of every call of a policy from now on, also of policies that are put in force later. For a tasker
    /// that has no clones yet.
    #[must_use]
    pub fn witnessed(mut self, witness: Arc<dyn Witness>) -> Self {
        let in_force = &self.settler.in_force;
        in_force.put(watched(PolicySet::clone(&in_force.policies()), &witness));
        self.witnesses.push(witness);
        self
    }

    /// Puts another set of policies in force. Events that are being worked on keep the one they began with.
    pub fn swap(&self, policies: PolicySet) {
        let watched = self.witnesses.iter().fold(policies, watched);
        self.settler.in_force.put(watched);
    }

    /// The same tasker with the policies that are in force now, whatever is swapped meanwhile: for one event.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        Self {
            settler: Settler {
                in_force: self.settler.in_force.snapshot(),
                ..self.settler.clone()
            },
            ..self.clone()
        }
    }

    /// Decisions that are to be compared with what other policies would have done, after the answer was sent.
    #[must_use]
    pub fn shadows(&self) -> &Shadows {
        &self.settler.in_force.shadows
    }

    /// Whether callers of this function may have the host look for what is overdue.
    #[must_use]
    pub fn may_sweep(&self, function_arn: Option<&str>) -> bool {
        self.settler.in_force.policies().serves(function_arn)
    }

    /// The settings.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.settler.backend.options
    }

    /// The world that it works in.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.settler.backend.ports
    }

    /// Serves one payload. The value is the function's reply, which a state that waits for its token ignores.
    ///
    /// # Errors
    /// What Lambda is to report. Under `.waitForTaskToken` that ends the task, so no statement of it runs then. From a
    /// queue errors go to the token, and only a ledger that does not answer is raised. CloudFormation is told by the
    /// response; raised is only what cannot be told.
    pub async fn invoke(&self, call: &Call, payload: Value) -> Result<Value, Raised> {
        Invocations::of(&self.settler).invoke(call, payload).await
    }

    /// Answers the caller of a payload that was not read, by the members of it that say who that is.
    ///
    /// # Errors
    /// `raised` where nobody but who invoked the function waits, and where a token's task gets it as the invocation's
    /// error; `LedgerUnavailable`.
    pub async fn refuse_unread(
        &self,
        call: &Call,
        caller: &Value,
        raised: Raised,
    ) -> Result<Value, Raised> {
        let invocations = Invocations::of(&self.settler);
        invocations.refuse_unread(call, caller, raised).await
    }

    /// Works on a completion event. The event is a hint: what happened is asked of Redshift.
    pub async fn settle(&self, call: &Call, event: Value) -> Settling {
        self.settler.settle(call, event).await
    }

    /// Works on `Step Functions Execution Status Change`. The event is a hint: whether and when the execution stopped
    /// is asked of Step Functions, since a redriven one keeps its ARN.
    pub async fn stopped(&self, call: &Call, event: Value) -> Settling {
        self.settler.stopped(call, event).await
    }

    /// Looks at every record whose time has come, as long as there is time.
    ///
    /// # Errors
    /// The ledger could not be asked for anything.
    pub async fn sweep(&self, call: &Call) -> Result<SweepSummary, LedgerError> {
        self.settler.sweep(call).await
    }

    /// Does for one record, now, what the sweep does: asks Redshift, decides by the policy, answers. Starts no SQL.
    ///
    /// # Errors
    /// The ledger could not be asked.
    pub async fn settle_now(
        &self,
        call: &Call,
        record: &Record,
    ) -> Result<SettledNow, LedgerError> {
        self.settler.settle_now(call, record).await
    }
}

fn watched(policies: PolicySet, witness: &Arc<dyn Witness>) -> PolicySet {
    let revision = policies.revision();
    policies.map(|policy| {
        let watched = Witnessed::new(policy, Arc::clone(witness));
        Arc::new(watched.of_revision(revision))
    })
}
