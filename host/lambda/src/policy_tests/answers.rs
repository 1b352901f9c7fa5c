//! What the services answer in a case: the service's own reply, or a failure.

use serde_json::{Value, json};
use signalbox_aws::warehouse::replies;
use signalbox_policy::{
    ServiceReply,
    contract::{Entry, Failure, FailureDetail},
    functions,
};
use signalbox_tasker::dry_run::{NO_ID, Scripted};

use super::fields::{Fields, Notes};

/// Keys of an answer.
pub(crate) const ANSWER_KEYS: &[&str] = &[
    "call",
    "reply",
    "fail",
    "code",
    "message",
    "retryable",
    "statementId",
];
const ENTRY_KEYS: &[&str] = &["statementId", "target", "action", "step", "recordedAt"];

/// How a call can fail: the word, and the code of a service that says so.
const FAILURES: &[(&str, &str)] = &[
    ("not-granted", "NotGranted"),
    ("invalid-request", "ValidationException"),
    ("concurrent-execution", "ConcurrentExecution"),
    ("not-found", "ResourceNotFoundException"),
    ("session-lost", "SessionLost"),
    ("limit-exceeded", "ActiveStatementsExceededException"),
    ("throttled", "ThrottlingException"),
    ("execution-failed", "ExecuteStatementException"),
    ("unavailable", "InternalServerException"),
    ("uncertain", "RequestTimeout"),
    ("other", "UnknownError"),
];

/// The functions that can be answered, by their names in grants.
pub(super) fn functions() -> Vec<(&'static str, &'static str)> {
    [
        functions::EXECUTE_STATEMENT,
        functions::BATCH_EXECUTE_STATEMENT,
        functions::DESCRIBE_STATEMENT,
        functions::CANCEL_STATEMENT,
        functions::GET_STATEMENT_RESULT,
        functions::LIST_STATEMENTS,
        functions::LATEST,
        functions::HEARTBEAT,
    ]
    .into_iter()
    .map(|function| (functions::name(function), function))
    .collect()
}

pub(super) fn read(value: &Value, path: &str, notes: &mut Notes) -> Option<Scripted> {
    let fields = Fields::of(value, path, ANSWER_KEYS, notes)?;
    if fields.get("call").is_none() {
        notes.add(
            path,
            "has no `call`: name the function that is answered, such as \"execute-statement\"",
        );
        return None;
    }
    let function = fields.word("call", &functions(), notes)?;
    let reply = match (fields.get("reply"), fields.get("fail")) {
        (Some(reply), None) => match answer(function, reply, &fields.path("reply"), notes) {
            Ok(reply) => Ok(reply),
            Err(why) => {
                notes.add(
                    fields.path("reply"),
                    format!("is not what `{}` replies: {why}", functions::name(function)),
                );
                return None;
            }
        },
        (None, Some(_)) => Err(failure(&fields, function, notes)?),
        _ => {
            notes.add(
                path,
                "give either `reply`, the service's reply in its own field names, or `fail`, the kind of failure",
            );
            return None;
        }
    };
    Some(Scripted { function, reply })
}

fn answer(
    function: &str,
    reply: &Value,
    path: &str,
    notes: &mut Notes,
) -> Result<ServiceReply, String> {
    let mut reply = reply.clone();
    if function == functions::LATEST {
        return latest(&reply, path, notes);
    }
    let Some(members) = reply.as_object_mut() else {
        return Err("it has to be a table".to_owned());
    };
    let is_start =
        function == functions::EXECUTE_STATEMENT || function == functions::BATCH_EXECUTE_STATEMENT;
    if is_start || function == functions::DESCRIBE_STATEMENT {
        members.entry("Id").or_insert_with(|| json!(NO_ID));
    }
    let text = reply.to_string();
    match function {
        _ if is_start => replies::started("", &text).map(ServiceReply::Started),
        functions::DESCRIBE_STATEMENT => replies::description(&text).map(ServiceReply::Description),
        functions::CANCEL_STATEMENT => replies::cancelled(&text).map(ServiceReply::Cancelled),
        functions::GET_STATEMENT_RESULT => replies::result(text).map(ServiceReply::Result),
        functions::LIST_STATEMENTS => replies::list(&text).map(ServiceReply::List),
        _ => Ok(ServiceReply::Heartbeat),
    }
}

fn latest(reply: &Value, path: &str, notes: &mut Notes) -> Result<ServiceReply, String> {
    let fields = Fields::of(reply, path, ENTRY_KEYS, notes)
        .ok_or("it has to be a table that names a recorded statement")?;
    let mut or = |name: &str, default: &str| {
        fields
            .text(name, notes)
            .unwrap_or_else(|| default.to_owned())
    };
    let entry = Entry {
        target: or("target", "default"),
        action: or("action", "executeStatement"),
        statement_id: fields.text("statementId", notes),
        step: fields.text("step", notes),
        recorded_at: fields
            .get("recordedAt")
            .and_then(Value::as_u64)
            .unwrap_or_default(),
    };
    Ok(ServiceReply::Latest(Some(entry)))
}

fn failure(fields: &Fields<'_>, function: &str, notes: &mut Notes) -> Option<Failure> {
    let words: Vec<_> = FAILURES
        .iter()
        .map(|(word, code)| (*word, (*word, *code)))
        .collect();
    let (kind, code) = fields.word("fail", &words, notes)?;
    let detail = FailureDetail {
        code: fields
            .text("code", notes)
            .unwrap_or_else(|| code.to_owned()),
        message: fields
            .text("message", notes)
            .unwrap_or_else(|| format!("{} failed in a test: {kind}", functions::name(function))),
        retryable: fields.truth("retryable", notes).unwrap_or(matches!(
            kind,
            "throttled" | "limit-exceeded" | "unavailable"
        )),
        statement_id: fields.text("statementId", notes),
        document: None,
    };
    Some(match kind {
        "not-granted" => Failure::NotGranted(detail),
        "invalid-request" => Failure::InvalidRequest(detail),
        "concurrent-execution" => Failure::ConcurrentExecution(detail),
        "not-found" => Failure::NotFound(detail),
        "session-lost" => Failure::SessionLost(detail),
        "limit-exceeded" => Failure::LimitExceeded(detail),
        "throttled" => Failure::Throttled(detail),
        "execution-failed" => Failure::ExecutionFailed(detail),
        "unavailable" => Failure::Unavailable(detail),
        "uncertain" => Failure::Uncertain(detail),
        _ => Failure::Other(detail),
    })
}
