//! Reads a condition, its alternatives (OR) and their parts (AND), without recursion.

use super::shape::Span;
use crate::lexer::{Token, TokenKind};
use crate::source::Source;

/// Computes a value of a condition from its parts.
pub(super) trait Reading {
    type Value;

    /// The value of a part without AND, OR and NOT; `negated` if a NOT is before it or around it.
    fn part(&mut self, span: Span, negated: bool) -> Self::Value;
    /// The value where both must hold.
    fn and(&mut self, one: Self::Value, other: Self::Value, negated: bool) -> Self::Value;
    /// The value where one must hold.
    fn or(&mut self, one: Self::Value, other: Self::Value, negated: bool) -> Self::Value;
}

/// A bracket that is being read, or the whole condition.
struct Frame<V> {
    end: usize,
    negated: bool,
    /// The value of the alternatives that ended.
    alternatives: Option<V>,
    /// The value of the parts of the current alternative.
    parts: Option<V>,
}

impl<V> Frame<V> {
    fn new(end: usize, negated: bool) -> Self {
        Self {
            end,
            negated,
            alternatives: None,
            parts: None,
        }
    }

    fn add<R: Reading<Value = V>>(&mut self, value: V, reading: &mut R) {
        self.parts = Some(match self.parts.take() {
            Some(parts) => reading.and(parts, value, self.negated),
            None => value,
        });
    }

    fn end_alternative<R: Reading<Value = V>>(&mut self, reading: &mut R) {
        let Some(parts) = self.parts.take() else {
            return;
        };
        self.alternatives = Some(match self.alternatives.take() {
            Some(alternatives) => reading.or(alternatives, parts, self.negated),
            None => parts,
        });
    }
}

/// Reads a condition. `None` if it has no part.
pub(super) fn read<R: Reading>(
    source: &Source<'_>,
    span: Span,
    reading: &mut R,
) -> Option<R::Value> {
    let mut frames = vec![Frame::new(span.end, false)];
    let mut at = span.begin;
    loop {
        let frame = frames.last_mut()?;
        if at >= frame.end {
            frame.end_alternative(reading);
            let frame = frames.pop()?;
            let Some(outer) = frames.last_mut() else {
                return frame.alternatives;
            };
            if let Some(value) = frame.alternatives {
                outer.add(value, reading);
            }
            at = frame.end + 1;
            continue;
        }
        let is_word = |word: &str| source.token(at).is_some_and(|token| token.is(word));
        if is_word("or") {
            frame.end_alternative(reading);
            at += 1;
        } else if is_word("and") {
            at += 1;
        } else {
            let mut negated = frame.negated;
            while source.token(at).is_some_and(|token| token.is("not")) {
                negated = true;
                at += 1;
            }
            let close = source.close_of(at);
            let is_whole = source.is_symbol(at, '(')
                && !source.holds_query(at)
                && close < frame.end
                && (close + 1 == frame.end
                    || source
                        .token(close + 1)
                        .is_some_and(|token| token.is_any(&["and", "or"])));
            if is_whole {
                at += 1;
                frames.push(Frame::new(close, negated));
                continue;
            }
            let rest = Span {
                begin: at,
                end: frame.end,
            };
            let end = end_of_part(source, rest);
            let value = reading.part(Span { end, ..rest }, negated);
            frame.add(value, reading);
            at = end;
        }
    }
}

/// The first that `find` finds at a token outside of brackets and CASE.
fn find_outside<T>(
    source: &Source<'_>,
    span: Span,
    mut find: impl FnMut(usize, &Token<'_>) -> Option<T>,
) -> Option<T> {
    let mut at = span.begin;
    let mut cases = 0_usize;
    while at < span.end {
        let token = source.token(at)?;
        if token.is_symbol('(') || token.is_symbol('[') {
            at = source.close_of(at);
        } else if token.is("case") {
            cases += 1;
        } else if token.is("end") {
            cases = cases.saturating_sub(1);
        } else if cases == 0
            && let Some(found) = find(at, &token)
        {
            return Some(found);
        }
        at += 1;
    }
    None
}

/// Where a part ends: at the next AND or OR outside of BETWEEN, CASE and brackets.
fn end_of_part(source: &Source<'_>, span: Span) -> usize {
    let mut between = 0_usize;
    let end = find_outside(source, span, |at, token| {
        if token.is("between") {
            between += 1;
        } else if token.is("and") && between > 0 {
            between -= 1;
        } else if token.is_any(&["and", "or"]) {
            return Some(at);
        }
        None
    });
    // A part has at least one token, so that the reading goes on.
    end.unwrap_or(span.end).max(span.begin + 1)
}

/// The comparison of a part: the tokens of its operator, outside of brackets and CASE.
pub(super) fn comparison(source: &Source<'_>, span: Span) -> Option<Comparison> {
    find_outside(source, span, |at, _| comparison_at(source, at, span))
}

/// A comparison.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comparison {
    pub(super) left: Span,
    pub(super) right: Span,
    /// Whether it holds for equal sides.
    pub(super) is_reflexive: bool,
    /// Whether it selects rows that belong together, as all operators do but `<>` and those behind NOT.
    pub(super) is_positive: bool,
}

fn comparison_at(source: &Source<'_>, at: usize, span: Span) -> Option<Comparison> {
    let token = source.token(at)?;
    let (mut begin, mut end) = (at, at + 1);
    let is_before =
        |word: &str| at > span.begin && source.token(at - 1).is_some_and(|token| token.is(word));
    let (is_reflexive, is_positive) =
        if token.is_any(&["like", "ilike", "in", "between", "similar"]) {
            end += usize::from(token.is("similar"));
            (!is_before("not"), !is_before("not"))
        } else if token.is("distinct") {
            // `IS [NOT] DISTINCT FROM`
            let not = is_before("not");
            begin = at.saturating_sub(1 + usize::from(not)).max(span.begin);
            end += 1;
            (not, not)
        } else {
            let symbol = |at: usize| match source.token(at)?.kind {
                TokenKind::Symbol(c) if "=<>!~^".contains(c) => Some(c),
                _ => None,
            };
            let mut operator = String::new();
            operator.push(symbol(at)?);
            while let Some(c) = symbol(end).filter(|_| source.touches_before(end)) {
                operator.push(c);
                end += 1;
            }
            match operator.as_str() {
                "=" | "<=" | ">=" | "~" => (true, true),
                "<" | ">" => (false, true),
                "^" => return None,
                _ => (false, false),
            }
        };
    Some(Comparison {
        left: Span {
            begin: span.begin,
            end: begin,
        },
        right: Span {
            begin: end.min(span.end),
            end: span.end,
        },
        is_reflexive,
        is_positive,
    })
}
