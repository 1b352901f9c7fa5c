//! From an event to its answer: what `bootstrap`, `signalbox serve` and the demo have in common.

mod afterwards;
mod batch;
mod status;
#[cfg(test)]
mod tests;
mod work;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use serde_json::Value;
use signalbox_policy::contract::Source;
use signalbox_tasker::{
    Call, Pattern, Raised, Settling, Tasker, raised::names, secrets::mask_literals,
};
use tokio::time::Instant;
use tracing::Instrument;

pub use self::afterwards::Totals;
use self::{afterwards::Counter, work::Work};
use crate::{
    event::{Event, Unread},
    records::Records,
    set::Refresher,
};

/// The name of the error that fails an invocation whose event is worth another try: Lambda repeats an asynchronous
/// invocation by itself. No state machine sees it.
pub const TRY_AGAIN: &str = "TryAgain";

/// The alarm and the error's name for a defect of the host: it ends the event that met it, and no other.
pub(crate) const HOST_FAULT: &str = "HostFault";

/// What is kept of an invocation's time to answer in.
const RESERVE: Duration = Duration::from_millis(1_500);
/// The reserve is never more than this part of the time that is left.
const RESERVE_PART: u32 = 4;
/// What of it is kept to hand the reply to Lambda.
const REPLY: Duration = Duration::from_millis(400);
/// That is never more than this part of the reserve.
const REPLY_PART: u32 = 3;

/// The frame of one invocation.
#[derive(Debug, Clone)]
pub struct InvocationContext {
    /// The id of the request: the same when Lambda itself repeats it.
    pub request_id: String,
    /// When Lambda ends the invocation.
    pub deadline: Instant,
    /// The ARN of the function that was invoked, with its alias or version.
    pub function_arn: Option<String>,
}

impl InvocationContext {
    /// The frame for the domain, which has to be ready before Lambda's deadline.
    fn call(&self, source: Source) -> Call {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let reserve = RESERVE.min(left / RESERVE_PART);
        Call {
            request_id: self.request_id.clone(),
            function_arn: self.function_arn.clone(),
            source,
            deadline: self.deadline - reserve,
            answer_by: self.deadline - REPLY.min(reserve / REPLY_PART),
        }
    }
}

/// The host: takes events and answers them. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Host {
    tasker: Tasker,
    set: Option<Refreshed>,
    records: Option<Arc<Records>>,
    shaded: Arc<Counter>,
    /// Whether who calls this host also calls [`Host::afterwards`].
    is_led: bool,
}

/// What a host with a policy set has beside its tasker.
#[derive(Clone)]
struct Refreshed {
    refresher: Refresher,
    /// Functions whose callers may ask how the set stands, and for a sweep.
    status_for: Arc<[Pattern]>,
}

impl Host {
    /// A host over a tasker.
    #[must_use]
    pub fn new(tasker: Tasker) -> Self {
        Self {
            tasker,
            set: None,
            records: None,
            shaded: Arc::default(),
            is_led: false,
        }
    }

    /// The same host, whose caller calls [`Host::afterwards`] when it has sent an answer.
    #[must_use]
    pub fn led(self) -> Self {
        Self {
            is_led: true,
            ..self
        }
    }

    /// The same host, whose policies are looked after, and whose callers may ask about that where their function's ARN
    /// matches.
    #[must_use]
    pub fn refreshed(self, refresher: Refresher, status_for: Vec<Pattern>) -> Self {
        Self {
            set: Some(Refreshed {
                refresher,
                status_for: status_for.into(),
            }),
            ..self
        }
    }

    /// The same host, which waits for records of its policies' decisions to be written. That its tasker is watched by
    /// these records is for the caller to see to: a tasker is watched before anybody has a clone of it.
    #[must_use]
    pub fn recording(self, records: Option<Arc<Records>>) -> Self {
        Self { records, ..self }
    }

    /// What works on the events, for those who swap policies or sweep by themselves.
    #[must_use]
    pub fn tasker(&self) -> &Tasker {
        &self.tasker
    }

    /// As [`Host::handle_text`], for an event that is a tree already.
    ///
    /// # Errors
    /// As [`Host::handle_text`].
    pub async fn handle(&self, event: Value, context: InvocationContext) -> Result<Value, Raised> {
        self.handle_text(event.to_string(), context).await
    }

