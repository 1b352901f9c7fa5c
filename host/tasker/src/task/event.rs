//! The completion event as it may go into an output: the service's shape, filled with what Redshift confirms.
//!
//! Anybody who may invoke the function or write to its queue can write an event. So nothing of one that came is handed on:
//! neither the account and the resources that it names, nor what it has beyond the shape.

use serde_json::{Map, Value, json};
use signalbox_policy::contract::{StatementDescription, StatementFacts};

use super::answer::status_name;

/// How long Redshift keeps a result, in seconds: a day.
const RETENTION_SECONDS: i64 = 86_400;

/// What is known of a statement that ended.
pub(super) struct Ended<'a> {
    /// What stands for the event's own id.
    pub(super) id: &'a str,
    pub(super) statement_name: &'a str,
    pub(super) statement_id: &'a str,
    pub(super) execution_arn: Option<&'a str>,
    /// In the service's words.
    pub(super) state: &'a str,
    /// Milliseconds since the Unix epoch; of one that is not described, when it was recorded.
    pub(super) at: i64,
    /// What Redshift says of it, where this role may ask.
    pub(super) description: Option<&'a StatementDescription>,
}

impl<'a> Ended<'a> {
    pub(super) fn of(facts: &'a StatementFacts, description: &'a StatementDescription) -> Self {
        let at = description.updated_at.unwrap_or(facts.recorded_at);
        Self {
            id: &facts.record_id,
            statement_name: &facts.statement_name,
            statement_id: &facts.statement_id,
            execution_arn: facts.execution_arn.as_deref(),
            state: status_name(description.status),
            at: i64::try_from(at).unwrap_or_default(),
            description: Some(description),
        }
    }

    /// The event.
    pub(super) fn event(&self) -> Value {
        let time = jiff::Timestamp::from_second(self.at.div_euclid(1_000))
            .map(|time| time.to_string())
            .unwrap_or_default();
        let mut arn = self.execution_arn.unwrap_or_default().split(':').skip(3);
        let (region, account) = (arn.next(), arn.next());
        let mut event = Map::new();
        let mut put = |name: &str, value: Value| drop(event.insert(name.to_owned(), value));
        put("version", json!("0"));
        put("id", json!(self.id));
        put(
            "detail-type",
            json!("Redshift Data Statement Status Change"),
        );
        put("source", json!("aws.redshift-data"));
        if let Some(account) = account {
            put("account", json!(account));
        }
        put("time", json!(time));
        if let Some(region) = region {
            put("region", json!(region));
        }
        put("resources", json!([]));
        put("detail", self.detail());
        Value::Object(event)
    }

    fn detail(&self) -> Value {
        let mut detail = Map::new();
        let mut put = |name: &str, value: Value| drop(detail.insert(name.to_owned(), value));
        put("statementName", json!(self.statement_name));
        put("statementId", json!(self.statement_id));
        if let Some(query) = self.description.and_then(query_id) {
            put("redshiftQueryId", query);
        }
        put("state", json!(self.state));
        if let Some(description) = self.description {
            // -1 is the service's own word for "no count".
            let rows = description.result_rows;
            put("rows", rows.map_or(json!(-1), |rows| json!(rows)));
            put(
                "expireAt",
                json!(self.at.div_euclid(1_000) + RETENTION_SECONDS),
            );
        }
        Value::Object(detail)
    }
}

fn query_id(description: &StatementDescription) -> Option<Value> {
    let document: Value = serde_json::from_str(&description.document).ok()?;
    let id = document.get("RedshiftQueryId")?;
    id.is_number().then(|| id.clone())
}
