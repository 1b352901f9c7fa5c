//! Intrinsic functions of JSONPath states, `States.Format('{}', $.a)`: reading them.

use super::functions::Function;
use super::{Miss, Path, Scope};
use serde_json::Value;

/// How deep AWS lets them be nested.
const DEPTH: usize = 10;

/// A call of an intrinsic function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    function: Function,
    arguments: Vec<Argument>,
}

/// What a function is given.
#[derive(Debug, Clone, PartialEq)]
enum Argument {
    /// A text in quotes, with its escapes: `States.Format` reads `\{` otherwise than the rest.
    Text(String),
    Value(Value),
    Path(Path),
    Call(Call),
}

impl Call {
    /// Reads a call. A function that does not exist is refused, and so is a number of arguments that it does not take.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (call, rest) =
            call(text.trim_end(), DEPTH).map_err(|reason| format!("'{text}': {reason}"))?;
        if rest.is_empty() {
            Ok(call)
        } else {
            Err(format!(
                "'{text}': '{rest}' follows after the function's end"
            ))
        }
    }

    /// Calls the function.
    pub(super) fn value(&self, scope: &Scope<'_>) -> Result<Value, Miss> {
        let mut arguments = Vec::new();
        for (at, argument) in self.arguments.iter().enumerate() {
            let is_template = at == 0 && self.function == Function::Format;
            arguments.push(match argument {
                Argument::Text(text) if is_template => Value::String(text.clone()),
                Argument::Text(text) => Value::String(unescaped(text)),
                Argument::Value(value) => value.clone(),
                Argument::Path(path) => path
                    .find(scope.data, scope.context)
                    .cloned()
                    .ok_or_else(|| Miss::path(path))?,
                Argument::Call(call) => call.value(scope)?,
            });
        }
        self.function
            .call(arguments)
            .map_err(|reason| Miss::Intrinsic(format!("{}: {reason}", self.function.name())))
    }
}

type Read<'t, T> = Result<(T, &'t str), String>;

fn call(text: &str, depth: usize) -> Read<'_, Call> {
    if depth == 0 {
        return Err(format!(
            "functions are nested more than {DEPTH} levels deep"
        ));
    }
    let (name, rest) = text.split_once('(').ok_or("a function needs '(' and ')'")?;
    let function = Function::named(name.trim_end())?;
    let mut arguments = Vec::new();
    let mut rest = rest.trim_start();
    if let Some(after) = rest.strip_prefix(')') {
        rest = after;
    } else {
        loop {
            let (argument, after) = argument(rest, depth)?;
            arguments.push(argument);
            let after = after.trim_start();
            if let Some(after) = after.strip_prefix(',') {
                rest = after.trim_start();
            } else if let Some(after) = after.strip_prefix(')') {
                rest = after;
                break;
            } else {
                return Err("',' or ')' is missing after an argument".to_owned());
            }
        }
    }
    function.takes(arguments.len())?;
    Ok((
        Call {
            function,
            arguments,
        },
        rest,
    ))
}

fn argument(text: &str, depth: usize) -> Read<'_, Argument> {
    if let Some(quoted) = text.strip_prefix('\'') {
        let (text, rest) = quoted_text(quoted)?;
        return Ok((Argument::Text(text.to_owned()), rest));
    }
    if text.starts_with("States.") {
        let (call, rest) = call(text, depth - 1)?;
        return Ok((Argument::Call(call), rest));
    }
    let (word, rest) = text.split_at(end_of_word(text));
    let word = word.trim_end();
    if word.starts_with('$') {
        return Ok((Argument::Path(Path::parse(word)?), rest));
    }
    match serde_json::from_str::<Value>(word) {
        Ok(value) if !value.is_string() && !value.is_array() && !value.is_object() => {
            Ok((Argument::Value(value), rest))
        }
        _ => Err(format!(
            "the argument '{word}' is no path, number, boolean, null, function or text in single quotes"
        )),
    }
}

/// The text up to the quote that ends it, with its escapes, and what comes after.
fn quoted_text(text: &str) -> Read<'_, &str> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' => {
                let (inside, rest) = text.split_at(at);
                return Ok((inside, rest.strip_prefix('\'').unwrap_or_default()));
            }
            _ => {}
        }
    }
    Err("a text in single quotes does not end".to_owned())
}

/// Where a path, number or word ends: commas and brackets within `['…']` are part of it.
fn end_of_word(text: &str) -> usize {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, ',' | ')') => return at,
            _ => {}
        }
    }
    text.len()
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        plain.push(match c {
            '\\' => characters.next().unwrap_or('\\'),
            c => c,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step_functions::query::Variables;
    use proptest::prelude::*;
    use serde_json::json;

    fn value(text: &str, data: &Value) -> Result<Value, Miss> {
        let variables = Variables::new();
        Call::parse(text).expect(text).value(&Scope {
            data,
            context: &json!({"Execution": {"Name": "n"}}),
            outcome: None,
            variables: &variables,
        })
    }

    #[test]
    fn arguments_are_paths_values_texts_and_calls() {
        let data = json!({"a": 1, "b c": [1, 2], "t": "x"});
        for (text, wanted) in [
            ("States.Array()", json!([])),
            (
                "States.Array( 1 , 'it\\'s, (a) text' )",
                json!([1, "it's, (a) text"]),
            ),
            (
                "States.Array($.a, $['b c'][1], $$.Execution.Name)",
                json!([1, 2, "n"]),
            ),
            ("States.Array(true, null, -1.5)", json!([true, null, -1.5])),
            (
                "States.Format('{}/{}', States.MathAdd($.a, 1), $.t)",
                json!("2/x"),
            ),
            (
                "States.Format('\\{{}\\} \\'{}\\' \\\\', 'a\\\\b', null)",
                json!("{a\\b} 'null' \\"),
            ),
        ] {
            assert_eq!(value(text, &data), Ok(wanted), "{text}");
        }
        assert_eq!(
            value("States.Array($.x)", &data),
            Err(Miss::Path("the path '$.x' is not in the input".to_owned()))
        );
    }

    #[test]
    fn what_is_no_call_is_refused_with_the_reason() {
        for (text, part) in [
            (
                "States.Frmat('{}', 1)",
                "there is no intrinsic function 'States.Frmat'",
            ),
            ("States.UUID(1)", "States.UUID takes no arguments, not 1"),
            (
                "States.MathAdd(1)",
                "States.MathAdd takes 2 arguments, not 1",
            ),
            ("States.UUID", "needs '('"),
            ("States.Array(1", "',' or ')' is missing"),
            ("States.Array('a)", "does not end"),
            ("States.Array(a)", "the argument 'a'"),
            ("States.Array(1) x", "follows after"),
            ("States.Array($.a[*])", "not supported here"),
        ] {
            let error = Call::parse(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
        let deep =
            |levels: usize| format!("{}1{}", "States.Array(".repeat(levels), ")".repeat(levels));
        Call::parse(&deep(DEPTH)).expect("ten levels");
        Call::parse(&deep(DEPTH + 1)).expect_err("eleven levels");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "States\\.(Array|Format|UUID)\\(([$.,'()\\\\ a1\\[\\]{}]|\\PC)*") {
            let _ = Call::parse(&text);
        }

        #[test]
        fn any_text_in_quotes_comes_out_as_it_was(text in "\\PC*") {
            let written = text.replace('\\', "\\\\").replace('\'', "\\'");
            let array = value(&format!("States.Array('{written}')"), &Value::Null);
            prop_assert_eq!(array, Ok(json!([text])));
        }
    }
}
