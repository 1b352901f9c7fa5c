//! Keeps the newest good policy set in force.
//!
//! A Lambda environment is frozen between invocations, so nothing here runs by the clock: the head of an invocation
//! looks whether the set is due for a look, and waits for that a short time only. Work that is not done by then goes on
//! beside the invocation, which keeps to the set that it has, and a later invocation finds the result.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use signalbox_tasker::{PolicySet, Ports, Tasker, revision};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    expiry,
    loader::{Loaded, Loader, SetError},
    status::{self, Status},
};

/// How long a look may take in all, waited for or not.
const LOOK_TIME: Duration = Duration::from_secs(60);
/// How often is looked while there is no set.
const AGAIN: Duration = Duration::from_secs(1);
/// After how long is looked again where what failed may have passed: a source that did not answer, or a look that was
/// frozen with its Lambda environment and ran out of time without having run.
const AGAIN_AFTER_FAULT: Duration = Duration::from_secs(10);
/// How long a start, and an invocation without a set, wait for one: a start has ten seconds.
const COLD: Duration = Duration::from_secs(8);
/// How often a process says that the set in force goes out of date.
const WARN_AGAIN: Duration = Duration::from_secs(60 * 60);
/// Of an invocation's own time no more than this part is waited.
const WAIT_PART: u32 = 2;

/// How old a set may become, and what a look may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How old the last look may be.
    pub max_age: Duration,
    /// How long an invocation waits for a look.
    pub within: Duration,
}

/// Looks after the set of one tasker. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Refresher {
    shared: Arc<Shared>,
}

struct Shared {
    tasker: Tasker,
    loader: Loader,
    timing: Timing,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the last look ended.
    looked_at: Option<Instant>,
    /// Turns true when the look that is under way has ended.
    under_way: Option<watch::Receiver<bool>>,
    /// What is in force.
    loaded: Option<Arc<Loaded>>,
    /// What the source calls the manifest that is in force.
    tag: Option<String>,
    /// Whether the last look failed by what may pass.
    again_soon: bool,
    /// Whether what was in force is given up, because it is out of date.
    is_expired: bool,
    /// When it was last said that the set in force goes out of date.
    warned_at: Option<Instant>,
    status: Status,
}

impl State {
    /// Whether payloads are served.
    fn has_set(&self) -> bool {
        self.loaded.is_some() && !self.is_expired
    }
}

impl Refresher {
    /// Looks after the set of a tasker.
    #[must_use]
    pub fn new(tasker: Tasker, loader: Loader, timing: Timing) -> Self {
        let status = Status::of(loader.source().place());
        Self {
            shared: Arc::new(Shared {
                tasker,
                loader,
                timing,
                state: Mutex::new(State {
                    status,
                    ..State::default()
                }),
            }),
        }
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.with(|state| state.status.clone())
    }

    /// At the start of the host.
    pub async fn start(&self) {
        self.look(Instant::now() + COLD).await;
        self.shared.check_expiry();
    }

    /// At the head of an invocation, which has to end by `deadline`.
    pub async fn head(&self, deadline: Instant) {
        let now = Instant::now();
        let has_set = self.shared.with(|state| state.has_set());
        let most = if has_set {
            self.shared.timing.within
        } else {
            COLD
        };
        let left = deadline.saturating_duration_since(now);
        self.look(now + most.min(left / WAIT_PART)).await;
        self.shared.check_expiry();
    }

    /// Looks if it is time to, and waits for that until then.
    async fn look(&self, until: Instant) {
        let Some(mut ended) = self.begin() else {
            return;
        };
        // The sender is dropped with the look, however it ends.
        let _ = timeout_at(until, ended.wait_for(|ended| *ended)).await;
    }

    /// Begins a look, unless one is under way; none if it is not time to.
    fn begin(&self) -> Option<watch::Receiver<bool>> {
        let now = Instant::now();
        let (end, ended) = watch::channel(false);
        let before = self.shared.with(|state| {
            if let Some(under_way) = &state.under_way
                && under_way.has_changed().is_ok()
            {
                return Some(Err(under_way.clone()));
            }
            let max_age = self.shared.timing.max_age;
            let age = match state.has_set() {
                false => max_age.min(AGAIN),
                true if state.again_soon => max_age.min(AGAIN_AFTER_FAULT),
                true => max_age,
            };
            let is_due = state
                .looked_at
                .is_none_or(|at| now.saturating_duration_since(at) >= age);
            is_due.then(|| {
                state.under_way = Some(ended.clone());
                Ok((state.loaded.clone(), state.tag.clone()))
            })
        })?;
        let (loaded, tag) = match before {
            Ok(before) => before,
            Err(under_way) => return Some(under_way),
        };
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            // In a task of its own, a panic is one failed look.
            let look = tokio::spawn({
                let shared = Arc::clone(&shared);
                async move {
                    let look = shared.load(loaded.as_deref(), tag.as_deref());
                    match tokio::time::timeout(LOOK_TIME, look).await {
                        Ok(found) => found,
                        Err(_) => Err(SetError::TooSlow(LOOK_TIME.as_secs())),
                    }
                }
            });
            let found = look.await.unwrap_or_else(|_| Err(SetError::Defect));
            shared.conclude(found);
            // Nobody may be waiting any more.
            let _ = end.send(true);
        });
        Some(ended)
    }
}

