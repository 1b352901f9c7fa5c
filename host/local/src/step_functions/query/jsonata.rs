//! JSONata, by the engine of the crate `jsonata-core`, with what Step Functions adds to the language and leaves out.

use super::digests::{digest, fraction};
use super::{Miss, Scope};
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::parser;
use jsonata_core::value::JValue;
use serde_json::{Map, Value};

/// How long one expression may take. AWS has a limit and does not say which.
const TIME_MS: u64 = 5_000;
/// The most values that `$range` makes.
const RANGE: f64 = 10_000_000.0;

/// An expression, `{% … %}`, that was found to be well formed.
///
/// It is kept as text: the engine's tree belongs to one thread.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expression(String);

impl Expression {
    /// Reads a text; none if it is no expression but a plain text.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, String> {
        let Some(opened) = text.strip_prefix("{%") else {
            return Ok(None);
        };
        let source = opened
            .strip_suffix("%}")
            .ok_or_else(|| format!("the JSONata expression '{text}' does not end in '%}}'"))?
            .trim();
        parser::parse(source).map_err(|error| {
            format!("the JSONata expression '{source}' cannot be read: {error}")
        })?;
        Ok(Some(Self(source.to_owned())))
    }

    /// The value. An expression that finds nothing has none, which is an error in every field of a state.
    pub(super) fn value(&self, scope: &Scope<'_>) -> Result<Value, Miss> {
        let missed = |reason: &str| {
            Err(Miss::Expression(format!(
                "The JSONata expression '{}' {reason}",
                self.0
            )))
        };
        match self.evaluate(scope) {
            Err(error) => missed(&format!("failed: {}", error.message())),
            Ok(JValue::Undefined) => missed("returned nothing (undefined)."),
            Ok(function) if function.is_function() || function.is_regex() => {
                missed("returned a function, which is no JSON.")
            }
            // By way of its text, which has whole numbers without a fraction.
            Ok(value) => match value
                .to_json_string()
                .and_then(|text| serde_json::from_str(&text))
            {
                Ok(value) => Ok(value),
                Err(error) => missed(&format!("returned what is no JSON: {error}.")),
            },
        }
    }

    fn evaluate(&self, scope: &Scope<'_>) -> Result<JValue, EvaluatorError> {
        let tree = parser::parse(&self.0)
            .map_err(|error| EvaluatorError::EvaluationError(error.to_string()))?;
        let mut states = Map::from_iter([
            ("input".to_owned(), scope.data.clone()),
            ("context".to_owned(), scope.context.clone()),
        ]);
        if let Some((name, value)) = scope.outcome {
            states.insert(name.to_owned(), value.clone());
        }
        let mut context = Context::new();
        for (name, value) in scope.variables {
            context.bind(name.clone(), value.clone().into());
        }
        context.bind("states".to_owned(), Value::Object(states).into());
        let mut evaluator = Evaluator::with_options(
            context,
            EvaluatorOptions {
                timeout_ms: Some(TIME_MS),
                ..EvaluatorOptions::default()
            },
        );
        extend(&mut evaluator)?;
        evaluator.evaluate(&tree, &JValue::Undefined)
    }
}

/// The functions that Step Functions adds, and the one that it takes away.
fn extend(evaluator: &mut Evaluator) -> Result<(), EvaluatorError> {
    evaluator.register_fn("partition", |given: &[JValue]| {
        let (Some(items), Some(size)) = (given.first().and_then(JValue::as_array), whole(given, 1))
        else {
            return refuse("$partition takes an array and a size of at least 1");
        };
        let size = usize::try_from(size).ok().filter(|size| *size > 0);
        let Some(size) = size else {
            return refuse("$partition takes an array and a size of at least 1");
        };
        let parts = items.chunks(size).map(|part| JValue::array(part.to_vec()));
        Ok(JValue::array(parts.collect()))
    })?;
    evaluator.register_fn("range", |given: &[JValue]| {
        let number = |at: usize| given.get(at).and_then(JValue::as_f64);
        let (Some(start), Some(end), Some(step)) = (number(0), number(1), number(2)) else {
            return refuse("$range takes a first number, a last one and a step");
        };
        let count = ((end - start) / step).floor() + 1.0;
        if !count.is_finite() || count > RANGE {
            return refuse("$range would make more than 10,000,000 values");
        }
        let values = (0_u32..)
            .map(f64::from)
            .take_while(|n| *n < count)
            .map(|n| JValue::from_f64(start + n * step));
        Ok(JValue::array(values.collect()))
    })?;
    evaluator.register_fn("hash", |given: &[JValue]| {
        let text = |at: usize| given.get(at).and_then(JValue::as_str);
        let Some(content) = text(0) else {
            return refuse("$hash takes a text and the name of an algorithm");
        };
        digest(content, text(1).unwrap_or("SHA-1"))
            .map(JValue::from)
            .or_else(|reason| refuse(&format!("$hash: {reason}")))
    })?;
    evaluator.register_fn("uuid", |_: &[JValue]| {
        Ok(JValue::from(uuid::Uuid::new_v4().to_string()))
    })?;
    evaluator.register_fn("parse", |given: &[JValue]| {
        match given.first().and_then(JValue::as_str) {
            Some(text) => JValue::from_json_str(text)
                .or_else(|error| refuse(&format!("$parse: the text is not JSON: {error}"))),
            None => refuse("$parse takes a text"),
        }
    })?;
    evaluator.register_fn_override("random", |given: &[JValue]| {
        let seed = given.first().and_then(JValue::as_f64);
        let seed = seed.map(|seed| seed.to_string());
        Ok(JValue::from_f64(fraction(seed.as_deref())))
    })?;
    evaluator.register_fn_override("eval", |_: &[JValue]| {
        refuse("$eval is not there in Step Functions; $parse reads JSON")
    })
}

