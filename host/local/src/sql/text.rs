//! What can be told of SQL by its tokens, whatever engine runs it.

use signalbox_sql::lexer::{Token, TokenKind, significant, tokens};

/// The statements in `sql`, without the semicolons; what is blank or only a comment does not count.
pub fn split(sql: &str) -> Vec<&str> {
    let mut statements = Vec::new();
    let (mut start, mut blank) = (0, true);
    for token in tokens(sql) {
        if token.kind == TokenKind::Semicolon {
            if !blank {
                statements.extend(sql.get(start..token.start).map(str::trim));
            }
            (start, blank) = (token.end(), true);
        } else if !token.is_blank() {
            blank = false;
        }
    }
    if !blank {
        statements.extend(sql.get(start..).map(str::trim));
    }
    statements
}

/// The names of the parameters (`:name`) in `sql`, each once, in order.
pub fn named_parameters(sql: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for token in tokens(sql) {
        if token.kind == TokenKind::Placeholder {
            let name = token.text.trim_start_matches(':');
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// Whether a statement only reads, as far as its words tell: in doubt it writes.
pub fn is_read_only(sql: &str) -> bool {
    let mut words = significant(sql).skip_while(|token| token.is_symbol('('));
    words
        .next()
        .is_some_and(|first| first.is_any(&["select", "with", "values"]))
        && !words.any(|token| token.is_any(&["insert", "update", "delete", "into"]))
}

/// Whether it is the name of the schema `public`.
pub(super) fn is_public(token: &Token<'_>) -> bool {
    token.is("public") || token.text.eq_ignore_ascii_case("\"public\"")
}

/// Whether a dot and a name follow.
pub(super) fn qualifies(after: &[Token<'_>]) -> bool {
    matches!(
        after,
        [dot, name, ..] if dot.is_symbol('.') && matches!(name.kind, TokenKind::Word | TokenKind::QuotedName)
    )
}

/// Whether neither a call nor a member follows.
pub(super) fn stands_alone(after: &[Token<'_>]) -> bool {
    after
        .iter()
        .find(|token| !token.is_blank())
        .is_none_or(|next| !next.is_symbol('(') && !next.is_symbol('.'))
}

/// What comes after white space and comments.
pub(super) fn skip_blanks<'t, 's>(tokens: &'t [Token<'s>]) -> &'t [Token<'s>] {
    let blanks = tokens.iter().take_while(|token| token.is_blank()).count();
    tokens.get(blanks..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn statements_are_split_where_they_end() {
        assert_eq!(
            split("select ';' ; ; -- a;\n select $$;$$ /* ; */; -- end"),
            ["select ';'", "-- a;\n select $$;$$ /* ; */"]
        );
        assert!(split(" ; -- nothing").is_empty());
    }

    #[test]
    fn parameters_are_not_casts_or_text() {
        assert_eq!(
            named_parameters("select :a, ':b', x::c, :d -- :e\n, :a"),
            ["a", "d"]
        );
    }

    #[test]
    fn what_only_reads() {
        for sql in [
            "/* x */ select 1",
            "with a as (select 1) select * from a",
            "(values (1))",
        ] {
            assert!(is_read_only(sql), "{sql}");
        }
        for sql in [
            "insert into t values (1)",
            "with a as (select 1) insert into t select * from a",
            "",
        ] {
            assert!(!is_read_only(sql), "{sql}");
        }
    }

    proptest! {
        #[test]
        fn statements_are_parts_of_the_text(sql in "([;$'\"a-z \n/*-]|\\PC)*") {
            for statement in split(&sql) {
                prop_assert!(sql.contains(statement));
            }
        }
    }
}
