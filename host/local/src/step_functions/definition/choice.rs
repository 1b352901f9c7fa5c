//! Rules of a Choice state.

use super::fields::Fields;
use super::{DefinitionError, Shape};
use crate::step_functions::query::{Expression, Language, Miss, Path, Query, Scope};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// A Choice state.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) rules: Vec<Branch>,
    pub(crate) default: Option<String>,
}

/// A rule and what follows where it holds.
#[derive(Debug)]
pub(crate) struct Branch {
    rule: Rule,
    pub(crate) next: String,
    pub(crate) shape: Shape,
}

impl Choice {
    /// Reads `Choices` and `Default`.
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, DefinitionError> {
        let choices = fields
            .list("Choices")?
            .filter(|choices| !choices.is_empty())
            .ok_or_else(|| fields.wrong("Choices are missing"))?;
        let mut rules = Vec::new();
        for choice in choices {
            let object = choice
                .as_object()
                .ok_or_else(|| fields.wrong("a choice is no object"))?;
            let next = object
                .get("Next")
                .and_then(Value::as_str)
                .ok_or_else(|| fields.wrong("a choice has no Next"))?;
            let (rule, shape) = match fields.language {
                Language::JsonPath => (Rule::parse(object), Shape::default()),
                Language::Jsonata => (condition(object), Fields { object, ..*fields }.shape()?),
            };
            rules.push(Branch {
                rule: rule.map_err(|reason| fields.wrong(reason))?,
                next: next.to_owned(),
                shape,
            });
        }
        Ok(Self {
            rules,
            default: fields.text("Default")?,
        })
    }

    /// The first branch whose rule holds. The error says which value could not be had.
    pub(crate) fn branch(&self, scope: &Scope<'_>) -> Result<Option<&Branch>, Miss> {
        for branch in &self.rules {
            if branch.rule.holds(scope)? {
                return Ok(Some(branch));
            }
        }
        Ok(None)
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rule {
    And(Vec<Rule>),
    Or(Vec<Rule>),
    Not(Box<Rule>),
    Test(Path, Test),
    /// `Condition` of JSONata.
    Condition(Query),
}

/// A test of one value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    StringMatches(String),
    Compare(Type, Compare, Operand),
    Is(Is, bool),
}

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Value(Value),
    Path(Path),
}

/// As what two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    String,
    Numeric,
    Boolean,
    Timestamp,
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
    Timestamp,
}

const IS: [(&str, Is); 6] = [
    ("IsPresent", Is::Present),
    ("IsNull", Is::Null),
    ("IsString", Is::String),
    ("IsNumeric", Is::Numeric),
    ("IsBoolean", Is::Boolean),
    ("IsTimestamp", Is::Timestamp),
];

const TYPES: [(&str, Type); 4] = [
    ("String", Type::String),
    ("Numeric", Type::Numeric),
    ("Boolean", Type::Boolean),
    ("Timestamp", Type::Timestamp),
];

const COMPARISONS: [(&str, Compare); 5] = [
    ("Equals", Compare::Equals),
    ("LessThan", Compare::LessThan),
    ("LessThanEquals", Compare::LessThanEquals),
    ("GreaterThan", Compare::GreaterThan),
    ("GreaterThanEquals", Compare::GreaterThanEquals),
];

impl Rule {
    /// Reads a rule. `Next` and `Comment` are the caller's.
    fn parse(rule: &Map<String, Value>) -> Result<Self, String> {
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

    fn holds(&self, scope: &Scope<'_>) -> Result<bool, Miss> {
        match self {
            Self::And(rules) => all(rules, scope, true),
            Self::Or(rules) => all(rules, scope, false).map(|none| !none),
            Self::Not(rule) => rule.holds(scope).map(|holds| !holds),
            Self::Test(path, Test::Is(Is::Present, wanted)) => {
                Ok(find(path, scope).is_ok() == *wanted)
            }
            Self::Test(path, test) => test.holds(find(path, scope)?, scope),
            Self::Condition(condition) => match condition.value(scope)? {
                Value::Bool(holds) => Ok(holds),
                other => Err(Miss::Expression(format!(
                    "The Condition returned {other} and not true or false."
                ))),
            },
        }
    }
}

/// Whether all rules are as `wanted`; looks no further than it must.
fn all(rules: &[Rule], scope: &Scope<'_>, wanted: bool) -> Result<bool, Miss> {
    for rule in rules {
        if rule.holds(scope)? != wanted {
            return Ok(false);
        }
    }
    Ok(true)
}

fn find<'v>(path: &Path, scope: &Scope<'v>) -> Result<&'v Value, Miss> {
    path.find(scope.data, scope.context)
        .ok_or_else(|| Miss::path(path))
}

impl Test {
    fn holds(&self, value: &Value, scope: &Scope<'_>) -> Result<bool, Miss> {
        Ok(match self {
            Self::StringMatches(pattern) => {
                value.as_str().is_some_and(|text| matches(pattern, text))
            }
            Self::Compare(kind, compare, operand) => {
                let other = match operand {
                    Operand::Value(other) => other,
                    Operand::Path(path) => find(path, scope)?,
                };
                kind.order(value, other)
                    .is_some_and(|order| compare.allows(order))
            }
            Self::Is(is, wanted) => {
                let found = match is {
                    Is::Present => true,
                    Is::Null => value.is_null(),
                    Is::String => value.is_string(),
                    Is::Numeric => value.is_number(),
                    Is::Boolean => value.is_boolean(),
                    Is::Timestamp => timestamp(value).is_some(),
                };
                found == *wanted
            }
        })
    }
}

