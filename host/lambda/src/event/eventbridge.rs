//! Events of EventBridge.

use serde_json::{Map, Value};

use super::{kind_of, text};

/// What an event of EventBridge tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// A statement ended, they say.
    Completion,
    /// An execution of a state machine changed its state, they say.
    ExecutionStatus,
    /// A schedule fired.
    Schedule,
}

/// Reads the envelope: `source` and `detail-type`. None if it is no event of EventBridge; an error says why it is
/// none that the function takes, or that it is broken.
pub(super) fn recognise(fields: &Map<String, Value>) -> Option<Result<Notice, String>> {
    let (source, detail_type) = (text(fields, "source")?, text(fields, "detail-type")?);
    Some(match (source, detail_type) {
        _ if is_completion(source, detail_type) => {
            detail(fields, &["statementName", "state"]).map(|()| Notice::Completion)
        }
        ("aws.states", "Step Functions Execution Status Change") => {
            detail(fields, &["executionArn", "status"]).map(|()| Notice::ExecutionStatus)
        }
        ("aws.events" | "aws.scheduler", "Scheduled Event") => Ok(Notice::Schedule),
        _ => Err(format!(
            "it is an event of {} of another kind",
            shown(source)
        )),
    })
}

/// Whether an event with this source and this `detail-type` reports the end of a statement.
pub(super) fn is_completion(source: &str, detail_type: &str) -> bool {
    (source, detail_type) == ("aws.redshift-data", "Redshift Data Statement Status Change")
}

/// Checks that the parts of `detail` are there by which an event is understood. Other fields come and go between
/// the shapes that AWS has published.
fn detail(fields: &Map<String, Value>, wanted: &[&str]) -> Result<(), String> {
    let detail = match fields.get("detail") {
        Some(Value::Object(detail)) => detail,
        Some(other) => return Err(format!("`detail` is {}, not an object", kind_of(other))),
        None => return Err("`detail` is missing".to_owned()),
    };
    for key in wanted {
        match detail.get(*key) {
            Some(Value::String(_)) => {}
            Some(other) => return Err(format!("`detail.{key}` is {}, not a text", kind_of(other))),
            None => return Err(format!("`detail.{key}` is missing")),
        }
    }
    Ok(())
}

/// AWS's own sources have names that can be shown; what else stands there may be anything.
fn shown(source: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    if source.len() <= 64 && source.starts_with("aws.") && source.chars().all(plain) {
        format!("`{source}`")
    } else {
        "EventBridge".to_owned()
    }
}
