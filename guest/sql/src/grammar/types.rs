//! Types, and literals that have one.

use super::level::is_reserved;
use super::{Content, Level, Read, Reader, Stop};
use crate::account::Role;
use crate::lexer::TokenKind;

/// Types that can stand before a literal: `date '2020-01-01'`.
pub(super) const LITERAL_TYPES: [&str; 18] = [
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "interval",
    "boolean",
    "bool",
    "char",
    "varchar",
    "text",
    "numeric",
    "decimal",
    "float",
    "float8",
    "int",
    "geometry",
    "varbyte",
];

/// Names of parts of a date, with all abbreviations that Redshift has.
pub(crate) const DATE_PARTS: [&str; 82] = [
    "millennium",
    "millennia",
    "mil",
    "mils",
    "century",
    "centuries",
    "c",
    "cent",
    "cents",
    "decade",
    "decades",
    "dec",
    "decs",
    "epoch",
    "year",
    "years",
    "y",
    "yr",
    "yrs",
    "quarter",
    "quarters",
    "qtr",
    "qtrs",
    "month",
    "months",
    "mon",
    "mons",
    "week",
    "weeks",
    "w",
    "dayofweek",
    "dow",
    "dw",
    "weekday",
    "dayofyear",
    "doy",
    "dy",
    "yearday",
    "day",
    "days",
    "d",
    "hour",
    "hours",
    "h",
    "hr",
    "hrs",
    "minute",
    "minutes",
    "m",
    "min",
    "mins",
    "second",
    "seconds",
    "s",
    "sec",
    "secs",
    "millisecond",
    "milliseconds",
    "ms",
    "msec",
    "msecs",
    "msecond",
    "mseconds",
    "millisec",
    "millisecs",
    "millisecon",
    "microsecond",
    "microseconds",
    "microsec",
    "microsecs",
    "usecond",
    "useconds",
    "us",
    "usec",
    "usecs",
    "timezone",
    "timezone_hour",
    "timezone_minute",
    "isoyear",
    "isodow",
    "nanosecond",
    "nanoseconds",
];

impl Reader<'_, '_> {
    /// `name[.name] [PRECISION | VARYING] [(sizes)] [WITH | WITHOUT TIME ZONE] [units of an interval] [[]]`
    pub(super) fn type_name(&mut self, level: &mut Level) -> Read {
        let token = self.peek(level).ok_or(Stop(level.at))?;
        if is_reserved(&token) {
            return Err(Stop(level.at));
        }
        let path = self.path(level)?;
        self.account.give_path(&path, Role::Type);
        self.eat_any(level, &["precision", "varying"]);
        if self.is_symbol(level, '(') {
            self.later(level, Content::Sizes);
        }
        self.eat_any(level, &["with time zone", "without time zone"]);
        if token.is("interval") {
            self.interval_units(level);
        }
        while self.is_symbol(level, '[') && self.source.close_of(level.at) == level.at + 1 {
            level.at += 2;
        }
        Ok(())
    }

    /// Numbers, or MAX, with commas between them.
    pub(super) fn sizes(&mut self, level: &mut Level) -> Read {
        loop {
            match self.peek(level) {
                Some(token) if token.kind == TokenKind::Number => level.at += 1,
                Some(token) if token.is("max") => self.step_as(level, Role::Keyword),
                _ => return Err(Stop(level.at)),
            }
            if !self.eat_symbol(level, ',') {
                return Ok(());
            }
        }
    }

    /// `[part [(n)] [TO part [(n)]]]`
    pub(super) fn interval_units(&mut self, level: &mut Level) {
        if self.is_any(level, &DATE_PARTS) {
            self.step_as(level, Role::Keyword);
            if self.is(level, "to")
                && self
                    .ahead(level, 1)
                    .is_some_and(|token| token.is_any(&DATE_PARTS))
            {
                self.step_as(level, Role::Keyword);
                self.step_as(level, Role::Keyword);
            }
            if self.is_symbol(level, '(')
                && self
                    .ahead(level, 1)
                    .is_some_and(|token| token.kind == TokenKind::Number)
            {
                self.later(level, Content::Sizes);
            }
        }
    }

    /// Whether a literal of a type begins here: how many tokens are before the text.
    pub(super) fn typed_literal(&self, level: &Level) -> Option<usize> {
        let is_text = |ahead| {
            self.ahead(level, ahead)
                .is_some_and(|token| token.is_text())
        };
        let is = |ahead, word| self.ahead(level, ahead).is_some_and(|token| token.is(word));
        if !self.is_any(level, &LITERAL_TYPES) {
            return (is(0, "double") && is(1, "precision") && is_text(2)).then_some(2);
        }
        if is_text(1) {
            return Some(1);
        }
        let zoned = (is(1, "with") || is(1, "without")) && is(2, "time") && is(3, "zone");
        (zoned && is_text(4)).then_some(4)
    }
}
