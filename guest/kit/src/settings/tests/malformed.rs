//! Settings with each key misspelt and each value of each wrong type, generated from the published schema.

use super::*;

/// How a value is reached in a document.
#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Item,
}

/// A value that the schema knows.
#[derive(Debug, Clone)]
struct Place<'s> {
    steps: Vec<Step>,
    schema: &'s Value,
    /// The members of the object that it is in; empty if they have names of the author's own, or it is in a list.
    siblings: Vec<&'s str>,
}

impl Place<'_> {
    fn pointer(&self) -> String {
        let steps = self.steps.iter().map(|step| match step {
            Step::Key(key) => format!("/{key}"),
            Step::Item => "/0".to_owned(),
        });
        steps.collect()
    }

    /// A document with this value here, and nothing else that is not needed to reach it.
    fn with(&self, value: Value) -> Value {
        let steps = self.steps.iter().rev();
        steps.fold(value, |inner, step| match step {
            Step::Key(key) => json!({ key: inner }),
            Step::Item => json!([inner]),
        })
    }
}

/// What a `$ref` stands for.
fn resolved<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    match schema["$ref"].as_str() {
        Some(target) => root.pointer(target.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// The alternatives of a schema.
fn alternatives<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Value> {
    let schema = resolved(root, schema);
    // Beside a type it says which members are needed.
    let is_choice = schema.get("type").is_none();
    match schema["anyOf"].as_array().filter(|_| is_choice) {
        Some(all) => all.iter().flat_map(|one| alternatives(root, one)).collect(),
        None => vec![schema],
    }
}

/// Every place below this one. What refers to itself is followed once more.
fn places<'s>(root: &'s Value, schema: &'s Value, steps: &[Step], found: &mut Vec<Place<'s>>) {
    const DEEPEST: usize = 7;
    if steps.len() > DEEPEST {
        return;
    }
    let mut go_on = |step: Step, inner: &'s Value, siblings: Vec<&'s str>| {
        let steps = [steps, &[step]].concat();
        places(root, inner, &steps, found);
        found.push(Place {
            steps,
            schema: inner,
            siblings,
        });
    };
    for schema in alternatives(root, schema) {
        if let Some(members) = schema["properties"].as_object() {
            assert_eq!(schema["additionalProperties"], false, "{schema}");
            for (key, inner) in members {
                let siblings = members.keys().map(String::as_str).collect();
                go_on(Step::Key(key.clone()), inner, siblings);
            }
        } else if schema["additionalProperties"].is_object() {
            let inner = &schema["additionalProperties"];
            go_on(Step::Key("own".to_owned()), inner, Vec::new());
        }
        if schema["items"].is_object() {
            go_on(Step::Item, &schema["items"], Vec::new());
        }
    }
}

fn all_places(root: &Value) -> Vec<Place<'_>> {
    let mut found = Vec::new();
    places(root, root, &[], &mut found);
    found
}

fn schema() -> Value {
    serde_json::from_str(crate::SETTINGS_SCHEMA).unwrap()
}

/// The key with one letter left out, doubled, changed, in the other case, or swapped with the next.
fn misspelt(key: &str) -> BTreeSet<String> {
    let letters: Vec<char> = key.chars().collect();
    let mut found = BTreeSet::new();
    for at in 0..letters.len() {
        let mut change = |edit: &dyn Fn(&mut Vec<char>)| {
            let mut letters = letters.clone();
            edit(&mut letters);
            found.insert(letters.into_iter().collect::<String>());
        };
        change(&|letters| {
            letters.remove(at);
        });
        change(&|letters| letters.insert(at, letters[at]));
        change(&|letters| letters[at] = 'q');
        change(&|letters| {
            letters[at] = match letters[at].is_lowercase() {
                true => letters[at].to_ascii_uppercase(),
                false => letters[at].to_ascii_lowercase(),
            }
        });
        let next = (at + 1).min(letters.len() - 1);
        change(&|letters| letters.swap(at, next));
    }
    found.remove("");
    found
}

/// Whether the schema takes a value of this type here, whatever else it asks of it.
fn takes(root: &Value, schema: &Value, value: &Value) -> bool {
    let name = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    alternatives(root, schema).iter().any(|schema| {
        let words = schema["enum"].as_array();
        let says = schema.get("type").is_some() || schema.get("const").is_some() || words.is_some();
        !says
            || schema["type"] == name(value)
            || (schema["type"] == "number" && value.is_number())
            || schema
                .get("const")
                .is_some_and(|one| name(one) == name(value))
            || words.is_some_and(|words| words.iter().any(|one| name(one) == name(value)))
    })
}

