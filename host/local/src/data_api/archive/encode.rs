//! Statements and results as JSON.

use super::super::request::{ExecutionMode, Parameter, ResultFormat, Target};
use super::super::statement::{Part, Progress, Status};
use crate::sql::{Cell, Column, ResultSet};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// What was asked for: it never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptRequest {
    pub(crate) sqls: Vec<String>,
    pub(crate) batch: Option<ExecutionMode>,
    pub(crate) target: Target,
    pub(crate) name: Option<String>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) with_event: bool,
    pub(crate) format: ResultFormat,
    pub(crate) session: Option<String>,
    pub(crate) client_token: Option<String>,
    /// The digest of the whole request.
    pub(crate) digest: String,
    /// Milliseconds since 1970.
    pub(crate) created_at: i64,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptEnd {
    status: Status,
    error: Option<String>,
    updated_at: i64,
    nanoseconds: Option<u64>,
    pid: Option<i64>,
    parts: Vec<KeptPart>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct KeptPart {
    status: Status,
    error: Option<String>,
    started_at: Option<i64>,
    updated_at: i64,
    nanoseconds: Option<u64>,
    rows: Option<u64>,
    query_id: Option<i64>,
}

impl KeptEnd {
    pub(crate) fn of(progress: &Progress) -> Self {
        let part = |part: &Part| KeptPart {
            status: part.status,
            error: part.error.clone(),
            started_at: part.started_at.map(Timestamp::as_millisecond),
            updated_at: part.updated_at.as_millisecond(),
            nanoseconds: part.duration.map(nanoseconds),
            rows: part.rows,
            query_id: part.query_id,
        };
        Self {
            status: progress.status,
            error: progress.error.clone(),
            updated_at: progress.updated_at.as_millisecond(),
            nanoseconds: progress.duration.map(nanoseconds),
            pid: progress.pid,
            parts: progress.parts.iter().map(part).collect(),
        }
    }

    /// The progress, without results.
    pub(crate) fn progress(self, results_dropped: bool) -> Progress {
        let part = |part: KeptPart| Part {
            status: part.status,
            error: part.error,
            started_at: part.started_at.map(time),
            updated_at: time(part.updated_at),
            duration: part.nanoseconds.map(Duration::from_nanos),
            rows: part.rows,
            result: None,
            query_id: part.query_id,
        };
        Progress {
            status: self.status,
            error: self.error,
            updated_at: time(self.updated_at),
            duration: self.nanoseconds.map(Duration::from_nanos),
            pid: self.pid,
            parts: self.parts.into_iter().map(part).collect(),
            results_dropped,
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A time of milliseconds since 1970.
pub(crate) fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A result as JSON. Numbers that JSON has not, and bytes, are objects.
pub(crate) fn result(result: &ResultSet) -> Value {
    let cell = |cell: &Cell| match cell {
        Cell::Null => Value::Null,
        Cell::Long(n) => json!(n),
        Cell::Bool(b) => json!(b),
        Cell::Text(text) => json!(text),
        Cell::Double(x) => json!({ "double": x.to_string() }),
        Cell::Blob(bytes) => json!({ "blob": BASE64.encode(bytes) }),
    };
    let rows: Vec<Value> = result
        .rows
        .iter()
        .map(|row| Value::Array(row.iter().map(cell).collect()))
        .collect();
    json!({ "columns": result.columns, "rows": rows })
}

/// Reads a result. None if the text is none.
pub(crate) fn read_result(text: &str) -> Option<ResultSet> {
    #[derive(Deserialize)]
    struct Kept {
        columns: Vec<Column>,
        rows: Vec<Vec<Value>>,
    }
    let kept: Kept = serde_json::from_str(text).ok()?;
    let rows: Vec<Vec<Cell>> = kept
        .rows
        .into_iter()
        .map(|row| row.into_iter().map(read_cell).collect())
        .collect::<Option<_>>()?;
    Some(ResultSet {
        columns: kept.columns,
        size: rows.iter().flatten().map(Cell::size).sum(),
        rows,
    })
}

fn read_cell(value: Value) -> Option<Cell> {
    Some(match value {
        Value::Null => Cell::Null,
        Value::Bool(b) => Cell::Bool(b),
        Value::Number(n) => Cell::Long(n.as_i64()?),
        Value::String(text) => Cell::Text(text),
        Value::Object(members) => match (members.get("double"), members.get("blob")) {
            (Some(x), _) => Cell::Double(x.as_str()?.parse().ok()?),
            (None, Some(bytes)) => Cell::Blob(BASE64.decode(bytes.as_str()?).ok()?),
            (None, None) => return None,
        },
        Value::Array(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cell() -> impl Strategy<Value = Cell> {
        prop_oneof![
            Just(Cell::Null),
            any::<i64>().prop_map(Cell::Long),
            any::<bool>().prop_map(Cell::Bool),
            any::<String>().prop_map(Cell::Text),
            any::<f64>()
                .prop_filter("equal to itself", |x| !x.is_nan())
                .prop_map(Cell::Double),
            Just(Cell::Double(f64::NEG_INFINITY)),
            any::<Vec<u8>>().prop_map(Cell::Blob),
        ]
    }

    proptest! {
        #[test]
        fn a_result_comes_back_as_it_was(rows in prop::collection::vec(prop::collection::vec(cell(), 2), 0..5)) {
            let columns = ["a", "b"].map(|name| Column { scale: 2, ..Column::new(name, "numeric") });
            let size = rows.iter().flatten().map(Cell::size).sum();
            let before = ResultSet { columns: columns.to_vec(), rows, size };
            prop_assert_eq!(read_result(&result(&before).to_string()), Some(before));
        }
    }

    #[test]
    fn what_is_no_result_is_none() {
        for text in [
            "",
            "{}",
            r#"{"columns": [], "rows": [[[]]]}"#,
            r#"{"columns": [], "rows": [[{}]]}"#,
        ] {
            assert_eq!(read_result(text), None, "{text}");
        }
        let nan = json!({"columns": [Column::new("x", "float8")], "rows": [[{"double": "NaN"}]]});
        let read = read_result(&nan.to_string()).expect("a result");
        assert!(matches!(read.rows[0][0], Cell::Double(x) if x.is_nan()));
    }
}
