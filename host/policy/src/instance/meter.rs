//! Time: the guest's own, and the host's.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::engine::TICK;

/// The most that one stretch of guest time counts, between two looks at it.
///
/// A running guest is looked at every tick. A longer stretch means that the process was frozen or the machine
/// overloaded, which is not the guest's doing; the event's deadline holds all the same.
const STRETCH: Duration = TICK.saturating_mul(4);

/// Since when the guest of a call has had its present turn. Several calls take turns on one thread, and the turns of the
/// others are not the guest's time.
#[derive(Debug, Clone)]
pub(crate) struct Turns(Arc<Mutex<Instant>>);

impl Turns {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn since(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Runs a call, and notes when each of its turns begins.
    pub(crate) async fn count<F: Future>(&self, call: F) -> F::Output {
        let mut call = pin!(call);
        poll_fn(|context| {
            self.begin();
            call.as_mut().poll(context)
        })
        .await
    }
}

/// Measures one call.
#[derive(Debug)]
pub(crate) struct Meter {
    allowed: Duration,
    deadline: tokio::time::Instant,
    guest: Duration,
    host: Duration,
    running: Running,
    since: Instant,
    turns: Turns,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Running {
    Guest,
    Host,
}

/// Which time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expired {
    /// The guest's own.
    Guest,
    /// The event's.
    Event,
}

impl Meter {
    /// A call begins, in the guest.
    pub(crate) fn start(allowed: Duration, deadline: tokio::time::Instant) -> Self {
        Self {
            allowed,
            deadline,
            guest: Duration::ZERO,
            host: Duration::ZERO,
            running: Running::Guest,
            since: Instant::now(),
            turns: Turns::new(),
        }
    }

    /// The turns that are counted.
    pub(crate) fn turns(&self) -> Turns {
        self.turns.clone()
    }

    /// The guest called the host.
    pub(crate) fn enter_host(&mut self) -> Result<(), Expired> {
        self.look();
        self.running = Running::Host;
        self.check()
    }

    /// The host returned to the guest.
    pub(crate) fn enter_guest(&mut self) -> Result<(), Expired> {
        self.look();
        self.running = Running::Guest;
        self.check()
    }

    /// The clock ticked.
    pub(crate) fn tick(&mut self) -> Result<(), Expired> {
        self.look();
        self.check()
    }

    /// Time in the guest and in the host so far.
    pub(crate) fn used(&mut self) -> (Duration, Duration) {
        self.look();
        (self.guest, self.host)
    }

    fn look(&mut self) {
        let now = Instant::now();
        let stretch = now.saturating_duration_since(self.since);
        let turn = now.saturating_duration_since(self.turns.since());
        self.since = now;
        match self.running {
            Running::Guest => self.guest += stretch.min(turn).min(STRETCH),
            Running::Host => self.host += stretch,
        }
    }

    fn check(&self) -> Result<(), Expired> {
        if self.guest > self.allowed {
            Err(Expired::Guest)
        } else if tokio::time::Instant::now() >= self.deadline {
            Err(Expired::Event)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(seconds: u64) -> tokio::time::Instant {
        tokio::time::Instant::now() + Duration::from_secs(seconds)
    }

    #[test]
    fn time_in_the_host_is_not_the_guests() {
        let mut meter = Meter::start(Duration::from_secs(1), later(60));
        meter.enter_host().unwrap();
        meter.since -= Duration::from_secs(5);
        meter.enter_guest().unwrap();
        let (guest, host) = meter.used();
        assert!(guest < Duration::from_secs(1), "{guest:?}");
        assert!(host >= Duration::from_secs(5), "{host:?}");
    }

    #[test]
    fn a_frozen_process_does_not_cost_the_guest_its_time() {
        let mut meter = Meter::start(Duration::from_secs(1), later(60));
        meter.since -= Duration::from_secs(300);
        *meter.turns.0.lock().unwrap() = meter.since;
        assert_eq!(meter.tick(), Ok(()));
        assert_eq!(meter.guest, STRETCH);
    }

    #[tokio::test]
    async fn the_turns_of_others_are_not_the_guests() {
        let mut meter = Meter::start(Duration::from_secs(1), later(60));
        meter.turns.clone().count(async {}).await;
        meter.since -= STRETCH;
        meter.look();
        assert!(meter.guest < STRETCH / 2, "{:?}", meter.guest);
    }

    #[test]
    fn a_guest_that_runs_on_is_expired() {
        let mut meter = Meter::start(STRETCH * 3, later(60));
        let mut ticks = 0;
        *meter.turns.0.lock().unwrap() -= Duration::from_secs(60);
        while meter.tick().is_ok() {
            meter.since -= TICK;
            ticks += 1;
        }
        assert!((5..=13).contains(&ticks), "{ticks}");
        assert_eq!(meter.tick(), Err(Expired::Guest));
    }

    #[test]
    fn the_events_deadline_is_the_later_check() {
        let mut meter = Meter::start(Duration::from_secs(1), tokio::time::Instant::now());
        assert_eq!(meter.tick(), Err(Expired::Event));
    }
}
