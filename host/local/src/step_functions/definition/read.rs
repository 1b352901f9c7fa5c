//! Reading a definition from JSON.

use super::check;
use super::choice::{Choice, Rule};
use super::fields::Fields;
use super::{
    Catcher, DefinitionError, Kind, Machine, Parallel, Resource, Results, Retrier, Seconds, State,
    Task,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What AWS puts into `Parameters` of a Lambda task and this runner understands.
const INVOKE_PARAMETERS: [&str; 2] = ["FunctionName", "Payload"];

/// Reads a machine or a branch; `place` says where it stands.
pub(super) fn machine(value: &Value, place: &str) -> Result<Machine, DefinitionError> {
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
    let machine = Fields { object, place };
    if machine
        .text("QueryLanguage")?
        .is_some_and(|language| language != "JSONPath")
    {
        return Err(wrong(
            "QueryLanguage is not JSONPath, the only one supported here",
        ));
    }
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
        read.insert(name.clone(), state(value, &place)?);
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

fn unknown<'o>(object: &'o Map<String, Value>, known: &[&str]) -> Option<&'o str> {
    object
        .keys()
        .map(String::as_str)
        .find(|name| !known.contains(name))
}

fn state(value: &Value, place: &str) -> Result<State, DefinitionError> {
    let wrong = |reason: String| DefinitionError {
        place: place.to_owned(),
        reason,
    };
    let object = value
        .as_object()
        .ok_or_else(|| wrong("is no object".to_owned()))?;
    let fields = Fields { object, place };
    let given = fields
        .text("Type")?
        .ok_or_else(|| wrong("Type is missing".to_owned()))?;
    let (type_name, own) = types()
        .into_iter()
        .find(|(name, _)| *name == given)
        .ok_or_else(|| wrong(format!("the type '{given}' is not supported here")))?;
    let mut known = vec!["Type", "Comment", "QueryLanguage"];
    known.extend(own);
    if let Some(name) = unknown(object, &known) {
        return Err(wrong(format!(
            "a {type_name} state with the field '{name}' is not supported here"
        )));
    }
    if fields
        .text("QueryLanguage")?
        .is_some_and(|language| language != "JSONPath")
    {
        return Err(wrong(
            "QueryLanguage is not JSONPath, the only one supported here".to_owned(),
        ));
    }
    let kind = match type_name {
        "Task" => Kind::Task(Box::new(task(&fields)?)),
        "Parallel" => Kind::Parallel(parallel(&fields)?),
        "Pass" => Kind::Pass {
            result: object.get("Result").cloned(),
            parameters: fields.template("Parameters")?,
            result_path: fields.result_path()?,
            after: fields.after()?,
        },
        "Choice" => Kind::Choice(choice(&fields)?),
        "Wait" => Kind::Wait {
            seconds: fields
                .seconds_or_path("Seconds", "SecondsPath")?
                .ok_or_else(|| wrong("Seconds or SecondsPath is missing".to_owned()))?,
            after: fields.after()?,
        },
        "Succeed" => Kind::Succeed,
        _ => Kind::Fail {
            error: fields.text_or_path("Error", "ErrorPath")?,
            cause: fields.text_or_path("Cause", "CausePath")?,
        },
    };
    Ok(State {
        type_name,
        input: fields.selector("InputPath")?,
        output: fields.selector("OutputPath")?,
        kind,
    })
}

/// The types, each with its fields.
fn types() -> [(&'static str, Vec<&'static str>); 7] {
    let paths = ["InputPath", "OutputPath"];
    let after = ["Next", "End"];
    let results = [
        "ResultSelector",
        "ResultPath",
        "Retry",
        "Catch",
        "Parameters",
    ];
    let task = [
        "Resource",
        "TimeoutSeconds",
        "TimeoutSecondsPath",
        "HeartbeatSeconds",
        "HeartbeatSecondsPath",
    ];
    [
        ("Task", [&paths[..], &after, &results, &task].concat()),
        (
            "Parallel",
            [&paths[..], &after, &results, &["Branches"]].concat(),
        ),
        (
            "Pass",
            [&paths[..], &after, &["Result", "ResultPath", "Parameters"]].concat(),
        ),
        ("Choice", [&paths[..], &["Choices", "Default"]].concat()),
        (
            "Wait",
            [&paths[..], &after, &["Seconds", "SecondsPath"]].concat(),
        ),
        ("Succeed", paths.to_vec()),
        ("Fail", vec!["Error", "ErrorPath", "Cause", "CausePath"]),
    ]
}

