//! How large a result may be.

use serde_json::{Value, json};

/// How large a result may be, and what becomes of a larger one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultCap {
    /// The most rows.
    pub rows: Option<u64>,
    /// The most bytes.
    pub bytes: Option<u64>,
    /// Whether the rows are cut; else the task fails.
    pub cut: bool,
}

/// What is noted of bounds for when the statement has ended.
pub(crate) fn noted_caps(caps: &[(String, &ResultCap)]) -> Value {
    let caps = caps
        .iter()
        .map(|(by, cap)| json!({ "by": by, "rows": cap.rows, "bytes": cap.bytes, "cut": cap.cut }));
    caps.collect()
}
