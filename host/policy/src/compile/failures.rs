//! Components that could not be compiled, and when they may be tried again.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::load_error::LoadError;

/// How long a component is not tried again after its first failure; doubled each time.
const PAUSE: Duration = Duration::from_secs(60);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(3_600);
/// So many are remembered; the one that may be tried first is forgotten first.
const REMEMBERED: usize = 64;

#[derive(Default)]
struct Failures(Option<HashMap<String, Failure>>);

struct Failure {
    error: LoadError,
    tries: u32,
    again: Instant,
}

static FAILURES: Mutex<Failures> = Mutex::new(Failures(None));

/// Whether a component may be tried.
///
/// # Errors
/// Why it failed last, if that is not long ago.
pub(crate) fn check(policy: &str, digest: &str) -> Result<(), LoadError> {
    let failures = FAILURES.lock().unwrap_or_else(PoisonError::into_inner);
    failures.check(policy, digest, Instant::now())
}

/// Remembers that a component could not be compiled.
pub(crate) fn note(digest: &str, error: &LoadError) {
    let mut failures = FAILURES.lock().unwrap_or_else(PoisonError::into_inner);
    failures.note(digest, error, Instant::now());
}

impl Failures {
    fn check(&self, policy: &str, digest: &str, now: Instant) -> Result<(), LoadError> {
        let Some(failure) = self.0.as_ref().and_then(|all| all.get(digest)) else {
            return Ok(());
        };
        let left = failure.again.saturating_duration_since(now);
        if left.is_zero() {
            return Ok(());
        }
        Err(LoadError::TriedBefore {
            policy: policy.to_owned(),
            tries: failure.tries,
            seconds: left.as_secs() + 1,
            reason: failure.error.to_string(),
        })
    }

    fn note(&mut self, digest: &str, error: &LoadError, now: Instant) {
        let all = self.0.get_or_insert_default();
        let tries = all.get(digest).map_or(0, |failure| failure.tries) + 1;
        if !all.contains_key(digest)
            && all.len() >= REMEMBERED
            && let Some(first) = all
                .iter()
                .min_by_key(|(_, failure)| failure.again)
                .map(|(digest, _)| digest.clone())
        {
            all.remove(&first);
        }
        let pause = PAUSE.saturating_mul(1 << (tries - 1).min(16)).min(LONGEST);
        all.insert(
            digest.to_owned(),
            Failure {
                error: error.clone(),
                tries,
                again: now + pause,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_remembered_for_longer_each_time_and_few_are() {
        let mut failures = Failures::default();
        let error = LoadError::world("p", "broken");
        let begun = Instant::now();
        assert!(failures.check("p", "a", begun).is_ok());
        failures.note("a", &error, begun);
        assert!(failures.check("p", "a", begun + PAUSE / 2).is_err());
        assert!(failures.check("p", "b", begun).is_ok());
        let second = begun + PAUSE;
        assert!(failures.check("p", "a", second).is_ok());
        failures.note("a", &error, second);
        assert!(failures.check("p", "a", second + PAUSE).is_err());
        for n in 0..200 {
            failures.note(&format!("n{n}"), &error, second);
        }
        assert_eq!(failures.0.as_ref().map(HashMap::len), Some(REMEMBERED));
        for _ in 0..40 {
            failures.note("n199", &error, second);
        }
        assert!(failures.check("p", "n199", second + LONGEST).is_ok());
    }
}
