//! Stopping SQL that runs.

use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// A request to stop, shared by the one who asks and the SQL that runs. Once stopped it stays so.
#[derive(Debug, Default)]
pub struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
    notify: Notify,
}

impl Stop {
    /// Not stopped.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Asks to stop.
    pub fn stop(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
        self.notify.notify_waiters();
    }

    /// Returns once somebody has asked to stop.
    pub async fn stopped(&self) {
        loop {
            let mut asked = pin!(self.notify.notified());
            // Before the look, so that no request falls between the two.
            asked.as_mut().enable();
            if self.is_stopped() {
                return;
            }
            asked.await;
        }
    }

    /// Whether somebody asked to stop.
    pub fn is_stopped(&self) -> bool {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks the thread for `time` (wall clock), or until somebody asks to stop. Returns whether it was stopped.
    pub fn sleep(&self, time: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        // No statement lives longer than a day; this also keeps the sum below from overflowing.
        let end = Instant::now() + time.min(Duration::from_secs(24 * 3600));
        let mut stopped = stopped;
        while !*stopped {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            stopped = self
                .changed
                .wait_timeout(stopped, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }
}

/// The stop that is in force on a connection: each statement has its own.
#[derive(Debug, Clone)]
pub(crate) struct StopSlot(Arc<Mutex<Arc<Stop>>>);

impl StopSlot {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Stop::new())))
    }

    pub(crate) fn set(&self, stop: &Arc<Stop>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(stop);
    }

    pub(crate) fn get(&self) -> Arc<Stop> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_ends_when_it_is_stopped() {
        let stop = Stop::new();
        let sleeper = Arc::clone(&stop);
        let thread = std::thread::spawn(move || sleeper.sleep(Duration::from_secs(60)));
        stop.stop();
        assert!(thread.join().expect("no panic"));
        assert!(stop.is_stopped());
    }

    #[tokio::test]
    async fn waiters_are_told() {
        let stop = Stop::new();
        let waiter = Arc::clone(&stop);
        let task = tokio::spawn(async move { waiter.stopped().await });
        tokio::task::yield_now().await;
        stop.stop();
        task.await.expect("no panic");
        stop.stopped().await;
    }

    #[test]
    fn a_sleep_ends_by_itself() {
        assert!(!Stop::new().sleep(Duration::from_millis(1)));
    }
}
