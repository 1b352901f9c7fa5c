//! Calls of functions, and what is between their brackets.

use super::level::is_reserved;
use super::types::DATE_PARTS;
use super::{Content, Level, Read, Reader, Stop};
use crate::account::{Path, Role};
use crate::lexer::TokenKind;

/// Functions whose arguments have words between them.
const SEPARATED: [&str; 5] = ["substring", "trim", "btrim", "position", "overlay"];
impl Reader<'_, '_> {
    /// The arguments of a function, and what may stand behind them.
    pub(super) fn call(&mut self, level: &mut Level, path: &Path) -> Read {
        self.account.give_path(path, Role::Function);
        let name = path.folded();
        // Another function in a session that tells upper and lower case apart: not one that is known.
        let exact = path.exact();
        let content = match name.as_str() {
            "cast" | "try_cast" => Content::Cast,
            "convert" => Content::Convert,
            "extract" => Content::Extract,
            "object_transform" => Content::ObjectTransform,
            name if SEPARATED.contains(&name) => Content::Separated,
            _ => Content::Values,
        };
        self.facts.functions.push(exact);
        self.later_query_or(level, content);
        if self.is(level, "within") && self.is_ahead(level, 1, "group") && self.opens(level, 2) {
            self.eat(level, "within group");
            self.later(level, Content::Window);
        }
        if self.is(level, "filter") && self.opens(level, 1) {
            self.step_as(level, Role::Keyword);
            self.later(level, Content::Filter);
        }
        self.eat_any(level, &["ignore nulls", "respect nulls"]);
        if self.is(level, "over") {
            match self.ahead(level, 1) {
                Some(token) if token.is_symbol('(') => {
                    self.step_as(level, Role::Keyword);
                    self.later(level, Content::Window);
                }
                Some(token) if token.kind == TokenKind::Word && !is_reserved(&token) => {
                    self.step_as(level, Role::Keyword);
                    self.step_as(level, Role::Alias);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// `[DISTINCT | ALL] value, … [ORDER BY …] [IGNORE NULLS]`, or nothing.
    pub(super) fn values(&mut self, level: &mut Level) -> Read {
        if level.at >= level.end {
            return Ok(());
        }
        let all_of = self.is(level, "all") && !self.opens(level, 1);
        if all_of || self.is(level, "distinct") {
            self.step_as(level, Role::Keyword);
        }
        self.value_list(level)?;
        if self.eat(level, "order by") {
            self.order_list(level)?;
        }
        self.eat_any(level, &["ignore nulls", "respect nulls"]);
        Ok(())
    }

    /// Values with commas between them; `*` is one.
    pub(super) fn value_list(&mut self, level: &mut Level) -> Read {
        loop {
            self.value_or_star(level)?;
            if !self.eat_symbol(level, ',') {
                return Ok(());
            }
        }
    }

    pub(super) fn value_or_star(&mut self, level: &mut Level) -> Read {
        match self.eat_symbol(level, '*') {
            true => Ok(()),
            false => self.expression(level),
        }
    }

    /// `value [ASC | DESC] [NULLS {FIRST | LAST}], …`
    pub(super) fn order_list(&mut self, level: &mut Level) -> Read {
        loop {
            self.expression(level)?;
            self.eat_any(level, &["asc", "desc"]);
            self.eat_any(level, &["nulls first", "nulls last"]);
            if !self.eat_symbol(level, ',') {
                return Ok(());
            }
        }
    }

    /// `[name] [PARTITION BY …] [ORDER BY …] [{ROWS | RANGE | GROUPS} …]`
    pub(super) fn window(&mut self, level: &mut Level) -> Read {
        if self.eat(level, "partition by") {
            self.value_list(level)?;
        }
        if self.eat(level, "order by") {
            self.order_list(level)?;
        }
        if self.eat_any(level, &["rows", "range", "groups"]) {
            self.eat(level, "between");
            self.frame_bound(level)?;
            if self.eat(level, "and") {
                self.frame_bound(level)?;
            }
        }
        Ok(())
    }

    fn frame_bound(&mut self, level: &mut Level) -> Read {
        const FIXED: [&str; 3] = ["unbounded preceding", "unbounded following", "current row"];
        if self.eat_any(level, &FIXED) {
            return Ok(());
        }
        match self.peek(level).map(|token| token.kind) {
            Some(TokenKind::Number | TokenKind::Placeholder | TokenKind::Position) => level.at += 1,
            _ => return Err(Stop(level.at)),
        }
        match self.eat_any(level, &["preceding", "following"]) {
            true => Ok(()),
            false => Err(Stop(level.at)),
        }
    }

    /// `part FROM value`
    pub(super) fn extract(&mut self, level: &mut Level) -> Read {
        match self.peek(level) {
            Some(token) if token.is_text() => level.at += 1,
            Some(token) if token.is_any(&DATE_PARTS) => self.step_as(level, Role::Keyword),
            _ => return Err(Stop(level.at)),
        }
        self.expect(level, "from")?;
        self.expression(level)
    }

    /// Arguments with commas, or with FROM, FOR, IN and PLACING between them.
    pub(super) fn separated(&mut self, level: &mut Level) -> Read {
        self.eat_any(level, &["both", "leading", "trailing"]);
        self.eat(level, "from");
        loop {
            self.expression(level)?;
            let goes_on = self.eat_symbol(level, ',')
                || self.eat_any(level, &["from", "for", "in", "placing"]);
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// `value [KEEP value, …] [SET value, value, …]`
    pub(super) fn object_transform(&mut self, level: &mut Level) -> Read {
        self.expression(level)?;
        if self.eat(level, "keep") {
            self.value_list(level)?;
        }
        if self.eat(level, "set") {
            self.value_list(level)?;
        }
        Ok(())
    }
}
