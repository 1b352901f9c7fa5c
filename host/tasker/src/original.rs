//! Rows that the original left in the table: how they are read, and what it would answer.
//!
//! | attribute | content |
//! |---|---|
//! | `id` | the execution's ARN; of a custom resource its name in the template |
//! | `invocationId` | seconds since the Unix epoch, with a fraction |
//! | `sqlStatement` | the SQL |
//! | `callback_details` | who waits, as a JSON text; in its first generation `taskToken` instead |
//! | `TTL` | there once the row is done with |
//! | `finished_event_details` | the completion event, then |

use serde_json::{Value, json};
use signalbox_policy::Answer;

use crate::{
    custom_resource::CustomResource,
    ports::{Item, Key, TaskToken},
    shorten,
    waiting::Waiting,
};

/// How far from now the time in a statement's name may be, in seconds: about a year, as the original has it.
const NAME_AGE_MAX: i64 = 366 * 24 * 60 * 60;
/// The longest output that Step Functions takes, in bytes.
const OUTPUT_MAX: usize = 262_144;
/// The longest cause, in UTF-16 code units.
const CAUSE_MAX: usize = 32_768;
/// The attribute that holds the completion event of a row that is done with.
const FINISHED_EVENT: &str = "finished_event_details";

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct OriginalRow {
    item: Item,
}

/// The row that a statement's name speaks of; none if it is not of the original's form. `now` is in seconds since
/// the Unix epoch.
#[must_use]
pub fn parse_statement_name(name: &str, now: i64) -> Option<Key> {
    let (id, invocation_id) = name.rsplit_once(':')?;
    let seconds = seconds_of(invocation_id)?;
    let near = now.saturating_sub(seconds).saturating_abs() <= NAME_AGE_MAX;
    (near && !id.is_empty() && !id.contains('#')).then(|| Key::new(id, invocation_id))
}

/// Whole seconds of `1633024800.123456`.
fn seconds_of(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| {
        (1..=15).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    (digits(whole) && digits(fraction)).then_some(())?;
    whole.parse().ok()
}

impl OriginalRow {
    /// Reads an item; none if it is not a row of the original.
    #[must_use]
    pub fn read(item: &Item) -> Option<Self> {
        let of_original = item.revision == 0
            && item.body.get("sqlStatement").is_some_and(Value::is_string)
            && seconds_of(&item.key.invocation_id).is_some();
        of_original.then(|| Self { item: item.clone() })
    }

    /// The name of its statement.
    #[must_use]
    pub fn statement_name(&self) -> String {
        format!("{}:{}", self.item.key.id, self.item.key.invocation_id)
    }

    /// The execution that started it; none for a custom resource.
    #[must_use]
    pub fn execution_arn(&self) -> Option<&str> {
        Some(self.item.key.id.as_str()).filter(|id| id.starts_with("arn:"))
    }

    /// Its SQL.
    #[must_use]
    pub fn sql(&self) -> &str {
        self.text("sqlStatement").unwrap_or_default()
    }

    /// When it was written, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn recorded_at(&self) -> u64 {
        seconds_of(&self.item.key.invocation_id)
            .and_then(|seconds| u64::try_from(seconds).ok())
            .unwrap_or_default()
            .saturating_mul(1_000)
    }

    /// Whether the original, or we, have answered for it: the row has an end then.
    #[must_use]
    pub fn is_handled(&self) -> bool {
        self.item.expires_at.is_some()
    }

    /// Who waits; none for a statement without a callback.
    #[must_use]
    pub fn who_waits(&self) -> Option<Waiting> {
        let details = self
            .text("callback_details")
            .and_then(|details| serde_json::from_str::<Value>(details).ok())
            .unwrap_or_default();
        if let Ok(Some(mut resource)) = CustomResource::of(&details) {
            // The physical id that the original gives is the statement's name.
            let name = || self.statement_name();
            resource.physical_resource_id.get_or_insert_with(name);
            return Some(Waiting::Resource(resource));
        }
        let token = details.get("taskToken").and_then(Value::as_str);
        let token = token.or_else(|| self.text("taskToken"))?;
        (!token.is_empty()).then(|| Waiting::Task(TaskToken::new(token)))
    }

    /// The row as the original leaves it when it has answered.
    #[must_use]
    pub fn handled(&self, event: &Value, expires_at: i64) -> Item {
        let mut item = self.item.clone();
        item.expires_at = Some(expires_at);
        item.body.insert(FINISHED_EVENT.to_owned(), event.clone());
        item
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.item.body.get(name).and_then(Value::as_str)
    }
}

