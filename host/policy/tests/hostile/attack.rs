//! An attack, what must come of it, and what it cost.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use signalbox_policy::{
    CallContext, ComponentPolicy, Fault, FaultKind, Limits, LoadError, Loading, Policy,
    PolicyEngine, Source, contract::Waiter, journal::Journaled,
};

use crate::{
    common::{self, Fake},
    guest::Guest,
};

/// No attack may take longer, on the slowest machine.
const LONGEST: Duration = Duration::from_secs(20);

/// What an attack may leave behind in the host's memory, in KiB. The allocator and the compiler keep some.
const LEFT: u64 = 96 * 1024;

/// A component that means harm.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    component: Vec<u8>,
    limits: Limits,
    waiter: Option<Waiter>,
    export: &'static str,
    expected: FaultKind,
    says: &'static str,
}

/// How long a guest may run here.
pub(crate) const GUEST_TIME: u64 = 150;

/// Limits for attacks.
pub(crate) fn limits() -> Limits {
    Limits {
        guest_time_ms: GUEST_TIME,
        memory: 16 << 20,
        ..Limits::default()
    }
}

impl Attack {
    /// An attack in `invoke` which must end as a fault of this kind, whose message contains these words.
    pub(crate) fn new(
        name: &'static str,
        guest: &Guest,
        expected: FaultKind,
        says: &'static str,
    ) -> Self {
        Self {
            name,
            component: guest.build(),
            limits: limits(),
            waiter: None,
            export: "invoke",
            expected,
            says,
        }
    }

    /// Somebody waits for the task.
    pub(crate) fn waited_for(mut self) -> Self {
        self.waiter = Some(Waiter::StepFunctions);
        self
    }

    /// It comes in another export; for `describe` and those that look at settings the policy does not even load.
    pub(crate) fn during(mut self, export: &'static str) -> Self {
        self.export = export;
        self
    }

    pub(crate) fn within(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    fn loading(&self) -> Loading {
        Loading {
            name: "team".to_owned(),
            source: Source::Component(self.component.clone().into()),
            settings: "{}".to_owned(),
            limits: self.limits,
            redact: None,
        }
    }

    async fn attack(
        &self,
        policy: &ComponentPolicy,
        context: CallContext,
    ) -> Result<(), LoadError> {
        let outcome = match self.export {
            "settle" => policy
                .settle(context, common::settlement(), Waiter::StepFunctions)
                .await
                .map(drop),
            "closed" => policy.closed(context, common::closing()).await.map(drop),
            _ => policy
                .invoke(context, common::payload("{}"), self.waiter)
                .await
                .map(drop),
        };
        Ok(outcome?)
    }

    /// Does it again and again. The component is compiled once for those that come in a call.
    pub(crate) async fn repeat(&self, engine: &PolicyEngine, times: usize) {
        let services = Fake::new();
        let loaded = engine.load(self.loading()).await;
        for _ in 0..times {
            let outcome = match &loaded {
                Ok(policy) => self.attack(policy, common::context(&services)).await,
                Err(_) => engine.load(self.loading()).await.map(drop),
            };
            assert!(outcome.is_err(), "{}", self.name);
        }
    }

    /// Whether it is over as soon as it is found out: those that use up their time are not for repeating.
    pub(crate) fn is_quick(&self) -> bool {
        self.expected != FaultKind::Timeout
    }

    /// Does it, and says what it cost, or what went otherwise than it has to.
    pub(crate) async fn run(
        self,
        engine: &PolicyEngine,
        good: &dyn Policy,
    ) -> Result<Figures, String> {
        let services = Fake::new();
        let before = resident();
        let begun = Instant::now();
        let loaded = engine.load(self.loading()).await;
        let compiled = begun.elapsed();
        let begun = Instant::now();
        // As in production, what is asked of the services is written down, and kept until the event is over.
        let journal = Arc::new(Journaled::new(Arc::clone(&services)));
        let context = CallContext {
            services: journal.clone(),
            ..common::context(&services)
        };
        let outcome = match loaded {
            Err(error) => Err(error),
            Ok(policy) => self.attack(&policy, context).await,
        };
        // What is stopped at load was stopped while loading.
        let stopped = match self.export {
            "describe" | "validate-settings" | "prepare-settings" => compiled,
            _ => begun.elapsed(),
        };
        let name = self.name;
        let Err(LoadError::Fault { kind, reason, .. }) = outcome else {
            return Err(format!("{name}: {outcome:?}"));
        };
        let prefix = format!("`{}`: ", self.export);
        if kind != self.expected || !reason.starts_with(&prefix) || !reason.contains(self.says) {
            return Err(format!("{name}: {kind:?}: {reason}"));
        }
        if stopped >= LONGEST {
            return Err(format!("{name} took {stopped:?}"));
        }
        if services.starts() != 0 {
            return Err(format!("{name}: a statement was started"));
        }
        serves(good, name).await;
        let left = resident().saturating_sub(before);
        drop(journal);
        if left >= LEFT {
            return Err(format!("{name} left {left} KiB in the host"));
        }
        let fault = Fault {
            policy: String::new(),
            kind,
            message: reason,
            usage: signalbox_policy::Usage::default(),
            decided: false,
        };
        Ok(Figures {
            name,
            error: fault.error_name(),
            kind,
            stopped,
            left,
            message: fault.message,
        })
    }
}

/// The next event is served.
pub(crate) async fn serves(good: &dyn Policy, after: &str) {
    let services: Arc<Fake> = Fake::new();
    let next = good
        .invoke(common::context(&services), common::payload("{}"), None)
        .await;
    assert_eq!(next.unwrap().reply.unwrap(), "{}", "after {after}");
}

/// What an attack came to.
pub(crate) struct Figures {
    name: &'static str,
    error: &'static str,
    kind: FaultKind,
    stopped: Duration,
    left: u64,
    message: String,
}

impl Figures {
    pub(crate) const HEAD: &'static str = "attack                                             error          kind       stopped after  left in host  message";

    /// A line of the table.
    pub(crate) fn line(&self) -> String {
        let Self {
            name,
            error,
            kind,
            stopped,
            left,
            message,
        } = self;
        let message: String = message.chars().take(90).collect();
        let ms = stopped.as_secs_f64() * 1000.0;
        format!(
            "{name:<50} {error:<14} {:<10} {ms:>10.1} ms {left:>9} KiB  {message}",
            format!("{kind:?}")
        )
    }
}

/// What the process holds in memory, in KiB; 0 where the system does not say.
pub(crate) fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    pages.unwrap_or_default() * 4
}
