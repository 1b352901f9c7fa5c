//! Bounds of a JSON text, checked before it becomes a tree.
//!
//! A tree costs many times its text: six megabytes of `[[],[],…]` become several hundred. So the text is scanned first,
//! once, without recursion and without keeping anything but a position.

mod scan;

use std::{fmt, ops::Range};

use serde_json::{Map, Value};

use self::scan::{Scan, Step};

/// How large a JSON text may be, and how much it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of the text.
    pub bytes: usize,
    /// Lists and objects within each other.
    pub depth: usize,
    /// Values: each list, object, text, number, `true`, `false` and `null` is one. Names of members are not counted.
    pub values: usize,
}

/// Everything that reaches the function: as much as Lambda takes. A batch of a queue is read without a tree of it.
pub const EVENT: Bounds = Bounds {
    bytes: 6_291_556,
    depth: 64,
    values: 200_000,
};
/// One payload, alone or in a batch: as much as a message of SQS holds, four times as much as Step Functions passes on.
pub const PAYLOAD: Bounds = Bounds {
    bytes: 1_048_576,
    depth: 64,
    values: 50_000,
};
/// A decision record, and a document that holds several.
pub const RECORD: Bounds = Bounds {
    bytes: 64 * 1_048_576,
    depth: 100,
    values: 1_000_000,
};
/// A policy's settings.
pub const SETTINGS: Bounds = Bounds {
    bytes: 1_048_576,
    depth: 64,
    values: 100_000,
};

/// The longest name of a member that a message shows, in characters.
const NAME_SHOWN: usize = 40;

/// A JSON text that holds more than it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfBounds {
    exceeded: Exceeded,
    most: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Exceeded {
    Bytes(usize),
    Depth(Place),
    Values(Place),
}

/// Where in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    byte: usize,
    member: Option<String>,
}

impl Bounds {
    /// Checks a text. Whether it is JSON at all is for the parser to say; one that the parser takes is within these
    /// bounds.
    ///
    /// # Errors
    /// Which bound it exceeds, and where.
    pub fn check(&self, text: &str) -> Result<(), OutOfBounds> {
        self.check_all(text, false)
    }

    /// As [`Bounds::check`], of each of several documents that follow one another.
    ///
    /// # Errors
    /// As [`Bounds::check`].
    pub fn check_each(&self, text: &str) -> Result<(), OutOfBounds> {
        self.check_all(text, true)
    }

    fn check_all(&self, text: &str, each: bool) -> Result<(), OutOfBounds> {
        let refused = |exceeded, most| Err(OutOfBounds { exceeded, most });
        if text.len() > self.bytes {
            return refused(Exceeded::Bytes(text.len()), self.bytes);
        }
        let (mut depth, mut values) = (0_usize, 0_usize);
        let mut member = None;
        for (step, at) in Scan::new(text) {
            let byte = at.start;
            let place = |member: Option<Range<usize>>| Place {
                byte,
                member: member.and_then(|at| name(text.get(at)?)),
            };
            if depth == 0 && each {
                values = 0;
            }
            match step {
                Step::Name if depth == 1 => member = Some(at),
                Step::Name => {}
                Step::Scalar => values += 1,
                Step::Open => {
                    values += 1;
                    depth += 1;
                    if depth > self.depth {
                        return refused(Exceeded::Depth(place(member)), self.depth);
                    }
                }
                Step::Close => depth = depth.saturating_sub(1),
            }
            if values > self.values {
                return refused(Exceeded::Values(place(member)), self.values);
            }
        }
        Ok(())
    }
}

/// Whether an object of this text has a member of this name.
#[must_use]
pub fn has_member(text: &str, wanted: &str) -> bool {
    members(text).any(|(found, _)| name(found).as_deref() == Some(wanted))
}

/// The members of the object of this text that are one of these and a text, a number, `true` or `false`, without a tree
/// of the others. Texts longer than `most` bytes are left out.
#[must_use]
pub fn scalars(text: &str, wanted: &[&str], most: usize) -> Map<String, Value> {
    let mut found = Map::new();
    for (raw, value) in members(text) {
        let Some(known) = name(raw).and_then(|name| wanted.iter().find(|known| **known == name))
        else {
            continue;
        };
        // As the parser does, the last of several of one name is taken.
        found.remove(*known);
        if let Some(value) = value
            && value.len() <= most
            && let Ok(value) = serde_json::from_str::<Value>(value)
        {
            found.insert((*known).to_owned(), value);
        }
    }
    found
}

/// The members of the outermost object as they are written, with the values that are neither list nor object.
fn members(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut depth = 0_usize;
    let mut is_object = false;
    let mut member = None;
    Scan::new(text).filter_map(move |(step, at)| {
        let here = depth;
        match step {
            Step::Open => {
                if depth == 0 {
                    is_object = text.get(at).is_some_and(|text| text == "{");
                }
                depth += 1;
            }
            Step::Close => {
                depth = depth.saturating_sub(1);
                return None;
            }
            Step::Name => {
                if depth == 1 {
                    member = text.get(at);
                }
                return None;
            }
            Step::Scalar => {
                return (here == 1 && is_object)
                    .then(|| Some((member.take()?, text.get(at))))
                    .flatten();
            }
        }
        (here == 1 && is_object)
            .then(|| Some((member.take()?, None)))
            .flatten()
    })
}

