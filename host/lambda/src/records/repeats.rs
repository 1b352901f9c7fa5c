//! JSON in which an object has a name twice.

use std::{collections::BTreeSet, fmt};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Whether an object in this JSON has a name twice: only the last of the two values is read from it, and the first is in
/// the text all the same.
pub(super) fn repeats_a_name(text: &str) -> bool {
    serde_json::from_str::<Unrepeated>(text).is_err()
}

/// Any value, in no object of which a name is repeated.
struct Unrepeated;

impl<'de> Deserialize<'de> for Unrepeated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Unrepeated)
    }
}

impl<'de> Visitor<'de> for Unrepeated {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("a name is repeated"));
            }
            fields.next_value::<Self>()?;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::repeats_a_name;

    #[test]
    fn names_are_compared_as_they_are_meant() {
        for (text, repeats) in [
            (r#"{"a":1,"b":[{"a":-2.5},null,true,"a"]}"#, false),
            (r#"{"a":1,"b":2,"a":1}"#, true),
            (r#"[{"x":{"a":1,"\u0061":2}}]"#, true),
            (r#"{"a":{"a":{"a":18446744073709551615}}}"#, false),
        ] {
            assert_eq!(repeats_a_name(text), repeats, "{text}");
        }
    }
}
