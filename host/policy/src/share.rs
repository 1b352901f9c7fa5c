//! A share of events that is the same everywhere and every time.

use sha2::{Digest, Sha256};

/// What the whole is divided into.
const PARTS: u64 = 10_000;

/// A share, in hundredths of a percent.
///
/// Which events are in it is decided by a hash of what they belong to, such as their execution's ARN. So the events of one
/// execution fall to the same side in every process, and a share that grows keeps those that it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(u64);

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self(PARTS);

    /// So many percent; none if it is no number from 0 to 100.
    #[must_use]
    pub fn percent(percent: f64) -> Option<Self> {
        let parts = (percent * 100.0).round();
        (0.0..=PARTS as f64)
            .contains(&parts)
            .then_some(Self(parts as u64))
    }

    /// Whether what belongs to `key` is in the share. `salt` tells apart decisions that have nothing to do with each
    /// other, such as the canary of one route and the sample of another.
    #[must_use]
    pub fn takes(self, salt: &str, key: &str) -> bool {
        let digest = Sha256::new()
            .chain_update(salt)
            .chain_update([0])
            .chain_update(key)
            .finalize();
        let number = digest
            .iter()
            .take(8)
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        number % PARTS < self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(percent: f64, salt: &str) -> Vec<usize> {
        let share = Share::percent(percent).unwrap();
        (0..10_000)
            .filter(|n| share.takes(salt, &format!("arn:aws:states:eu-west-1:1:execution:m:{n}")))
            .collect()
    }

    #[test]
    fn a_share_is_about_as_large_as_it_says() {
        assert_eq!(taken(0.0, "a").len(), 0);
        assert_eq!(taken(100.0, "a").len(), 10_000);
        let tenth = taken(10.0, "a").len();
        assert!((850..1_150).contains(&tenth), "{tenth}");
        let hundredth = taken(1.0, "a").len();
        assert!((60..140).contains(&hundredth), "{hundredth}");
    }

    #[test]
    fn a_share_that_grows_keeps_what_it_had() {
        let (few, more) = (taken(5.0, "a"), taken(20.0, "a"));
        assert!(few.iter().all(|n| more.contains(n)));
        assert_ne!(few, taken(5.0, "b"), "another salt is another choice");
    }

    /// Other processes, other architectures and later versions have to choose the same.
    #[test]
    fn the_choice_is_for_ever() {
        assert_eq!(taken(0.1, "canary")[..3], [667, 2_591, 2_607]);
    }

    #[test]
    fn a_share_is_a_part_of_the_whole() {
        for wrong in [-0.01, 100.01, f64::NAN, f64::INFINITY] {
            assert_eq!(Share::percent(wrong), None, "{wrong}");
        }
    }
}
