//! How often a service is asked: a token bucket per operation.

use std::sync::{Mutex, PoisonError};

use tokio::time::{Duration, Instant, sleep_until};

use crate::options::Rates;

/// The paces of what the host asks of its own accord.
#[derive(Debug)]
pub(super) struct Paces {
    pub(super) describes: Pace,
    pub(super) lists: Pace,
    pub(super) cancels: Pace,
}

impl Paces {
    pub(super) fn new(rates: &Rates) -> Self {
        Self {
            describes: Pace::new(rates.describes),
            lists: Pace::new(rates.lists),
            cancels: Pace::new(rates.cancels),
        }
    }
}

/// Lets calls through at a rate. What was not used is kept for at most one second's worth of calls, so that an
/// environment that slept does not wake up with a burst.
#[derive(Debug)]
pub(super) struct Pace {
    per_second: f64,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// Calls that may be made at once; negative for those that are waited for.
    calls: f64,
    counted_at: Instant,
}

impl Pace {
    /// A pace of so many calls a second, more than 0.
    pub(super) fn new(per_second: f64) -> Self {
        // Not a number or nothing at all would wait for ever.
        let per_second = if per_second > 0.0 { per_second } else { 1.0 };
        Self {
            per_second,
            bucket: Mutex::new(Bucket {
                calls: per_second.max(1.0),
                counted_at: Instant::now(),
            }),
        }
    }

    /// Waits for a turn. False, and at once, if there is none before `deadline`; then no turn was taken.
    pub(super) async fn turn(&self, deadline: Instant) -> bool {
        match self.reserve(deadline) {
            Some(at) => {
                sleep_until(at).await;
                true
            }
            None => false,
        }
    }

    fn reserve(&self, deadline: Instant) -> Option<Instant> {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let earned = now
            .saturating_duration_since(bucket.counted_at)
            .as_secs_f64();
        bucket.calls = (bucket.calls + earned * self.per_second).min(self.per_second.max(1.0));
        bucket.counted_at = now;
        let missing = (1.0 - bucket.calls).max(0.0);
        let wait = Duration::try_from_secs_f64(missing / self.per_second).ok()?;
        let at = now.checked_add(wait)?;
        if at > deadline {
            return None;
        }
        bucket.calls -= 1.0;
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn turns_within(pace: &Pace, time: Duration) -> u32 {
        let end = Instant::now() + time;
        let mut turns = 0;
        while pace.turn(end).await {
            turns += 1;
        }
        turns
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_a_second_and_a_second_s_worth_at_once() {
        for (rate, expected) in [(3.0, 3 + 30), (0.5, 1 + 5), (100.0, 100 + 1_000)] {
            let pace = Pace::new(rate);
            let turns = turns_within(&pace, Duration::from_secs(10)).await;
            assert!(
                (expected - 2..=expected).contains(&turns),
                "{rate}: {turns}, not {expected}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_sleep_is_no_burst() {
        let pace = Pace::new(2.0);
        assert!(turns_within(&pace, Duration::from_secs(1)).await >= 3);
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert_eq!(turns_within(&pace, Duration::ZERO).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_comes_too_late_is_not_taken() {
        let pace = Pace::new(1.0);
        assert!(pace.turn(Instant::now()).await);
        assert!(!pace.turn(Instant::now() + Duration::from_millis(999)).await);
        assert!(
            pace.turn(Instant::now() + Duration::from_millis(1_001))
                .await
        );
    }

    #[tokio::test(start_paused = true)]
    async fn many_at_once_queue() {
        let pace = Pace::new(2.0);
        let begun = Instant::now();
        let end = begun + Duration::from_secs(60);
        let (a, b, c, d) = tokio::join!(
            pace.turn(end),
            pace.turn(end),
            pace.turn(end),
            pace.turn(end)
        );
        assert!(a && b && c && d);
        assert!(
            begun.elapsed() >= Duration::from_secs(1),
            "{:?}",
            begun.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_that_is_none_is_a_slow_one() {
        for rate in [0.0, -1.0, f64::NAN] {
            assert!(Pace::new(rate).turn(Instant::now()).await, "{rate}");
        }
    }
}
