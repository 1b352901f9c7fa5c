//! The tests that a policy set brings along: payloads, and what its policies have to make of them.

use std::time::Duration;

use signalbox_policy::contract::UnknownFields;
use signalbox_tasker::{
    Granted,
    rehearse::{Rehearsed, rehearse},
};
use tokio::time::Instant;

use super::manifest::TestEntry;

/// How long one test may take, beside the guest time of its policy.
pub(super) const TIME: Duration = Duration::from_secs(30);

/// Runs one test; an error says what came instead of what was expected.
pub(super) async fn run(
    granted: &Granted,
    test: &TestEntry,
    unknown_fields: UnknownFields,
) -> Result<(), String> {
    let deadline = Instant::now() + TIME;
    let came = rehearse(
        granted,
        test.payload.clone(),
        test.at,
        unknown_fields,
        deadline,
    )
    .await;
    judge(test, &came).map_err(|expected| format!("{expected}, but {}", told(&came)))
}

fn judge(test: &TestEntry, came: &Rehearsed) -> Result<(), String> {
    if let Some(error) = &test.error {
        let raised = came.raised.as_ref().map(|raised| &raised.error_type);
        if raised == Some(error) && came.starts.is_empty() {
            return Ok(());
        }
        return Err(format!("it has to be refused with {error}"));
    }
    let started = match came.starts.as_slice() {
        [(target, sql)] if came.raised.is_none() => Some((target, sql)),
        _ => None,
    };
    let same = |expected: &Option<String>, found: Option<&String>| {
        expected
            .as_ref()
            .is_none_or(|expected| found == Some(expected))
    };
    if started.is_some()
        && same(&test.sql, started.map(|(_, sql)| sql))
        && same(&test.target, started.map(|(target, _)| target))
    {
        return Ok(());
    }
    let what = test.sql.as_ref().map_or_else(
        || "one statement".to_owned(),
        |sql| format!("the statement {sql:?}"),
    );
    let target = test.target.as_ref();
    let place = target.map_or_else(String::new, |target| format!(" on `{target}`"));
    Err(format!("it has to start {what}{place}"))
}

fn told(came: &Rehearsed) -> String {
    let starts: Vec<_> = came
        .starts
        .iter()
        .map(|(target, sql)| format!("{sql:?} on `{target}`"))
        .collect();
    match (&came.raised, starts.is_empty()) {
        (Some(raised), true) => format!("it was refused with {raised}"),
        (Some(raised), false) => {
            format!(
                "it started {} and ended with {raised}",
                starts.join(" and ")
            )
        }
        (None, true) => "it started nothing".to_owned(),
        (None, false) => format!("it started {}", starts.join(" and ")),
    }
}
