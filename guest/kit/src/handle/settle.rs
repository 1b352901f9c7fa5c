//! *settle* and *closed*: tell a waiting task how its statement ended, or decide what becomes of one whose
//! task is gone.

use crate::answer::{
    Answer, MAX_CAUSE_UNITS, MAX_ERROR_UNITS, MAX_OUTPUT_BYTES, Outcome, shorten, shorten_text,
    utf16_length,
};
use crate::contract::{Closing, Failure, Level, OnStop, Settlement, Waiter};
use crate::host::{Host, detail};
use crate::policy::Policy;
use crate::settings::{self, Settings};
use serde_json::{Value, json};

/// What of an answer surely fits into a response to CloudFormation (4,096 bytes with its ids, which may
/// take up to half of it), in bytes.
const CLOUDFORMATION_BYTES: usize = 1_800;
/// How often a refused answer is halved before it is given up.
const HALVINGS: u32 = 3;

/// Tell the waiting task how its statement ended.
pub fn settle(
    policy: &dyn Policy,
    settings: impl Into<String>,
    settlement: &Settlement,
    host: &dyn Host,
) {
    let settings = read_settings(settings.into(), host);
    let outcome = Outcome {
        facts: &settlement.facts,
        statement: &settlement.statement,
        event: settlement.event.as_deref(),
    };
    let answer = policy.answer(&outcome, &settings, host);
    if let Err(failure) = send(&answer, &outcome, host) {
        let detail = detail(&failure);
        host.log(
            Level::Error,
            "The answer was refused.",
            &[("code", &detail.code), ("message", &detail.message)],
        );
    }
}

/// Decide what becomes of a statement whose task is gone.
pub fn closed(
    policy: &dyn Policy,
    settings: impl Into<String>,
    closing: &Closing,
    host: &dyn Host,
) -> OnStop {
    policy.closed(closing, &read_settings(settings.into(), host))
}

/// The settings were checked at load. Should they be broken all the same, a task is better answered without
/// them than not at all.
fn read_settings(text: String, host: &dyn Host) -> Settings {
    match settings::read_approved(text) {
        Ok(settings) => settings,
        Err(_) => {
            host.log(
                Level::Error,
                "The settings are not valid; the standard answers are given.",
                &[],
            );
            Settings::default()
        }
    }
}

/// Send an answer; if the host finds it too long, a shorter one.
fn send(answer: &Answer, outcome: &Outcome<'_>, host: &dyn Host) -> Result<(), Failure> {
    let cloudformation = host.waiter() == Some(Waiter::Cloudformation);
    let mut halvings = 0;
    loop {
        let sent = match answer {
            Answer::Succeed(output) => {
                let most = if cloudformation {
                    CLOUDFORMATION_BYTES
                } else {
                    MAX_OUTPUT_BYTES
                };
                host.succeed(&fit(output, outcome, most >> halvings, str::len))
            }
            Answer::Fail { error, cause } => {
                let error = shorten_text(error, MAX_ERROR_UNITS);
                let cause = match (cause, cloudformation) {
                    (Value::String(text), false) => shorten_text(text, MAX_CAUSE_UNITS >> halvings),
                    (Value::String(text), true) => {
                        shorten_text(text, (CLOUDFORMATION_BYTES / 3) >> halvings)
                    }
                    (json, false) => fit(json, outcome, MAX_CAUSE_UNITS >> halvings, utf16_length),
                    (json, true) => fit(json, outcome, CLOUDFORMATION_BYTES >> halvings, str::len),
                };
                host.fail(&error, &cause)
            }
        };
        match sent {
            Err(Failure::InvalidRequest(_)) if halvings < HALVINGS => halvings += 1,
            sent => return sent,
        }
    }
}

/// JSON that fits: shortened, or else replaced by the essentials.
fn fit(value: &Value, outcome: &Outcome<'_>, limit: usize, measure: fn(&str) -> usize) -> String {
    let mut value = value.clone();
    shorten(&mut value, limit, measure).unwrap_or_else(|| {
        json!({
            "detail": { "state": outcome.state(), "statementId": outcome.facts.statement_id },
            "omitted": "The answer was too long. Ask with describeStatement.",
        })
        .to_string()
    })
}
