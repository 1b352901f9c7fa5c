//! What the policy wants to know again when a statement has ended: a JSON object, kept by the host.

use crate::sql::Kind;
use serde_json::{Map, Value, json};

/// Add a member to a memo. Text that is no JSON object is somebody else's, and gives way.
pub(crate) fn note(memo: &mut String, name: &str, value: Value) {
    let mut object = parse(memo);
    object.insert(name.to_owned(), value);
    *memo = Value::Object(object).to_string();
}

/// A member of a memo.
pub(crate) fn noted(memo: &str, name: &str) -> Option<Value> {
    parse(memo).remove(name)
}

fn parse(memo: &str) -> Map<String, Value> {
    match serde_json::from_str(memo) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// The kinds, each once, by their names.
pub(crate) fn names_of(kinds: &[Kind]) -> Value {
    let mut names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    names.sort_unstable();
    names.dedup();
    json!(names)
}

/// The kinds of statements that [`Decision::note_kinds`](crate::Decision::note_kinds) noted; empty for any other memo.
#[must_use]
pub fn memo_kinds(memo: &str) -> Vec<Kind> {
    noted(memo, "kinds")
        .as_ref()
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|name| Kind::by_name(name.as_str()?))
        .collect()
}
