//! Intrinsic functions of JSONPath states: which there are, what each takes and does.

use super::digests::{digest, fraction};
use super::values::{array, bounded, format, integer, random, range, text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Array,
    ArrayContains,
    ArrayGetItem,
    ArrayLength,
    ArrayPartition,
    ArrayRange,
    ArrayUnique,
    Base64Decode,
    Base64Encode,
    Format,
    Hash,
    JsonMerge,
    JsonToString,
    MathAdd,
    MathRandom,
    StringSplit,
    StringToJson,
    Uuid,
}

/// Every function: its name, and the fewest and most arguments.
const ALL: [(Function, &str, usize, usize); 18] = [
    (Function::Array, "States.Array", 0, usize::MAX),
    (Function::ArrayContains, "States.ArrayContains", 2, 2),
    (Function::ArrayGetItem, "States.ArrayGetItem", 2, 2),
    (Function::ArrayLength, "States.ArrayLength", 1, 1),
    (Function::ArrayPartition, "States.ArrayPartition", 2, 2),
    (Function::ArrayRange, "States.ArrayRange", 3, 3),
    (Function::ArrayUnique, "States.ArrayUnique", 1, 1),
    (Function::Base64Decode, "States.Base64Decode", 1, 1),
    (Function::Base64Encode, "States.Base64Encode", 1, 1),
    (Function::Format, "States.Format", 1, usize::MAX),
    (Function::Hash, "States.Hash", 2, 2),
    (Function::JsonMerge, "States.JsonMerge", 3, 3),
    (Function::JsonToString, "States.JsonToString", 1, 1),
    (Function::MathAdd, "States.MathAdd", 2, 2),
    (Function::MathRandom, "States.MathRandom", 2, 3),
    (Function::StringSplit, "States.StringSplit", 2, 2),
    (Function::StringToJson, "States.StringToJson", 1, 1),
    (Function::Uuid, "States.UUID", 0, 0),
];

impl Function {
    pub(super) fn named(name: &str) -> Result<Self, String> {
        ALL.iter()
            .find(|(_, known, _, _)| *known == name)
            .map(|(function, ..)| *function)
            .ok_or_else(|| {
                let names: Vec<_> = ALL.iter().map(|(_, name, ..)| *name).collect();
                format!(
                    "there is no intrinsic function '{name}'; there are {}",
                    names.join(", ")
                )
            })
    }

    pub(super) fn name(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> (Self, &'static str, usize, usize) {
        let row = ALL.iter().find(|(function, ..)| *function == self);
        row.copied().unwrap_or((self, "", 0, usize::MAX))
    }

    /// Refuses a number of arguments that it does not take.
    pub(super) fn takes(self, count: usize) -> Result<(), String> {
        let (_, name, least, most) = self.row();
        if (least..=most).contains(&count) {
            return Ok(());
        }
        let takes = match (least, most) {
            (0, 0) => "no arguments".to_owned(),
            (1, 1) => "one argument".to_owned(),
            (least, usize::MAX) => format!("at least {least} arguments"),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) => format!("{least} to {most} arguments"),
        };
        Err(format!("{name} takes {takes}, not {count}"))
    }

