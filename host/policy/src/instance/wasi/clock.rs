//! Time, as it is recorded.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock,
    p2::{DynPollable, Pollable, bindings::clocks::monotonic_clock, subscribe},
};

/// How much later it is at each look, in nanoseconds. A loop that waits for time to pass comes to its end.
const LOOK: u64 = 1000;

/// Both clocks of one call. It begins at the event's recorded start, and goes on only when it is looked at or slept by,
/// so that it shows the same times in a replay. A sleep is over at once: nothing happens meanwhile that it could wait for.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    start: Duration,
    /// Nanoseconds since the start.
    passed: Arc<AtomicU64>,
}

impl Clock {
    /// A clock that begins at so many milliseconds since the Unix epoch.
    pub(super) fn starting(start: u64) -> Self {
        Self {
            start: Duration::from_millis(start),
            passed: Arc::default(),
        }
    }

    /// Nanoseconds since the start.
    fn look(&self) -> u64 {
        self.change(|passed| passed.saturating_add(LOOK))
    }

    fn sleep_until(&self, then: u64) {
        self.change(|passed| passed.max(then));
    }

    /// What it showed before.
    fn change(&self, change: impl Fn(u64) -> u64) -> u64 {
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        match self
            .passed
            .fetch_update(set, fetch, |passed| Some(change(passed)))
        {
            Ok(before) | Err(before) => before,
        }
    }
}

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(LOOK)
    }

    fn now(&self) -> Duration {
        self.start.saturating_add(Duration::from_nanos(self.look()))
    }
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        LOOK
    }

    fn now(&self) -> u64 {
        self.look()
    }
}

/// The interface `wasi:clocks/monotonic-clock`.
pub(in crate::instance) struct Monotonic<'a> {
    pub(super) clock: &'a Clock,
    pub(super) table: &'a mut ResourceTable,
}

impl Monotonic<'_> {
    fn sleep(&mut self, until: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let sleep = Sleep {
            clock: self.clock.clone(),
            until,
        };
        let sleep = self.table.push(sleep)?;
        subscribe(self.table, sleep)
    }
}

impl monotonic_clock::Host for Monotonic<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.look())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(LOOK)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.sleep(when)
    }

    fn subscribe_duration(&mut self, time: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.clock.look();
        self.sleep(now.saturating_add(time))
    }
}

/// A sleep, which is over when somebody waits for it.
struct Sleep {
    clock: Clock,
    until: u64,
}

#[async_trait]
impl Pollable for Sleep {
    async fn ready(&mut self) {
        self.clock.sleep_until(self.until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_begins_at_the_start_and_passes_at_each_look() {
        let clock = Clock::starting(1_700_000_000_000);
        let begun = HostWallClock::now(&clock);
        assert_eq!(begun, Duration::from_millis(1_700_000_000_000));
        assert!(HostWallClock::now(&clock) > begun);
        let before = HostMonotonicClock::now(&clock);
        assert!(HostMonotonicClock::now(&clock) > before);
    }

    #[tokio::test]
    async fn a_sleep_is_over_at_once_and_the_clock_knows() {
        let clock = Clock::starting(0);
        for until in [5_000_000_000, 3_000_000_000, u64::MAX] {
            let clock = clock.clone();
            Sleep { clock, until }.ready().await;
        }
        assert_eq!(HostMonotonicClock::now(&clock), u64::MAX);
        assert_eq!(HostMonotonicClock::now(&clock), u64::MAX);
        assert!(HostWallClock::now(&clock) >= Duration::from_nanos(u64::MAX));
    }
}
