//! How long an invocation may take.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// No invocation takes longer on Lambda.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// What is left until the deadline that the Runtime API gave.
///
/// Lambda gives a moment. Servers that stand in for it (cargo-lambda) give how long an invocation may take instead: a
/// moment right after 1970, which would leave no time for anything.
pub(super) fn time_left(deadline: SystemTime, now: SystemTime) -> Duration {
    match deadline.duration_since(UNIX_EPOCH) {
        Ok(length) if length <= LONGEST => length,
        _ => deadline.duration_since(now).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn now() -> SystemTime {
        UNIX_EPOCH + 1_800_000_000 * SECOND
    }

    #[test]
    fn a_deadline_is_a_moment() {
        assert_eq!(time_left(now() + 29 * SECOND, now()), 29 * SECOND);
        assert_eq!(time_left(now(), now()), Duration::ZERO);
        assert_eq!(time_left(now() - SECOND, now()), Duration::ZERO);
    }

    #[test]
    fn a_length_is_taken_as_one() {
        assert_eq!(time_left(UNIX_EPOCH + 600 * SECOND, now()), 600 * SECOND);
        assert_eq!(time_left(UNIX_EPOCH, now()), Duration::ZERO);
        // Longer than any invocation: a moment that is long past.
        assert_eq!(time_left(UNIX_EPOCH + 901 * SECOND, now()), Duration::ZERO);
    }
}
