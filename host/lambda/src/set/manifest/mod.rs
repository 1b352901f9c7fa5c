//! The manifest of a policy set: its form, and what is checked of it without loading anything.

mod check;
mod file;
mod modes;
mod routes;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use signalbox_policy::Limits;
use signalbox_tasker::{Action, Grants, Pattern, Route};

use self::{check::Check, file::ManifestFile};
use super::lines::{Path, line_of};
use crate::{
    config::{LimitsFile, Problem, TOML_BYTES_MAX, read_toml},
    policy_tests::Case,
};

/// The longest manifest that is read, in bytes.
pub const MANIFEST_MAX: usize = TOML_BYTES_MAX;

/// A manifest that was checked by itself.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Its revision: a set with a lower one than was in force before is refused.
    pub revision: u64,
    /// The deployments that it is for; none if it does not say.
    pub deployments: Option<Vec<Pattern>>,
    /// The moment from which on it is out of date.
    pub not_after: Option<Timestamp>,
    /// The policies by name.
    pub policies: BTreeMap<String, Entry>,
    /// Who gets which, in the order in which they are tried.
    pub routes: Vec<Route>,
    /// What is odd and no error.
    pub warnings: Vec<Problem>,
}

/// One policy of a manifest.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where its code is.
    pub code: Code,
    /// Its settings: the text of a JSON object.
    pub settings: String,
    /// What it may use up.
    pub limits: Limits,
    /// The targets it may use, the default one first.
    pub targets: Vec<String>,
    /// What it may do there.
    pub grants: GrantsEntry,
    /// What has to hold before the set is put in force.
    pub tests: Vec<Case>,
}

/// Where a policy's code is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// It comes with the host.
    Standard,
    /// Files beside the manifest.
    Files {
        /// The component.
        component: Option<Pinned>,
        /// What was compiled of it ahead of time, by architecture.
        artifacts: BTreeMap<String, Pinned>,
    },
}

/// A file and the digest that it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// Its name, relative to the manifest.
    pub file: String,
    /// SHA-256 of its bytes: 64 hexadecimal digits, lower case.
    pub sha256: String,
}

/// What a policy may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantsEntry {
    actions: BTreeSet<Action>,
    sql_bytes: Option<usize>,
    statements_per_minute: Option<u32>,
    calls_per_minute: Option<u32>,
}

impl GrantsEntry {
    /// What it has less than another, in words.
    fn lacks(&self, other: &Self) -> Vec<String> {
        let actions = other.actions.difference(&self.actions);
        let mut lacks: Vec<_> = actions.map(|action| format!("no `{action}`")).collect();
        let rate = |rate: Option<u32>| rate.and_then(|rate| usize::try_from(rate).ok());
        for (key, own, others) in [
            ("sql_bytes", self.sql_bytes, other.sql_bytes),
            (
                "statements_per_minute",
                rate(self.statements_per_minute),
                rate(other.statements_per_minute),
            ),
            (
                "calls_per_minute",
                rate(self.calls_per_minute),
                rate(other.calls_per_minute),
            ),
        ] {
            // None is no bound.
            if own.is_some_and(|own| others.is_none_or(|others| own < others)) {
                lacks.push(format!("a lower `{key}`"));
            }
        }
        lacks
    }

    /// As the domain takes it. What is counted by the minute is counted anew.
    #[must_use]
    pub fn grants(&self) -> Grants {
        Grants::of(self.actions.iter().copied())
            .sql_bytes(self.sql_bytes)
            .statements_per_minute(self.statements_per_minute)
            .calls_per_minute(self.calls_per_minute)
    }
}

impl Manifest {
    /// Whether it is for a deployment; one that is not known is not looked at.
    ///
    /// # Errors
    /// Why it is not. A signed set has to say for which it is.
    pub fn is_for(&self, deployment: Option<&str>, is_signed: bool) -> Result<(), String> {
        match (&self.deployments, deployment) {
            (None, _) if is_signed => Err(NO_DEPLOYMENTS.to_owned()),
            (Some(named), Some(deployment))
                if !named.iter().any(|pattern| pattern.matches(deployment)) =>
            {
                let named: Vec<_> = named
                    .iter()
                    .map(|pattern| format!("`{}`", pattern.as_str()))
                    .collect();
                Err(format!(
                    "the set is for {}, and this deployment is `{deployment}` (SIGNALBOX_DEPLOYMENT, else the function's \
                     name)",
                    named.join(", ")
                ))
            }
            _ => Ok(()),
        }
    }
}

/// What is wrong with a signed set that is for nobody in particular: whoever can write where another deployment looks could
/// put it in force there.
pub const NO_DEPLOYMENTS: &str = "a signed set says for which deployments it is: add `deployments = [\"NAME\"]` at the top \
     of the manifest, with the names (SIGNALBOX_DEPLOYMENT, else the function's name) or patterns such as \"prod-*\", and \
     sign it again";

/// What a manifest is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// What the manifest is called in messages.
    pub name: &'a str,
    /// The targets of the configuration, if they are known.
    pub targets: Option<&'a [String]>,
    /// What no policy may go beyond.
    pub ceilings: LimitsFile,
}

/// Says where in a manifest's text something is wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl Place<'_> {
    pub(super) fn problem(&self, path: &Path, message: impl Into<String>) -> Problem {
        let mut place = self.name.to_owned();
        if let Some(line) = line_of(self.text, path) {
            place.push_str(&format!(", line {line}"));
        }
        let key = path.to_string();
        if !key.is_empty() {
            place.push_str(&format!(", {key}"));
        }
        Problem {
            place,
            message: message.into(),
        }
    }
}

/// Reads a manifest and checks it by itself.
///
/// # Errors
/// Everything that is wrong, each with file, line and key.
pub fn read(text: &str, around: &Around<'_>) -> Result<Manifest, Vec<Problem>> {
    let file: ManifestFile = read_toml(around.name, text).map_err(|problem| vec![problem])?;
    let mut check = Check {
        place: Place {
            name: around.name,
            text,
        },
        around,
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    let manifest = check.manifest(file);
    if check.problems.is_empty() {
        Ok(Manifest {
            warnings: check.warnings,
            ..manifest
        })
    } else {
        Err(check.problems)
    }
}
