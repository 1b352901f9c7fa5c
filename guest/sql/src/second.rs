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
const BEFORE_TABLES: [&str; 8] = [
    "join",
    "into",
    "update",
    "table",
    "only",
    "using",
    "truncate",
    "references",
];

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
                expects = if token.is("from") {
                    let distinct = before(1).is_some_and(|token| token.is("distinct"))
                        && before(2).is_some_and(|token| token.is_any(&["is", "not"]));
                    let is_clause = !level.arguments && !distinct;
                    level.in_from |= is_clause;
                    is_clause
                } else if token.is("using") {
                    // The columns of a join.
                    !source.is_symbol(at + 1, '(')
                } else {
                    token.is_any(&BEFORE_TABLES) || (expects && token.is_any(&BETWEEN))
                };
            }
            _ => expects = false,
        }
    }
    found.sort_unstable();
    found.dedup();
    found
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
