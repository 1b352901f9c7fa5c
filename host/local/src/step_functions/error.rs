//! Errors of states, and which `Retry` and `Catch` they match.

use serde_json::{Value, json};

/// The most bytes of a state's input or output (UTF-8).
pub(crate) const DATA_BYTES: usize = 262_144;

/// An error of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateError {
    /// Its name.
    pub error: String,
    /// Its text.
    pub cause: String,
}

impl StateError {
    pub(crate) fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            cause: cause.into(),
        }
    }

    /// The definition and the data do not fit each other.
    pub(crate) fn runtime(cause: impl Into<String>) -> Self {
        Self::new("States.Runtime", cause)
    }

    /// What a `Catch` hands on.
    pub(crate) fn output(&self) -> Value {
        json!({ "Error": self.error, "Cause": self.cause })
    }

    /// Whether one of the names in an `ErrorEquals` means this error.
    pub fn is_one_of(&self, names: &[String]) -> bool {
        names.iter().any(|name| self.is_meant(name))
    }

    fn is_meant(&self, name: &str) -> bool {
        // These end an execution whatever `Catch` says, unless they are called by name.
        let is_terminal = matches!(
            self.error.as_str(),
            "States.Runtime" | "States.DataLimitExceeded"
        );
        match name {
            "States.ALL" => !is_terminal,
            "States.TaskFailed" => !is_terminal && self.error != "States.Timeout",
            "States.Timeout" => {
                matches!(
                    self.error.as_str(),
                    "States.Timeout" | "States.HeartbeatTimeout"
                )
            }
            name => self.error == name,
        }
    }
}

/// Refuses data that is too large to be handed on.
pub(crate) fn within_limit(value: Value) -> Result<Value, StateError> {
    let size = value.to_string().len();
    if size <= DATA_BYTES {
        return Ok(value);
    }
    Err(StateError::new(
        "States.DataLimitExceeded",
        format!("The data has {size} bytes; at most {DATA_BYTES} are allowed."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_mean_what_aws_says() {
        for (error, all, failed, timeout) in [
            ("FAILED", true, true, false),
            ("States.Timeout", true, false, true),
            ("States.HeartbeatTimeout", true, true, true),
            ("States.Runtime", false, false, false),
            ("States.DataLimitExceeded", false, false, false),
        ] {
            let matched = |name: &str| StateError::new(error, "").is_one_of(&[name.to_owned()]);
            assert_eq!(matched("States.ALL"), all, "{error}");
            assert_eq!(matched("States.TaskFailed"), failed, "{error}");
            assert_eq!(matched("States.Timeout"), timeout, "{error}");
            assert!(matched(error));
            assert!(!matched("Other"));
        }
    }
}
