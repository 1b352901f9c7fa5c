//! The completion event as it may go into an output: the service's shape, filled with what Redshift confirms.
//!
//! Anybody who may invoke the function or write to its queue can write an event. So the event is made anew. Of one that
//! came it takes the id, the role and the resource, if they have the service's form and belong to the account and the
//! region of the task, and the resource is the one that Redshift confirms. Nothing else of it is handed on: neither
//! another account, nor what it has beyond the shape.

use serde_json::{Map, Value, json};
use signalbox_policy::contract::{StatementDescription, StatementFacts, StatementStatus};

/// How long Redshift keeps a result, in seconds: a day.
const RETENTION_SECONDS: i64 = 86_400;

/// What is known of a statement that ended.
pub(crate) struct Ended<'a> {
    /// What stands for the event's own id.
    pub(crate) id: &'a str,
    pub(crate) statement_name: &'a str,
    pub(crate) statement_id: &'a str,
    pub(crate) execution_arn: Option<&'a str>,
    /// In the service's words.
    pub(crate) state: &'a str,
    /// Milliseconds since the Unix epoch; of one that is not described, when it was recorded.
    pub(crate) at: i64,
    /// What Redshift says of it, where this role may ask.
    pub(crate) description: Option<&'a StatementDescription>,
    /// The event that came, if one did.
    pub(crate) came: Option<&'a Value>,
    /// The function that works on it: its account and region are those of a task without an execution.
    pub(crate) function_arn: Option<&'a str>,
}

impl<'a> Ended<'a> {
    pub(crate) fn of(facts: &'a StatementFacts, description: &'a StatementDescription) -> Self {
        let at = description.updated_at.unwrap_or(facts.recorded_at);
        Self {
            id: &facts.record_id,
            statement_name: &facts.statement_name,
            statement_id: &facts.statement_id,
            execution_arn: facts.execution_arn.as_deref(),
            state: status_name(description.status),
            at: i64::try_from(at).unwrap_or_default(),
            description: Some(description),
            came: None,
            function_arn: None,
        }
    }

    /// With the event that came to this function.
    pub(crate) fn came(self, event: Option<&'a Value>, function_arn: Option<&'a str>) -> Self {
        Self {
            came: event,
            function_arn,
            ..self
        }
    }

    /// The event.
    pub(crate) fn event(&self) -> Value {
        let time = jiff::Timestamp::from_second(self.at.div_euclid(1_000))
            .map(|time| time.to_string())
            .unwrap_or_default();
        let own = self
            .execution_arn
            .or(self.function_arn)
            .and_then(Arn::parse);
        let mut event = Map::new();
        let mut put = |name: &str, value: Value| drop(event.insert(name.to_owned(), value));
        put("version", json!("0"));
        let id = self.field("id").filter(|id| is_uuid(id));
        put("id", json!(id.unwrap_or(self.id)));
        put(
            "detail-type",
            json!("Redshift Data Statement Status Change"),
        );
        put("source", json!("aws.redshift-data"));
        if let Some(own) = own {
            put("account", json!(own.account));
        }
        put("time", json!(time));
        if let Some(own) = own {
            put("region", json!(own.region));
        }
        let document = self
            .description
            .and_then(|described| serde_json::from_str::<Value>(&described.document).ok())
            .unwrap_or_default();
        put("resources", json!(self.resources(own, &document)));
        put("detail", self.detail(own, &document));
        Value::Object(event)
    }

    /// A text of the event that came.
    fn field(&self, pointer: &str) -> Option<&'a str> {
        self.came?.pointer(&format!("/{pointer}"))?.as_str()
    }

    /// The cluster or workgroup that the event names, if Redshift says that the statement ran there.
    fn resources(&self, own: Option<Arn<'_>>, document: &Value) -> Vec<&'a str> {
        let confirmed = |name: &str| document.get(name)?.as_str();
        let named = self.came.and_then(|event| event.get("resources"));
        named
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .filter(|text| {
                let (Some(own), Some(arn)) = (own, Arn::parse(text)) else {
                    return false;
                };
                let is_confirmed = match (arn.service, arn.resource.split_once([':', '/'])) {
                    ("redshift", Some(("cluster", cluster))) => {
                        confirmed("ClusterIdentifier") == Some(cluster)
                    }
                    ("redshift-serverless", Some(("workgroup", id))) => {
                        confirmed("WorkgroupName").is_some() && is_uuid(id)
                    }
                    _ => false,
                };
                is_confirmed && arn.is_beside(own) && arn.region == own.region
            })
            .take(1)
            .collect()
    }

    fn detail(&self, own: Option<Arn<'_>>, document: &Value) -> Value {
        let mut detail = Map::new();
        let mut put = |name: &str, value: Value| drop(detail.insert(name.to_owned(), value));
        let principal = self.field("detail/principal").filter(|text| {
            let arn = Arn::parse(text).filter(|arn| matches!(arn.service, "sts" | "iam"));
            arn.zip(own).is_some_and(|(arn, own)| arn.is_beside(own))
        });
        if let Some(principal) = principal {
            put("principal", json!(principal));
        }
        put("statementName", json!(self.statement_name));
        put("statementId", json!(self.statement_id));
        if let Some(query @ Value::Number(_)) = document.get("RedshiftQueryId") {
            put("redshiftQueryId", query.clone());
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

/// The name that the service has for a state.
#[must_use]
pub fn status_name(status: StatementStatus) -> &'static str {
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

/// The parts of an ARN.
#[derive(Debug, Clone, Copy)]
struct Arn<'a> {
    partition: &'a str,
    service: &'a str,
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Arn<'a> {
    /// The longest that is taken for one, in bytes: as long as those of IAM can be.
    const MAX: usize = 2_048;

    fn parse(text: &'a str) -> Option<Self> {
        if text.len() > Self::MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let mut parts = text.strip_prefix("arn:")?.splitn(5, ':');
        Some(Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        })
    }

    /// Whether both are of one account.
    fn is_beside(self, other: Arn<'_>) -> bool {
        self.partition == other.partition && self.account == other.account
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
