//! `--to-test`: a record as a test of a policy.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use signalbox_lambda::policy_tests::{answer, call};
use signalbox_policy::{
    Decision, DecisionRecord,
    functions::{self, LATEST},
    journal::HostCall,
    record::Asked,
};

use super::read;
use crate::{Done, out};

/// Writes the test of the decision about a request.
pub(super) fn run(paths: &[PathBuf], id: &str, output: Option<&Path>) -> Done {
    let found = read::records(paths, None)?;
    let about: Vec<_> = found
        .records
        .iter()
        .filter(|record| record.asked.subject() == id)
        .collect();
    let is_invoke = |record: &&&DecisionRecord| matches!(record.asked, Asked::Invoke { .. });
    let Some(record) = about.iter().find(is_invoke) else {
        return Err(match about.first() {
            Some(other) => format!(
                "the record of {id} is that of `{}`: a test begins with a payload, so give the id of the request that started it",
                other.asked.export()
            ),
            None => {
                let known: Vec<_> = found
                    .records
                    .iter()
                    .filter(|one| is_invoke(&one))
                    .map(|one| one.asked.subject())
                    .take(3)
                    .collect();
                format!(
                    "there is no record of a request {id:?}; there are {} records, such as {}",
                    found.records.len(),
                    known.join(", ")
                )
            }
        });
    };
    let case = case_of(record)?;
    let text = toml::to_string(&case).map_err(|error| error.to_string())?;
    let masked = record.masked.as_ref().map_or_else(String::new, |masked| {
        format!("# Hidden in the record: {}.\n", masked.places.join(", "))
    });
    let text = format!(
        "# The decision of {} about the request {id}.\n{masked}{text}",
        record.policy.name
    );
    match output {
        None => out::raw(text.trim_end()),
        Some(path) if path.exists() => {
            return Err(format!(
                "{} is there already, and is not replaced",
                path.display()
            ));
        }
        Some(path) => {
            std::fs::write(path, text)
                .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
            out::line(format_args!(
                "{} {}",
                out::styled(out::GOOD, "written:"),
                path.display()
            ));
            out::json(&json!({ "written": path }));
        }
    }
    Ok(true)
}

fn case_of(record: &DecisionRecord) -> Result<Value, String> {
    let Asked::Invoke { invocation, waiter } = &record.asked else {
        return Err("it is no record of a payload".to_owned());
    };
    let mut payload: Value = serde_json::from_str(&invocation.payload)
        .map_err(|error| format!("the payload of the record is no JSON: {error}"))?;
    if let Some(fields) = payload.as_object_mut() {
        if let Some(arn) = &invocation.execution_arn {
            fields.entry("executionArn").or_insert_with(|| json!(arn));
        }
        if waiter.is_some() && !fields.contains_key("ResponseURL") {
            fields.insert("taskToken".to_owned(), json!("the-token-of-the-test"));
        }
    }
    let at = i64::try_from(record.at).ok();
    let at = at.and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    let mut case = Map::new();
    case.extend(at.map(|at| ("at".to_owned(), json!(at.to_string()))));
    if !invocation.targets.is_empty() {
        case.insert("targets".to_owned(), json!(invocation.targets));
    }
    case.insert("payload".to_owned(), without_null(payload));
    let services: Vec<_> = record.calls.iter().filter_map(answer_of).collect();
    if !services.is_empty() {
        case.insert("services".to_owned(), json!(services));
    }
    case.insert("expect".to_owned(), without_null(expectation(record)));
    Ok(Value::Object(case))
}

/// TOML has no null.
fn without_null(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(_, value)| !value.is_null());
            kept.map(|(name, value)| (name, without_null(value)))
                .collect::<Map<_, _>>()
                .into()
        }
        Value::Array(items) => items.into_iter().map(without_null).collect(),
        other => other,
    }
}

/// What a service answered, as tests write it.
fn answer_of(recorded: &HostCall) -> Option<Value> {
    let name = functions::name(&recorded.function);
    if let Some(failure) = recorded.reply.get("err").and_then(Value::as_object) {
        let (kind, detail) = failure.iter().next()?;
        let mut answer = Map::from_iter([
            ("call".to_owned(), json!(name)),
            ("fail".to_owned(), json!(kebab(kind))),
        ]);
        for (key, of_case) in [
            ("code", "code"),
            ("message", "message"),
            ("retryable", "retryable"),
            ("statement_id", "statementId"),
        ] {
            let value = detail.get(key).filter(|value| !value.is_null());
            answer.extend(value.map(|value| (of_case.to_owned(), value.clone())));
        }
        return Some(Value::Object(answer));
    }
    let ok = recorded.reply.get("ok")?;
    let reply = if recorded.function == LATEST {
        if ok.is_null() {
            return None;
        }
        json!({
            "statementId": ok.get("statement_id"), "target": ok.get("target"), "action": ok.get("action"),
            "step": ok.get("step"), "recordedAt": ok.get("recorded_at"),
        })
    } else {
        serde_json::from_str(ok.get("document")?.as_str()?).ok()?
    };
    Some(json!({ "call": name, "reply": without_null(reply) }))
}

/// The name of a failure as tests write it.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

/// What the policy did then.
fn expectation(record: &DecisionRecord) -> Value {
    let calls: Vec<_> = record.calls.iter().map(call).collect();
    match &record.decision {
        Decision::Rejected(rejection) => json!({
            "error": rejection.error,
            "message": rejection.message,
            "calls": calls,
        }),
        Decision::Fault { .. } => json!({ "error": "PolicyFault" }),
        Decision::Invoked {
            answer: Some(told), ..
        } => json!({ "calls": calls, "task": answer(told) }),
        _ => json!({ "calls": calls }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_the_names_of_tests() {
        for (name, of_test) in [
            ("Throttled", "throttled"),
            ("ConcurrentExecution", "concurrent-execution"),
        ] {
            assert_eq!(kebab(name), of_test);
        }
    }
}
