//! Statements whose policy is not in force any more: their tasks are answered as the original would.

use serde_json::{Map, Value, json};
use signalbox_policy::{
    Answer,
    contract::{StatementDescription, StatementFacts},
};

use super::{
    Tasker,
    answer::{self, status_name},
    services::clean_document,
};
use crate::{original, record::Record, secrets::Secrets};

/// How long Redshift keeps a result, in seconds: a day.
const RETENTION_SECONDS: i64 = 86_400;

impl Tasker {
    /// What the original answers: the completion event, with the end that Redshift reports.
    pub(super) fn as_original(
        &self,
        record: &Record,
        facts: &StatementFacts,
        description: &StatementDescription,
        event: Option<&Value>,
    ) -> Answer {
        let mut secrets = Secrets::default();
        for token in record.tokens() {
            secrets.take(token.reveal());
        }
        let mut whole = made_event(facts, description, record.recorded_at);
        if let Some(Value::Object(sent)) = event {
            let detail = whole.remove("detail");
            whole.extend(sent.clone());
            // What says how it ended comes from Redshift, whatever the event says.
            if let (Some(Value::Object(made)), Some(Value::Object(told))) =
                (detail, whole.get_mut("detail"))
            {
                told.remove("error");
                told.extend(made);
            }
        }
        if let Some(error) = &description.error
            && let Some(Value::Object(detail)) = whole.get_mut("detail")
        {
            detail.insert("error".to_owned(), json!(error));
        }
        let text = clean_document(&Value::Object(whole).to_string(), &secrets);
        let event = serde_json::from_str(&text).unwrap_or_default();
        original::answer(&event, status_name(description.status), None)
            .unwrap_or_else(|| answer::lost(&description.id))
    }
}

/// The event in the service's shape, as far as it is known.
fn made_event(
    facts: &StatementFacts,
    description: &StatementDescription,
    recorded_at: i64,
) -> Map<String, Value> {
    let ended = description
        .updated_at
        .and_then(|at| i64::try_from(at).ok())
        .unwrap_or(recorded_at);
    let time = jiff::Timestamp::from_second(ended.div_euclid(1_000))
        .map(|time| time.to_string())
        .unwrap_or_default();
    // -1 is the service's own word for "no count".
    let rows = description
        .result_rows
        .map_or(json!(-1), |rows| json!(rows));
    let fields = [
        ("version", json!("0")),
        ("id", json!(facts.record_id)),
        (
            "detail-type",
            json!("Redshift Data Statement Status Change"),
        ),
        ("source", json!("aws.redshift-data")),
        ("time", json!(time)),
        ("resources", json!([])),
        (
            "detail",
            json!({
                "statementName": facts.statement_name,
                "statementId": facts.statement_id,
                "state": status_name(description.status),
                "rows": rows,
                "expireAt": ended.div_euclid(1_000) + RETENTION_SECONDS,
            }),
        ),
    ];
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
