//! Reading what a task or parallel state does with its result or error.

use super::check;
use super::fields::Fields;
use super::{Catcher, DefinitionError, Results, Retrier};
use crate::step_functions::query::{Language, Template};
use serde::Deserialize;

/// The largest `MaxDelaySeconds`, exclusive, and `IntervalSeconds`: a leap year.
const LONGEST_DELAY: u32 = 31_622_400;

/// `Parameters`, which JSONata calls `Arguments`.
pub(super) fn arguments(fields: &Fields<'_>) -> Result<Option<Template>, DefinitionError> {
    fields.template(arguments_name(fields.language))
}

pub(super) fn arguments_name(language: Language) -> &'static str {
    match language {
        Language::JsonPath => "Parameters",
        Language::Jsonata => "Arguments",
    }
}

pub(super) fn read(fields: &Fields<'_>) -> Result<Results, DefinitionError> {
    let mut retry = Vec::new();
    for value in fields.list("Retry")?.unwrap_or_default() {
        let raw: RawRetrier = fields.part("Retry", value)?;
        retry.push(retrier(raw).map_err(|reason| fields.wrong(reason))?);
    }
    let mut catch = Vec::new();
    for value in fields.list("Catch")?.unwrap_or_default() {
        catch.push(match fields.language {
            Language::JsonPath => {
                let raw: RawCatcher = fields.part("Catch", value)?;
                Catcher {
                    errors: raw.error_equals,
                    next: raw.next,
                    result_path: fields.data_path(value.get("ResultPath"), "Catch.ResultPath")?,
                    shape: super::Shape::default(),
                }
            }
            Language::Jsonata => {
                let raw: RawJsonataCatcher = fields.part("Catch", value)?;
                let object = value
                    .as_object()
                    .ok_or_else(|| fields.wrong("a Catch is no object"))?;
                Catcher {
                    errors: raw.error_equals,
                    next: raw.next,
                    result_path: fields.data_path(None, "Catch.ResultPath")?,
                    shape: Fields { object, ..*fields }.shape()?,
                }
            }
        });
    }
    let lists: [Vec<&[String]>; 2] = [
        retry
            .iter()
            .map(|r: &Retrier| r.errors.as_slice())
            .collect(),
        catch
            .iter()
            .map(|c: &Catcher| c.errors.as_slice())
            .collect(),
    ];
    for list in &lists {
        check::error_names(list).map_err(|reason| fields.wrong(reason))?;
    }
    Ok(Results {
        selector: fields.template("ResultSelector")?,
        path: fields.result_path()?,
        retry,
        catch,
        after: fields.after()?,
    })
}

fn retrier(raw: RawRetrier) -> Result<Retrier, String> {
    let interval_seconds = raw.interval_seconds.unwrap_or(1);
    let backoff_rate = raw.backoff_rate.unwrap_or(2.0);
    if interval_seconds == 0 || interval_seconds >= LONGEST_DELAY {
        return Err(format!(
            "IntervalSeconds must be from 1 to below {LONGEST_DELAY}"
        ));
    }
    if backoff_rate < 1.0 {
        return Err(format!("the BackoffRate {backoff_rate} is less than 1"));
    }
    if let Some(most) = raw.max_delay_seconds
        && !(interval_seconds + 1..LONGEST_DELAY).contains(&most)
    {
        return Err(format!(
            "MaxDelaySeconds must be greater than IntervalSeconds and less than {LONGEST_DELAY}"
        ));
    }
    let jitter = match raw.jitter_strategy.as_deref() {
        None | Some("NONE") => false,
        Some("FULL") => true,
        Some(other) => return Err(format!("JitterStrategy is FULL or NONE, not '{other}'")),
    };
    Ok(Retrier {
        errors: raw.error_equals,
        interval_seconds,
        max_attempts: raw.max_attempts.unwrap_or(3),
        backoff_rate,
        max_delay_seconds: raw.max_delay_seconds,
        jitter,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RawRetrier {
    error_equals: Vec<String>,
    interval_seconds: Option<u32>,
    max_attempts: Option<u32>,
    backoff_rate: Option<f64>,
    max_delay_seconds: Option<u32>,
    jitter_strategy: Option<String>,
    #[serde(rename = "Comment")]
    _comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RawCatcher {
    error_equals: Vec<String>,
    next: String,
    #[serde(rename = "ResultPath")]
    _result_path: Option<String>,
    #[serde(rename = "Comment")]
    _comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RawJsonataCatcher {
    error_equals: Vec<String>,
    next: String,
    #[serde(rename = "Output")]
    _output: Option<serde_json::Value>,
    #[serde(rename = "Assign")]
    _assign: Option<serde_json::Value>,
    #[serde(rename = "Comment")]
    _comment: Option<String>,
}
