//! What a policy is: the standard behaviour, of which a team changes what it wants to change.

use crate::answer::{Answer, Outcome};
use crate::contract::{Closing, Description, Finding, Invocation, OnStop, Rejection};
use crate::handle::Decision;
use crate::host::{Host, NEEDS};
use crate::payload::Start;
use crate::settings::Settings;
use serde_json::Value;

/// What a policy says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub name: &'static str,
    /// Its version (semver).
    pub version: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
}

/// An event that a policy works on.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    /// The host, for what else the policy wants to know.
    pub host: &'a dyn Host,
    /// The settings of this policy.
    pub settings: &'a Settings,
    /// The payload and what came with it.
    pub invocation: &'a Invocation,
}

/// A policy. Only [`identity`](Policy::identity) must be given: what is left out is the standard behaviour.
///
/// A function that is replaced can still call the standard one, which is a free function of the same name
/// in [`standard`](crate::standard). Export the policy with [`export_policy!`](crate::export_policy).
pub trait Policy {
    /// What this policy says of itself.
    fn identity(&self) -> Identity;

    /// The JSON Schema of the settings.
    fn settings_schema(&self) -> &str {
        crate::SETTINGS_SCHEMA
    }

    /// Check the member `custom` of the settings, which belongs to policies built on the kit. Paths of
    /// findings begin with `/custom`. The standard policy has no use for it and refuses it.
    ///
    /// # Errors
    /// The faults found; the settings are then refused.
    fn validate_custom(&self, custom: Option<&Value>) -> Result<Vec<Finding>, Vec<Finding>> {
        crate::standard::validate_custom(custom)
    }

    /// Decide what becomes of SQL that somebody wants to run: how it is run, or why not.
    ///
    /// # Errors
    /// The refusal that the caller gets, such as `PolicyDenied`.
    fn decide(&self, start: &Start, event: &Event<'_>) -> Result<Decision, Rejection> {
        crate::standard::decide(start, event)
    }

    /// Decide what the waiting task is told about a statement that ended.
    fn answer(&self, outcome: &Outcome<'_>, settings: &Settings, host: &dyn Host) -> Answer {
        crate::standard::answer(outcome, settings, host)
    }

    /// Decide what becomes of a statement whose task is gone.
    fn closed(&self, closing: &Closing, settings: &Settings) -> OnStop {
        crate::standard::closed(closing, settings)
    }
}

/// The description of a policy, as the contract wants it.
#[must_use]
pub fn describe(policy: &dyn Policy) -> Description {
    let identity = policy.identity();
    Description {
        name: identity.name.to_owned(),
        version: identity.version.to_owned(),
        summary: identity.summary.to_owned(),
        needs: NEEDS.iter().map(ToString::to_string).collect(),
        settings_schema: policy.settings_schema().to_owned(),
    }
}
