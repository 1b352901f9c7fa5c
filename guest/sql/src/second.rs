//! The second opinion: what could be a table, a schema or a function, from the tokens alone.
//!
//! It knows no grammar, only which words a table's name follows, and it takes every word for a name that nobody said
//! anything else of. A statement is complete only if the [grammar](crate::grammar) accounted for each of them, so that a
//! part that the grammar drops or takes for something else shows as a word that is not accounted for.

use crate::account::{Account, Role};
use crate::lexer::{Token, TokenKind};
use crate::source::Source;

/// Words that can only be keywords.
const ONLY_KEYWORDS: [&str; 12] = [
    "select",
    "from",
    "join",
    "into",
    "table",
    "union",
    "intersect",
    "except",
    "where",
    "having",
    "with",
    "lateral",
];

/// Words that a table's name follows. FROM is not one of them, because of `extract(day FROM d)`.
const BEFORE_TABLES: [&str; 6] = ["join", "into", "table", "only", "truncate", "references"];

/// Words that may stand between such a word and the name.
const BETWEEN: [&str; 11] = [
    "lateral",
    "only",
    "table",
    "temp",
    "temporary",
    "local",
    "if",
    "not",
    "exists",
    "unpivot",
    "external",
];

/// Words after which commas no longer separate tables.
const END_TABLES: [&str; 14] = [
    "select",
    "where",
    "group",
    "having",
    "order",
    "limit",
    "union",
    "intersect",
    "except",
    "minus",
    "set",
    "qualify",
    "values",
    "when",
];

/// Functions with FROM between their arguments.
const WITH_FROM: [&str; 5] = ["extract", "trim", "btrim", "substring", "overlay"];

#[derive(Debug, Clone, Copy, Default)]
struct Level {
    /// Whether commas separate tables here.
    in_from: bool,
    /// Whether the bracket holds the arguments of a function that has FROM between them.
    arguments: bool,
}