fn task(fields: &Fields<'_>) -> Result<Task, DefinitionError> {
    let resource = match fields.text("Resource")?.as_deref() {
        Some("arn:aws:states:::lambda:invoke") => Resource::Invoke,
        Some("arn:aws:states:::lambda:invoke.waitForTaskToken") => Resource::InvokeAndWait,
        Some(other) => {
            return Err(fields.wrong(format!(
                "the resource '{other}' is not supported here; lambda:invoke and lambda:invoke.waitForTaskToken are"
            )));
        }
        None => return Err(fields.wrong("Resource is missing")),
    };
    let parameters = fields
        .template("Parameters")?
        .ok_or_else(|| fields.wrong("Parameters are missing"))?;
    let names = parameters.names().unwrap_or_default();
    if !names.contains(&"FunctionName") {
        return Err(fields.wrong("Parameters need a FunctionName"));
    }
    if let Some(name) = names.iter().find(|name| !INVOKE_PARAMETERS.contains(name)) {
        return Err(fields.wrong(format!("the parameter '{name}' is not supported here")));
    }
    let timeout = fields.seconds_or_path("TimeoutSeconds", "TimeoutSecondsPath")?;
    let heartbeat = fields.seconds_or_path("HeartbeatSeconds", "HeartbeatSecondsPath")?;
    if let (Some(Seconds::Fixed(timeout)), Some(Seconds::Fixed(heartbeat))) = (&timeout, &heartbeat)
        && heartbeat >= timeout
    {
        return Err(fields.wrong("HeartbeatSeconds must be smaller than TimeoutSeconds"));
    }
    Ok(Task {
        resource,
        parameters,
        timeout,
        heartbeat,
        results: results(fields)?,
    })
}

fn parallel(fields: &Fields<'_>) -> Result<Parallel, DefinitionError> {
    let branches = fields
        .list("Branches")?
        .filter(|branches| !branches.is_empty())
        .ok_or_else(|| fields.wrong("Branches are missing"))?;
    let mut read = Vec::new();
    for (at, branch) in branches.iter().enumerate() {
        read.push(Arc::new(machine(
            branch,
            &format!("{}, branch {at}", fields.place),
        )?));
    }
    Ok(Parallel {
        branches: read,
        parameters: fields.template("Parameters")?,
        results: results(fields)?,
    })
}

fn choice(fields: &Fields<'_>) -> Result<Choice, DefinitionError> {
    let choices = fields
        .list("Choices")?
        .filter(|choices| !choices.is_empty())
        .ok_or_else(|| fields.wrong("Choices are missing"))?;
    let mut rules = Vec::new();
    for choice in choices {
        let object = choice
            .as_object()
            .ok_or_else(|| fields.wrong("a choice is no object"))?;
        let next = object
            .get("Next")
            .and_then(Value::as_str)
            .ok_or_else(|| fields.wrong("a choice has no Next"))?;
        let rule = Rule::parse(object).map_err(|reason| fields.wrong(reason))?;
        rules.push((rule, next.to_owned()));
    }
    Ok(Choice {
        rules,
        default: fields.text("Default")?,
    })
}

fn results(fields: &Fields<'_>) -> Result<Results, DefinitionError> {
    let mut retry = Vec::new();
    for value in fields.list("Retry")?.unwrap_or_default() {
        let raw: RawRetrier = fields.part("Retry", value)?;
        retry.push(Retrier {
            errors: raw.error_equals,
            interval_seconds: raw.interval_seconds.unwrap_or(1),
            max_attempts: raw.max_attempts.unwrap_or(3),
            backoff_rate: raw.backoff_rate.unwrap_or(2.0),
            max_delay_seconds: raw.max_delay_seconds,
        });
    }
    let mut catch = Vec::new();
    for value in fields.list("Catch")?.unwrap_or_default() {
        let raw: RawCatcher = fields.part("Catch", value)?;
        catch.push(Catcher {
            errors: raw.error_equals,
            next: raw.next,
            result_path: fields.data_path(value.get("ResultPath"), "Catch.ResultPath")?,
        });
    }
    let rates = retry.iter().map(|retrier| retrier.backoff_rate);
    if let Some(rate) = rates.into_iter().find(|rate| *rate < 1.0) {
        return Err(fields.wrong(format!("the BackoffRate {rate} is less than 1")));
    }
    let lists: [Vec<&[String]>; 2] = [
        retry.iter().map(|r| r.errors.as_slice()).collect(),
        catch.iter().map(|c| c.errors.as_slice()).collect(),
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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RawRetrier {
    error_equals: Vec<String>,
    interval_seconds: Option<u32>,
    max_attempts: Option<u32>,
    backoff_rate: Option<f64>,
    max_delay_seconds: Option<u32>,
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
