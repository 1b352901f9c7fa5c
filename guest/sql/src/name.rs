//! Names of tables.

use std::fmt;

/// A table's name as the SQL has it, in lower case: Redshift folds names, quoted ones too unless a session
/// asks otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// The database, if it was named.
    pub database: Option<String>,
    /// The schema, if it was named. Without it the session's search path decides.
    pub schema: Option<String>,
    /// The table or view.
    pub name: String,
}

impl TableName {
    /// From its one to three parts, the table last. None for any other number.
    #[must_use]
    pub fn from_parts(parts: &[String]) -> Option<Self> {
        let fold = |part: &String| part.to_lowercase();
        let (database, schema, name) = match parts {
            [name] => (None, None, name),
            [schema, name] => (None, Some(schema), name),
            [database, schema, name] => (Some(database), Some(schema), name),
            _ => return None,
        };
        Some(Self {
            database: database.map(fold),
            schema: schema.map(fold),
            name: fold(name),
        })
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.database, &self.schema].into_iter().flatten() {
            write!(formatter, "{part}.")?;
        }
        formatter.write_str(&self.name)
    }
}
