//! Documents that people write beside a configuration, such as settings and test cases: TOML or JSON, by the file's name.

use serde_json::Value;

use super::{Problem, policies::to_json, read_toml};
use crate::set::lines::{Path, line_of};

/// Reads a document as JSON; `name` is that of its file.
///
/// # Errors
/// What is wrong with it, and where.
pub fn document(name: &str, text: &str) -> Result<Value, Problem> {
    let problem = |place: String, message: &str| Problem {
        place,
        message: message.to_owned(),
    };
    if is_toml(name) {
        let table: toml::Table = read_toml(name, text)?;
        return to_json(&toml::Value::Table(table)).ok_or_else(|| {
            problem(
                name.to_owned(),
                "contains a number that JSON does not have (nan or inf)",
            )
        });
    }
    serde_json::from_str(text).map_err(|error| {
        let place = format!("{name}, line {}, column {}", error.line(), error.column());
        problem(place, &format!("is no JSON: {error}"))
    })
}

/// Where in a document something is: the file, the line where that is known, and the key. `pointer` is a JSON Pointer.
#[must_use]
pub fn place_in(name: &str, text: &str, pointer: &str) -> String {
    let path = Path::default().within(pointer);
    let mut place = name.to_owned();
    if let Some(line) = is_toml(name).then(|| line_of(text, &path)).flatten() {
        place.push_str(&format!(", line {line}"));
    }
    let key = path.to_string();
    if !key.is_empty() {
        place.push_str(&format!(", {key}"));
    }
    place
}

fn is_toml(name: &str) -> bool {
    std::path::Path::new(name)
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("toml"))
}
