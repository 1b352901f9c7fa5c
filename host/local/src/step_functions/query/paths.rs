//! JSONPath, as far as definitions commonly need it: members and places.

use serde_json::{Map, Value};

/// What a path starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    /// `$`: the data.
    Data,
    /// `$$`: the context object.
    Context,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Place(usize),
}

/// A path such as `$.a.b[0]['c d']` or `$$.Task.Token`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    root: Root,
    steps: Vec<Step>,
}

impl Path {
    /// The data itself, `$`.
    pub(crate) fn data() -> Self {
        Self {
            root: Root::Data,
            steps: Vec::new(),
        }
    }

    /// Reads a path. What it does not know (`..`, wildcards, slices, filters) is refused.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| Err(format!("the path '{text}' {why}"));
        let (root, mut rest) = if let Some(rest) = text.strip_prefix("$$") {
            (Root::Context, rest)
        } else if let Some(rest) = text.strip_prefix('$') {
            (Root::Data, rest)
        } else {
            return refuse("does not begin with '$'");
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let step = if let Some(after) = rest.strip_prefix('.') {
                member(after)
            } else if let Some(after) = rest.strip_prefix("['") {
                quoted(after, "']")
            } else if let Some(after) = rest.strip_prefix("[\"") {
                quoted(after, "\"]")
            } else if let Some(after) = rest.strip_prefix('[') {
                place(after)
            } else {
                None
            };
            let Some((step, after)) = step else {
                return refuse(&format!(
                    "has at '{rest}' what is not supported here; supported are .name, ['name'] and [0]"
                ));
            };
            steps.push(step);
            rest = after;
        }
        Ok(Self { root, steps })
    }

    /// Whether something can be put there: the context object cannot be changed.
    pub(crate) fn is_data(&self) -> bool {
        self.root == Root::Data
    }

    /// What is there.
    pub(crate) fn find<'v>(&self, data: &'v Value, context: &'v Value) -> Option<&'v Value> {
        let root = match self.root {
            Root::Data => data,
            Root::Context => context,
        };
        self.steps.iter().try_fold(root, |value, step| match step {
            Step::Member(name) => value.as_object()?.get(name),
            Step::Place(place) => value.as_array()?.get(*place),
        })
    }

    /// Puts `value` there. Members that are missing on the way are made; what is no object on the way is an error,
    /// as is a place that an array has not.
    pub(crate) fn put(&self, data: &mut Value, value: Value) -> Result<(), String> {
        let mut at = data;
        for step in &self.steps {
            at = match step {
                Step::Member(name) => {
                    if at.is_null() {
                        *at = Value::Object(Map::new());
                    }
                    at.as_object_mut()
                        .ok_or_else(|| format!("'{name}' cannot be put into what is no object"))?
                        .entry(name.clone())
                        .or_insert(Value::Null)
                }
                Step::Place(place) => at
                    .as_array_mut()
                    .and_then(|array| array.get_mut(*place))
                    .ok_or_else(|| format!("there is no place [{place}]"))?,
            };
        }
        *at = value;
        Ok(())
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.root {
            Root::Data => "$",
            Root::Context => "$$",
        })?;
        for step in &self.steps {
            match step {
                Step::Member(name) if name.chars().all(is_name) && !name.is_empty() => {
                    write!(f, ".{name}")?;
                }
                Step::Member(name) if name.contains("']") => write!(f, "[\"{name}\"]")?,
                Step::Member(name) => write!(f, "['{name}']")?,
                Step::Place(place) => write!(f, "[{place}]")?,
            }
        }
        Ok(())
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

fn member(text: &str) -> Option<(Step, &str)> {
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    (!name.is_empty()).then(|| (Step::Member(name.to_owned()), rest))
}

fn quoted<'t>(text: &'t str, end: &str) -> Option<(Step, &'t str)> {
    let (name, rest) = text.split_once(end)?;
    // `['a','b']` is a union.
    (!name.contains("','") && !name.contains("\",\""))
        .then(|| (Step::Member(name.to_owned()), rest))
}

fn place(text: &str) -> Option<(Step, &str)> {
    let (number, rest) = text.split_once(']')?;
    Some((Step::Place(number.parse().ok()?), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn finds_members_and_places() {
        let data = json!({"a": {"b c": [1, {"d": true}]}});
        let context = json!({"Task": {"Token": "t"}});
        let find = |text: &str| {
            Path::parse(text)
                .expect(text)
                .find(&data, &context)
                .cloned()
        };
        assert_eq!(find("$"), Some(data.clone()));
        assert_eq!(find("$.a['b c'][1].d"), Some(json!(true)));
        assert_eq!(find("$.a[\"b c\"][0]"), Some(json!(1)));
        assert_eq!(find("$$.Task.Token"), Some(json!("t")));
        assert_eq!(find("$.a.x"), None);
        assert_eq!(find("$.a[0]"), None);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for text in [
            "a",
            "",
            "$a",
            "$.",
            "$..a",
            "$.a[*]",
            "$.*",
            "$.a[1:2]",
            "$.a[?(@.b)]",
            "$['a','b']",
            "$.a[-1]",
            "$[",
        ] {
            Path::parse(text).expect_err(text);
        }
    }

    #[test]
    fn puts_values_where_they_belong() {
        let mut data = json!({"a": [0, 1], "s": "x"});
        let put =
            |data: &mut Value, path: &str| Path::parse(path).expect(path).put(data, json!("new"));
        put(&mut data, "$.b.c").expect("made on the way");
        put(&mut data, "$.a[1]").expect("replaced");
        put(&mut data, "$.a[2]").expect_err("no such place");
        put(&mut data, "$.s.t").expect_err("no object");
        assert_eq!(data, json!({"a": [0, "new"], "s": "x", "b": {"c": "new"}}));
        put(&mut data, "$").expect("the whole");
        assert_eq!(data, json!("new"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\$?\\$?([.\\['\"\\]a0]|\\PC)*") {
            if let Ok(path) = Path::parse(&text) {
                prop_assert_eq!(Path::parse(&path.to_string()), Ok(path));
            }
        }

        #[test]
        fn what_was_put_is_found(names in prop::collection::vec("[a-z '.]{1,6}", 1..5)) {
            let steps: Vec<String> = names
                .iter()
                .map(|name| format!("[\"{name}\"]"))
                .collect();
            let path = Path::parse(&format!("$.x{}", steps.concat())).expect("a path");
            let mut data = json!({});
            path.put(&mut data, json!(7)).expect("put");
            prop_assert_eq!(path.find(&data, &Value::Null), Some(&json!(7)));
        }
    }
}
