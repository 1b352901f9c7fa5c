//! PostgreSQL's types as Redshift's.

use super::super::value::{Cell, Column};

/// What the modifier of a type counts beside the declared length.
const HEADER: i32 = 4;

/// A column by PostgreSQL's name of its type and the type's modifier.
pub(super) fn column(name: &str, type_name: &str, modifier: i32) -> Column {
    let mut column = Column::new(
        name,
        match type_name {
            "text" | "unknown" => "varchar",
            "bytea" => "varbyte",
            "json" | "jsonb" => "super",
            other => other,
        },
    );
    let declared = modifier.checked_sub(HEADER).filter(|length| *length >= 0);
    match (type_name, declared) {
        ("numeric", Some(digits)) => {
            column.precision = Some((digits >> 16) & 0xffff);
            // Eleven bits with a sign.
            column.scale = ((digits & 0x7ff) ^ 0x400) - 0x400;
        }
        ("varchar" | "bpchar", Some(length)) => column.precision = Some(length),
        _ => {}
    }
    column
}

/// A cell by the text that PostgreSQL gives for it.
pub(super) fn cell(type_name: &str, text: Option<&str>) -> Cell {
    let Some(text) = text else {
        return Cell::Null;
    };
    let read = match type_name {
        "int2" | "int4" | "int8" | "oid" => text.parse().ok().map(Cell::Long),
        "float4" | "float8" => text.parse().ok().map(Cell::Double),
        "bool" => match text {
            "t" => Some(Cell::Bool(true)),
            "f" => Some(Cell::Bool(false)),
            _ => None,
        },
        "varbyte" => bytes(text).map(Cell::Blob),
        _ => None,
    };
    read.unwrap_or_else(|| Cell::Text(text.to_owned()))
}

/// The bytes of `\x0a1b`.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?;
    (0..digits.len() / 2)
        .map(|at| {
            let pair = digits.get(2 * at..2 * at + 2)?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_say_lengths() {
        // As `select atttypmod from pg_attribute` shows them.
        let numeric = column("n", "numeric", (8 << 16 | 2) + 4);
        assert_eq!((numeric.precision, numeric.scale), (Some(8), 2));
        let rounded = column("n", "numeric", (5 << 16 | 0x7fe) + 4);
        assert_eq!((rounded.precision, rounded.scale), (Some(5), -2));
        assert_eq!(column("v", "varchar", 24).precision, Some(20));
        assert_eq!(column("v", "varchar", -1).precision, None);
        assert_eq!(column("t", "text", -1).type_name, "varchar");
    }

    #[test]
    fn cells_have_the_types_of_the_protocol() {
        for (type_name, text, expected) in [
            ("int8", "-7", Cell::Long(-7)),
            ("float8", "1e300", Cell::Double(1e300)),
            ("float8", "-Infinity", Cell::Double(f64::NEG_INFINITY)),
            ("bool", "t", Cell::Bool(true)),
            ("varbyte", "\\x00ff", Cell::Blob(vec![0, 255])),
            ("numeric", "2.50", Cell::Text("2.50".to_owned())),
            ("varchar", "", Cell::Text(String::new())),
        ] {
            assert_eq!(cell(type_name, Some(text)), expected);
        }
        assert_eq!(cell("int4", None), Cell::Null);
    }
}
