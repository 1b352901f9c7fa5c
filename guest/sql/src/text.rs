//! What can be said of SQL without parsing it: how many statements, which placeholders, texts in it.

use crate::lexer::{Token, TokenKind, significant as tokens};
use std::collections::BTreeSet;

/// SQL that Redshift takes in one call, in bytes (the service's 100 KB).
pub const MAX_SQL_BYTES: usize = 102_400;

/// The number of statements in a text: parts between semicolons that hold more than comments.
#[must_use]
pub fn count_statements(sql: &str) -> usize {
    let mut count = 0;
    let mut inside = false;
    for token in tokens(sql) {
        let separator = token.kind == TokenKind::Semicolon;
        if !separator && !inside {
            count += 1;
        }
        inside = !separator;
    }
    count
}

/// The names of the placeholders (`:name`) outside quotes and comments.
#[must_use]
pub fn placeholders(sql: &str) -> BTreeSet<&str> {
    tokens(sql)
        .filter(|token| token.kind == TokenKind::Placeholder)
        .filter_map(|token| token.text.strip_prefix(':'))
        .collect()
}

/// Whether a text in quotes stands in the SQL.
#[must_use]
pub fn has_text_literal(sql: &str) -> bool {
    tokens(sql).any(|token| token.is_text())
}

/// The first word in lower case: a hint at what SQL is about that nobody could read further.
#[must_use]
pub fn leading_word(sql: &str) -> Option<String> {
    tokens(sql)
        .find(|token: &Token<'_>| token.kind == TokenKind::Word)
        .map(|token| {
            token
                .text
                .chars()
                .take(32)
                .collect::<String>()
                .to_lowercase()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_counted() {
        for (sql, count) in [
            ("", 0),
            (" ; -- nothing\n ;", 0),
            ("select 1", 1),
            ("select 1; -- done", 1),
            ("select 1;;", 1),
            ("select ';'; /* ; */", 1),
            ("select 1; select 2", 2),
            ("select 1 -- a\r; drop table t", 2),
            ("select $\u{20ac}$;$\u{20ac}$", 1),
            (
                "create procedure p() as $$ begin a; b; end $$ language plpgsql;",
                1,
            ),
            ("select 'a\\'; drop table t; --'", 1),
            ("select 'a'; drop table t; --'", 2),
        ] {
            assert_eq!(count_statements(sql), count, "{sql}");
        }
    }

    #[test]
    fn placeholders_stand_outside_quotes() {
        let found =
            placeholders("select :a, ':b', b::c, \":d\" -- :e\n from t where x = :f2 and y=:a");
        assert_eq!(found, BTreeSet::from(["a", "f2"]));
    }

    #[test]
    fn a_leading_word_is_found_behind_comments() {
        assert_eq!(
            leading_word("/* x */ FROBnicate t"),
            Some("frobnicate".into())
        );
        assert_eq!(leading_word("-- x"), None);
    }
}
