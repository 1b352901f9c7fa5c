//! From the service's replies to the contract's records.
//!
//! They are read from the reply's own text: the SDK's types make an absent number 0.

use serde::Deserialize;
use serde_json::{Map, Value};
use signalbox_policy::contract::{
    CancelledStatement, ResultFormat, StartedStatement, StatementDescription, StatementList,
    StatementResult, StatementStatus, SubStatement,
};
use signalbox_tasker::ports::{Listed, ListedPage};

use super::document::{millis, with_dates};

type Reply = Map<String, Value>;

/// Reads the reply of ExecuteStatement and BatchExecuteStatement.
///
/// # Errors
/// What it is not.
pub fn started(target: &str, text: &str) -> Result<StartedStatement, String> {
    let mut reply = read(text)?;
    let id = string(&reply, "Id").ok_or("the reply has no Id")?;
    let status = string(&reply, "Status").map_or(StatementStatus::Submitted, |name| status(&name));
    let session_id = string(&reply, "SessionId");
    let has_result_set = reply.get("HasResultSet").and_then(Value::as_bool);
    with_dates(&mut reply);
    Ok(StartedStatement {
        id,
        target: target.to_owned(),
        status,
        session_id,
        has_result_set,
        document: write(reply),
    })
}

/// Reads the reply of DescribeStatement.
///
/// # Errors
/// What it is not.
pub fn description(text: &str) -> Result<StatementDescription, String> {
    let mut reply = read(text)?;
    let id = string(&reply, "Id").ok_or("the reply has no Id")?;
    let sub_statements = match reply.get("SubStatements").and_then(Value::as_array) {
        Some(list) => list
            .iter()
            .filter_map(Value::as_object)
            .map(sub_statement)
            .collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let described = StatementDescription {
        id,
        status: status_of(&reply),
        error: string(&reply, "Error").filter(|error| !error.is_empty()),
        duration_ns: count(&reply, "Duration"),
        has_result_set: truth(&reply, "HasResultSet"),
        result_rows: count(&reply, "ResultRows"),
        result_size: count(&reply, "ResultSize"),
        result_format: match string(&reply, "ResultFormat").as_deref() {
            Some("CSV") => ResultFormat::Csv,
            _ => ResultFormat::Json,
        },
        session_id: string(&reply, "SessionId"),
        created_at: reply.get("CreatedAt").and_then(millis),
        updated_at: reply.get("UpdatedAt").and_then(millis),
        sub_statements,
        document: String::new(),
    };
    with_dates(&mut reply);
    Ok(StatementDescription {
        document: write(reply),
        ..described
    })
}

fn sub_statement(reply: &Reply) -> Result<SubStatement, String> {
    Ok(SubStatement {
        id: string(reply, "Id").ok_or("a sub-statement of the reply has no Id")?,
        status: status_of(reply),
        error: string(reply, "Error").filter(|error| !error.is_empty()),
        duration_ns: count(reply, "Duration"),
        has_result_set: truth(reply, "HasResultSet"),
        result_rows: count(reply, "ResultRows"),
        result_size: count(reply, "ResultSize"),
    })
}

/// Reads the reply of CancelStatement.
///
/// # Errors
/// What it is not.
pub fn cancelled(text: &str) -> Result<CancelledStatement, String> {
    let reply = read(text)?;
    Ok(CancelledStatement {
        status: truth(&reply, "Status"),
        document: write(reply),
    })
}

/// Reads the reply of GetStatementResult. The text goes on as it came: a page has no dates, and numbers of its cells keep
/// every digit.
///
/// # Errors
/// What it is not.
pub fn result(text: String) -> Result<StatementResult, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Page {
        next_token: Option<String>,
        total_num_rows: Option<i64>,
    }
    let page: Page = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let total_rows = page
        .total_num_rows
        .and_then(|rows| u64::try_from(rows).ok())
        .unwrap_or(0);
    Ok(StatementResult {
        next_token: token(page.next_token),
        total_rows,
        document: text,
    })
}

/// Reads the reply of ListStatements.
///
/// # Errors
/// What it is not.
pub fn list(text: &str) -> Result<StatementList, String> {
    let mut reply = read(text)?;
    with_dates(&mut reply);
    Ok(StatementList {
        next_token: token(string(&reply, "NextToken")),
        document: write(reply),
    })
}

pub(super) fn listed(text: &str) -> Result<ListedPage, String> {
    let reply = read(text)?;
    let entries = reply
        .get("Statements")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let statements = entries.iter().filter_map(Value::as_object).map(|entry| {
        Ok(Listed {
            id: string(entry, "Id").ok_or("a statement of the reply has no Id")?,
            statement_name: string(entry, "StatementName"),
            status: status_of(entry),
        })
    });
    let statements = statements.collect::<Result<_, String>>()?;
    Ok(ListedPage {
        statements,
        next_token: token(string(&reply, "NextToken")),
    })
}

fn read(text: &str) -> Result<Reply, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn write(reply: Reply) -> String {
    Value::Object(reply).to_string()
}

fn string(reply: &Reply, name: &str) -> Option<String> {
    reply.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn truth(reply: &Reply, name: &str) -> bool {
    reply.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// A number that the service sends as -1 where it has none.
fn count(reply: &Reply, name: &str) -> Option<u64> {
    reply
        .get(name)
        .and_then(Value::as_i64)
        .and_then(|number| u64::try_from(number).ok())
}

/// The last page may carry an empty token.
fn token(token: Option<String>) -> Option<String> {
    token.filter(|token| !token.is_empty())
}

fn status_of(reply: &Reply) -> StatementStatus {
    string(reply, "Status").map_or(StatementStatus::Unknown, |name| status(&name))
}

fn status(name: &str) -> StatementStatus {
    match name {
        "SUBMITTED" => StatementStatus::Submitted,
        "PICKED" => StatementStatus::Picked,
        "STARTED" => StatementStatus::Started,
        "FINISHED" => StatementStatus::Finished,
        "FAILED" => StatementStatus::Failed,
        "ABORTED" => StatementStatus::Aborted,
        _ => StatementStatus::Unknown,
    }
}
