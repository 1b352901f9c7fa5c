//! Documents, as short as people want them. `--json` has all.

use serde_json::Value;
use signalbox_tasker::secrets::mask_literals;

/// How many characters of a document are shown on one line.
const WIDTH: usize = 400;
/// How many lines of a document are shown.
const LINES: usize = 40;
/// A member that repeats, as the service wrote it, what stands beside it.
const WHOLE_REPLY: &str = "document";

/// A document as `name value, name value`, without what is empty.
pub(crate) fn brief(document: &Value) -> String {
    let mut parts = Vec::new();
    flatten(None, document, &mut parts);
    shown(&parts.join(", "))
}

fn flatten(name: Option<&str>, value: &Value, parts: &mut Vec<String>) {
    let text = match value {
        Value::Null | Value::Bool(false) => return,
        Value::String(text) if text.is_empty() => return,
        Value::Array(items) if items.is_empty() => return,
        Value::Object(members) => {
            for (name, value) in members.iter().filter(|(name, _)| *name != WHOLE_REPLY) {
                flatten(Some(name), value, parts);
            }
            return;
        }
        Value::String(text) if !text.contains(char::is_whitespace) => text.clone(),
        other => other.to_string(),
    };
    parts.push(match name {
        Some(name) => format!("{name} {text}"),
        None => text,
    });
}

/// A document over several lines, without passwords, and cut where it is long.
pub(crate) fn indented(document: &Value) -> Vec<String> {
    let text = mask_literals(&format!("{document:#}"));
    let mut lines: Vec<String> = text
        .lines()
        .take(LINES)
        .map(|line| format!("  {}", cut(line)))
        .collect();
    let count = text.lines().count();
    if count > LINES {
        lines.push(format!("  … ({count} lines; --json has all)"));
    }
    lines
}

/// A document on one line, without passwords, and cut where it is long.
pub(super) fn shown(text: &str) -> String {
    cut(&mask_literals(text))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WIDTH) {
        None => text.to_owned(),
        Some((at, _)) => {
            let beginning = text.get(..at).unwrap_or_default();
            format!("{beginning}… ({} characters)", text.chars().count())
        }
    }
}

/// A number in groups of three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_empty_is_left_out() {
        let document = json!({
            "request": {"options": {"step": null, "memo": "", "parameters": [], "output": "Event"}, "sql": "select 1"},
            "task": false, "document": "{}", "rows": 0
        });
        assert_eq!(brief(&document), r#"output Event, sql "select 1", rows 0"#);
        assert_eq!(brief(&json!({})), "");
        assert_eq!(brief(&json!([1, 2])), "[1,2]");
    }

    #[test]
    fn long_documents_are_cut_and_passwords_hidden() {
        let text = shown(&"x".repeat(1_000));
        assert!(text.ends_with("… (1000 characters)"), "{text}");
        assert!(!shown("alter user u password 'secret'").contains("secret"));
        let lines = indented(&json!(vec![1; 100]));
        assert_eq!(lines.len(), 41);
        assert_eq!(lines[40], "  … (102 lines; --json has all)");
        let lines = indented(&json!({"sql": "alter user u password 'secret'"}));
        assert!(!lines.join("").contains("secret"), "{lines:?}");
    }

    #[test]
    fn digits_stand_in_groups() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
