//! The payload: what a caller asks for, checked.

mod fields;
mod labels;
mod lookup;
mod parameters;
mod read;
mod start;

pub use fields::FIELDS;
pub use labels::{MAX_LABEL_NAME, MAX_LABELS};
pub use lookup::{Lookup, PageLookup, StatementRef};
pub use read::InvalidRequest;
pub use start::{Action, MAX_BATCH, Start};

use crate::contract::{Invocation, Source, UnknownFields};
use crate::text::{choice, nearest, quoted};
use read::Reader;
use serde_json::{Map, Value};

/// What a payload asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Run SQL.
    Start(Box<Start>),
    /// Say how a statement is.
    Describe(Lookup),
    /// Give a page of a result.
    GetResult(PageLookup),
    /// Stop a statement.
    Cancel(Lookup),
}

/// A payload that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Payload {
    /// What it asks for.
    pub request: Request,
    /// Its fields that nobody knows.
    pub unknown_fields: Vec<String>,
}

/// The actions that run SQL.
const START_ACTIONS: [&str; 3] = [
    "executeStatement",
    "executeSingletonStatement",
    "batchExecuteStatement",
];
/// The actions that ask about a statement.
const LOOKUP_ACTIONS: [&str; 3] = ["describeStatement", "getStatementResult", "cancelStatement"];

/// Read the payload of an invocation.
///
/// Routing is the original's: a payload with SQL starts a statement; one with `statementId` does what
/// `action` says.
///
/// # Errors
/// Whatever is wrong with the payload, in words for the caller. The payload itself is never repeated.
pub fn read(invocation: &Invocation) -> Result<Payload, InvalidRequest> {
    let value: Value = serde_json::from_str(&invocation.payload)
        .map_err(|error| InvalidRequest::new(format!("The payload is not JSON: {error}.")))?;
    let Value::Object(object) = &value else {
        return Err(InvalidRequest::new(format!(
            "The payload must be a JSON object, it is {}.",
            crate::text::kind_of(&value)
        )));
    };
    let unknown_fields = unknown_fields(object, invocation.unknown_fields)?;
    // CloudFormation hands booleans and numbers on as texts.
    let reader = Reader::new(object, invocation.source == Source::CustomResource);
    let execution_arn = match &invocation.execution_arn {
        Some(arn) => Some(arn.clone()),
        None => reader.text("executionArn", 1, 2048)?,
    };
    let request = route(&reader, execution_arn)?;
    Ok(Payload {
        request,
        unknown_fields,
    })
}

fn route(reader: &Reader<'_>, execution_arn: Option<String>) -> Result<Request, InvalidRequest> {
    let action = reader.text("action", 0, usize::MAX)?;
    if let Some(action) = &action {
        check_action(action)?;
    }
    let has_sql = reader.has("sqlStatement") || reader.has("sqlStatements");
    let action = match (action.as_deref(), has_sql) {
        (None, true) if reader.has("sqlStatements") && !reader.has("sqlStatement") => {
            "batchExecuteStatement"
        }
        (None, true) => "executeStatement",
        (None, false) => return Err(unroutable(reader)),
        (Some(action), _) => action,
    };
    match action {
        "executeStatement" => start::read(reader, Action::ExecuteStatement).map(boxed),
        "executeSingletonStatement" => {
            start::read(reader, Action::ExecuteSingletonStatement).map(boxed)
        }
        "batchExecuteStatement" => start::read(reader, Action::BatchExecuteStatement).map(boxed),
        other if has_sql => Err(InvalidRequest::new(format!(
            "`action` is {}, but the payload has SQL to run. Leave the SQL out, or use {}.",
            quoted(other),
            choice(START_ACTIONS)
        ))),
        "describeStatement" => lookup::read(reader, execution_arn).map(Request::Describe),
        "cancelStatement" => lookup::read_for_cancel(reader, execution_arn).map(Request::Cancel),
        _ => lookup::read_page(reader, execution_arn).map(Request::GetResult),
    }
}

fn boxed(start: Start) -> Request {
    Request::Start(Box::new(start))
}

fn check_action(action: &str) -> Result<(), InvalidRequest> {
    let known = || START_ACTIONS.into_iter().chain(LOOKUP_ACTIONS);
    if known().any(|name| name == action) {
        return Ok(());
    }
    let meant = match nearest(action, known()) {
        Some(name) => format!("Did you mean `{name}`?"),
        None => format!("It must be {}.", choice(known())),
    };
    Err(InvalidRequest::new(format!(
        "`action` is {}, which is no action. {meant}",
        quoted(action)
    )))
}

fn unroutable(reader: &Reader<'_>) -> InvalidRequest {
    if reader.has("statementId") {
        return InvalidRequest::new(format!(
            "The payload has `statementId` but no `action`. Add `action`: {}.",
            choice(LOOKUP_ACTIONS)
        ));
    }
    InvalidRequest::new(
        "The payload asks for nothing: it has neither `sqlStatement` nor `sqlStatements` nor `action`. \
         To run SQL, give `sqlStatement`; to ask about a statement, give `action` and `statementId`.",
    )
}

/// Fields that are not known are compared with all that are; this bounds the work on foreign input.
const UNKNOWN_FIELDS_MAX: usize = 1_000;

fn unknown_fields(
    object: &Map<String, Value>,
    rule: UnknownFields,
) -> Result<Vec<String>, InvalidRequest> {
    let mut unknown = Vec::new();
    for name in object
        .keys()
        .filter(|name| !FIELDS.contains(&name.as_str()))
    {
        if let Some(meant) = nearest(name, FIELDS) {
            return Err(InvalidRequest::new(format!(
                "The payload has a field {}, which is not known. Did you mean `{meant}`?",
                quoted(name)
            )));
        }
        if unknown.len() == UNKNOWN_FIELDS_MAX {
            return Err(InvalidRequest::new(format!(
                "The payload has more than {UNKNOWN_FIELDS_MAX} fields that are not known."
            )));
        }
        unknown.push(name.clone());
    }
    if rule == UnknownFields::Refuse
        && let Some(first) = unknown.first()
    {
        return Err(InvalidRequest::new(format!(
            "The payload has a field {}, which is not known, and this deployment refuses unknown fields. \
             Remove it, or let the deployment ignore them.",
            quoted(first)
        )));
    }
    Ok(unknown)
}

#[cfg(test)]
mod tests;
