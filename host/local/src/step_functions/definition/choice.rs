//! Rules of a Choice state.

use crate::step_functions::paths::Path;
use serde_json::{Map, Value};

/// A Choice state.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) rules: Vec<(Rule, String)>,
    pub(crate) default: Option<String>,
}

impl Choice {
    /// The state to go to: that of the first rule that holds. The error names a path that led nowhere.
    pub(crate) fn next(&self, data: &Value, context: &Value) -> Result<Option<&str>, String> {
        for (rule, next) in &self.rules {
            if rule.holds(data, context)? {
                return Ok(Some(next));
            }
        }
        Ok(self.default.as_deref())
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rule {
    And(Vec<Rule>),
    Or(Vec<Rule>),
    Not(Box<Rule>),
    Test(Path, Test),
}

/// A test of one value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    StringEquals(String),
    StringMatches(String),
    Numeric(Compare, f64),
    BooleanEquals(bool),
    Is(Is, bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Is {
    Present,
    Null,
    String,
    Numeric,
    Boolean,
}

impl Rule {
    /// Reads a rule. `Next` and `Comment` are the caller's.
    pub(crate) fn parse(rule: &Map<String, Value>) -> Result<Self, String> {
        let mut test = None;
        for (name, value) in rule {
            let found = match name.as_str() {
                "Next" | "Comment" | "Variable" => continue,
                "And" => Self::And(rules(name, value)?),
                "Or" => Self::Or(rules(name, value)?),
                "Not" => Self::Not(Box::new(Self::parse(object(name, value)?)?)),
                _ => Self::Test(variable(rule)?, parse_test(name, value)?),
            };
            if test.replace(found).is_some() {
                return Err("a rule has more than one test".to_owned());
            }
        }
        test.ok_or_else(|| "a rule has no test".to_owned())
    }

    fn holds(&self, data: &Value, context: &Value) -> Result<bool, String> {
        match self {
            Self::And(rules) => all(rules, data, context, true),
            Self::Or(rules) => all(rules, data, context, false).map(|none| !none),
            Self::Not(rule) => rule.holds(data, context).map(|holds| !holds),
            Self::Test(path, test) => match (path.find(data, context), test) {
                (found, Test::Is(Is::Present, wanted)) => Ok(found.is_some() == *wanted),
                (Some(value), test) => Ok(test.holds(value)),
                (None, _) => Err(format!("the path '{path}' is not in the input")),
            },
        }
    }
}

/// Whether all rules are as `wanted`; looks no further than it must.
fn all(rules: &[Rule], data: &Value, context: &Value, wanted: bool) -> Result<bool, String> {
    for rule in rules {
        if rule.holds(data, context)? != wanted {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::StringEquals(text) => value.as_str() == Some(text),
            Self::StringMatches(pattern) => {
                value.as_str().is_some_and(|text| matches(pattern, text))
            }
            Self::Numeric(compare, number) => value.as_f64().is_some_and(|value| match compare {
                Compare::Equals => value == *number,
                Compare::LessThan => value < *number,
                Compare::LessThanEquals => value <= *number,
                Compare::GreaterThan => value > *number,
                Compare::GreaterThanEquals => value >= *number,
            }),
            Self::BooleanEquals(wanted) => value.as_bool() == Some(*wanted),
            Self::Is(is, wanted) => {
                let found = match is {
                    Is::Present => true,
                    Is::Null => value.is_null(),
                    Is::String => value.is_string(),
                    Is::Numeric => value.is_number(),
                    Is::Boolean => value.is_boolean(),
                };
                found == *wanted
            }
        }
    }
}

fn parse_test(name: &str, value: &Value) -> Result<Test, String> {
    let wrong = || format!("the value of '{name}' has the wrong type");
    let text = || value.as_str().map(str::to_owned).ok_or_else(wrong);
    let truth = || value.as_bool().ok_or_else(wrong);
    let numeric = |compare| {
        let number = value.as_f64().ok_or_else(wrong)?;
        Ok(Test::Numeric(compare, number))
    };
    match name {
        "StringEquals" => text().map(Test::StringEquals),
        "StringMatches" => text().map(Test::StringMatches),
        "BooleanEquals" => truth().map(Test::BooleanEquals),
        "NumericEquals" => numeric(Compare::Equals),
        "NumericLessThan" => numeric(Compare::LessThan),
        "NumericLessThanEquals" => numeric(Compare::LessThanEquals),
        "NumericGreaterThan" => numeric(Compare::GreaterThan),
        "NumericGreaterThanEquals" => numeric(Compare::GreaterThanEquals),
        "IsPresent" => truth().map(|wanted| Test::Is(Is::Present, wanted)),
        "IsNull" => truth().map(|wanted| Test::Is(Is::Null, wanted)),
        "IsString" => truth().map(|wanted| Test::Is(Is::String, wanted)),
        "IsNumeric" => truth().map(|wanted| Test::Is(Is::Numeric, wanted)),
        "IsBoolean" => truth().map(|wanted| Test::Is(Is::Boolean, wanted)),
        other => Err(format!("the test '{other}' is not supported here")),
    }
}

fn object<'v>(name: &str, value: &'v Value) -> Result<&'v Map<String, Value>, String> {
    value
        .as_object()
        .ok_or_else(|| format!("'{name}' must hold a rule"))
}

fn rules(name: &str, value: &Value) -> Result<Vec<Rule>, String> {
    let values = value
        .as_array()
        .filter(|values| !values.is_empty())
        .ok_or_else(|| format!("'{name}' must hold a list of rules"))?;
    values
        .iter()
        .map(|value| Rule::parse(object(name, value)?))
        .collect()
}

fn variable(rule: &Map<String, Value>) -> Result<Path, String> {
    rule.get("Variable")
        .and_then(Value::as_str)
        .ok_or_else(|| "a test needs a Variable".to_owned())
        .and_then(Path::parse)
}

/// Whether a text matches a pattern in which `*` stands for any characters and `\*` for a star.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = vec![String::new()];
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        let literal = match c {
            '*' => {
                parts.push(String::new());
                continue;
            }
            '\\' => characters.next().unwrap_or('\\'),
            c => c,
        };
        if let Some(part) = parts.last_mut() {
            part.push(literal);
        }
    }
    let (Some((first, middle)), true) = (parts.split_first(), parts.len() > 1) else {
        return parts.first().is_some_and(|only| only == text);
    };
    let Some((last, middle)) = middle.split_last() else {
        return false;
    };
    let mut rest = match text.strip_prefix(first.as_str()) {
        Some(rest) => rest,
        None => return false,
    };
    for part in middle {
        rest = match rest.split_once(part.as_str()) {
            Some((_, after)) => after,
            None => return false,
        };
    }
    rest.ends_with(last.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(rule: Value, data: Value) -> Result<bool, String> {
        Rule::parse(rule.as_object().expect("object"))?.holds(&data, &Value::Null)
    }

    #[test]
    fn tests_of_values() {
        let data = json!({"s": "FINISHED", "b": false, "n": 3, "z": null});
        for (rule, wanted) in [
            (json!({"Variable": "$.s", "StringEquals": "FINISHED"}), true),
            (json!({"Variable": "$.s", "StringEquals": "FAILED"}), false),
            (json!({"Variable": "$.s", "StringMatches": "F*SH*"}), true),
            (json!({"Variable": "$.b", "BooleanEquals": false}), true),
            (json!({"Variable": "$.s", "BooleanEquals": false}), false),
            (json!({"Variable": "$.n", "NumericGreaterThan": 2.5}), true),
            (json!({"Variable": "$.z", "IsNull": true}), true),
            (json!({"Variable": "$.x", "IsPresent": false}), true),
            (
                json!({"Not": {"Variable": "$.b", "BooleanEquals": true}}),
                true,
            ),
            (
                json!({"And": [
                    {"Variable": "$.x", "IsPresent": true},
                    {"Variable": "$.x", "NumericEquals": 1}
                ]}),
                false,
            ),
            (
                json!({"Or": [
                    {"Variable": "$.n", "NumericLessThan": 0},
                    {"Variable": "$.n", "NumericEquals": 3}
                ]}),
                true,
            ),
        ] {
            assert_eq!(holds(rule.clone(), data.clone()), Ok(wanted), "{rule}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (rule, part) in [
            (
                json!({"Variable": "$.a", "TimestampEquals": "x"}),
                "TimestampEquals",
            ),
            (json!({"Variable": "$.a"}), "no test"),
            (json!({"StringEquals": "a"}), "Variable"),
            (json!({"Variable": "$.a", "StringEquals": 1}), "type"),
            (
                json!({"Variable": "$.a", "IsNull": true, "IsString": true}),
                "more than one",
            ),
            (json!({"And": []}), "And"),
            (json!({"Variable": "$.a", "IsNull": true}), "$.a"),
        ] {
            let error = holds(rule.clone(), json!({})).expect_err("wrong");
            assert!(error.contains(part), "{rule}: {error}");
        }
    }

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, wanted) in [
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxcyyb", false),
            ("aa*a", "aa", false),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("abc", "abc", true),
        ] {
            assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
        }
    }
}