    /// Answers one event, a JSON text. Its bounds are checked before anything else.
    ///
    /// # Errors
    /// What Lambda reports as `errorType` and `errorMessage`.
    pub async fn handle_text(
        &self,
        event: impl AsRef<str> + Send,
        context: InvocationContext,
    ) -> Result<Value, Raised> {
        let span = tracing::info_span!("invocation", request = %context.request_id);
        async {
            let started = Instant::now();
            let answer = guarded(self.read_and_answer(event, &context)).await;
            let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            match &answer {
                Ok(_) => tracing::info!(milliseconds, "answered"),
                Err(raised) => {
                    tracing::warn!(
                        milliseconds,
                        error = raised.error_type,
                        reason = %mask_literals(&raised.message),
                        "refused"
                    );
                }
            }
            if !self.is_led {
                let (host, deadline) = (self.clone(), context.deadline);
                let after = async move { host.afterwards(deadline).await };
                tokio::spawn(after.in_current_span());
            }
            answer
        }
        .instrument(span)
        .await
    }

    async fn read_and_answer(
        &self,
        text: impl AsRef<str> + Send,
        context: &InvocationContext,
    ) -> Result<Value, Raised> {
        // What the event's text takes is free again while its tree is worked on.
        let event = Event::read(text.as_ref());
        drop(text);
        let event = event?;
        if let Some(set) = &self.set {
            set.refresher.head(context.deadline).await;
        }
        // What is swapped meanwhile is for the next one.
        let work = self.tasker.snapshot();
        let status = || status::answer(self.set.as_ref(), self.shaded.totals(), context);
        let operates = self
            .set
            .as_ref()
            .is_some_and(|set| set.is_operated_by(context));
        answer(&work, status, operates, event, context).await
    }
}

impl Refreshed {
    /// Whether the caller is one of those who look after the function.
    fn is_operated_by(&self, context: &InvocationContext) -> bool {
        let function = context.function_arn.as_deref().unwrap_or_default();
        let mut operators = self.status_for.iter();
        operators.any(|pattern| pattern.matches(function))
    }
}

async fn answer(
    work: &impl Work,
    status: impl FnOnce() -> Result<Value, Raised>,
    operates: bool,
    event: Event,
    context: &InvocationContext,
) -> Result<Value, Raised> {
    match event {
        Event::Payload(payload) => {
            work.invoke(&context.call(Source::Invocation), payload)
                .await
        }
        Event::Queue(records) => Ok(batch::answer(work, records, context).await),
        Event::Completion(event) => {
            worked(work.settle(&context.call(Source::Invocation), event).await)
        }
        Event::ExecutionStatus(event) => {
            worked(work.stopped(&context.call(Source::Invocation), event).await)
        }
        Event::Status => status(),
        Event::SweepRequest if !operates && !work.may_sweep(context.function_arn.as_deref()) => {
            Err(Raised::new(
                names::NOT_GRANTED,
                "callers of this function may not ask for a sweep: they need a route of the policy set, or `status_for` in \
                 [policy_set] of the configuration. A schedule needs neither",
            ))
        }
        Event::Sweep | Event::SweepRequest => work.sweep(&context.call(Source::Invocation)).await,
        Event::CustomResource(request) => {
            work.invoke(&context.call(Source::CustomResource), request)
                .await
        }
        Event::Unread(Unread { caller, raised }) => {
            work.refuse(&context.call(Source::Invocation), caller, raised)
                .await
        }
    }
}

/// Works on one event. A panic is that event's alone: others are worked on in the same process.
async fn guarded(work: impl Future<Output = Result<Value, Raised>>) -> Result<Value, Raised> {
    let answer = AssertUnwindSafe(work).catch_unwind().await;
    answer.unwrap_or_else(|_| {
        tracing::error!(alarm = HOST_FAULT, "the host has a defect");
        Err(Raised::new(
            HOST_FAULT,
            "the host has a defect; whether a statement was started is in the record",
        ))
    })
}

/// The answer to an event that nobody waits for.
fn worked(settling: Settling) -> Result<Value, Raised> {
    match settling {
        Settling::Done => Ok(Value::Null),
        Settling::Ignored { reason } => {
            tracing::debug!(reason, "the event is not for this deployment");
            Ok(Value::Null)
        }
        Settling::Again { reason } => Err(Raised::new(TRY_AGAIN, reason)),
    }
}
