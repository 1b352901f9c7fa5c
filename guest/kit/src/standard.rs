//! The standard behaviour, function by function: what a policy that replaces one calls for the rest.

use crate::answer::{self, Answer, Outcome};
use crate::contract::{Closing, ClosingReason, Finding, OnStop, Rejection};
use crate::handle::Decision;
use crate::host::Host;
use crate::payload::Start;
use crate::policy::Event;
use crate::rules;
use crate::settings::Settings;
use serde_json::Value;

/// Run what was asked for, as the rules of the settings allow and change it.
///
/// # Errors
/// `PolicyDenied` with the rule and its reason; `InvalidRequest` for what a rule makes impossible.
pub fn decide(start: &Start, event: &Event<'_>) -> Result<Decision, Rejection> {
    rules::decide(start, event)
}

/// Answer as the original does, or as the callback rules of the settings say.
#[must_use]
pub fn answer(outcome: &Outcome<'_>, settings: &Settings, host: &dyn Host) -> Answer {
    answer::decide(outcome, settings, host)
}

/// Do as the payload said, else as the settings say for this reason, else cancel.
#[must_use]
pub fn closed(closing: &Closing, settings: &Settings) -> OnStop {
    if let Some(asked) = closing.facts.on_stop {
        return asked;
    }
    let rules = &settings.on_stop;
    let ruled = match closing.reason {
        ClosingReason::Aborted => rules.aborted,
        ClosingReason::TimedOut => rules.timed_out,
        ClosingReason::Failed => rules.failed,
        ClosingReason::TaskClosed => rules.task_closed,
    };
    ruled.unwrap_or(OnStop::Cancel)
}

/// Refuse custom settings: nothing would read them.
///
/// # Errors
/// One finding, if there is a member `custom`.
pub fn validate_custom(custom: Option<&Value>) -> Result<Vec<Finding>, Vec<Finding>> {
    match custom {
        None => Ok(Vec::new()),
        Some(_) => Err(vec![Finding {
            path: "/custom".to_owned(),
            message: "This policy has no custom settings.".to_owned(),
            help: Some(
                "Remove `custom`, or load the policy that these settings were written for."
                    .to_owned(),
            ),
        }]),
    }
}
