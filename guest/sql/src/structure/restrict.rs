//! Whether a change of rows is restricted by its condition.

use super::condition::{self, Reading};
use super::shape::{Change, Shape, Span};
use crate::account::{Account, Role};
use crate::grammar::DATE_PARTS;
use crate::lexer::TokenKind;
use crate::source::Source;
use std::collections::{HashMap, HashSet};

/// Names of values that are the same for each row.
const CONSTANTS: [&str; 16] = [
    "true",
    "false",
    "null",
    "unknown",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "current_user_id",
    "current_schema",
    "session_user",
    "user",
    "sysdate",
    "localtime",
    "localtimestamp",
    "default",
];

/// Functions whose first argument may be the name of a part of a date.
const WITH_DATE_PART: [&str; 10] = [
    "dateadd",
    "date_add",
    "datediff",
    "date_diff",
    "datepart",
    "date_part",
    "date_trunc",
    "timestampadd",
    "timestampdiff",
    "last_day",
];

/// Whether a change has no condition that restricts its rows.
pub(super) fn changes_all(shape: &Shape, source: &Source<'_>, account: &Account) -> bool {
    let is_of_all = |change: &Change| {
        let Some(condition) = change.condition else {
            return true;
        };
        !Restrict::new(shape, source, account, change.relation).restricts(shape, condition)
    };
    shape.changes().iter().any(is_of_all)
}

struct Restrict<'a, 's> {
    source: &'a Source<'s>,
    account: &'a Account,
    target: &'a str,
    /// The names of other relations.
    others: HashSet<&'a str>,
    /// Whether the condition that begins at this token restricts.
    known: HashMap<usize, bool>,
}

impl<'a, 's> Restrict<'a, 's> {
    fn new(
        shape: &'a Shape,
        source: &'a Source<'s>,
        account: &'a Account,
        relation: usize,
    ) -> Self {
        let name = |at: usize| shape.relations.get(at).and_then(|it| it.name.as_deref());
        Self {
            source,
            account,
            target: name(relation).unwrap_or(""),
            others: (0..shape.relations.len())
                .filter(|at| *at != relation)
                .filter_map(name)
                .collect(),
            known: HashMap::new(),
        }
    }

    /// Whether this condition restricts the target. The conditions of queries inside it are read first.
    fn restricts(mut self, shape: &Shape, condition: usize) -> bool {
        let Some(whole) = shape.conditions.get(condition).map(|it| it.span) else {
            return false;
        };
        let mut inner: Vec<Span> = shape
            .conditions
            .iter()
            .map(|condition| condition.span)
            .filter(|span| span.begin > whole.begin && span.end <= whole.end)
            .collect();
        inner.sort_unstable_by_key(|span| std::cmp::Reverse(span.begin));
        for span in inner {
            let restricts = self.read(span);
            self.known.insert(span.begin, restricts);
        }
        self.read(whole)
    }

    fn read(&mut self, span: Span) -> bool {
        condition::read(self.source, span, self).unwrap_or(false)
    }

    /// Whether both sides of a comparison are the same text.
    fn is_same(&self, left: Span, right: Span) -> bool {
        left.end - left.begin == right.end - right.begin
            && (left.begin..left.end)
                .zip(right.begin..right.end)
                .all(|(one, other)| {
                    let token = |at| self.source.token(at);
                    matches!((token(one), token(other)), (Some(one), Some(other)) if one.kind == other.kind
                        && one.text.eq_ignore_ascii_case(other.text))
                })
    }

    /// Whether a WHERE of a query in brackets restricts the target.
    fn query_restricts(&self, open: usize) -> bool {
        let close = self.source.close_of(open);
        let mut at = open + 1;
        let mut restricts = false;
        while at < close {
            let Some(token) = self.source.token(at) else {
                return false;
            };
            if token.is_symbol('(') || token.is_symbol('[') {
                at = self.source.close_of(at);
            } else if token.is_any(&["union", "intersect", "except", "minus"]) {
                return false;
            } else if token.is("where") {
                restricts |= self.known.get(&(at + 1)).copied().unwrap_or(false);
            }
            at += 1;
        }
        restricts
    }

    /// Whether the name that begins here can be a column of the target.
    fn is_column(&self, at: usize) -> bool {
        let Some(token) = self.source.token(at) else {
            return false;
        };
        let name = |at: usize| {
            let token = self.source.token(at)?;
            crate::account::Part::of(&token).map(|part| part.folded())
        };
        let Some(first) = name(at) else {
            return false;
        };
        if !self.source.is_symbol(at + 1, '.') {
            let is_constant = token.kind == TokenKind::Word && token.is_any(&CONSTANTS);
            return !is_constant && !self.is_date_part(at);
        }
        if self.others.contains(first.as_str()) {
            return false;
        }
        if first == self.target {
            return true;
        }
        // `schema.table.column`, or a field of a column.
        let second = name(at + 2).unwrap_or_default();
        let has_third = self.source.is_symbol(at + 3, '.');
        !has_third || second == self.target || !self.others.contains(second.as_str())
    }

    fn is_date_part(&self, at: usize) -> bool {
        let is_function = |at: usize| {
            self.source
                .token(at)
                .is_some_and(|token| token.is_any(&WITH_DATE_PART))
        };
        at >= 2
            && self.source.is_symbol(at - 1, '(')
            && is_function(at - 2)
            && self
                .source
                .token(at)
                .is_some_and(|token| token.is_any(&DATE_PARTS))
    }
}

impl Reading for Restrict<'_, '_> {
    type Value = bool;

    fn part(&mut self, span: Span, _negated: bool) -> bool {
        if let Some(found) = condition::comparison(self.source, span)
            && found.is_reflexive
            && self.is_same(found.left, found.right)
        {
            return false;
        }
        let mut at = span.begin;
        while at < span.end {
            if self.source.is_symbol(at, '(') && self.source.holds_query(at) {
                if self.query_restricts(at) {
                    return true;
                }
                at = self.source.close_of(at);
            } else if self.account.role(at) == Some(Role::Column)
                && !self.source.is_symbol(at.wrapping_sub(1), '.')
                && self.is_column(at)
            {
                return true;
            }
            at += 1;
        }
        false
    }

    fn and(&mut self, one: bool, other: bool, negated: bool) -> bool {
        match negated {
            true => one && other,
            false => one || other,
        }
    }

    fn or(&mut self, one: bool, other: bool, _negated: bool) -> bool {
        one && other
    }
}
