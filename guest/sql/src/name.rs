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
    /// Whether it is another name in a session that tells upper and lower case apart
    /// (`enable_case_sensitive_identifier`): a part in quotes has capital letters. A rule that allows must not take it for
    /// the name in lower case.
    pub case_matters: bool,
}

impl TableName {
    /// From its one to three parts, the table last. None for any other number.
    #[must_use]
    pub fn from_parts(parts: &[String]) -> Option<Self> {
        let fold = |part: &String| part.to_ascii_lowercase();
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
            case_matters: parts.iter().any(|part| case_matters(part)),
        })
    }

    /// Another name in the same schema.
    pub(crate) fn renamed(&self, name: &str) -> Self {
        Self {
            name: name.to_ascii_lowercase(),
            case_matters: self.case_matters || case_matters(name),
            ..self.clone()
        }
    }
}

fn case_matters(part: &str) -> bool {
    part.chars().any(char::is_uppercase)
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.database, &self.schema].into_iter().flatten() {
            write!(formatter, "{part}.")?;
        }
        formatter.write_str(&self.name)
    }
}
