//! The service's reply as the text that a caller is given.
//!
//! It is the body as the service wrote it, members that this version of the SDK does not know included. Only
//! dates are changed: on the wire they are seconds since the epoch, in a document ISO 8601 texts in the form of
//! Python's `datetime.isoformat`, which is what callers of the original saw.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use signalbox_tasker::ports::ServiceError;

use super::errors::{Asked, unreadable};

/// Members that hold a date, in replies of ExecuteStatement, BatchExecuteStatement, DescribeStatement and
/// ListStatements and in what is listed inside them.
const DATES: [&str; 2] = ["CreatedAt", "UpdatedAt"];
/// Members that list things with dates.
const LISTS: [&str; 2] = ["SubStatements", "Statements"];

/// The body of a reply as text.
pub(super) fn text(body: Option<Vec<u8>>) -> Result<String, ServiceError> {
    // The SDK has read it as JSON already, so that this fails only if the SDK stops keeping bodies.
    body.and_then(|body| String::from_utf8(body).ok())
        .ok_or_else(|| {
            unreadable(
                "the reply's body was not kept",
                Asked::Start { in_session: false },
            )
        })
}

/// Makes every date in a reply a text.
pub(super) fn with_dates(reply: &mut Map<String, Value>) {
    for name in DATES {
        if let Some(date) = reply.get_mut(name)
            && let Some(text) = date.as_f64().and_then(iso)
        {
            *date = Value::String(text);
        }
    }
    for name in LISTS {
        let entries = reply
            .get_mut(name)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten();
        for entry in entries.filter_map(Value::as_object_mut) {
            with_dates(entry);
        }
    }
}

/// Milliseconds since the epoch of a date on the wire.
pub(super) fn millis(date: &Value) -> Option<u64> {
    date.as_f64()
        .and_then(timestamp)
        .and_then(|time| u64::try_from(time.as_millisecond()).ok())
}

fn timestamp(seconds: f64) -> Option<Timestamp> {
    let micros = (seconds * 1e6).round();
    // Far inside what both types hold: years -9999 to 9999.
    if !(-3e17..3e17).contains(&micros) {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, reason = "whole and in range")]
    Timestamp::from_microsecond(micros as i64).ok()
}

fn iso(seconds: f64) -> Option<String> {
    let time = timestamp(seconds)?.to_zoned(TimeZone::UTC);
    let micros = time.timestamp().subsec_nanosecond() / 1000;
    let fraction = if micros == 0 {
        String::new()
    } else {
        format!(".{micros:06}")
    };
    Some(format!(
        "{}{fraction}+00:00",
        time.strftime("%Y-%m-%dT%H:%M:%S")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_as_python_writes_them() {
        assert_eq!(
            iso(1_633_003_200.123).as_deref(),
            Some("2021-09-30T12:00:00.123000+00:00")
        );
        assert_eq!(
            iso(1_633_003_200.0).as_deref(),
            Some("2021-09-30T12:00:00+00:00")
        );
        assert_eq!(
            iso(1_633_003_200.000_001).as_deref(),
            Some("2021-09-30T12:00:00.000001+00:00")
        );
        assert_eq!(iso(f64::NAN), None);
        assert_eq!(iso(1e300), None);
    }

    #[test]
    fn only_dates_change_and_the_order_stays() {
        let text = r#"{"Z":1633003200,"CreatedAt":1.6330032E9,"SubStatements":[{"UpdatedAt":1633003200.5,"Id":"a:1"}],"New":{"CreatedAt":1}}"#;
        let mut reply: Map<String, Value> = serde_json::from_str(text).expect("JSON");
        with_dates(&mut reply);
        assert_eq!(
            serde_json::to_string(&reply).expect("JSON"),
            r#"{"Z":1633003200,"CreatedAt":"2021-09-30T12:00:00+00:00","SubStatements":[{"UpdatedAt":"2021-09-30T12:00:00.500000+00:00","Id":"a:1"}],"New":{"CreatedAt":1}}"#
        );
    }

    #[test]
    fn milliseconds() {
        assert_eq!(
            millis(&serde_json::json!(1_633_003_200.123)),
            Some(1_633_003_200_123)
        );
        assert_eq!(millis(&serde_json::json!(-1)), None);
        assert_eq!(millis(&serde_json::json!("x")), None);
    }
}
