//! What a task is called on a command line.

use std::{fmt, str::FromStr};

use crate::ids::RecordId;

/// The fewest digits by which an open record is found.
const PREFIX_MIN: usize = 8;

/// A task by one of its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskName {
    /// A record's id.
    Record(RecordId),
    /// The beginning of an open record's id: 8 digits or more.
    RecordPrefix(String),
    /// A statement's name, as Redshift and events show it.
    StatementName {
        /// Whose it is.
        deployment: String,
        /// The record.
        id: RecordId,
    },
    /// Redshift's id of a statement.
    Statement(String),
    /// The ARN of an execution: all its statements.
    Execution(String),
}

/// A text that is no name of a task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no task: give a statement's id (a UUID), a record's id or its first {PREFIX_MIN} digits, a statement's \
     name (sbx-…), or an execution's ARN"
)]
pub struct NoTaskName(String);

impl FromStr for TaskName {
    type Err = NoTaskName;

    fn from_str(text: &str) -> Result<Self, NoTaskName> {
        let text = text.trim();
        let hexadecimal = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        if let Some(id) = RecordId::parse(text) {
            return Ok(Self::Record(id));
        }
        if let Some((deployment, id)) = text
            .strip_prefix("sbx-")
            .and_then(|rest| rest.rsplit_once(':'))
            && let Some(id) = RecordId::parse(id)
        {
            return Ok(Self::StatementName {
                deployment: deployment.to_owned(),
                id,
            });
        }
        if text.starts_with("arn:") {
            return Ok(Self::Execution(text.to_owned()));
        }
        if (PREFIX_MIN..64).contains(&text.len()) && hexadecimal(text) {
            return Ok(Self::RecordPrefix(text.to_owned()));
        }
        // Of a batch's part (`<id>:2`) the whole is meant.
        let whole = text.split(':').next().unwrap_or(text);
        let groups: Vec<usize> = whole.split('-').map(str::len).collect();
        if groups == [8, 4, 4, 4, 12] && whole.split('-').all(hexadecimal) {
            return Ok(Self::Statement(whole.to_owned()));
        }
        Err(NoTaskName(text.to_owned()))
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(id) => id.fmt(f),
            Self::RecordPrefix(text) | Self::Statement(text) | Self::Execution(text) => {
                f.write_str(text)
            }
            Self::StatementName { deployment, id } => write!(f, "sbx-{deployment}:{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_kind_of_name() {
        let id = "0123456789abcdef".repeat(4);
        let record = RecordId::parse(&id).unwrap();
        for (text, name) in [
            (id.clone(), TaskName::Record(record.clone())),
            (
                format!("sbx-etl:{id}"),
                TaskName::StatementName {
                    deployment: "etl".to_owned(),
                    id: record,
                },
            ),
            (
                "01234567".to_owned(),
                TaskName::RecordPrefix("01234567".to_owned()),
            ),
            (
                "d9b6c0c9-0747-4bf4-b142-e8883122f766:2".to_owned(),
                TaskName::Statement("d9b6c0c9-0747-4bf4-b142-e8883122f766".to_owned()),
            ),
            (
                "arn:aws:states:eu-west-1:1:execution:m:e".to_owned(),
                TaskName::Execution("arn:aws:states:eu-west-1:1:execution:m:e".to_owned()),
            ),
        ] {
            assert_eq!(text.parse(), Ok(name), "{text}");
        }
        for text in ["", "0123", "LATEST", "sbx-etl:12", "task", "ABCDEF0123"] {
            assert!(text.parse::<TaskName>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(text in ".{0,80}") {
            if let Ok(name) = text.parse::<TaskName>() {
                prop_assert_eq!(name.to_string().parse(), Ok(name));
            }
        }
    }
}