/// A member's name out of its JSON text. Those too long to be any that is known are none.
fn name(raw: &str) -> Option<String> {
    const LONGEST: usize = 1_024;
    if raw.len() > LONGEST {
        return None;
    }
    serde_json::from_str(raw).ok()
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.most;
        match &self.exceeded {
            Exceeded::Bytes(found) => write!(f, "it has {found} bytes; at most {most} are taken"),
            Exceeded::Depth(place) => write!(
                f,
                "its lists and objects are nested more than {most} deep, {place}"
            ),
            Exceeded::Values(place) => write!(
                f,
                "it holds more than {most} values (lists, objects, texts, numbers, true, false, null); the first one too \
                 many is {place}"
            ),
        }
    }
}

impl std::error::Error for OutOfBounds {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}", self.byte)?;
        let Some(name) = &self.member else {
            return Ok(());
        };
        let shown: String = name
            .chars()
            .filter(|c| !c.is_control())
            .take(NAME_SHOWN)
            .collect();
        let cut = if name.chars().count() > NAME_SHOWN {
            "…"
        } else {
            ""
        };
        write!(f, ", in `{shown}{cut}`")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SMALL: Bounds = Bounds {
        bytes: 200,
        depth: 3,
        values: 8,
    };

    #[test]
    fn each_bound_is_named_with_its_place() {
        let long = format!("\"{}\"", "x".repeat(200));
        let many = r#"{"a": 1, "list": [1, 2, 3, 4, 5, 6], "b": 2}"#;
        let deep = r#"{"a": "[[[[", "deep": [[[0]]]}"#;
        let hostile_name = format!(r#"{{"\u001b[31m{}": [[[0]]]}}"#, "n".repeat(60));
        let said: Vec<_> = [long.as_str(), many, deep, "[[[[", &hostile_name]
            .iter()
            .map(|text| SMALL.check(text).unwrap_err().to_string())
            .collect();
        insta::assert_snapshot!(said.join("\n"), @"
        it has 202 bytes; at most 200 are taken
        it holds more than 8 values (lists, objects, texts, numbers, true, false, null); the first one too many is at byte 33, in `list`
        its lists and objects are nested more than 3 deep, at byte 24, in `deep`
        its lists and objects are nested more than 3 deep, at byte 3
        its lists and objects are nested more than 3 deep, at byte 77, in `[31mnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…`
        ");
    }

    #[test]
    fn what_is_just_within_the_bounds_is_taken() {
        for text in [
            r#"{"a": [1, 2, 3, 4, 5, {}]}"#,
            r#"[[["\"[[[[,,,,\\"]]]"#,
            r#"[ 1 , "" , null , true , -1e-9 , {} , [] ]"#,
            "",
            "not JSON",
        ] {
            assert_eq!(SMALL.check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn documents_in_a_row_are_counted_one_by_one() {
        let text = "[1,2,3,4,5]\n[1,2,3,4,5] [1,2,3,4,5]";
        assert!(SMALL.check(text).is_err());
        assert_eq!(SMALL.check_each(text), Ok(()));
        assert!(SMALL.check_each("1 [1,2,3,4,5,6,7,8]").is_err());
    }

    #[test]
    fn members_are_found_without_a_tree() {
        let text = r#"{"a": {"taskToken": "inner"}, "task\u0054oken": "t\n", "Records" : [], "b": ["taskToken"], "n": 7, "n": null, "long": "xxxxxxxxxxxx"}"#;
        assert!(has_member(text, "Records"));
        assert!(has_member(text, "taskToken"));
        assert!(!has_member(text, "inner"));
        assert!(!has_member(r#"["Records", {"Records": 1}]"#, "Records"));
        let found = scalars(text, &["taskToken", "Records", "n", "long"], 10);
        assert_eq!(Value::Object(found), json!({"taskToken": "t\n", "n": null}));
        let unclosed = r#"{"taskToken":"t","x":[[[[[["#;
        let found = scalars(unclosed, &["taskToken"], 10);
        assert_eq!(Value::Object(found), json!({"taskToken": "t"}));
    }

    /// Values in a tree, as the bounds count them.
    fn count(value: &Value) -> usize {
        1 + match value {
            Value::Array(items) => items.iter().map(count).sum(),
            Value::Object(members) => members.values().map(count).sum(),
            _ => 0,
        }
    }

    fn depth(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
            Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
            _ => 0,
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            r#"[\\"\[\]{}:, a-c]{0,8}"#.prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((r#"[\\":,a-z]{0,4}"#, inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_and_depth_are_those_of_the_tree(value in any_json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let exact = Bounds { bytes: text.len(), depth: depth(&value), values: count(&value) };
            prop_assert_eq!(exact.check(&text), Ok(()));
            let fewer = Bounds { values: exact.values - 1, ..exact };
            prop_assert!(fewer.check(&text).is_err());
            if exact.depth > 0 {
                let shallower = Bounds { depth: exact.depth - 1, ..exact };
                prop_assert!(shallower.check(&text).is_err());
            }
        }

        #[test]
        fn members_are_those_of_the_tree(value in any_json(), wanted in "[a-c]") {
            let text = value.to_string();
            let member = value.as_object().and_then(|members| members.get(&wanted));
            prop_assert_eq!(has_member(&text, &wanted), member.is_some());
            let scalar = member.filter(|value| !value.is_array() && !value.is_object());
            let found = scalars(&text, &[&wanted], 1_000);
            prop_assert_eq!(found.get(&wanted), scalar);
        }

        #[test]
        fn any_text_is_scanned(text in ".{0,100}") {
            let _ = SMALL.check(&text);
            let _ = has_member(&text, "a");
        }
    }
}