#[test]
fn every_key_that_is_misspelt_by_a_letter_is_found_and_the_right_one_is_named() {
    let root = schema();
    let (mut count, mut others) = (0, 0);
    for place in all_places(&root) {
        let Some(Step::Key(key)) = place.steps.last() else {
            continue;
        };
        if place.siblings.is_empty() {
            continue;
        }
        for wrong in misspelt(key) {
            if place.siblings.contains(&wrong.as_str()) {
                continue;
            }
            let mut misspelt = place.clone();
            misspelt.steps.pop();
            misspelt.steps.push(Step::Key(wrong.clone()));
            let found = faults(&misspelt.with(json!("x")));
            let pointer = misspelt.pointer();
            let finding = found.iter().find(|finding| finding.path == pointer);
            let finding = finding.unwrap_or_else(|| panic!("{pointer}: {}", lines(&found)));
            let help = finding.help.as_deref().unwrap_or_default();
            assert!(
                finding.message.contains(&format!("`{wrong}`")),
                "{finding:?}"
            );
            // `daes` is as near to `days` as to `dates`.
            let near = |key: &&str| help.contains(&format!("`{key}`"));
            assert!(place.siblings.iter().any(near), "{pointer}: {finding:?}");
            others += usize::from(!near(&key.as_str()));
            count += 1;
        }
    }
    assert!(count > 5_000 && others * 100 < count, "{others} of {count}");
}

#[test]
fn every_value_of_a_wrong_type_is_found_at_its_place() {
    let root = schema();
    let values = [
        json!(null),
        json!(true),
        json!(false),
        json!(7),
        json!(-7),
        json!(1.5),
        json!(1e300),
        json!("x"),
        json!([]),
        json!({}),
        json!([[[]]]),
        json!([null]),
        json!({ "own": {} }),
    ];
    let mut count = 0;
    for place in all_places(&root) {
        for value in values
            .iter()
            .filter(|value| !takes(&root, place.schema, value))
        {
            let found = faults(&place.with(value.clone()));
            let pointer = place.pointer();
            // A list of one may be written without the list.
            let is_here = |finding: &&Finding| finding.path == pointer;
            let finding = found.iter().find(is_here);
            let finding = finding.unwrap_or_else(|| panic!("{pointer} {value}: {}", lines(&found)));
            let help = finding.help.as_deref().unwrap_or_default();
            assert!(
                !finding.message.is_empty() && !help.is_empty(),
                "{finding:?}"
            );
            count += 1;
        }
    }
    assert!(count > 2_000, "{count}");
}

#[test]
fn what_nothing_can_meet_is_found() {
    for (settings, path) in [
        (json!({ "sets": { "a": "@b", "b": "@a" } }), "/sets/"),
        (json!({ "sets": { "a": ["x", "@a"] } }), "/sets/a"),
        (
            json!({ "rules": [{ "name": "r", "when": { "tables": "@none" }, "then": { "deny": "x" } }] }),
            "/rules/0/when/tables",
        ),
        (
            json!({ "rules": [{ "name": "r", "when": { "time": { "from": "06:00", "to": "06:00" } }, "then": { "deny": "x" } }] }),
            "/rules/0/when/time",
        ),
        (
            json!({ "rules": [{ "name": "r", "when": { "time": { "daysOfMonth": 32 } }, "then": { "deny": "x" } }] }),
            "/rules/0/when/time/daysOfMonth",
        ),
        (
            json!({ "rules": [{ "name": "r", "when": { "time": { "dates": "2026-02-30" } }, "then": { "deny": "x" } }] }),
            "/rules/0/when/time/dates",
        ),
        (
            json!({ "rules": [{ "name": "r", "when": { "time": { "dates": { "from": "2026-03-02", "to": "2026-03-01" } } }, "then": { "deny": "x" } }] }),
            "/rules/0/when/time/dates",
        ),
        (
            json!({ "rules": [{ "name": "r", "when": { "not": {} }, "then": { "deny": "x" } }] }),
            "/rules/0/when/not",
        ),
        (
            json!({ "rules": [{ "name": "r", "when": { "any": [] }, "then": { "deny": "x" } }] }),
            "/rules/0/when/any",
        ),
        (
            json!({ "rules": [{ "name": "r", "then": { "expect": { "name": "e", "noRows": "DELETE FROM t" } } }] }),
            "/rules/0/then/expect",
        ),
        (
            json!({ "rules": [{ "name": "r", "then": { "expect": { "name": "e", "noRows": "SELECT 1; SELECT 2" } } }] }),
            "/rules/0/then/expect",
        ),
        (
            json!({ "rules": [{ "name": "r", "then": { "expect": { "name": "e", "isTrue": "" } } }] }),
            "/rules/0/then/expect",
        ),
        (
            json!({ "rules": [{ "name": "r", "then": { "expect": { "name": "e", "rows": { "of": "SELECT 1", "min": 2, "max": 1 } } } }] }),
            "/rules/0/then/expect",
        ),
    ] {
        let found = faults(&settings);
        assert!(
            found.iter().any(|finding| finding.path.starts_with(path)),
            "{settings}\n{}",
            lines(&found)
        );
    }
}