    /// Calls it; the number of arguments was checked.
    pub(super) fn call(self, arguments: Vec<Value>) -> Result<Value, String> {
        let mut arguments = arguments.into_iter();
        let mut next = || arguments.next().unwrap_or_default();
        Ok(match self {
            Self::Array => arguments.collect(),
            Self::ArrayContains => json!(array(next())?.contains(&next())),
            Self::ArrayGetItem => {
                let (mut items, at) = (array(next())?, integer(&next())?);
                let count = items.len();
                match usize::try_from(at) {
                    Ok(at) if at < count => items.swap_remove(at),
                    _ => return Err(format!("there is no place {at} among {count}")),
                }
            }
            Self::ArrayLength => json!(array(next())?.len()),
            Self::ArrayPartition => {
                let (items, size) = (array(next())?, integer(&next())?);
                let size = usize::try_from(size).ok().filter(|size| *size > 0);
                let size = size.ok_or("the size of a part must be at least 1")?;
                items.chunks(size).map(|part| json!(part)).collect()
            }
            Self::ArrayRange => range(integer(&next())?, integer(&next())?, integer(&next())?)?,
            Self::ArrayUnique => {
                let mut unique: Vec<Value> = Vec::new();
                for item in array(next())? {
                    if !unique.contains(&item) {
                        unique.push(item);
                    }
                }
                Value::Array(unique)
            }
            Self::Base64Decode => {
                let bytes = STANDARD
                    .decode(bounded(next())?)
                    .map_err(|error| format!("the text is not Base64: {error}"))?;
                let text = String::from_utf8(bytes);
                json!(text.map_err(|_| "what was decoded is no text")?)
            }
            Self::Base64Encode => json!(STANDARD.encode(bounded(next())?)),
            Self::Format => format(&text(next())?, arguments.collect())?,
            Self::Hash => {
                let data = match next() {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                json!(digest(&bounded(json!(data))?, &text(next())?)?)
            }
            Self::JsonMerge => match (next(), next(), next()) {
                (Value::Object(mut first), Value::Object(second), Value::Bool(false)) => {
                    first.extend(second);
                    Value::Object(first)
                }
                (_, _, Value::Bool(true)) => {
                    return Err("AWS merges no deeper than the first level: the last argument must be false".to_owned());
                }
                _ => return Err("it takes two objects and false".to_owned()),
            },
            Self::JsonToString => json!(next().to_string()),
            Self::MathAdd => {
                let sum = integer(&next())?.checked_add(integer(&next())?);
                json!(sum.ok_or("the sum is too large")?)
            }
            Self::MathRandom => {
                let (start, end) = (integer(&next())?, integer(&next())?);
                if start >= end {
                    return Err(format!("the end {end} is not after the start {start}"));
                }
                let seed = arguments.next().map(|seed| seed.to_string());
                random(start, end, fraction(seed.as_deref()))
            }
            Self::StringSplit => {
                let (text, delimiters) = (text(next())?, text(next())?);
                text.split(|c| delimiters.contains(c))
                    .filter(|part| !part.is_empty())
                    .map(Value::from)
                    .collect()
            }
            Self::StringToJson => {
                let text = text(next())?;
                serde_json::from_str(&text)
                    .map_err(|error| format!("the text is not JSON: {error}"))?
            }
            Self::Uuid => json!(uuid::Uuid::new_v4().to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, arguments: Value) -> Result<Value, String> {
        let Value::Array(arguments) = arguments else {
            panic!("an array");
        };
        let function = Function::named(name)?;
        function.takes(arguments.len())?;
        function.call(arguments)
    }

    #[test]
    fn functions_do_what_aws_says() {
        for (name, arguments, wanted) in [
            ("States.Array", json!([1, "a"]), json!([1, "a"])),
            ("States.ArrayContains", json!([[1, 2, 3], 2]), json!(true)),
            (
                "States.ArrayContains",
                json!([[1, 2, 3], "2"]),
                json!(false),
            ),
            ("States.ArrayGetItem", json!([[1, 2, 3], 1]), json!(2)),
            ("States.ArrayLength", json!([[1, 2, 3]]), json!(3)),
            (
                "States.ArrayPartition",
                json!([[1, 2, 3], 2]),
                json!([[1, 2], [3]]),
            ),
            (
                "States.ArrayRange",
                json!([1, 9, 2]),
                json!([1, 3, 5, 7, 9]),
            ),
            ("States.ArrayRange", json!([3, 1, -1]), json!([3, 2, 1])),
            ("States.ArrayRange", json!([3, 1, 1]), json!([])),
            ("States.ArrayRange", json!([1, 2, 5]), json!([1])),
            (
                "States.ArrayUnique",
                json!([[1, 2, 1, {}, {}]]),
                json!([1, 2, {}]),
            ),
            ("States.Base64Encode", json!(["abc"]), json!("YWJj")),
            ("States.Base64Decode", json!(["YWJj"]), json!("abc")),
            (
                "States.Format",
                json!(["a {} b {}", 1, true]),
                json!("a 1 b true"),
            ),
            (
                "States.Hash",
                json!(["abc", "MD5"]),
                json!("900150983cd24fb0d6963f7d28e17f72"),
            ),
            (
                "States.JsonMerge",
                json!([{"a": {"x": 1}, "b": 1}, {"a": {"y": 2}}, false]),
                json!({"a": {"y": 2}, "b": 1}),
            ),
            ("States.JsonToString", json!([{"a": 1}]), json!("{\"a\":1}")),
            ("States.StringToJson", json!(["{\"a\":1}"]), json!({"a": 1})),
            ("States.MathAdd", json!([111, -1]), json!(110)),
            ("States.MathAdd", json!([1.5, 1]), json!(3)),
            (
                "States.StringSplit",
                json!(["1,2,3", ","]),
                json!(["1", "2", "3"]),
            ),
            (
                "States.StringSplit",
                json!(["This.is+a,test=string", ".+,="]),
                json!(["This", "is", "a", "test", "string"]),
            ),
        ] {
            assert_eq!(
                call(name, arguments.clone()),
                Ok(wanted),
                "{name} {arguments}"
            );
        }
    }

    #[test]
    fn random_values_are_within_their_bounds() {
        for _ in 0..200 {
            let number = call("States.MathRandom", json!([-2, 3])).expect("a number");
            assert!(
                (-2..3).contains(&number.as_i64().expect("whole")),
                "{number}"
            );
        }
        assert_eq!(
            call("States.MathRandom", json!([0, 1_000_000, 7])),
            call("States.MathRandom", json!([0, 1_000_000, 7]))
        );
        let uuid = call("States.UUID", json!([])).expect("a UUID");
        assert_eq!(uuid.as_str().map(str::len), Some(36));
    }

    #[test]
    fn what_a_function_cannot_do_is_said() {
        for (name, arguments, part) in [
            ("States.ArrayGetItem", json!([[1], 1]), "no place 1 among 1"),
            ("States.ArrayGetItem", json!([[1], -1]), "no place -1"),
            ("States.ArrayLength", json!(["a"]), "an array is needed"),
            ("States.ArrayPartition", json!([[1], 0]), "at least 1"),
            ("States.ArrayRange", json!([0, 1000, 1]), "1001 members"),
            ("States.ArrayRange", json!([0, 1, 0]), "leads nowhere"),
            ("States.Base64Decode", json!(["%"]), "not Base64"),
            (
                "States.Base64Encode",
                json!(["a".repeat(10_001)]),
                "10001 characters",
            ),
            ("States.Format", json!(["{}"]), "1 places '{}' for 0 values"),
            ("States.Format", json!(["{}", []]), "array or object"),
            ("States.Format", json!(["{x}"]), "is written"),
            ("States.Hash", json!(["a", "CRC"]), "no algorithm 'CRC'"),
            ("States.JsonMerge", json!([{}, {}, true]), "must be false"),
            ("States.MathAdd", json!([1, 4294967296_i64]), "32 bits"),
            ("States.MathRandom", json!([1, 1]), "not after the start"),
            ("States.StringToJson", json!(["{"]), "not JSON"),
        ] {
            let error = call(name, arguments.clone()).expect_err(name);
            assert!(error.contains(part), "{name} {arguments}: {error}");
        }
    }
}
