//! One record as one line of log.

use serde::Serialize;
use serde_json::{Map, Value, json};
use signalbox_tasker::secrets::for_each_text;

/// The longest line, in bytes, its end included.
pub(super) const LONGEST: usize = 32 * 1024;
/// How long texts may be in a line that is too long, from try to try.
const CUTS: [usize; 7] = [8_192, 4_096, 2_048, 1_024, 512, 256, 64];

/// Where all of a record is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Whole {
    /// Its size in bytes.
    pub(super) bytes: usize,
    /// The SHA-256 of its text.
    pub(super) sha256: String,
    /// The file; none if it is kept nowhere but in this line.
    pub(super) file: Option<String>,
}

/// The line, with its end. What is too long is shortened within its texts; then calls lose their arguments and replies;
/// then only the frame is left. It is JSON in any case.
pub(super) fn line(record: Value, whole: &Whole, time: &str) -> String {
    let mut record = record;
    let mut text = written(&record, whole, time, false);
    if text.len() <= LONGEST {
        return text;
    }
    let fits = |record: &Value| {
        let text = written(record, whole, time, true);
        (text.len() <= LONGEST).then_some(text)
    };
    for most in CUTS {
        for_each_text(&mut record, &mut |text| cut(text, most));
        if let Some(text) = fits(&record) {
            return text;
        }
    }
    if let Some(calls) = record.get_mut("calls").and_then(Value::as_array_mut) {
        calls.iter_mut().for_each(summarise);
    }
    for field in [None, Some("decision"), Some("event"), Some("calls")] {
        if let Some(field) = field.and_then(|field| record.get_mut(field)) {
            *field = outline(field);
        }
        if let Some(text) = fits(&record) {
            return text;
        }
    }
    // Names of policies have no bound of their own.
    text = written(&Value::Null, whole, time, true);
    text
}

fn written(record: &Value, whole: &Whole, time: &str, shortened: bool) -> String {
    let line = json!({
        "timestamp": time,
        "level": "INFO",
        "target": "signalbox::record",
        "shortened": shortened,
        "whole": whole,
        "record": record,
    });
    format!("{line}\n")
}

/// Cuts a text between characters, and says how long it was.
fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        let was = text.len();
        text.truncate(text.floor_char_boundary(most));
        text.push_str(&format!("… ({was} bytes)"));
    }
}

/// What is left of a call: what was called and whether it went well.
fn summarise(call: &mut Value) {
    let outcome = match call.get("reply").and_then(Value::as_object) {
        Some(reply) if reply.contains_key("ok") => "ok",
        Some(_) => "err",
        None => "none",
    };
    let mut left = Map::new();
    for name in ["function", "durationUs"] {
        if let Some(value) = call.get(name) {
            left.insert(name.to_owned(), value.clone());
        }
    }
    left.insert("outcome".to_owned(), outcome.into());
    *call = Value::Object(left);
}

/// What is left of a value: of which kind it is, and how large.
fn outline(value: &Value) -> Value {
    match value {
        Value::Object(fields) => json!({ "omitted": fields.keys().take(8).collect::<Vec<_>>() }),
        Value::Array(items) => json!({ "omitted": items.len() }),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole() -> Whole {
        Whole {
            bytes: 1,
            sha256: "0".repeat(64),
            file: None,
        }
    }

    fn parsed(record: Value) -> Value {
        let text = line(record, &whole(), "2026-11-25T12:00:00Z");
        assert!(text.len() <= LONGEST, "{} bytes", text.len());
        assert_eq!(text.matches('\n').count(), 1, "it is one line");
        serde_json::from_str(&text).unwrap()
    }

    fn call(text: &str) -> Value {
        json!({"function": "a/b", "arguments": {"sql": text}, "reply": {"ok": {"document": text}}, "durationUs": 1})
    }

    #[test]
    fn what_fits_is_whole() {
        let record = json!({"export": "invoke", "calls": [call("select 'a\nb'")]});
        let line = parsed(record.clone());
        assert_eq!(
            (&line["record"], &line["shortened"]),
            (&record, &json!(false))
        );
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        for letter in ["x", "é", "\u{1F600}", "\"", "\u{0}"] {
            let text = letter.repeat(100_000);
            let line = parsed(
                json!({"export": "invoke", "calls": [call(&text)], "event": {"payload": text}}),
            );
            assert_eq!(line["shortened"], true);
            let cut = line["record"]["event"]["payload"].as_str().unwrap();
            assert!(cut.starts_with(letter) && cut.contains("… ("), "{cut}");
        }
    }

    #[test]
    fn many_calls_lose_their_arguments_and_then_go() {
        let line = parsed(json!({"export": "invoke", "calls": vec![call("select 1"); 350]}));
        assert_eq!(
            line["record"]["calls"][349],
            json!({"function": "a/b", "durationUs": 1, "outcome": "ok"})
        );
        let line = parsed(json!({"export": "invoke", "calls": vec![call("select 1"); 10_000]}));
        assert_eq!(line["record"]["calls"], json!({"omitted": 10_000}));
        assert_eq!(line["record"]["export"], "invoke");
    }

    #[test]
    fn a_decision_of_many_small_parts_is_outlined() {
        let reply: Vec<u32> = (0..100_000).collect();
        let line = parsed(
            json!({"export": "invoke", "calls": [], "decision": {"invoked": {"reply": reply}}}),
        );
        assert_eq!(line["record"]["decision"], json!({"omitted": ["invoked"]}));
    }

    #[test]
    fn a_name_that_is_too_long_leaves_the_pointer() {
        let fields: Map<String, Value> = [("x".repeat(50_000), Value::Null)].into_iter().collect();
        let line = parsed(Value::Object(fields));
        assert_eq!(
            (&line["record"], &line["whole"]["bytes"]),
            (&Value::Null, &json!(1))
        );
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,30}".prop_map(Value::from),
            ("\\PC", 1_usize..40_000).prop_map(|(c, n)| Value::from(c.repeat(n))),
        ];
        leaf.prop_recursive(4, 40, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::hash_map("\\PC{0,12}", inner, 0..8)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        // Each is megabytes.
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_record_is_one_line_of_json_within_the_bound(event in json_value(), calls in prop::collection::vec(json_value(), 0..20), decision in json_value()) {
            parsed(json!({"export": "invoke", "event": event, "calls": calls, "decision": decision}));
        }
    }
}
