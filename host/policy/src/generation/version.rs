//! Versions of the contract.

use std::fmt;

/// A version without marks for pre-releases: the contract has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) patch: u32,
}

impl Version {
    /// Reads `1.2.3`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(|part| {
            let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| part.parse().ok()).flatten()
        });
        let version = Self {
            major: parts.next()??,
            minor: parts.next()??,
            patch: parts.next()??,
        };
        parts.next().is_none().then_some(version)
    }

    /// Whether wasmtime links policies of the one with a host of the other, in both directions.
    pub(crate) fn is_compatible(self, other: Self) -> bool {
        let track = |version: Self| match version {
            Self { major: 0, .. } => (0, version.minor),
            Self { major, .. } => (major, 0),
        };
        // Of 0.0.x each is on its own.
        track(self) == track(other) && (track(self) != (0, 0) || self == other)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_are_a_version() {
        let version = Version::read("0.1.20").unwrap();
        assert_eq!(version.to_string(), "0.1.20");
        for not in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "1.2.x",
            "1.2.3-rc.1",
            "1.+2.3",
            "1..3",
        ] {
            assert_eq!(Version::read(not), None, "{not}");
        }
    }

    #[test]
    fn the_left_most_number_that_is_not_zero_says_what_is_compatible() {
        let compatible = |a, b| {
            Version::read(a)
                .unwrap()
                .is_compatible(Version::read(b).unwrap())
        };
        assert!(compatible("0.1.0", "0.1.7") && compatible("1.2.3", "1.9.0"));
        assert!(!compatible("0.1.0", "0.2.0") && !compatible("1.0.0", "2.0.0"));
        assert!(!compatible("0.0.1", "0.0.2") && compatible("0.0.1", "0.0.1"));
        assert!(!compatible("0.1.0", "1.1.0"));
    }
}