fn whole(given: &[JValue], at: usize) -> Option<i64> {
    given.get(at).and_then(JValue::as_i64)
}

fn refuse<T>(reason: &str) -> Result<T, EvaluatorError> {
    Err(EvaluatorError::EvaluationError(reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step_functions::query::Variables;
    use proptest::prelude::*;
    use serde_json::json;

    fn value(source: &str) -> Result<Value, Miss> {
        let data = json!({"day": "2027-01-31", "rows": [{"n": 1, "s": "a"}, {"n": 2, "s": "b"}]});
        let context = json!({"Task": {"Token": "t"}});
        let result = json!({"Status": "FINISHED"});
        let variables = Variables::from_iter([("limit".to_owned(), json!(1))]);
        let scope = Scope {
            data: &data,
            context: &context,
            outcome: None,
            variables: &variables,
        };
        Expression::parse(&format!("{{% {source} %}}"))
            .expect(source)
            .expect("an expression")
            .value(&scope.with_result(&result))
    }

    #[test]
    fn expressions_see_states_and_variables() {
        for (source, wanted) in [
            ("$states.input.day", json!("2027-01-31")),
            ("$states.context.Task.Token", json!("t")),
            ("$states.result.Status = 'FINISHED'", json!(true)),
            ("$states.input.rows[n > $limit].s", json!("b")),
            ("$states.input.rows.n", json!([1, 2])),
            ("$sum($states.input.rows.n) / 2", json!(1.5)),
            (
                "$map($states.input.rows, function($r) { $r.n * 2 })",
                json!([2, 4]),
            ),
            (
                "{'a': [1..3], 'b': null}",
                json!({"a": [1, 2, 3], "b": null}),
            ),
            ("$merge([{'a': 1}, {'b': 2}])", json!({"a": 1, "b": 2})),
            ("($x := 2; $x * 3)", json!(6)),
        ] {
            assert_eq!(value(source), Ok(wanted), "{source}");
        }
    }

    #[test]
    fn what_step_functions_adds_is_there() {
        for (source, wanted) in [
            ("$partition([1, 2, 3], 2)", json!([[1, 2], [3]])),
            ("$range(0, 4, 2)", json!([0, 2, 4])),
            ("$range(3, 1, -1)", json!([3, 2, 1])),
            ("$range(3, 1, 1)", json!([])),
            (
                "$hash('abc', 'MD5')",
                json!("900150983cd24fb0d6963f7d28e17f72"),
            ),
            ("$parse('{\"a\": 1}').a", json!(1)),
            ("$length($uuid())", json!(36)),
            ("$random(7) = $random(7)", json!(true)),
            ("$random() = $random()", json!(false)),
        ] {
            assert_eq!(value(source), Ok(wanted), "{source}");
        }
    }

    #[test]
    fn what_has_no_value_is_said() {
        for (source, part) in [
            ("$states.input.nothing", "returned nothing (undefined)"),
            ("$states.errorOutput", "returned nothing (undefined)"),
            ("day", "returned nothing (undefined)"),
            ("function($x) { $x }", "returned a function"),
            ("$states.input.day * 2", "failed:"),
            ("$eval('1')", "$eval is not there"),
            ("$range(0, 1, 0)", "10,000,000"),
            ("$hash('a', 'CRC')", "no algorithm 'CRC'"),
            ("$partition([1], 0)", "at least 1"),
            ("$parse('{')", "not JSON"),
            ("$nothing()", "failed:"),
            ("($f := function(){ $f() }; $f())", "failed:"),
        ] {
            match value(source) {
                Err(Miss::Expression(reason)) => {
                    assert!(reason.contains(part), "{source}: {reason}");
                }
                other => panic!("{source}: {other:?}"),
            }
        }
    }

    #[test]
    fn only_a_whole_text_is_an_expression() {
        for text in ["", "a", " {% 1 %}", "a {% 1 %}"] {
            assert_eq!(Expression::parse(text), Ok(None), "{text}");
        }
        for (text, part) in [
            ("{% 1", "does not end"),
            ("{% 1 %} ", "does not end"),
            ("{% 1 + %}", "cannot be read"),
            ("{%  %}", "cannot be read"),
        ] {
            let error = Expression::parse(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\{%([$.a1()\\[\\]{}:=+' ]|\\PC)*%\\}") {
            let _ = Expression::parse(&text);
        }
    }
}
