//! Finds the literals that are secrets, exactly.

use std::ops::Range;

use super::looked_at;
use super::words::{has_secret, is_filler, is_secret, is_secret_name};
use crate::lexer::{Parts, Token, TokenKind, tokens};

/// Literals within literals that are looked into.
const DEPTH: u32 = 4;

/// The values of literals that follow a secret word: where they stand in the text, without their quotes, in order.
///
/// Between the word and the literal stand white space, comments, `=` and words such as `AS`. Literals that continue one
/// are its parts. Literals are looked into: they may hold SQL (`EXECUTE '…'`), or names and values
/// (`'aws_secret_access_key=…'`).
#[must_use]
pub fn find(sql: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    search(sql, 0, &mut |range| found.push(range));
    found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    /// Behind a secret word.
    Armed,
    /// Behind the literal of one.
    After,
    /// Behind a quoted name that is a secret word, and what must come next.
    Named,
    /// Behind such a name and its colon.
    Valued,
}

fn search(text: &str, depth: u32, found: &mut dyn FnMut(Range<usize>)) {
    let mut state = State::Idle;
    // Where a bare value may begin.
    let mut value_at = None;
    let mut skip_to = 0;
    for token in tokens(text) {
        looked_at(token.text.len());
        if token.is_blank() || token.start < skip_to {
            continue;
        }
        let is_value = depth > 0 && value_at.take() == Some(token.start);
        state = match token.kind {
            TokenKind::Text(_) if matches!(state, State::Armed | State::After) => {
                if let Some(parts) = Parts::of(&token) {
                    push(found, token.start + parts.opening.len(), parts.raw.len());
                }
                State::After
            }
            TokenKind::Text(_) => {
                inside(&token, depth, found);
                State::Idle
            }
            _ if is_value && bare(text, token.start) > 0 => {
                let length = bare(text, token.start);
                push(found, token.start, length);
                skip_to = token.start + length;
                State::Idle
            }
            TokenKind::Word if is_secret(token.text) => State::Armed,
            TokenKind::Word if state == State::Armed && is_filler(token.text) => State::Armed,
            TokenKind::Symbol('=') if state == State::Armed => {
                value_at = Some(token.end());
                State::Armed
            }
            TokenKind::QuotedName if depth > 0 && state == State::Valued => {
                if let Some(parts) = Parts::of(&token) {
                    push(found, token.start + parts.opening.len(), parts.raw.len());
                }
                State::Idle
            }
            TokenKind::QuotedName if is_secret_name(token.text) => State::Named,
            TokenKind::Symbol(':') if state == State::Named => State::Valued,
            _ => State::Idle,
        };
    }
}

fn push(found: &mut dyn FnMut(Range<usize>), start: usize, length: usize) {
    if length > 0 {
        found(start..start + length);
    }
}

/// The length of a value without quotes. What SQL is made of beside names and numbers ends it: nothing of a statement
/// is taken for a value.
fn bare(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let end = rest
        .find(|c: char| {
            !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/' | '=' | '_' | '%' | '-')
        })
        .unwrap_or(rest.len());
    let (value, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
    // A comment begins.
    let value = value
        .find("--")
        .and_then(|at| value.get(..at))
        .unwrap_or(value);
    match behind.chars().next() {
        Some('*') => value.strip_suffix('/').unwrap_or(value).len(),
        // A function's name.
        Some('(') => 0,
        // A table's, before its column. Of tokens only those in JSON (JWT) have dots, and those begin like this.
        Some('.') if !value.starts_with("eyJ") => 0,
        _ => value.len(),
    }
}

/// Looks into a literal that is none itself.
fn inside(token: &Token<'_>, depth: u32, found: &mut dyn FnMut(Range<usize>)) {
    let Some(parts) = Parts::of(token) else {
        return;
    };
    let base = token.start + parts.opening.len();
    let (content, places) = parts.mapped();
    if depth == DEPTH {
        if has_secret(&content) {
            push(found, base, parts.raw.len());
        }
        return;
    }
    search(&content, depth + 1, &mut |range| {
        let raw = |at: usize| match &places {
            None => Some(at),
            Some(places) => places.get(at).copied(),
        };
        if let (Some(start), Some(end)) = (raw(range.start), raw(range.end)) {
            found(base + start..base + end);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(sql: &str) -> Vec<&str> {
        find(sql).into_iter().map(|range| &sql[range]).collect()
    }

    #[test]
    fn every_secret_literal_is_found() {
        for (sql, found) in [
            ("create user u password 'x1' valid until '2027'", vec!["x1"]),
            (
                "alter user u PASSWORD -- c\n /* d /* e */ */ E'a\\'b'",
                vec!["a\\'b"],
            ),
            ("create user u password $x$ it's $x$", vec![" it's "]),
            (
                "create user u password 'ab'\n -- c\n 'cd'",
                vec!["ab", "cd"],
            ),
            (
                "create user u with encrypted password = 'a''b'",
                vec!["a''b"],
            ),
            ("password 'unterminated", vec!["unterminated"]),
            ("password ''", vec![]),
            (
                "copy t from 's3://b' access_key_id 'A1' secret_access_key 'B1' session_token 'C1' csv",
                vec!["A1", "B1", "C1"],
            ),
            (
                "copy t from 's3://b' credentials as 'aws_access_key_id=A;b=c'",
                vec!["aws_access_key_id=A;b=c"],
            ),
            ("call p('aws_secret_access_key=/a+b=;x')", vec!["/a+b="]),
            (
                "create identity provider i parameters '{\"client_secret\" : \"a b\", \"id\":\"x\"}'",
                vec!["a b"],
            ),
            (
                "execute 'create user u password ''it''''s'' '",
                vec!["it''''s"],
            ),
            ("execute 'create user u password \\'x1\\' '", vec!["x1"]),
            (
                "create procedure p() as $$ begin execute 'alter user u password ''x1'''; end $$",
                vec!["x1"],
            ),
        ] {
            assert_eq!(values(sql), found, "{sql}");
        }
    }

    #[test]
    fn nothing_else_is_taken() {
        for sql in [
            "select password, 'x' from t",
            "select 'password', 'x'",
            "select password('x')",
            "select * from t where password in ('x')",
            "unload ('select 1 where token=1/**/union/**/all/**/select/**/pay/**/from/**/finance.salaries') to 's3://b'",
            "select passwords 'x'",
            "password ; 'x'",
            "unload ('select 1 from a join b on a.token=b.token') to 's3://b'",
            "select \"password\" 'x'",
        ] {
            let hidden: usize = values(sql).iter().map(|value| value.len()).sum();
            assert!(hidden <= 1, "{sql}: {:?}", values(sql));
        }
    }
}
