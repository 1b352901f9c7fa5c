//! Queries.

use super::{Content, Level, Read, Reader, SUBQUERY, Stop};
use crate::Kind;
use crate::account::Role;
use crate::lexer::TokenKind;

impl Reader<'_, '_> {
    /// `[WITH …] query`
    pub(super) fn query(&mut self, level: &mut Level, leading: bool, outermost: bool) -> Read {
        self.with_clause(level)?;
        self.query_behind_with(level, leading, outermost)
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
            self.later(level, SUBQUERY);
            // A name holds behind its query, and in it if it is recursive.
            let begin = if recursive { opens } else { level.at };
            self.names.give(&name, begin, level.end);
            if !self.eat_symbol(level, ',') {
                return Ok(());
            }
        }
    }

    /// `term [{UNION | INTERSECT | EXCEPT | MINUS} [ALL | DISTINCT] term] … [ORDER BY …] [LIMIT …] [OFFSET …]`
    pub(super) fn query_behind_with(
        &mut self,
        level: &mut Level,
        mut leading: bool,
        outermost: bool,
    ) -> Read {
        let terms = self.work.len();
        let mut unlimited = false;
        loop {
            unlimited |= self.term(level, leading, outermost)?;
            leading = false;
            if !self.eat_any(level, &["union", "intersect", "except", "minus"]) {
                break;
            }
            self.eat_any(level, &["all", "distinct"]);
        }
        if self.eat(level, "order by") {
            self.order_list(level)?;
        }
        let limited = self.limits(level)?;
        if limited && outermost {
            self.release_terms(terms);
        }
        self.shape.unlimited |= outermost && unlimited && !limited;
        Ok(())
    }

    /// The whole query is limited, so that the brackets in it need not be.
    fn release_terms(&mut self, first: usize) {
        for work in self.work.iter_mut().skip(first) {
            if let Content::Query { outermost, .. } = &mut work.content {
                *outermost = false;
            }
        }
    }

    /// `[LIMIT …] [OFFSET …] [FETCH FIRST …]`: whether they say how many rows there are at most.
    fn limits(&mut self, level: &mut Level) -> Read<bool> {
        let mut limited = false;
        loop {
            if self.eat(level, "limit") {
                if !self.eat(level, "all") {
                    let begin = level.at;
                    let is_count = self.is_count(level, 0);
                    self.expression(level)?;
                    limited |= is_count && level.at == begin + 1;
                }
            } else if self.eat(level, "offset") {
                self.expression(level)?;
                self.eat_any(level, &["rows", "row"]);
            } else if self.eat_any(level, &["fetch first", "fetch next"]) {
                let begin = level.at;
                let is_one = self.is_any(level, &["row", "rows"]);
                let is_count = self.is_count(level, 0);
                if !is_one {
                    self.expression(level)?;
                }
                limited |= is_one || (is_count && level.at == begin + 1);
                self.eat_any(level, &["rows", "row"]);
                self.expect(level, "only")?;
            } else {
                return Ok(limited);
            }
        }
    }

    /// One of the parts between UNION and its kin: whether it reads tables without saying how many rows.
    fn term(&mut self, level: &mut Level, leading: bool, outermost: bool) -> Read<bool> {
        if self.is_symbol(level, '(') && self.source.holds_query(level.at) {
            self.later(level, Content::Query { leading, outermost });
            return Ok(false);
        }
        if self.eat(level, "values") {
            loop {
                self.bracket(level, Content::Values)?;
                if !self.eat_symbol(level, ',') {
                    return Ok(false);
                }
            }
        }
        self.expect(level, "select")?;
        self.select(level, leading)
    }

    fn select(&mut self, level: &mut Level, leading: bool) -> Read<bool> {
        self.shape.begin_list();
        let mut limited = self.top(level);
        if self.eat(level, "distinct") {
            if self.is(level, "on") {
                self.step_as(level, Role::Keyword);
                self.bracket(level, Content::Values)?;
            }
        } else {
            self.eat(level, "all");
        }
        limited |= self.top(level);
        // A list without columns is legal in PostgreSQL.
        if !self.is_any(level, &["from", "into", "where"]) && level.at < level.end {
            self.select_list(level)?;
        }
        if self.is(level, "into") {
            self.made_table(level, leading)?;
        }
        let reads = self.eat(level, "from");
        if reads {
            self.table_list(level)?;
        }
        loop {
            if self.eat(level, "where") {
                self.noted_condition(level)?;
            } else if self.eat_any(level, &["having", "qualify", "start with"]) {
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
                return Ok(reads && !limited);
            }
        }
    }

    /// A condition behind WHERE or ON; the number is its place among all.
    pub(super) fn noted_condition(&mut self, level: &mut Level) -> Read<usize> {
        let begin = level.at;
        self.expression(level)?;
        Ok(self.shape.condition(begin, level.at))
    }

    fn is_count(&self, level: &Level, count: usize) -> bool {
        self.ahead(level, count).is_some_and(|token| {
            matches!(
                token.kind,
                TokenKind::Number | TokenKind::Placeholder | TokenKind::Position
            )
        })
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

    /// `TOP n`, `TOP (n)`: whether it is here.
    fn top(&mut self, level: &mut Level) -> bool {
        if self.is(level, "top") && self.is_count(level, 1) {
            self.step_as(level, Role::Keyword);
            level.at += 1;
            true
        } else if self.is(level, "top")
            && self.opens(level, 1)
            && self
                .ahead(level, 2)
                .is_some_and(|token| token.kind == TokenKind::Number)
        {
            self.step_as(level, Role::Keyword);
            self.later(level, Content::Sizes);
            true
        } else {
            false
        }
    }

    /// `{* | value [[AS] name]}, … [EXCLUDE columns]`
    fn select_list(&mut self, level: &mut Level) -> Read {
        loop {
            self.value_or_star(level)?;
            // A value ends with no star.
            self.shape.star |= self.source.is_symbol(level.at.wrapping_sub(1), '*');
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
        self.facts.writes.push(table.clone());
        self.shape.creates.push(table);
        // Only the first part of the whole statement makes a table.
        if leading {
            self.kind = Some(Kind::CreateTable);
            self.shape.makes_table = true;
        } else {
            self.facts.not_all_known = true;
        }
        Ok(())
    }
}
