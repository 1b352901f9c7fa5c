//! Reading a definition from JSON: machines and states.

use super::check;
use super::choice::Choice;
use super::fields::Fields;
use super::{DefinitionError, Kind, Machine, Parallel, State, WaitTime, results, task};
use crate::step_functions::query::Language;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Reads a machine or a branch; `place` says where it stands, `outer` what is written around it.
pub(super) fn machine(
    value: &Value,
    place: &str,
    outer: Language,
) -> Result<Machine, DefinitionError> {
    let wrong = |reason: &str| DefinitionError {
        place: place.to_owned(),
        reason: reason.to_owned(),
    };
    let object = value.as_object().ok_or_else(|| wrong("is no object"))?;
    let known = [
        "Comment",
        "StartAt",
        "States",
        "TimeoutSeconds",
        "Version",
        "QueryLanguage",
    ];
    if let Some(name) = unknown(object, &known) {
        return Err(wrong(&format!(
            "has the field '{name}', which is not supported"
        )));
    }
    let mut machine = Fields {
        object,
        place,
        language: outer,
    };
    machine.language = language(&machine)?;
    let start_at = machine
        .text("StartAt")?
        .ok_or_else(|| wrong("StartAt is missing"))?;
    let states = object
        .get("States")
        .and_then(Value::as_object)
        .filter(|states| !states.is_empty())
        .ok_or_else(|| wrong("States is missing or empty"))?;
    let mut read = BTreeMap::new();
    for (name, value) in states {
        let place = format!("state '{name}'");
        let place = if place_is_top(machine.place) {
            place
        } else {
            format!("{}, {place}", machine.place)
        };
        read.insert(name.clone(), state(value, &place, machine.language)?);
    }
    let machine = Machine {
        start_at,
        states: read,
        timeout_seconds: machine.seconds("TimeoutSeconds")?,
    };
    check::transitions(&machine, place)?;
    Ok(machine)
}

fn place_is_top(place: &str) -> bool {
    place == "the definition"
}

/// `QueryLanguage`; without it, what is written around it has.
pub(super) fn language(fields: &Fields<'_>) -> Result<Language, DefinitionError> {
    match (fields.text("QueryLanguage")?.as_deref(), fields.language) {
        (None, outer) => Ok(outer),
        (Some("JSONata"), _) => Ok(Language::Jsonata),
        (Some("JSONPath"), Language::JsonPath) => Ok(Language::JsonPath),
        (Some("JSONPath"), Language::Jsonata) => {
            Err(fields
                .wrong("QueryLanguage cannot be JSONPath within a definition that has JSONata"))
        }
        (Some(other), _) => Err(fields.wrong(format!(
            "QueryLanguage is JSONPath or JSONata, not '{other}'"
        ))),
    }
}

fn unknown<'o>(object: &'o Map<String, Value>, known: &[&str]) -> Option<&'o str> {
    object
        .keys()
        .map(String::as_str)
        .find(|name| !known.contains(name))
}

fn state(value: &Value, place: &str, outer: Language) -> Result<State, DefinitionError> {
    let wrong = |reason: String| DefinitionError {
        place: place.to_owned(),
        reason,
    };
    let object = value
        .as_object()
        .ok_or_else(|| wrong("is no object".to_owned()))?;
    let mut fields = Fields {
        object,
        place,
        language: outer,
    };
    let given = fields
        .text("Type")?
        .ok_or_else(|| wrong("Type is missing".to_owned()))?;
    let (type_name, known) = TYPES
        .into_iter()
        .find(|(name, _)| *name == given)
        .ok_or_else(|| wrong(format!("the type '{given}' is not supported here")))?;
    fields.language = language(&fields)?;
    if let Some(name) = unknown(object, &known.names(fields.language)) {
        let of = match fields.language {
            Language::JsonPath => "",
            Language::Jsonata => " in JSONata",
        };
        return Err(wrong(format!(
            "a {type_name} state{of} with the field '{name}' is not supported here"
        )));
    }
    let kind = match type_name {
        "Task" => Kind::Task(Box::new(task::read(&fields)?)),
        "Parallel" => Kind::Parallel(parallel(&fields, outer)?),
        "Pass" => Kind::Pass {
            result: object.get("Result").cloned(),
            parameters: fields.template("Parameters")?,
            result_path: fields.result_path()?,
            after: fields.after()?,
        },
        "Choice" => Kind::Choice(Choice::read(&fields)?),
        "Wait" => Kind::Wait {
            time: wait(&fields)?,
            after: fields.after()?,
        },
        "Succeed" => Kind::Succeed,
        _ => Kind::Fail {
            error: fields.text_or_query("Error", "ErrorPath")?,
            cause: fields.text_or_query("Cause", "CausePath")?,
        },
    };
    Ok(State {
        type_name,
        input: fields.selector("InputPath")?,
        output: fields.selector("OutputPath")?,
        shape: fields.shape()?,
        kind,
    })
}