/// What the original answers: the whole event, and `FAILED` for whatever did not finish. None for a state that it
/// has no answer to.
#[must_use]
pub fn answer(event: &Value, state: &str, error: Option<&str>) -> Option<Answer> {
    let mut event = event.clone();
    if let Some(Value::Object(detail)) = event.get_mut("detail") {
        detail.insert("state".to_owned(), json!(state));
        if let Some(error) = error {
            detail.insert("error".to_owned(), json!(error));
        }
    }
    let fit = |max, measure| shorten::data(event, max, measure).unwrap_or_default();
    Some(match state {
        "FINISHED" => Answer::Succeed {
            output: fit(OUTPUT_MAX, str::len).to_string(),
        },
        "FAILED" | "ABORTED" => Answer::Fail {
            error: "FAILED".to_owned(),
            cause: fit(CAUSE_MAX, |text| text.encode_utf16().count()).to_string(),
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    const NOW: i64 = 1_633_024_900;
    const ARN: &str = "arn:aws:states:eu-west-1:111122223333:execution:etl:one";

    fn row(body: Value) -> Item {
        let Value::Object(body) = body else {
            panic!("a map")
        };
        Item {
            key: Key::new(ARN, "1633024800.123456"),
            revision: 0,
            expires_at: None,
            body,
        }
    }

    #[test]
    fn names_of_the_original_lead_to_their_rows() {
        assert_eq!(
            parse_statement_name(&format!("{ARN}:1633024800.123456"), NOW),
            Some(Key::new(ARN, "1633024800.123456"))
        );
        assert_eq!(
            parse_statement_name("Table:1633024800", NOW),
            Some(Key::new("Table", "1633024800"))
        );
        for foreign in [
            "",
            "my_query",
            "test.testtable",
            ":1633024800",
            "Table:",
            "Table:1.2.3",
            "Table:1e9",
            "Table:-1633024800",
            "Table:1233024800",
            "task#x:1633024800",
            "Table:99999999999999999999",
            "sbx-d:00",
        ] {
            assert_eq!(parse_statement_name(foreign, NOW), None, "{foreign}");
        }
    }

    #[test]
    fn who_waits_is_read_from_both_generations() {
        let details = json!({"taskToken": "T0KEN", "executionArn": ARN}).to_string();
        for body in [
            json!({"sqlStatement": "select 1", "callback_details": details}),
            json!({"sqlStatement": "select 1", "taskToken": "T0KEN"}),
        ] {
            let row = OriginalRow::read(&row(body)).unwrap();
            assert_eq!(
                row.who_waits(),
                Some(Waiting::Task(TaskToken::new("T0KEN")))
            );
            assert_eq!(row.statement_name(), format!("{ARN}:1633024800.123456"));
        }
        for body in [
            json!({"sqlStatement": "select 1"}),
            json!({"sqlStatement": "select 1", "callback_details": "{"}),
            json!({"sqlStatement": "select 1", "callback_details": "{\"taskToken\": 7}"}),
        ] {
            assert_eq!(OriginalRow::read(&row(body)).unwrap().who_waits(), None);
        }
        let details = json!({
            "RequestType": "Create", "ResponseURL": "https://u", "StackId": "s", "RequestId": "r",
            "ResourceType": "t", "LogicalResourceId": "Table"
        });
        let body = json!({"sqlStatement": "x", "callback_details": details.to_string()});
        let Some(Waiting::Resource(resource)) = OriginalRow::read(&row(body)).unwrap().who_waits()
        else {
            panic!("a custom resource")
        };
        assert_eq!(
            resource.physical_resource_id.as_deref(),
            Some(format!("{ARN}:1633024800.123456").as_str())
        );
    }

    #[test]
    fn items_of_our_own_are_no_rows_of_the_original() {
        let sql = json!({"sqlStatement": "select 1"});
        let ours = Item {
            revision: 1,
            ..row(sql.clone())
        };
        let other_key = Item {
            key: Key::new(ARN, "1633024800.123000#abc"),
            ..row(sql)
        };
        let no_sql = Item {
            body: Map::new(),
            ..row(json!({}))
        };
        for item in [ours, other_key, no_sql] {
            assert_eq!(OriginalRow::read(&item), None);
        }
    }

    #[test]
    fn an_answer_fits_whatever_the_engine_said() {
        let event = json!({"detail": {"statementId": "s", "state": "FAILED"}});
        for error in ["é😀".repeat(50_000), "\u{1}".repeat(100_000)] {
            let Some(Answer::Fail { error: name, cause }) = answer(&event, "FAILED", Some(&error))
            else {
                panic!("a failure")
            };
            assert_eq!(name, "FAILED");
            assert!(cause.encode_utf16().count() <= CAUSE_MAX);
            let cause: Value = serde_json::from_str(&cause).unwrap();
            assert_eq!(cause["detail"]["statementId"], "s");
            assert!(cause["detail"]["error"].is_string());
        }
        assert_eq!(answer(&event, "PICKED", None), None);
        assert_eq!(
            answer(&event, "FINISHED", None),
            Some(Answer::Succeed {
                output: json!({"detail": {"statementId": "s", "state": "FINISHED"}}).to_string()
            })
        );
    }
}
