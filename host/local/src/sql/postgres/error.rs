//! What PostgreSQL says went wrong.

use std::error::Error as _;
use tokio_postgres::Error;

/// The text of an error, in the form in which the Data API tells it: what comes after `ERROR: `.
pub(super) fn text(error: &Error) -> String {
    let Some(told) = error.as_db_error() else {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            source = inner.source();
        }
        return text;
    };
    let mut text = told.message().to_owned();
    for (name, more) in [("Detail", told.detail()), ("Hint", told.hint())] {
        if let Some(more) = more {
            text.push_str(&format!("\n  {name}: {more}"));
        }
    }
    text
}
