//! The example of a finance team.

use super::*;
use crate::settings::{CallbackEffect, CallbackSubject};

const SETTINGS: &str = include_str!("../../../../examples/finance/settings.json");

fn at(time: &str) -> FakeHost {
    let time: jiff::Timestamp = time.parse().unwrap();
    FakeHost::at(time.as_millisecond().try_into().unwrap())
}

/// The refusal, or the target.
fn ask(text: &str, time: &str, machine: &str) -> String {
    let settings: Value = serde_json::from_str(SETTINGS).unwrap();
    let arn = format!("arn:aws:states:eu-central-1:1:execution:{machine}:1");
    match decide_for(&settings, &sql(text), Some(&arn), &at(time)) {
        Ok(decision) => {
            let options = decision.options;
            format!("{:?} {:?}", options.target, options.deadline_seconds)
        }
        Err(message) => message.split('`').nth(1).unwrap_or("").to_owned(),
    }
}

#[test]
fn the_example_of_the_page_is_accepted() {
    let page = include_str!("../../../../../docs/policy.md");
    let (_, rest) = page.split_once("### Conditions of rules").unwrap();
    let (_, block) = rest.split_once("```json\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let (settings, warnings) = settings::read(block).unwrap();
    assert_eq!(
        (settings.rules.len(), warnings.len()),
        (2, 0),
        "{warnings:?}"
    );
}

#[test]
fn the_rules_of_a_finance_team_can_be_said() {
    let (settings, warnings) = settings::read(SETTINGS).unwrap();
    assert_eq!(warnings.len(), 0, "{warnings:?}");
    let insert = "insert into ledger.entries select id from finance.staging";
    let noon = "2026-11-23T12:00:00Z";
    for (text, time, machine, expected) in [
        (
            insert,
            "2026-11-29T17:00:00Z",
            "nightly",
            "month-end freeze",
        ),
        (
            insert,
            "2026-12-01T04:59:00Z",
            "nightly",
            "month-end freeze",
        ),
        (insert, "2026-12-01T05:00:00Z", "nightly", "None None"),
        (insert, "2026-11-29T04:59:00Z", "nightly", "None None"),
        (
            insert,
            "2026-07-30T16:00:00Z",
            "nightly",
            "month-end freeze",
        ),
        (insert, "2026-07-30T15:59:00Z", "nightly", "None None"),
        (
            insert,
            "2027-02-28T18:00:00Z",
            "nightly",
            "month-end freeze",
        ),
        (
            "delete from finance.t",
            noon,
            "nightly",
            "no changes of all rows",
        ),
        (
            "update finance.t set a = 1 where true",
            noon,
            "monthly-close",
            "no changes of all rows",
        ),
        (
            "select a from secret.t",
            noon,
            "nightly",
            "secrets are for the close",
        ),
        (
            "select a from SECRET . t",
            noon,
            "monthly-report",
            "secrets are for the close",
        ),
        (
            "select a from secret.t",
            noon,
            "monthly-close",
            "Some(\"adhoc\") Some(1800)",
        ),
        (
            "select a from s.t",
            noon,
            "monthly-report",
            "Some(\"adhoc\") Some(1800)",
        ),
        ("select a from s.t", noon, "nightly", "None None"),
    ] {
        assert_eq!(
            ask(text, time, machine),
            expected,
            "{text} {time} {machine}"
        );
    }
    let subject = CallbackSubject {
        state: "FAILED",
        error: Some("ERROR: 1023 DETAIL: Serializable isolation violation on table"),
        kinds: &[],
        target: "default",
        step: None,
        transient: false,
    };
    assert!(
        matches!(settings.callback(&subject), Some(CallbackEffect::Fail { error, .. }) if error == "RetryLater")
    );
}
