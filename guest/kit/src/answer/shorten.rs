//! Shortening JSON so that it stays JSON.

use crate::text::thousands;
use serde_json::Value;

/// A text's length in UTF-16 code units, in which Step Functions counts error and cause.
#[must_use]
pub fn utf16_length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The JSON text of `value`, no longer than `limit` by `measure`: what is too long is cut inside its longest
/// texts, each marked with how much is gone. None if cutting texts is not enough.
#[must_use]
pub fn shorten(value: &mut Value, limit: usize, measure: fn(&str) -> usize) -> Option<String> {
    let whole = value.to_string();
    if measure(&whole) <= limit {
        return Some(whole);
    }
    let longest = longest_text(value);
    // The longest length that fits, if all longer texts are cut to it. A longer text in the middle is as
    // good as one at the end, so all are treated alike.
    let (mut fits, mut too_long) = (None, longest + 1);
    let mut low = 0;
    while low < too_long {
        let middle = low.midpoint(too_long);
        let mut candidate = value.clone();
        cut_texts(&mut candidate, middle);
        let text = candidate.to_string();
        if measure(&text) <= limit {
            fits = Some((candidate, text));
            low = middle + 1;
        } else {
            too_long = middle;
        }
    }
    let (shortened, text) = fits?;
    *value = shortened;
    Some(text)
}

/// A plain text, no longer than `limit` UTF-16 code units, marked if it was cut. A limit that is shorter
/// than the mark cuts without one.
#[must_use]
pub fn shorten_text(text: &str, limit: usize) -> String {
    if utf16_length(text) <= limit {
        return text.to_owned();
    }
    let characters = text.chars().count();
    let room = limit.saturating_sub(utf16_length(&mark(characters)));
    let kept = head(text, room);
    if room == 0 {
        return head(text, limit).to_owned();
    }
    format!("{kept}{}", mark(characters - kept.chars().count()))
}

/// The longest beginning of a text with at most so many UTF-16 code units.
fn head(text: &str, units: usize) -> &str {
    let mut used = 0;
    let end = text
        .char_indices()
        .find(|(_, c)| {
            used += c.len_utf16();
            used > units
        })
        .map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or("")
}

fn mark(cut: usize) -> String {
    format!("…[{} characters cut]", thousands(cut))
}

fn longest_text(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.iter().map(longest_text).max().unwrap_or(0),
        Value::Object(members) => members.values().map(longest_text).max().unwrap_or(0),
        _ => 0,
    }
}

/// Cut every text to `keep` characters and a mark, where that makes it shorter.
fn cut_texts(value: &mut Value, keep: usize) {
    match value {
        Value::String(text) => {
            let length = text.chars().count();
            let Some(cut) = length.checked_sub(keep).filter(|cut| *cut > 0) else {
                return;
            };
            let mark = mark(cut);
            if mark.len() < text.len() - byte_of(text, keep) {
                text.truncate(byte_of(text, keep));
                text.push_str(&mark);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| cut_texts(item, keep)),
        Value::Object(members) => members.values_mut().for_each(|item| cut_texts(item, keep)),
        _ => {}
    }
}

/// Where the character number `position` begins, in bytes.
fn byte_of(text: &str, position: usize) -> usize {
    text.char_indices()
        .nth(position)
        .map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_longest_text_is_cut_and_the_others_stay() {
        let mut value = json!({ "id": "7", "long": "x".repeat(1_000), "short": "kept as it is" });
        let text = shorten(&mut value, 200, str::len).unwrap();
        assert!(text.len() <= 200 && text.len() > 190, "{}", text.len());
        assert_eq!(value["short"], "kept as it is");
        let long = value["long"].as_str().unwrap();
        assert!(long.ends_with(" characters cut]"), "{long}");
        let kept = long.chars().take_while(|c| *c == 'x').count();
        assert!(long.contains(&format!("[{} characters", 1_000 - kept)));
    }

    #[test]
    fn what_has_no_long_text_cannot_be_shortened() {
        let mut value = json!(vec![1; 500]);
        assert_eq!(shorten(&mut value, 100, str::len), None);
        assert_eq!(value, json!(vec![1; 500]));
    }

    #[test]
    fn a_plain_text_keeps_its_limit() {
        assert_eq!(shorten_text("short", 5), "short");
        let cut = shorten_text(&"😀".repeat(100), 60);
        assert!(
            utf16_length(&cut) <= 60 && cut.starts_with("😀") && cut.ends_with("cut]"),
            "{cut}"
        );
        assert_eq!(shorten_text("abcdef", 3), "abc");
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[a\"\\\\\u{1}é😀]{0,400}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map("[a-z]{1,4}", inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_result_is_json_of_the_same_shape_within_the_limit(value in values(), limit in 0_usize..2_000) {
            for measure in [str::len as fn(&str) -> usize, utf16_length] {
                let mut cut = value.clone();
                match shorten(&mut cut, limit, measure) {
                    Some(text) => {
                        prop_assert!(measure(&text) <= limit);
                        prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), cut.clone());
                        prop_assert!(same_shape(&value, &cut));
                    }
                    None => prop_assert!(measure(&value.to_string()) > limit),
                }
            }
        }

        #[test]
        fn a_text_is_within_its_limit(text in any::<String>(), limit in 0_usize..100) {
            prop_assert!(utf16_length(&shorten_text(&text, limit)) <= limit);
        }
    }

    fn same_shape(a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::String(a), Value::String(b)) => a == b || b.ends_with(" characters cut]"),
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_shape(a, b))
            }
            (Value::Object(a), Value::Object(b)) => {
                a.keys().eq(b.keys()) && a.values().zip(b.values()).all(|(a, b)| same_shape(a, b))
            }
            (a, b) => a == b,
        }
    }
}
