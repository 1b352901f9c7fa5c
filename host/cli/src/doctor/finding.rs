//! What was found.

use serde::Serialize;
use signalbox_aws::surroundings::LookError;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) check: String,
    pub(super) state: State,
    /// What was found.
    pub(super) found: String,
    /// What to do: commands, or words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) mend: Vec<String>,
}

/// How it is. The later, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum State {
    Good,
    /// It could not be looked at; it is not said to be good.
    Unknown,
    /// Something has to be done.
    Mend,
}

impl Finding {
    pub(super) fn new(check: impl Into<String>, state: State, found: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            state,
            found: found.into(),
            mend: Vec::new(),
        }
    }

    pub(super) fn mend(mut self, how: impl Into<String>) -> Self {
        self.mend.push(how.into());
        self
    }

    /// Something that could not be looked at.
    pub(super) fn unseen(check: impl Into<String>, error: &LookError) -> Self {
        let finding = Self::new(check, State::Unknown, error.to_string());
        match error {
            LookError::Denied { action, .. } => {
                finding.mend(format!("allow {action} to whoever runs this"))
            }
            _ => finding,
        }
    }

    /// One more thing about the same: the worst state counts, every text and every way to mend it is kept.
    pub(super) fn and(
        mut self,
        state: State,
        found: impl AsRef<str>,
        mend: Option<String>,
    ) -> Self {
        self.state = self.state.max(state);
        self.found = format!("{}; {}", self.found, found.as_ref());
        self.mend.extend(mend);
        self
    }

    /// The same of something else that could not be looked at.
    pub(super) fn and_unseen(self, error: &LookError) -> Self {
        let other = Self::unseen("", error);
        let mut all = self.and(State::Unknown, other.found, None);
        all.mend.extend(other.mend);
        all
    }
}
