//! What is in force, and what keeps another set from being so: for people and for whoever watches.

use serde::Serialize;
use signalbox_policy::Identity;
use signalbox_tasker::ports::{Clock as _, SystemClock};

use super::loader::Loaded;

/// How the policy set of one process stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Where sets come from.
    pub source: String,
    /// When the source was looked at last.
    pub looked_at: Option<String>,
    /// What is in force; none if no set could be loaded yet.
    pub in_force: Option<InForce>,
    /// Why the set that is there now is not in force.
    pub problem: Option<Reason>,
}

/// A set in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InForce {
    /// Its revision.
    pub revision: u64,
    /// SHA-256 of its manifest.
    pub digest: String,
    /// Who signed it.
    pub signed_by: Option<String>,
    /// The deployments that it is for.
    pub deployments: Option<Vec<String>>,
    /// When it goes out of date.
    pub not_after: Option<String>,
    /// Since when.
    pub since: String,
    /// Its policies.
    pub policies: Vec<Identity>,
    /// What is odd about it.
    pub warnings: Vec<String>,
}

/// Why something is as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// When it was found.
    pub at: String,
    /// What is wrong.
    pub reason: String,
}

impl Status {
    pub(super) fn of(source: String) -> Self {
        Self {
            source,
            ..Self::default()
        }
    }
}

impl InForce {
    /// Of a set that is in force since then.
    #[must_use]
    pub fn of(loaded: &Loaded, since: String) -> Self {
        let policies = loaded.policies.iter();
        Self {
            revision: loaded.revision,
            digest: loaded.digest.clone(),
            signed_by: loaded.signed_by.map(|key| key.to_string()),
            deployments: loaded.deployments.clone(),
            not_after: loaded.not_after.map(|end| end.to_string()),
            since,
            policies: policies.map(|policy| policy.identity.clone()).collect(),
            warnings: loaded.warnings.iter().map(ToString::to_string).collect(),
        }
    }
}

pub(super) fn now() -> String {
    SystemClock.now().to_string()
}

/// Says that a set is in force from now on.
pub(super) fn log(loaded: &Loaded) {
    for warning in &loaded.warnings {
        tracing::warn!(%warning, "the policy set is odd");
    }
    for policy in &loaded.policies {
        let identity = &policy.identity;
        tracing::info!(
            policy = identity.name,
            version = identity.version,
            digest = identity.digest,
            tests = policy.tests,
            "policy loaded"
        );
    }
    tracing::info!(
        revision = loaded.revision,
        digest = loaded.digest,
        signed_by = loaded.signed_by.map(tracing::field::display),
        "policy set in force"
    );
}
