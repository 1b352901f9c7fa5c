//! What the deployer settles.

use std::time::Duration;

use signalbox_policy::contract::UnknownFields;

/// Settings of the domain.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Whose statements these are: the middle of every statement name.
    pub deployment: String,
    /// How long a record stays after its end. The original's `TTL`, there in days.
    pub retention: Duration,
    /// How old an open record is before the sweep looks at it.
    pub sweep_after: Duration,
    /// The longest an invocation can take: Lambda's 15 minutes. A start that is not known to have happened
    /// after that did not happen.
    pub longest_invocation: Duration,
    /// The names of all targets, the default one first.
    pub targets: Vec<String>,
    /// What policies are to do about unknown fields.
    pub unknown_fields: UnknownFields,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            deployment: "local".to_owned(),
            retention: Duration::from_secs(24 * 60 * 60),
            sweep_after: Duration::from_secs(120),
            longest_invocation: Duration::from_secs(15 * 60),
            targets: vec!["default".to_owned()],
            unknown_fields: UnknownFields::Warn,
        }
    }
}
