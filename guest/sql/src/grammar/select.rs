//! Queries.

use super::{Content, Level, Read, Reader, Stop};
use crate::Kind;
use crate::account::Role;
use crate::lexer::TokenKind;

impl Reader<'_, '_> {
    /// `[WITH …] query`
    pub(super) fn query(&mut self, level: &mut Level, leading: bool) -> Read {
        self.with_clause(level)?;
        self.query_behind_with(level, leading)
    }

    /// `[WITH [RECURSIVE] name [(columns)] AS (query), …]`
    pub(super) fn with_clause(&mut self, level: &mut Level) -> Read {
        if !self.eat(level, "with") {
            return Ok(());
        }
        let recursive = self.eat(level, "recursive");
        loop {
            let name = self.name(level, Role::QueryName)?;
            if self.is_symbol(level, '(') {
                self.later(level, Content::Columns);
            }
            self.expect(level, "as")?;
            let opens = level.at;
            if !self.is_symbol(level, '(') || !self.source.holds_query(opens) {
                return Err(Stop(level.at));
            }
            self.later(level, Content::Query { leading: false });
            // A name holds behind its query, and in it if it is recursive.
            let begin = if recursive { opens } else { level.at };
            self.names.give(&name, begin, level.end);
            if !self.eat_symbol(level, ',') {
                return Ok(());
            }
        }
    }

    /// `term [{UNION | INTERSECT | EXCEPT | MINUS} [ALL | DISTINCT] term] … [ORDER BY …] [LIMIT …] [OFFSET …]`
    pub(super) fn query_behind_with(&mut self, level: &mut Level, mut leading: bool) -> Read {
        loop {
            self.term(level, leading)?;
            leading = false;
            if !self.eat_any(level, &["union", "intersect", "except", "minus"]) {
                break;
            }
            self.eat_any(level, &["all", "distinct"]);
        }
        if self.eat(level, "order by") {
            self.order_list(level)?;
        }
        loop {
            if self.eat(level, "limit") {
                if !self.eat(level, "all") {
                    self.expression(level)?;
                }
            } else if self.eat(level, "offset") {
                self.expression(level)?;
                self.eat_any(level, &["rows", "row"]);
            } else if self.eat_any(level, &["fetch first", "fetch next"]) {
                if !self.is_any(level, &["row", "rows"]) {
                    self.expression(level)?;
                }
                self.eat_any(level, &["rows", "row"]);
                self.expect(level, "only")?;
            } else {
                return Ok(());
            }
        }
    }

    fn term(&mut self, level: &mut Level, leading: bool) -> Read {
        if self.is_symbol(level, '(') && self.source.holds_query(level.at) {
            self.later(level, Content::Query { leading });
            return Ok(());
        }
        if self.eat(level, "values") {
            loop {
                self.bracket(level, Content::Values)?;
                if !self.eat_symbol(level, ',') {
                    return Ok(());
                }
            }
        }
        self.expect(level, "select")?;
        self.select(level, leading)
    }

    fn select(&mut self, level: &mut Level, leading: bool) -> Read {
        self.top(level);
        if self.eat(level, "distinct") {
            if self.is(level, "on") {
                self.step_as(level, Role::Keyword);
                self.bracket(level, Content::Values)?;
            }
        } else {
            self.eat(level, "all");
        }
        self.top(level);
        // A list without columns is legal in PostgreSQL.
        if !self.is_any(level, &["from", "into", "where"]) && level.at < level.end {
            self.select_list(level)?;
        }
        if self.is(level, "into") {
            self.made_table(level, leading)?;
        }
        if self.eat(level, "from") {
            self.table_list(level)?;
        }
        loop {
            if self.eat_any(level, &["where", "having", "qualify", "start with"]) {
                self.expression(level)?;
            } else if self.eat(level, "connect by") {
                self.eat(level, "nocycle");
                self.expression(level)?;
            } else if self.eat(level, "group by") {
                // ALL stands for all columns that are not aggregated.
                if self.is(level, "all") && !self.opens(level, 1) {
                    self.step_as(level, Role::Keyword);
                } else {
                    self.value_list(level)?;
                }
            } else if self.is(level, "window") {
                self.step_as(level, Role::Keyword);
                self.named_windows(level)?;
            } else {
                return Ok(());
            }
        }
    }

    fn named_windows(&mut self, level: &mut Level) -> Read {
        loop {
            self.name(level, Role::Alias)?;
            self.expect(level, "as")?;
            self.bracket(level, Content::Window)?;
            if !self.eat_symbol(level, ',') {
                return Ok(());
            }
        }
    }

    /// `TOP n`, `TOP (n)`
    fn top(&mut self, level: &mut Level) {
        let is_count = self.ahead(level, 1).is_some_and(|token| {
            matches!(
                token.kind,
                TokenKind::Number | TokenKind::Placeholder | TokenKind::Position
            )
        });
        if self.is(level, "top") && is_count {
            self.step_as(level, Role::Keyword);
            level.at += 1;
        } else if self.is(level, "top")
            && self.opens(level, 1)
            && self
                .ahead(level, 2)
                .is_some_and(|token| token.kind == TokenKind::Number)
        {
            self.step_as(level, Role::Keyword);
            self.later(level, Content::Sizes);
        }
    }

    /// `{* | value [[AS] name]}, … [EXCLUDE columns]`
    fn select_list(&mut self, level: &mut Level) -> Read {
        loop {
            self.value_or_star(level)?;
            if !self.begins_exclude(level) {
                self.optional_alias(level)?;
            }
            if self.begins_exclude(level) {
                self.step_as(level, Role::Keyword);
                return match self.is_symbol(level, '(') {
                    true => self.bracket(level, Content::Columns),
                    false => self.name_list(level, Role::Column),
                };
            }
            if !self.eat_symbol(level, ',') {
                return Ok(());
            }
        }
    }

    /// Whether EXCLUDE is here, and not a column's name: `SELECT 1 EXCLUDE FROM t`.
    fn begins_exclude(&self, level: &Level) -> bool {
        self.is(level, "exclude")
            && self.ahead(level, 1).is_some_and(|token| {
                token.is_symbol('(')
                    || token.kind == TokenKind::QuotedName
                    || (token.kind == TokenKind::Word && !super::level::is_reserved(&token))
            })
    }

    /// `INTO [TEMP | TEMPORARY] [TABLE] name`
    fn made_table(&mut self, level: &mut Level, leading: bool) -> Read {
        self.expect(level, "into")?;
        self.eat(level, "local");
        self.eat_any(level, &["temp", "temporary"]);
        self.eat(level, "table");
        let table = self.target(level)?;
        self.facts.writes.push(table);
        // Only the first part of the whole statement makes a table.
        if leading {
            self.kind = Some(Kind::CreateTable);
        } else {
            self.facts.not_all_known = true;
        }
        Ok(())
    }
}
