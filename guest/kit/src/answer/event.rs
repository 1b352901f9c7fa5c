//! The completion event, as the answer of the original: the service's own where one came, else the same
//! shape made from what is known.

use super::Outcome;
use crate::contract::{StatementDescription, StatementStatus};
use serde_json::{Map, Value, json};

/// How long Redshift keeps a result, in seconds: a day.
const RETENTION_SECONDS: u64 = 86_400;

/// The state in Redshift's words.
pub(super) fn state_name(status: StatementStatus) -> &'static str {
    match status {
        StatementStatus::Submitted => "SUBMITTED",
        StatementStatus::Picked => "PICKED",
        StatementStatus::Started => "STARTED",
        StatementStatus::Finished => "FINISHED",
        StatementStatus::Failed => "FAILED",
        StatementStatus::Aborted => "ABORTED",
        StatementStatus::Unknown => "UNKNOWN",
    }
}

/// The event of a statement that ended. What says how it ended comes from the facts and Redshift's
/// description, whatever the event says; the rest is the event's, and filled in where it is missing.
pub(super) fn of(outcome: &Outcome<'_>, error: Option<&str>) -> Value {
    let (made, made_detail) = make(outcome);
    let sent = outcome
        .event
        .and_then(|text| serde_json::from_str(text).ok());
    let mut event = match sent {
        Some(Value::Object(event)) => event,
        _ => Map::new(),
    };
    let mut detail = match event.remove("detail") {
        Some(Value::Object(detail)) => detail,
        _ => Map::new(),
    };
    fill(&mut event, made);
    for (name, value) in made_detail {
        if is_evidence(&name) || !detail.contains_key(&name) {
            detail.insert(name, value);
        }
    }
    if outcome.statement.sub_statements.is_empty() {
        detail.shift_remove("subStatements");
    }
    detail.shift_remove("error");
    if let Some(error) = error {
        detail.insert("error".to_owned(), Value::from(error));
    }
    event.shift_remove("detail");
    event.insert("detail".to_owned(), Value::Object(detail));
    Value::Object(event)
}

fn is_evidence(name: &str) -> bool {
    matches!(
        name,
        "state" | "statementId" | "statementName" | "rows" | "subStatements"
    )
}

fn fill(event: &mut Map<String, Value>, made: Map<String, Value>) {
    for (name, value) in made {
        event.entry(name).or_insert(value);
    }
}

/// The envelope and the detail in the shape of the service's monitoring guide, from what is known. Who ran
/// the statement is not known, and left out.
fn make(outcome: &Outcome<'_>) -> (Map<String, Value>, Map<String, Value>) {
    let facts = outcome.facts;
    let statement = outcome.statement;
    let ended = statement.updated_at.unwrap_or(facts.recorded_at);
    let mut arn = facts
        .execution_arn
        .as_deref()
        .unwrap_or("")
        .split(':')
        .skip(3);
    let (region, account) = (arn.next(), arn.next());

    let mut event = Map::new();
    event.insert("version".to_owned(), json!("0"));
    event.insert("id".to_owned(), json!(facts.record_id));
    event.insert(
        "detail-type".to_owned(),
        json!("Redshift Data Statement Status Change"),
    );
    event.insert("source".to_owned(), json!("aws.redshift-data"));
    if let Some(account) = account {
        event.insert("account".to_owned(), json!(account));
    }
    event.insert("time".to_owned(), json!(iso_seconds(ended)));
    if let Some(region) = region {
        event.insert("region".to_owned(), json!(region));
    }
    event.insert("resources".to_owned(), json!([]));

    let mut detail = Map::new();
    detail.insert("statementName".to_owned(), json!(facts.statement_name));
    detail.insert("statementId".to_owned(), json!(facts.statement_id));
    if let Some(query) = redshift_query_id(&statement.document) {
        detail.insert("redshiftQueryId".to_owned(), query);
    }
    detail.insert("state".to_owned(), json!(state_name(statement.status)));
    if !statement.sub_statements.is_empty() {
        detail.insert("subStatements".to_owned(), parts(statement));
    }
    // -1 is the service's own word for "no count".
    let rows = statement.result_rows.map_or(json!(-1), |rows| json!(rows));
    detail.insert("rows".to_owned(), rows);
    detail.insert(
        "expireAt".to_owned(),
        json!(ended / 1_000 + RETENTION_SECONDS),
    );
    (event, detail)
}

/// How each statement of a batch ended. The service's event does not say so.
fn parts(statement: &StatementDescription) -> Value {
    let parts = statement.sub_statements.iter().map(|part| {
        let mut told = json!({ "id": part.id, "state": state_name(part.status) });
        if let Some(object) = told.as_object_mut() {
            object.extend(
                part.result_rows
                    .map(|rows| ("rows".to_owned(), json!(rows))),
            );
            object.extend((part.error.as_ref()).map(|error| ("error".to_owned(), json!(error))));
        }
        told
    });
    parts.collect()
}

fn redshift_query_id(document: &str) -> Option<Value> {
    let document: Value = serde_json::from_str(document).ok()?;
    document
        .get("RedshiftQueryId")
        .filter(|id| id.is_number())
        .cloned()
}

/// A time as EventBridge writes it, such as `2020-12-23T03:23:17Z`.
fn iso_seconds(milliseconds: u64) -> String {
    let seconds = i64::try_from(milliseconds / 1_000).unwrap_or_default();
    jiff::Timestamp::from_second(seconds)
        .map(|time| time.to_string())
        .unwrap_or_default()
}