/// What a look found.
enum Found {
    /// The same manifest as last time.
    Same,
    /// Another set, whole and allowed.
    New {
        loaded: Arc<Loaded>,
        tag: Option<String>,
    },
}

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn load(&self, before: Option<&Loaded>, tag: Option<&str>) -> Result<Found, SetError> {
        let Some(fetched) = self.loader.source().manifest(tag).await? else {
            return Ok(Found::Same);
        };
        let Ports { ledger, clock, .. } = self.tasker.ports();
        let now = clock.now();
        let loaded = self.loader.load_at(&fetched.bytes, before, now).await?;
        let deployment = &self.tasker.options().deployment;
        revision::advance(
            ledger.as_ref(),
            clock.as_ref(),
            deployment,
            loaded.revision,
            &loaded.digest,
        )
        .await?;
        Ok(Found::New {
            loaded: Arc::new(loaded),
            tag: fetched.tag,
        })
    }

    /// Warns of a set in force that goes out of date, and gives up one that is where the configuration says so.
    fn check_expiry(&self) {
        let now = self.tasker.ports().clock.now();
        let terms = self.loader.terms();
        self.with(|state| {
            let Some(loaded) = state.loaded.as_ref().filter(|_| !state.is_expired) else {
                return;
            };
            let (Some(end), revision) = (loaded.not_after, loaded.revision) else {
                return;
            };
            if terms.refuse_expired && end <= now {
                let reason = SetError::Expired(end).to_string();
                tracing::error!(
                    source = state.status.source,
                    reason,
                    revision,
                    alarm = "PolicySetExpired",
                    "the policy set is given up; payloads are answered with PolicyUnavailable"
                );
                self.tasker.swap(PolicySet::unavailable(&reason));
                state.is_expired = true;
                state.status.in_force = None;
                state.status.problem = Some(status::Reason {
                    at: status::now(),
                    reason,
                });
            } else if let Some(notice) = expiry::notice(end, now, terms.expiry_notice)
                && state.warned_at.is_none_or(|at| at.elapsed() >= WARN_AGAIN)
            {
                tracing::warn!(
                    source = state.status.source,
                    revision,
                    alarm = "PolicySetExpires",
                    "{notice}"
                );
                state.warned_at = Some(Instant::now());
            }
        });
    }

    /// Puts in force what was found, by one swap, or says why not.
    fn conclude(&self, found: Result<Found, SetError>) {
        let now = status::now();
        self.with(|state| {
            state.looked_at = Some(Instant::now());
            state.under_way = None;
            state.status.looked_at = Some(now.clone());
            state.again_soon = found.as_ref().is_err_and(SetError::may_pass);
            match found {
                // One that was given up is no better for being the same.
                Ok(Found::Same) if state.is_expired => {}
                Ok(Found::Same) => state.status.problem = None,
                Ok(Found::New { loaded, tag }) => {
                    let is_new = state.is_expired
                        || state
                            .loaded
                            .as_ref()
                            .is_none_or(|before| before.digest != loaded.digest);
                    if is_new {
                        status::log(&loaded);
                        self.tasker.swap(loaded.set());
                        state.status.in_force = Some(status::InForce::of(&loaded, now));
                        state.loaded = Some(loaded);
                        state.is_expired = false;
                        state.warned_at = None;
                    }
                    state.tag = tag;
                    state.status.problem = None;
                }
                Err(error) => {
                    let reason = error.to_string();
                    let in_force = state.status.in_force.as_ref().map(|set| set.revision);
                    let source = &state.status.source;
                    if matches!(error, SetError::TooSlow(_)) {
                        tracing::warn!(
                            source,
                            reason,
                            in_force,
                            "a look at the policy set came to nothing"
                        );
                    } else if in_force.is_some() {
                        tracing::error!(
                            source,
                            reason,
                            in_force,
                            alarm = "PolicySetRefused",
                            "a policy set is not put in force; what was in force stays"
                        );
                    } else {
                        tracing::error!(
                            source,
                            reason,
                            alarm = "PolicySetRefused",
                            "no policy set is in force; payloads are answered with PolicyUnavailable"
                        );
                    }
                    if state.loaded.is_none() {
                        self.tasker.swap(PolicySet::unavailable(&reason));
                    }
                    // What is there was not taken, and a file that it names may come yet: it is looked at again.
                    state.tag = None;
                    state.status.problem = Some(status::Reason { at: now, reason });
                }
            }
        });
    }
}
