//! Expressions: operands and operators in turn. What is in brackets is read later.

use super::level::is_reserved;
use super::{Content, Level, Read, Reader, SUBQUERY, Stop};
use crate::account::{Path, Role};
use crate::lexer::{TextForm, Token, TokenKind};

/// Where an expression is: what may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Operand,
    Operator,
}

/// What ends an operand decides what may hang on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// A name, a call, a bracket or a subscript: a subscript or a field may follow.
    Value,
    /// Anything else.
    Literal,
}

const PREFIX_OPERATORS: &str = "+-~@!|/";
const OPERATORS: &str = "=<>+-*/%^|&#~!@";

impl<'s> Reader<'_, 's> {
    /// An expression, up to a token that cannot belong to it.
    pub(super) fn expression(&mut self, level: &mut Level) -> Read {
        // Of each CASE that is open: nothing more than that it is.
        let mut cases = 0_usize;
        let mut next = Next::Operand;
        let mut after = After::Literal;
        loop {
            match next {
                Next::Operand => {
                    // Of what stands before an operand, the operand is still to come.
                    if let Some(kind) = self.operand(level, &mut cases)? {
                        after = kind;
                        next = Next::Operator;
                    }
                }
                Next::Operator => match self.operator(level, &mut cases, after)? {
                    Continue::Operand => next = Next::Operand,
                    Continue::Operator(kind) => after = kind,
                    Continue::End => {
                        return match cases {
                            0 => Ok(()),
                            _ => Err(Stop(level.at)),
                        };
                    }
                },
            }
        }
    }

    /// An operand, or none if only what stands before one was read.
    fn operand(&mut self, level: &mut Level, cases: &mut usize) -> Read<Option<After>> {
        let token = self.peek(level).ok_or(Stop(level.at))?;
        match token.kind {
            TokenKind::Text(_) => {
                self.literal(level);
                Ok(Some(After::Literal))
            }
            TokenKind::Number | TokenKind::Placeholder | TokenKind::Position => {
                level.at += 1;
                Ok(Some(After::Literal))
            }
            TokenKind::Symbol('(') => {
                self.later_query_or(level, Content::Values);
                Ok(Some(After::Value))
            }
            TokenKind::Symbol(c) if PREFIX_OPERATORS.contains(c) => {
                level.at += 1;
                Ok(None)
            }
            TokenKind::QuotedName => self.name_or_call(level).map(Some),
            TokenKind::Word => self.word(level, token, cases),
            _ => Err(Stop(level.at)),
        }
    }

    fn word(
        &mut self,
        level: &mut Level,
        token: Token<'s>,
        cases: &mut usize,
    ) -> Read<Option<After>> {
        let opens = self.opens(level, 1);
        if token.is("case") {
            *cases += 1;
            self.step_as(level, Role::Keyword);
            self.eat(level, "when");
            return Ok(None);
        }
        if token.is("not") {
            self.step_as(level, Role::Keyword);
            return Ok(None);
        }
        if token.is("exists") && opens {
            self.step_as(level, Role::Keyword);
            if !self.source.holds_query(level.at) {
                return Err(Stop(level.at));
            }
            self.later(level, SUBQUERY);
            return Ok(Some(After::Literal));
        }
        if token.is_any(&["any", "some", "all"]) && opens {
            self.step_as(level, Role::Keyword);
            self.later_query_or(level, Content::Values);
            return Ok(Some(After::Literal));
        }
        if token.is("array")
            && self
                .ahead(level, 1)
                .is_some_and(|token| token.is_symbol('['))
        {
            self.step_as(level, Role::Keyword);
            self.array(level);
            return Ok(Some(After::Value));
        }
        if token.is_any(&["approximate", "prior", "connect_by_root"])
            && self.ahead(level, 1).is_some_and(|next| {
                next.kind == TokenKind::QuotedName
                    || (next.kind == TokenKind::Word && !is_reserved(&next) && !next.is("at"))
            })
            && self.is_prefix_word(level, token)
        {
            self.step_as(level, Role::Keyword);
            return Ok(None);
        }
        if let Some(words) = self.typed_literal(level) {
            for _ in 0..words {
                self.step_as(level, Role::Type);
            }
            self.literal(level);
            if token.is("interval") {
                self.interval_units(level);
            }
            return Ok(Some(After::Literal));
        }
        if token.is("default") {
            self.step_as(level, Role::Keyword);
            return Ok(Some(After::Literal));
        }
        if token.is("grouping") && self.is_ahead(level, 1, "sets") && self.opens(level, 2) {
            self.step_as(level, Role::Keyword);
            self.step_as(level, Role::Keyword);
            self.later(level, Content::Values);
            return Ok(Some(After::Literal));
        }
        self.name_or_call(level).map(Some)
    }

    /// APPROXIMATE stands before a call, the others before a name.
    fn is_prefix_word(&self, level: &Level, token: Token<'_>) -> bool {
        !token.is("approximate") || self.opens(level, 2)
    }

    /// `[a, b, [c]]` behind ARRAY, which is at its bracket.
    fn array(&mut self, level: &mut Level) {
        let close = self.source.close_of(level.at);
        // `array[]` is empty. An inner bracket is an array as well.
        if close > level.at + 1 {
            self.later(level, Content::Values);
        } else {
            level.at = close + 1;
        }
    }

    /// A literal with those that continue it.
    pub(super) fn literal(&mut self, level: &mut Level) {
        level.at += 1;
        while self.peek(level).is_some_and(|token| {
            token.kind == TokenKind::Text(TextForm::Plain)
                && self.source.continues_literal(level.at)
        }) {
            level.at += 1;
        }
    }

    /// A column, a value that has a name, or a call of a function.
    fn name_or_call(&mut self, level: &mut Level) -> Read<After> {
        let token = self.peek(level).ok_or(Stop(level.at))?;
        if token.text.starts_with('#') && token.kind == TokenKind::Word {
            return self.temporary_column(level);
        }
        // LEFT and RIGHT are functions as well as joins.
        let is_function = token.is_any(&["left", "right"]) && self.opens(level, 1);
        if is_reserved(&token) && !is_function {
            return Err(Stop(level.at));
        }
        let begin = level.at;
        level.at += 1;
        let mut parts = 1;
        while self.is_symbol(level, '.') {
            match self.ahead(level, 1).map(|token| token.kind) {
                Some(TokenKind::Word | TokenKind::QuotedName) => level.at += 2,
                // `t.*`
                Some(TokenKind::Symbol('*')) => {
                    level.at += 2;
                    self.give(begin, level.at, Role::Column);
                    return Ok(After::Literal);
                }
                _ => return Err(Stop(level.at)),
            }
            parts += 1;
        }
        if self.is_symbol(level, '(') && !self.is_outer_join_mark(level) && parts <= 3 {
            let behind = level.at;
            level.at = begin;
            let path = if is_function {
                self.reserved_function(level)?
            } else {
                self.path(level)?
            };
            level.at = behind;
            self.call(level, &path)?;
            return Ok(After::Value);
        }
        self.give(begin, level.at, Role::Column);
        Ok(After::Value)
    }

    /// `#t.a`: a column of a temporary table.
    fn temporary_column(&mut self, level: &mut Level) -> Read<After> {
        let begin = level.at;
        let is_qualifier = self
            .ahead(level, 1)
            .is_some_and(|token| token.is_symbol('.'));
        match self.ahead(level, 2).map(|token| token.kind) {
            Some(TokenKind::Word | TokenKind::QuotedName | TokenKind::Symbol('*'))
                if is_qualifier =>
            {
                level.at += 3;
                self.give(begin, level.at, Role::Column);
                Ok(After::Value)
            }
            _ => Err(Stop(level.at)),
        }
    }

    fn reserved_function(&mut self, level: &mut Level) -> Read<Path> {
        let token = self.peek(level).ok_or(Stop(level.at))?;
        let part = crate::account::Part::of(&token).ok_or(Stop(level.at))?;
        level.at += 1;
        Ok(Path {
            begin: level.at - 1,
            end: level.at,
            parts: vec![part],
        })
    }

    pub(super) fn give(&mut self, begin: usize, end: usize, role: Role) {
        for at in begin..end {
            self.account.give(at, role);
        }
    }

    /// `(+)`, the old way to write an outer join.
    fn is_outer_join_mark(&self, level: &Level) -> bool {
        self.is_symbol(level, '(')
            && self
                .ahead(level, 1)
                .is_some_and(|token| token.is_symbol('+'))
            && self
                .ahead(level, 2)
                .is_some_and(|token| token.is_symbol(')'))
    }

    fn operator(&mut self, level: &mut Level, cases: &mut usize, after: After) -> Read<Continue> {
        let Some(token) = self.peek(level) else {
            return Ok(Continue::End);
        };
        match token.kind {
            TokenKind::Cast => {
                level.at += 1;
                self.type_name(level)?;
                Ok(Continue::Operator(After::Value))
            }
            TokenKind::Symbol('[') if after == After::Value => {
                self.later(level, Content::Expression);
                Ok(Continue::Operator(After::Value))
            }
            TokenKind::Symbol('(') if self.is_outer_join_mark(level) => {
                level.at += 3;
                Ok(Continue::Operator(After::Literal))
            }
            TokenKind::Symbol('.') if after == After::Value => self.field(level),
            TokenKind::Symbol(c) if OPERATORS.contains(c) => {
                level.at += 1;
                while self.source.touches_before(level.at)
                    && matches!(self.peek(level), Some(Token { kind: TokenKind::Symbol(c), .. }) if OPERATORS.contains(c))
                {
                    level.at += 1;
                }
                Ok(Continue::Operand)
            }
            TokenKind::Word => self.operator_word(level, cases),
            _ => Ok(Continue::End),
        }
    }

    /// `.name` or `.*` behind a call, a bracket or a subscript.
    fn field(&mut self, level: &mut Level) -> Read<Continue> {
        match self.ahead(level, 1).map(|token| token.kind) {
            Some(TokenKind::Word | TokenKind::QuotedName) => {
                level.at += 1;
                self.step_as(level, Role::Column);
                Ok(Continue::Operator(After::Value))
            }
            _ => Err(Stop(level.at)),
        }
    }

    fn operator_word(&mut self, level: &mut Level, cases: &mut usize) -> Read<Continue> {
        const INFIX: [&str; 8] = [
            "and",
            "or",
            "like",
            "ilike",
            "similar to",
            "between symmetric",
            "between",
            "overlaps",
        ];
        const TESTS: [&str; 12] = [
            "is null",
            "is not null",
            "is true",
            "is not true",
            "is false",
            "is not false",
            "is unknown",
            "is not unknown",
            "isnull",
            "notnull",
            "is document",
            "is not document",
        ];
        if self.eat_any(level, &["is not distinct from", "is distinct from"]) {
            return Ok(Continue::Operand);
        }
        if self.eat_any(level, &TESTS) {
            return Ok(Continue::Operator(After::Literal));
        }
        if self.is(level, "not")
            && self
                .ahead(level, 1)
                .is_some_and(|token| token.is_any(&["like", "ilike", "similar", "between", "in"]))
        {
            self.step_as(level, Role::Keyword);
        }
        if self.eat_any(level, &INFIX) {
            return Ok(Continue::Operand);
        }
        if self.is(level, "escape") && self.text_ahead(level, 1) {
            self.step_as(level, Role::Keyword);
            return Ok(Continue::Operand);
        }
        // `position('a' IN b)` has no bracket.
        if self.is(level, "in") && self.opens(level, 1) {
            self.step_as(level, Role::Keyword);
            self.later_query_or(level, Content::Values);
            return Ok(Continue::Operator(After::Literal));
        }
        if self.eat(level, "at time zone") {
            return Ok(Continue::Operand);
        }
        if self.eat(level, "collate") {
            match self.peek(level) {
                Some(token) if token.is_text() => self.literal(level),
                _ => {
                    self.name(level, Role::Other)?;
                }
            }
            return Ok(Continue::Operator(After::Literal));
        }
        if *cases > 0 {
            if self.eat_any(level, &["when", "then", "else"]) {
                return Ok(Continue::Operand);
            }
            if self.eat(level, "end") {
                *cases -= 1;
                return Ok(Continue::Operator(After::Value));
            }
        }
        Ok(Continue::End)
    }
}

enum Continue {
    Operand,
    Operator(After),
    End,
}