/// The tokens that the grammar should have accounted for in another way, or did not account for at all.
pub(crate) fn unaccounted(source: &Source<'_>, account: &Account) -> Vec<usize> {
    let mut found = account.without_role(source);
    let mut levels: Vec<Level> = Vec::new();
    let mut level = Level::default();
    // Whether a table's name is next.
    let mut expects = false;
    // Whether there is a clause with tables anywhere.
    let mut has_tables = false;
    for at in 0..source.len() {
        let Some(token) = source.token(at) else {
            break;
        };
        let before = |count: usize| at.checked_sub(count).and_then(|at| source.token(at));
        match token.kind {
            TokenKind::Symbol('(' | '[') => {
                levels.push(level);
                let arguments = before(1).is_some_and(|token| token.is_any(&WITH_FROM));
                level = Level {
                    in_from: expects,
                    arguments,
                };
            }
            TokenKind::Symbol(')' | ']') => {
                level = levels.pop().unwrap_or_default();
                expects = false;
            }
            TokenKind::Symbol(',') => expects = level.in_from,
            TokenKind::Word | TokenKind::QuotedName => {
                let role = account.role(at);
                let is_name = !is_keyword(&token, role);
                let part = before(1).is_some_and(|token| token.is_symbol('.'));
                let wrong_table =
                    expects && !part && is_name && !token.is_any(&BETWEEN) && !may_be_table(role);
                if wrong_table || is_wrong(source, at, &token, role) {
                    found.push(at);
                }
                if token.is("select") {
                    level.arguments = false;
                }
                if token.is_any(&END_TABLES) {
                    level.in_from = false;
                }
                has_tables |= token.is_any(&["join", "update", "merge"]);
                expects = if token.is("from") {
                    let distinct = before(1).is_some_and(|token| token.is("distinct"))
                        && before(2).is_some_and(|token| token.is_any(&["is", "not"]));
                    let is_clause = !level.arguments && !distinct;
                    level.in_from |= is_clause;
                    has_tables |= is_clause;
                    is_clause
                } else if token.is_any(&["using", "update"]) {
                    // The columns of a join, or of a right.
                    let is_clause = !source.is_symbol(at + 1, '(');
                    has_tables |= is_clause;
                    is_clause
                } else {
                    token.is_any(&BEFORE_TABLES) || (expects && token.is_any(&BETWEEN))
                };
            }
            _ => expects = false,
        }
    }
    if !has_tables {
        found.extend(without_table(source, account));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The columns with a table's name before them, for a statement that has no clause with tables at all. PostgreSQL before 8.1,
/// which Redshift says it is, added the table by itself.
fn without_table(source: &Source<'_>, account: &Account) -> Vec<usize> {
    let tokens = || (0..source.len()).filter_map(|at| Some((at, source.token(at)?)));
    if !tokens().any(|(_, token)| token.is_any(&["select", "values"])) {
        return Vec::new();
    }
    tokens()
        .filter(|(at, _)| account.role(*at) == Some(Role::Column) && source.is_symbol(at + 1, '.'))
        .map(|(at, _)| at)
        .collect()
}

fn is_keyword(token: &Token<'_>, role: Option<Role>) -> bool {
    token.kind == TokenKind::Word && role == Some(Role::Keyword)
}

fn may_be_table(role: Option<Role>) -> bool {
    !matches!(role, Some(Role::Column | Role::Alias | Role::Type))
}

/// Whether a word that can only be a keyword is something else, or a name before a bracket is no function's.
fn is_wrong(source: &Source<'_>, at: usize, token: &Token<'_>, role: Option<Role>) -> bool {
    if token.is_any(&ONLY_KEYWORDS) {
        return role != Some(Role::Keyword);
    }
    let calls = source.is_symbol(at + 1, '(')
        // `(+)` marks an outer join.
        && !(source.is_symbol(at + 2, '+') && source.is_symbol(at + 3, ')'));
    calls && role == Some(Role::Column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Part;
    use proptest::prelude::*;

    /// The words that are not accounted for where a grammar takes all names for columns but these.
    fn missed(sql: &str, known: &[(&str, Role)]) -> String {
        let mut source = Source::new(sql).unwrap();
        source.match_brackets().unwrap();
        let mut account = Account::new(source.len());
        for at in 0..source.len() {
            let token = source.token(at).unwrap();
            if Part::of(&token).is_none() {
                continue;
            }
            let role = known.iter().find(|(word, _)| *word == token.text);
            let role = role.map_or(Role::Column, |(_, role)| *role);
            account.give(at, role);
        }
        let words: Vec<&str> = unaccounted(&source, &account)
            .into_iter()
            .map(|at| source.token(at).unwrap().text)
            .collect();
        words.join(" ")
    }

    /// Keywords that a grammar gets right.
    const KEYWORDS: [(&str, Role); 19] = [
        ("select", Role::Keyword),
        ("from", Role::Keyword),
        ("join", Role::Keyword),
        ("on", Role::Keyword),
        ("where", Role::Keyword),
        ("into", Role::Keyword),
        ("insert", Role::Keyword),
        ("update", Role::Keyword),
        ("delete", Role::Keyword),
        ("set", Role::Keyword),
        ("using", Role::Keyword),
        ("only", Role::Keyword),
        ("lateral", Role::Keyword),
        ("in", Role::Keyword),
        ("is", Role::Keyword),
        ("distinct", Role::Keyword),
        ("merge", Role::Keyword),
        ("union", Role::Keyword),
        ("left", Role::Keyword),
    ];

    #[test]
    fn a_table_that_the_grammar_takes_for_a_column_shows() {
        for (sql, words) in [
            ("select a from b", "b"),
            ("select a from b.c", "b"),
            ("select a from (b)", "b"),
            ("select a from (( b, c ))", "b c"),
            ("select a from b, c x, d", "b c d"),
            ("select a from b join c on d, e", "b c e"),
            ("select a from b left join lateral c on d", "b c"),
            ("select a from only b", "b"),
            ("select a from only (b)", "b"),
            ("select a where b in (select c from d)", "d"),
            ("select a[b] from c", "c"),
            ("select (select b from c, d), e from f", "c d f"),
            ("insert into a select b from c", "a c"),
            ("update a set b = c from d", "a d"),
            ("delete from a using b", "a b"),
            ("merge into a using b on c", "a b"),
            ("select \"a\" from \"b\"", "\"b\""),
        ] {
            assert_eq!(missed(sql, &KEYWORDS), words, "{sql}");
        }
        // These are columns.
        for sql in [
            "select a where b is distinct from c",
            "select a, b where c in (d, e)",
        ] {
            assert_eq!(missed(sql, &KEYWORDS), "", "{sql}");
        }
        let mut known = KEYWORDS.to_vec();
        known.extend([
            ("extract", Role::Function),
            ("b", Role::Relation),
            ("c", Role::Relation),
        ]);
        assert_eq!(
            missed("select extract(a from d) from b join c using (e)", &known),
            ""
        );
        // A query in the brackets of such a function has a FROM of its own.
        assert_eq!(
            missed("select extract(a from (select d from e)) from b", &known),
            "e"
        );
    }

    #[test]
    fn keywords_and_functions_that_the_grammar_takes_for_names_show() {
        assert_eq!(missed("select f(a)", &KEYWORDS), "f");
        assert_eq!(missed("select a.f (b)", &KEYWORDS), "a f");
        assert_eq!(missed("select a (+)", &KEYWORDS), "");
        let known = [("a", Role::Column), ("select", Role::Keyword)];
        assert_eq!(missed("select a union b", &known), "union");
        assert_eq!(missed("select a.b, c", &KEYWORDS), "a");
    }

    #[test]
    fn words_without_a_role_show() {
        let source = Source::new("a \"b\" 1 'c' (d)").unwrap();
        let mut account = Account::new(source.len());
        assert_eq!(unaccounted(&source, &account), [0, 1, 5]);
        account.give(0, Role::Other);
        assert_eq!(unaccounted(&source, &account), [1, 5]);
    }

    proptest! {
        /// Whatever the grammar says of a word, one without a role shows.
        #[test]
        fn no_word_is_lost(words in prop::collection::vec("[a-z]{1,4}|,|\\.", 1..20), hole in any::<prop::sample::Index>()) {
            let sql = words.join(" ");
            let source = Source::new(&sql).unwrap();
            let hole = hole.index(source.len());
            let mut account = Account::new(source.len());
            for at in (0..source.len()).filter(|at| *at != hole) {
                account.give(at, Role::Keyword);
            }
            let is_word = Part::of(&source.token(hole).unwrap()).is_some();
            prop_assert_eq!(unaccounted(&source, &account).contains(&hole), is_word);
        }
    }
}
