//! How fast time passes in a demo.

use std::time::Duration;

/// How many seconds of the story pass in one second of the wall clock.
///
/// Sleeping SQL, heartbeats, waits and retries are shortened by it; durations that are reported are measured
/// and not scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeScale(f64);

impl TimeScale {
    /// As on AWS: a second takes a second.
    pub const REAL: Self = Self(1.0);

    /// `factor` seconds of the story pass in one. What is not a positive number counts as 1.
    pub fn new(factor: f64) -> Self {
        if factor.is_finite() && factor > 0.0 {
            Self(factor)
        } else {
            Self::REAL
        }
    }

    /// How many seconds of the story pass in one.
    pub fn factor(self) -> f64 {
        self.0
    }

    /// How long `story` takes on the wall clock.
    pub fn wall(self, story: Duration) -> Duration {
        Duration::try_from_secs_f64(story.as_secs_f64() / self.0).unwrap_or(Duration::MAX)
    }

    /// How long `seconds` of the story take on the wall clock. Negative numbers and NaN count as none.
    pub fn wall_seconds(self, seconds: f64) -> Duration {
        Duration::try_from_secs_f64((seconds / self.0).max(0.0)).unwrap_or(Duration::MAX)
    }
}

impl Default for TimeScale {
    fn default() -> Self {
        Self::REAL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faster_story_takes_less_time() {
        let scale = TimeScale::new(100.0);
        assert_eq!(
            scale.wall(Duration::from_secs(60)),
            Duration::from_millis(600)
        );
        assert_eq!(scale.wall_seconds(1.0), Duration::from_millis(10));
    }

    #[test]
    fn nonsense_is_harmless() {
        assert_eq!(TimeScale::new(0.0), TimeScale::REAL);
        assert_eq!(TimeScale::new(f64::NAN), TimeScale::REAL);
        assert_eq!(TimeScale::REAL.wall_seconds(-1.0), Duration::ZERO);
        assert_eq!(TimeScale::REAL.wall_seconds(f64::NAN), Duration::ZERO);
        assert_eq!(TimeScale::REAL.wall_seconds(1e300), Duration::MAX);
    }
}