/// The fields of a type: in both languages, in JSONPath, in JSONata.
struct Known(
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

impl Known {
    fn names(&self, language: Language) -> Vec<&'static str> {
        let own = match language {
            Language::JsonPath => self.1,
            Language::Jsonata => self.2,
        };
        [&["Type", "Comment", "QueryLanguage"], self.0, own].concat()
    }
}

/// The types, each with its fields.
const TYPES: [(&str, Known); 7] = [
    (
        "Task",
        Known(
            &[
                "Next",
                "End",
                "Retry",
                "Catch",
                "Resource",
                "TimeoutSeconds",
                "HeartbeatSeconds",
            ],
            &[
                "InputPath",
                "OutputPath",
                "Parameters",
                "ResultSelector",
                "ResultPath",
                "TimeoutSecondsPath",
                "HeartbeatSecondsPath",
            ],
            &["Arguments", "Output", "Assign"],
        ),
    ),
    (
        "Parallel",
        Known(
            &["Next", "End", "Retry", "Catch", "Branches"],
            &[
                "InputPath",
                "OutputPath",
                "Parameters",
                "ResultSelector",
                "ResultPath",
            ],
            &["Arguments", "Output", "Assign"],
        ),
    ),
    (
        "Pass",
        Known(
            &["Next", "End"],
            &[
                "InputPath",
                "OutputPath",
                "Result",
                "ResultPath",
                "Parameters",
            ],
            &["Output", "Assign"],
        ),
    ),
    (
        "Choice",
        Known(
            &["Choices", "Default"],
            &["InputPath", "OutputPath"],
            &["Output", "Assign"],
        ),
    ),
    (
        "Wait",
        Known(
            &["Next", "End", "Seconds", "Timestamp"],
            &["InputPath", "OutputPath", "SecondsPath", "TimestampPath"],
            &["Output", "Assign"],
        ),
    ),
    (
        "Succeed",
        Known(&[], &["InputPath", "OutputPath"], &["Output"]),
    ),
    (
        "Fail",
        Known(&["Error", "Cause"], &["ErrorPath", "CausePath"], &[]),
    ),
];

fn wait(fields: &Fields<'_>) -> Result<WaitTime, DefinitionError> {
    let given = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"]
        .into_iter()
        .filter(|name| fields.object.contains_key(*name))
        .collect::<Vec<_>>();
    match given.as_slice() {
        ["Seconds" | "SecondsPath"] => fields
            .seconds_or_query("Seconds", "SecondsPath")?
            .map(WaitTime::For)
            .ok_or_else(|| fields.wrong("Seconds is missing")),
        ["Timestamp" | "TimestampPath"] => fields
            .text_or_query("Timestamp", "TimestampPath")
            .map(WaitTime::Until),
        [] => Err(fields.wrong("Seconds, SecondsPath, Timestamp or TimestampPath is missing")),
        more => Err(fields.wrong(format!("{} exclude each other", more.join(" and ")))),
    }
}

fn parallel(fields: &Fields<'_>, outer: Language) -> Result<Parallel, DefinitionError> {
    let branches = fields
        .list("Branches")?
        .filter(|branches| !branches.is_empty())
        .ok_or_else(|| fields.wrong("Branches are missing"))?;
    let mut read = Vec::new();
    for (at, branch) in branches.iter().enumerate() {
        let place = format!("{}, branch {at}", fields.place);
        read.push(Arc::new(machine(branch, &place, outer)?));
    }
    Ok(Parallel {
        branches: read,
        arguments: results::arguments(fields)?,
        results: results::read(fields)?,
    })
}
