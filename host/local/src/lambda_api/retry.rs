//! Repeating asynchronous invocations.

use std::time::Duration;

/// How an asynchronous invocation that failed is repeated. Pauses double.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often it is repeated; Lambda's default is twice.
    pub times: u32,
    /// How long the first pause is; Lambda's is a minute.
    pub first_pause: Duration,
    /// No pause is longer.
    pub longest_pause: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            times: 2,
            first_pause: Duration::from_secs(60),
            longest_pause: Duration::from_secs(120),
        }
    }
}

impl Retry {
    /// The pause before the repeat of this number, which counts from 1.
    #[must_use]
    pub fn pause(&self, number: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(number.saturating_sub(1));
        self.first_pause
            .saturating_mul(doubled)
            .min(self.longest_pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound() {
        let retry = Retry {
            times: 15,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
        };
        let seconds: Vec<u64> = (1..=8).map(|n| retry.pause(n).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(retry.pause(u32::MAX), Duration::from_secs(30));
    }
}
