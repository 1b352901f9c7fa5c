//! What is wrong with a configuration, for the person who writes it.

use std::fmt;

/// Everything that is wrong with a configuration; at least one problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The problems, in the order in which they were found.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: an environment variable, or a file with line and key.
    pub place: String,
    /// What is wrong there and what to do.
    pub message: String,
}

impl Problem {
    /// A problem with an environment variable.
    pub(super) fn variable(name: &str, message: impl Into<String>) -> Self {
        Self {
            place: format!("environment variable {name}"),
            message: message.into(),
        }
    }

    /// A problem with a key of a file.
    pub(super) fn key(file: &str, key: &str, message: impl Into<String>) -> Self {
        Self {
            place: format!("{file}, {key}"),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [problem] = self.problems.as_slice() {
            return problem.fmt(f);
        }
        write!(f, "{} settings are wrong", self.problems.len())?;
        for problem in &self.problems {
            write!(f, "\n- {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}
