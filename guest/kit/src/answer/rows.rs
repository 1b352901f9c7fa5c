//! The rows of a result as an output, where they fit.

use super::cap::{Cut, cut};
use super::{MAX_OUTPUT_BYTES, Outcome, event::state_name};
use crate::contract::{GetStatementResultRequest, StatementResult, StatementStatus};
use crate::host::{Host, detail};
use crate::memo::noted;
use serde_json::{Map, Value, json};

/// Why the rows are not in the output.
enum Missing {
    TooLong,
    Unread { code: String, message: String },
}

/// All pages of the result as one reply of GetStatementResult; of a batch one for each part with rows. A
/// result that does not fit is replaced by a pointer: the id to read it by, and its counts.
pub(super) fn of(outcome: &Outcome<'_>, host: &dyn Host) -> Value {
    let statement = outcome.statement;
    let id = &outcome.facts.statement_id;
    let cut = cut(noted(&outcome.facts.memo, "caps").as_ref());
    let read = if statement.sub_statements.is_empty() {
        match statement.has_result_set {
            true => read_all(outcome, id, cut, host),
            false => Ok(no_rows(statement.result_rows)),
        }
    } else {
        read_parts(outcome, cut, host)
    };
    let read = read.and_then(|mut result| {
        result.shift_insert(0, "Id".to_owned(), json!(id));
        result.shift_insert(1, "Status".to_owned(), json!(outcome.state()));
        let value = Value::Object(result);
        match value.to_string().len() > MAX_OUTPUT_BYTES {
            true => Err(Missing::TooLong),
            false => Ok(value),
        }
    });
    read.unwrap_or_else(|missing| pointer(outcome, &missing))
}

fn read_parts(
    outcome: &Outcome<'_>,
    cut: Cut,
    host: &dyn Host,
) -> Result<Map<String, Value>, Missing> {
    let mut parts = Vec::new();
    let mut bytes = 0;
    for part in &outcome.statement.sub_statements {
        let mut result = match part.has_result_set && part.status == StatementStatus::Finished {
            true => read_all(outcome, &part.id, cut, host)?,
            false => no_rows(part.result_rows),
        };
        result.shift_insert(0, "Id".to_owned(), json!(part.id));
        result.shift_insert(1, "Status".to_owned(), json!(state_name(part.status)));
        if let Some(error) = &part.error {
            result.shift_insert(2, "Error".to_owned(), json!(error));
        }
        let result = Value::Object(result);
        bytes += result.to_string().len();
        if bytes > MAX_OUTPUT_BYTES {
            return Err(Missing::TooLong);
        }
        parts.push(result);
    }
    let mut whole = Map::new();
    whole.insert("SubStatements".to_owned(), Value::Array(parts));
    Ok(whole)
}

/// Read pages until the last, or until it is certain that they do not fit.
fn read_all(
    outcome: &Outcome<'_>,
    id: &str,
    cut: Cut,
    host: &dyn Host,
) -> Result<Map<String, Value>, Missing> {
    let mut whole: Option<Map<String, Value>> = None;
    let mut records = Vec::new();
    let mut bytes = 0;
    let mut next_token = None;
    let mut is_cut = false;
    loop {
        let page = host
            .get_statement_result(&GetStatementResultRequest {
                id: id.to_owned(),
                target: Some(outcome.facts.target.clone()),
                next_token: next_token.take(),
                result_format: outcome.statement.result_format,
                wait_seconds: None,
            })
            .map_err(|failure| Missing::Unread {
                code: detail(&failure).code.clone(),
                message: detail(&failure).message.clone(),
            })?;
        let mut document = match serde_json::from_str(&page.document) {
            Ok(Value::Object(document)) => document,
            _ => Map::new(),
        };
        document.shift_remove("NextToken");
        if let Some(Value::Array(rows)) = document.shift_remove("Records") {
            for row in rows {
                let size = row.to_string().len() + 1;
                if cut.is_full(records.len(), bytes + size) {
                    is_cut = true;
                    break;
                }
                bytes += size;
                records.push(row);
            }
        }
        whole.get_or_insert(document);
        if is_cut {
            break;
        }
        if bytes > MAX_OUTPUT_BYTES {
            return Err(Missing::TooLong);
        }
        match page.next_token {
            // The same page for ever would be an endless loop: an empty token is the end.
            Some(token) if !token.is_empty() => next_token = Some(token),
            _ => break,
        }
    }
    let mut whole = whole.unwrap_or_default();
    whole.shift_insert(0, "Records".to_owned(), Value::Array(records));
    if is_cut {
        whole.shift_insert(0, "RowsTruncated".to_owned(), json!(true));
    }
    Ok(whole)
}

fn no_rows(changed: Option<u64>) -> Map<String, Value> {
    let mut result = Map::new();
    result.insert("Records".to_owned(), json!([]));
    result.insert("ColumnMetadata".to_owned(), json!([]));
    result.insert("TotalNumRows".to_owned(), json!(0));
    if let Some(changed) = changed {
        result.insert("ResultRows".to_owned(), json!(changed));
    }
    result
}

fn pointer(outcome: &Outcome<'_>, missing: &Missing) -> Value {
    let statement = outcome.statement;
    let mut pointer = json!({
        "Id": outcome.facts.statement_id,
        "Status": outcome.state(),
        "RowsOmitted": match missing {
            Missing::TooLong => "The rows do not fit into the output of a state (262,144 bytes). \
                                 Read them with getStatementResult.",
            Missing::Unread { .. } => "The rows could not be read. Read them with getStatementResult.",
        },
        "ResultRows": statement.result_rows,
        "ResultSize": statement.result_size,
    });
    if let Some(object) = pointer.as_object_mut() {
        if let Missing::Unread { code, message } = missing {
            object.insert(
                "Error".to_owned(),
                json!({ "code": code, "message": message }),
            );
        }
        if !statement.sub_statements.is_empty() {
            let parts = statement.sub_statements.iter().map(|part| {
                json!({
                    "Id": part.id, "Status": state_name(part.status), "Error": part.error,
                    "ResultRows": part.result_rows, "ResultSize": part.result_size
                })
            });
            object.insert("SubStatements".to_owned(), parts.collect());
        }
    }
    pointer
}

/// In place of a page that is too long for the output of a state: what it takes to read it otherwise. None
/// if even that is too long.
#[must_use]
pub fn page_pointer(id: &str, page: &StatementResult) -> Option<String> {
    let text = json!({
        "Id": id,
        "TotalNumRows": page.total_rows,
        "NextToken": page.next_token,
        "RowsOmitted": "The page does not fit into the output of a state (262,144 bytes). Read it without a \
                        task token, or select fewer columns.",
    })
    .to_string();
    (text.len() <= MAX_OUTPUT_BYTES).then_some(text)
}
