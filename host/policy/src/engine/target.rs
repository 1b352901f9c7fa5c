//! What components are compiled for.

use std::{fmt, str::FromStr};

/// A machine to compile for: an architecture at its baseline, and an operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(String);

impl Target {
    /// AWS Lambda on x86-64.
    pub const X86_64_LAMBDA: &str = "x86_64-unknown-linux-gnu";
    /// AWS Lambda on Graviton.
    pub const AARCH64_LAMBDA: &str = "aarch64-unknown-linux-gnu";

    /// This machine.
    #[must_use]
    pub fn host() -> Self {
        Self(target_lexicon::HOST.to_string())
    }

    /// As a target triple.
    #[must_use]
    pub fn triple(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_windows(&self) -> bool {
        self.0.contains("windows")
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A target triple, or Lambda's name of an architecture: `x86_64` or `arm64`.
impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, UnknownTarget> {
        match text {
            "x86_64" => Ok(Self(Self::X86_64_LAMBDA.to_owned())),
            "arm64" | "aarch64" => Ok(Self(Self::AARCH64_LAMBDA.to_owned())),
            "host" => Ok(Self::host()),
            _ => match target_lexicon::Triple::from_str(text) {
                Ok(triple) => Ok(Self(triple.to_string())),
                Err(_) => Err(UnknownTarget(text.to_owned())),
            },
        }
    }
}

/// A target that cannot be compiled for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no target: give `x86_64` or `arm64` (the architectures of AWS Lambda), `host`, or a target triple \
     such as `{triple}`", triple = Target::X86_64_LAMBDA
)]
pub struct UnknownTarget(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambdas_names_are_known() {
        assert_eq!(
            "arm64".parse::<Target>().unwrap().triple(),
            Target::AARCH64_LAMBDA
        );
        assert_eq!(
            "x86_64".parse::<Target>().unwrap().triple(),
            Target::X86_64_LAMBDA
        );
        assert_eq!("host".parse::<Target>().unwrap(), Target::host());
    }

    #[test]
    fn another_name_is_refused_with_the_known_ones() {
        let error = "vax".parse::<Target>().unwrap_err().to_string();
        assert!(
            error.contains("`vax`") && error.contains("`arm64`"),
            "{error}"
        );
    }
}
