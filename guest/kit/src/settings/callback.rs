//! What an outcome means to the waiting task.

use super::glob::Glob;
use crate::sql::Kind;

/// A callback rule: outcomes, and what the task is told of them.
#[derive(Debug, Clone, PartialEq)]
pub struct CallbackRule {
    /// Its name, for messages.
    pub name: String,
    /// States, such as `FAILED`; empty for any.
    pub states: Vec<String>,
    /// Codes of the engine's error; empty for any.
    pub codes: Vec<String>,
    /// Patterns for the engine's message; empty for any.
    pub texts: Vec<Glob>,
    /// Kinds of statements; empty for any.
    pub kinds: Vec<Glob>,
    /// Targets; empty for any.
    pub targets: Vec<Glob>,
    /// Steps; empty for any.
    pub steps: Vec<Glob>,
    /// Whether the failure is worth a retry.
    pub transient: Option<bool>,
    /// What the task is told.
    pub effect: CallbackEffect,
}

/// What a callback rule makes of an outcome.
#[derive(Debug, Clone, PartialEq)]
pub enum CallbackEffect {
    /// The task succeeds.
    Succeed,
    /// The task fails.
    Fail {
        /// The error's name.
        error: String,
        /// The cause; none for the event.
        cause: Option<String>,
    },
}

/// What callback rules look at.
#[derive(Debug, Clone, Copy)]
pub struct CallbackSubject<'a> {
    /// How the statement ended.
    pub state: &'a str,
    /// The engine's message.
    pub error: Option<&'a str>,
    /// The kinds of its statements.
    pub kinds: &'a [Kind],
    /// The target it ran on.
    pub target: &'a str,
    /// Its step.
    pub step: Option<&'a str>,
    /// Whether it failed in a way that is worth a retry.
    pub transient: bool,
}

impl CallbackRule {
    /// Whether it looks at kinds of statements, which must then be noted at the start.
    #[must_use]
    pub fn looks_at_kinds(&self) -> bool {
        !self.kinds.is_empty() || self.transient.is_some()
    }

    /// Whether it holds for every outcome of some state.
    pub(super) fn looks_at_state_only(&self) -> bool {
        self.codes.is_empty()
            && self.texts.is_empty()
            && self.kinds.is_empty()
            && self.targets.is_empty()
            && self.steps.is_empty()
            && self.transient.is_none()
    }

    fn matches(&self, subject: &CallbackSubject<'_>) -> bool {
        let error = subject.error.unwrap_or("");
        let codes = error_codes(error);
        let any = |globs: &[Glob], text: &str| {
            globs.is_empty() || globs.iter().any(|glob| glob.matches(text))
        };
        (self.states.is_empty() || self.states.iter().any(|state| state == subject.state))
            && (self.codes.is_empty()
                || self.codes.iter().any(|code| codes.contains(&code.as_str())))
            && any(&self.texts, error)
            && (self.kinds.is_empty()
                || subject
                    .kinds
                    .iter()
                    .any(|kind| any(&self.kinds, kind.name())))
            && any(&self.targets, subject.target)
            && (self.steps.is_empty() || subject.step.is_some_and(|step| any(&self.steps, step)))
            && self
                .transient
                .is_none_or(|wanted| wanted == subject.transient)
    }
}

impl super::Settings {
    /// What the first matching callback rule says of an outcome.
    #[must_use]
    pub fn callback(&self, subject: &CallbackSubject<'_>) -> Option<&CallbackEffect> {
        self.callbacks
            .iter()
            .find(|rule| rule.matches(subject))
            .map(|rule| &rule.effect)
    }
}

/// The codes in a message of the engine: the number behind `ERROR:` (`ERROR: 1023 DETAIL: Serializable
/// isolation violation …`), the one behind `code:` (`error: … code: 8001 …`), and a state behind `SQLSTATE`
/// (`[SQLState:40001]`, `(SQLSTATE 42P01)`).
#[must_use]
pub fn error_codes(message: &str) -> Vec<&str> {
    let mut codes = Vec::new();
    for (marker, wanted) in [("error:", Digits), ("code:", Digits), ("sqlstate", State)] {
        let lower = message.to_ascii_lowercase();
        for (at, _) in lower.match_indices(marker) {
            let behind = message.get(at + marker.len()..).unwrap_or("");
            let word = behind.trim_start_matches([' ', ':', '=', '\t']);
            let length = word
                .find(|c: char| !c.is_ascii_alphanumeric())
                .unwrap_or(word.len());
            let word = word.get(..length).unwrap_or("");
            if wanted.accepts(word) && !codes.contains(&word) {
                codes.push(word);
            }
        }
    }
    codes
}

use CodeShape::{Digits, State};

/// What a code looks like.
#[derive(Clone, Copy)]
enum CodeShape {
    Digits,
    State,
}

impl CodeShape {
    fn accepts(self, word: &str) -> bool {
        match self {
            Digits => !word.is_empty() && word.chars().all(|c| c.is_ascii_digit()),
            State => {
                word.len() == 5
                    && word
                        .chars()
                        .all(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_where_redshift_puts_them() {
        let serializable = "ERROR: 1023\n  DETAIL: Serializable isolation violation on table - 105";
        assert_eq!(error_codes(serializable), ["1023"]);
        let spectrum = "ERROR: Spectrum Scan Error\n  code:      15001\n  context: x";
        assert_eq!(error_codes(spectrum), ["15001"]);
        assert_eq!(
            error_codes("relation \"t\" does not exist [SQLState:42P01]"),
            ["42P01"]
        );
        assert_eq!(
            error_codes("ERROR: syntax error at or near \"1023\""),
            Vec::<&str>::new()
        );
    }
}