impl Type {
    /// How two values stand to each other; none if they are not both of this type.
    fn order(self, a: &Value, b: &Value) -> Option<Ordering> {
        match self {
            Self::String => Some(a.as_str()?.cmp(b.as_str()?)),
            Self::Numeric => a.as_f64()?.partial_cmp(&b.as_f64()?),
            Self::Boolean => Some(a.as_bool()?.cmp(&b.as_bool()?)),
            Self::Timestamp => Some(timestamp(a)?.cmp(&timestamp(b)?)),
        }
    }

    fn fits(self, value: &Value) -> bool {
        self.order(value, value).is_some()
    }
}

impl Compare {
    fn allows(self, order: Ordering) -> bool {
        match self {
            Self::Equals => order.is_eq(),
            Self::LessThan => order.is_lt(),
            Self::LessThanEquals => order.is_le(),
            Self::GreaterThan => order.is_gt(),
            Self::GreaterThanEquals => order.is_ge(),
        }
    }
}

fn timestamp(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn parse_test(name: &str, value: &Value) -> Result<Test, String> {
    let wrong = || format!("the value of '{name}' has the wrong type");
    if name == "StringMatches" {
        let pattern = value.as_str().ok_or_else(wrong)?;
        return Ok(Test::StringMatches(pattern.to_owned()));
    }
    if let Some((_, is)) = IS.iter().find(|(known, _)| *known == name) {
        return Ok(Test::Is(*is, value.as_bool().ok_or_else(wrong)?));
    }
    let (plain, by_path) = match name.strip_suffix("Path") {
        Some(plain) => (plain, true),
        None => (name, false),
    };
    let found = TYPES.iter().find_map(|(prefix, kind)| {
        let suffix = plain.strip_prefix(prefix)?;
        let (_, compare) = COMPARISONS.iter().find(|(known, _)| *known == suffix)?;
        Some((*kind, *compare))
    });
    let Some((kind, compare)) =
        found.filter(|(kind, compare)| *kind != Type::Boolean || *compare == Compare::Equals)
    else {
        return Err(format!("there is no test '{name}'"));
    };
    let operand = if by_path {
        Operand::Path(Path::parse(value.as_str().ok_or_else(wrong)?)?)
    } else if kind.fits(value) {
        Operand::Value(value.clone())
    } else {
        return Err(wrong());
    };
    Ok(Test::Compare(kind, compare, operand))
}

/// `Condition` of JSONata: an expression, or simply true or false.
fn condition(rule: &Map<String, Value>) -> Result<Rule, String> {
    let known = ["Condition", "Next", "Output", "Assign", "Comment"];
    if let Some(name) = rule.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!(
            "a rule in JSONata with the field '{name}' is not supported here"
        ));
    }
    match rule.get("Condition") {
        Some(Value::Bool(true)) => Ok(Rule::And(Vec::new())),
        Some(Value::Bool(false)) => Ok(Rule::Or(Vec::new())),
        Some(Value::String(text)) => Expression::parse(text)?
            .map(|expression| Rule::Condition(Query::Expression(expression)))
            .ok_or_else(|| format!("the Condition '{text}' is no expression '{{% … %}}'")),
        Some(_) => Err("a Condition must be an expression '{% … %}'".to_owned()),
        None => Err("a rule has no Condition".to_owned()),
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
        let variables = crate::step_functions::query::Variables::new();
        Rule::parse(rule.as_object().expect("object"))?
            .holds(&Scope {
                data: &data,
                context: &Value::Null,
                outcome: None,
                variables: &variables,
            })
            .map_err(|miss| format!("{miss:?}"))
    }

    #[test]
    fn tests_of_values() {
        let data = json!({
            "s": "FINISHED", "b": false, "n": 3, "z": null,
            "early": "2026-11-23T10:00:00Z", "late": "2026-11-23T10:00:00+00:30"
        });
        for (rule, wanted) in [
            (json!({"Variable": "$.s", "StringEquals": "FINISHED"}), true),
            (json!({"Variable": "$.s", "StringEquals": "FAILED"}), false),
            (json!({"Variable": "$.s", "StringMatches": "F*SH*"}), true),
            (json!({"Variable": "$.b", "BooleanEquals": false}), true),
            (json!({"Variable": "$.s", "BooleanEquals": false}), false),
            (json!({"Variable": "$.n", "NumericGreaterThan": 2.5}), true),
            (json!({"Variable": "$.z", "IsNull": true}), true),
            (json!({"Variable": "$.x", "IsPresent": false}), true),
            (json!({"Variable": "$.s", "StringLessThan": "G"}), true),
            (json!({"Variable": "$.s", "StringEqualsPath": "$.s"}), true),
            (json!({"Variable": "$.s", "StringEqualsPath": "$.n"}), false),
            (
                json!({"Variable": "$.n", "NumericLessThanEqualsPath": "$.n"}),
                true,
            ),
            (json!({"Variable": "$.b", "BooleanEqualsPath": "$.b"}), true),
            (
                json!({"Variable": "$.late", "TimestampLessThanPath": "$.early"}),
                true,
            ),
            (
                json!({"Variable": "$.early", "TimestampEquals": "2026-11-23T12:00:00+02:00"}),
                true,
            ),
            (json!({"Variable": "$.early", "IsTimestamp": true}), true),
            (json!({"Variable": "$.s", "IsTimestamp": true}), false),
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
            (
                json!({"Variable": "$.a", "BooleanLessThan": true}),
                "there is no test 'BooleanLessThan'",
            ),
            (
                json!({"Variable": "$.a", "StringMatchesPath": "$.b"}),
                "there is no test 'StringMatchesPath'",
            ),
            (
                json!({"Variable": "$", "StringEqualsPath": "b"}),
                "does not begin with '$'",
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
