//! What belongs to one instance, and so to one call.

use std::sync::Arc;

use crate::{
    call::{CallContext, Usage},
    contract::Waiter,
    instance::{
        log::Log,
        meter::{Expired, Meter, Turns},
        stop::Stop,
        task::{Export, Task},
    },
    limits::{Allowance, Limits},
    services::Services,
};

/// The data of a store.
pub(crate) struct State {
    pub(crate) export: Export,
    pub(crate) limits: Limits,
    pub(crate) services: Arc<dyn Services>,
    pub(crate) now: u64,
    pub(crate) task: Task,
    pub(crate) log: Log,
    pub(crate) allowance: Allowance,
    #[cfg(feature = "wasi")]
    pub(crate) wasi: crate::instance::wasi::Wasi,
    meter: Meter,
    calls: u32,
}

impl State {
    pub(crate) fn new(
        export: Export,
        waiter: Option<Waiter>,
        limits: Limits,
        context: CallContext,
        log: Log,
    ) -> Self {
        Self {
            #[cfg(feature = "wasi")]
            wasi: crate::instance::wasi::Wasi::new(
                crate::instance::wasi::Frame {
                    start: context.now,
                    export: export.name(),
                    subject: String::new(),
                },
                log.clone(),
            ),
            export,
            limits,
            services: context.services,
            now: context.now,
            task: Task::new(export, waiter),
            log,
            allowance: Allowance::new(limits),
            meter: Meter::start(limits.guest_time(), context.deadline),
            calls: 0,
        }
    }

    /// What the call is about: the id of the request, or of the statement's record.
    pub(crate) fn about(&mut self, subject: &str) {
        #[cfg(feature = "wasi")]
        self.wasi.about(subject);
        #[cfg(not(feature = "wasi"))]
        let _: &str = subject;
    }

    /// By which the guest's own turns are counted.
    pub(crate) fn turns(&self) -> Turns {
        self.meter.turns()
    }

    /// The epoch advanced while the guest ran.
    pub(crate) fn tick(&mut self) -> Result<(), Stop> {
        self.meter.tick().map_err(|expired| self.expired(expired))
    }

    /// A call of a service begins: the guest's time stands still.
    pub(crate) fn enter_host(&mut self) -> Result<Arc<dyn Services>, Stop> {
        self.calls = self.calls.saturating_add(1);
        if self.calls > self.limits.host_calls {
            return Err(Stop::HostCalls(self.limits.host_calls));
        }
        self.meter
            .enter_host()
            .map_err(|expired| self.expired(expired))?;
        Ok(Arc::clone(&self.services))
    }

    /// It ended: the guest has the time that remained to it.
    pub(crate) fn enter_guest(&mut self) -> Result<(), Stop> {
        self.meter
            .enter_guest()
            .map_err(|expired| self.expired(expired))
    }

    /// What was used so far; without fuel, which the store knows.
    pub(crate) fn usage(&mut self) -> Usage {
        let (guest_time, host_time) = self.meter.used();
        Usage {
            guest_time,
            host_time,
            host_calls: self.calls,
            memory: self.allowance.memory(),
            fuel: None,
        }
    }

    fn expired(&self, expired: Expired) -> Stop {
        match expired {
            Expired::Guest => Stop::GuestTime(self.limits.guest_time()),
            Expired::Event => Stop::Deadline,
        }
    }
}
