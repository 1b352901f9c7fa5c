//! What SQLite's declared types say about a column.

use super::super::value::{Cell, Column};
use rusqlite::types::ValueRef;

/// The type of a column of which neither its declaration nor a value tells one.
pub(super) const UNKNOWN_TYPE: &str = "varchar";

/// How a cell is read, by the declared type of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As SQLite has it.
    Native,
    /// A truth value.
    Bool,
    /// As text, since the Data API has no type for it.
    Text,
    /// A decimal number, as text with so many digits after the point.
    Decimal(usize),
    /// As a floating-point number.
    Double,
}

impl Reading {
    /// The cell for a value of SQLite.
    pub(super) fn cell(self, value: ValueRef<'_>) -> Cell {
        match (self, value) {
            (_, ValueRef::Null) => Cell::Null,
            (Self::Bool, ValueRef::Integer(n)) => Cell::Bool(n != 0),
            (Self::Double, ValueRef::Integer(n)) => Cell::Double(n as f64),
            (Self::Decimal(scale), ValueRef::Integer(n)) => {
                Cell::Text(format!("{:.scale$}", n as f64))
            }
            (Self::Decimal(scale), ValueRef::Real(x)) => Cell::Text(format!("{x:.scale$}")),
            (Self::Text, ValueRef::Integer(n)) => Cell::Text(n.to_string()),
            (Self::Text, ValueRef::Real(x)) => Cell::Text(x.to_string()),
            (_, ValueRef::Integer(n)) => Cell::Long(n),
            (_, ValueRef::Real(x)) => Cell::Double(x),
            (_, ValueRef::Text(text)) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
            (_, ValueRef::Blob(bytes)) => Cell::Blob(bytes.to_owned()),
        }
    }
}

/// A column by its declared type, and how its cells are read. The type's name is empty if nothing tells it.
pub(super) fn column(name: &str, type_name: Option<&str>) -> (Column, Reading) {
    let (known, reading) = type_name.map_or((None, Reading::Native), declared);
    let mut column = Column::new(name, known.unwrap_or_default());
    if matches!(known, Some("numeric" | "varchar" | "bpchar")) {
        let mut numbers = type_name
            .and_then(|declared| declared.split_once('('))
            .into_iter()
            .flat_map(|(_, arguments)| arguments.trim_end_matches(')').split(','))
            .map(|number| number.trim().parse().ok());
        column.precision = numbers.next().flatten();
        column.scale = numbers.next().flatten().unwrap_or_default();
    }
    (column, reading)
}

/// Redshift's name for a declared type, and how its cells are read. The name is missing for a type that says
/// nothing; [`inferred`] then helps.
fn declared(declared: &str) -> (Option<&'static str>, Reading) {
    let lower = declared.to_ascii_lowercase();
    let (base, arguments) = lower.split_once('(').unwrap_or((&lower, ""));
    let (name, reading) = match base.trim() {
        "smallint" | "int2" => ("int2", Reading::Native),
        "integer" | "int" | "int4" => ("int4", Reading::Native),
        "bigint" | "int8" => ("int8", Reading::Native),
        "real" | "float4" => ("float4", Reading::Double),
        "double precision" | "double" | "float" | "float8" => ("float8", Reading::Double),
        "boolean" | "bool" => ("bool", Reading::Bool),
        "decimal" | "numeric" => ("numeric", Reading::Decimal(scale(arguments))),
        "date" => ("date", Reading::Text),
        "time" | "time without time zone" => ("time", Reading::Text),
        "timetz" | "time with time zone" => ("timetz", Reading::Text),
        "timestamp" | "timestamp without time zone" => ("timestamp", Reading::Text),
        "timestamptz" | "timestamp with time zone" => ("timestamptz", Reading::Text),
        "char" | "character" | "nchar" | "bpchar" => ("bpchar", Reading::Text),
        "varchar" | "character varying" | "nvarchar" | "text" => ("varchar", Reading::Native),
        "super" => ("super", Reading::Text),
        "varbyte" | "varbinary" | "blob" | "binary varying" => ("varbyte", Reading::Native),
        _ => return (None, Reading::Native),
    };
    (Some(name), reading)
}

/// The digits after the point of `18,4)`; Redshift's default is none.
fn scale(arguments: &str) -> usize {
    arguments
        .trim_end_matches(')')
        .split(',')
        .nth(1)
        .and_then(|scale| scale.trim().parse().ok())
        // Redshift's largest scale is 37.
        .map_or(0, |scale: usize| scale.min(37))
}

/// The type of a column that is an expression, by a value in it.
pub(super) fn inferred(cell: &Cell) -> Option<&'static str> {
    match cell {
        Cell::Null => None,
        Cell::Long(_) => Some("int8"),
        Cell::Double(_) => Some("float8"),
        Cell::Text(_) => Some("varchar"),
        Cell::Bool(_) => Some("bool"),
        Cell::Blob(_) => Some("varbyte"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_scale() {
        let (name, reading) = declared("DECIMAL(10, 2)");
        assert_eq!(name, Some("numeric"));
        assert_eq!(
            reading.cell(ValueRef::Real(12.5)),
            Cell::Text("12.50".to_owned())
        );
        assert_eq!(
            declared("numeric").1.cell(ValueRef::Integer(3)),
            Cell::Text("3".to_owned())
        );
    }

    #[test]
    fn truth_values_are_of_columns_declared_so() {
        assert_eq!(
            declared("boolean").1.cell(ValueRef::Integer(1)),
            Cell::Bool(true)
        );
        assert_eq!(declared("int").1.cell(ValueRef::Integer(1)), Cell::Long(1));
        assert_eq!(declared("").0, None);
    }
}
