//! What FROM names.

use super::level::is_reserved;
use super::{Content, Level, Read, Reader, Stop};
use crate::account::Role;
use crate::lexer::TokenKind;

impl Reader<'_, '_> {
    /// Joined tables with commas between them.
    pub(super) fn table_list(&mut self, level: &mut Level) -> Read {
        loop {
            self.joined_table(level)?;
            if !self.eat_symbol(level, ',') {
                return Ok(());
            }
        }
    }

    /// A table and those that are joined with it.
    pub(super) fn joined_table(&mut self, level: &mut Level) -> Read {
        self.table(level)?;
        // Joins whose condition has not come yet.
        let mut waiting = 0_usize;
        while self
            .peek(level)
            .is_some_and(|token| token.kind == TokenKind::Word)
        {
            if self.eat_any(level, &["cross join", "natural join"]) {
                self.table(level)?;
            } else if self.eat_any(
                level,
                &[
                    "natural inner",
                    "natural left",
                    "natural right",
                    "natural full",
                ],
            ) {
                self.eat(level, "outer");
                self.expect(level, "join")?;
                self.table(level)?;
            } else if self.eat_any(level, &["join", "inner join"]) {
                self.table(level)?;
                waiting += 1;
            } else if self.eat_any(level, &["left", "right", "full"]) {
                self.eat(level, "outer");
                self.expect(level, "join")?;
                self.table(level)?;
                waiting += 1;
            } else if waiting > 0 && self.eat(level, "on") {
                self.expression(level)?;
                waiting -= 1;
            } else if waiting > 0 && self.is(level, "using") {
                self.step_as(level, Role::Keyword);
                self.bracket(level, Content::Columns)?;
                waiting -= 1;
            } else {
                break;
            }
        }
        Ok(())
    }

    /// A bracket that has to be here, read later.
    pub(super) fn bracket(&mut self, level: &mut Level, content: Content) -> Read {
        match self.is_symbol(level, '(') {
            true => {
                self.later(level, content);
                Ok(())
            }
            false => Err(Stop(level.at)),
        }
    }

    /// A table, a view, a query, a function or an array, with its name.
    pub(super) fn table(&mut self, level: &mut Level) -> Read {
        self.eat(level, "lateral");
        if self.is_symbol(level, '(') {
            self.later_query_or(level, Content::From);
            return self.table_alias(level);
        }
        if self.eat(level, "only") {
            return self.only(level);
        }
        if self.is(level, "unpivot") && self.names_array(level) {
            self.step_as(level, Role::Keyword);
            self.array_path(level)?;
            self.optional_alias(level)?;
            return self.position_name(level);
        }
        let begin = level.at;
        let path = self.path(level)?;
        if self.is_symbol(level, '(') {
            self.call(level, &path)?;
            self.eat_any(level, &["with ordinality", "with offset"]);
            return self.function_alias(level);
        }
        self.account.give_path(&path, Role::Relation);
        self.names.read(path);
        // A star behind a name means that what inherits from it is read too; a subscript, that it is an array.
        self.eat_symbol(level, '*');
        if self.is_symbol(level, '[') {
            level.at = begin;
            self.array_path(level)?;
        }
        self.table_alias(level)
    }

    /// `ONLY t`, `ONLY (t)`
    fn only(&mut self, level: &mut Level) -> Read {
        let brackets = self.eat_symbol(level, '(');
        let path = self.path(level)?;
        self.account.give_path(&path, Role::Relation);
        self.names.read(path);
        if brackets {
            self.expect_symbol(level, ')')?;
        }
        self.table_alias(level)
    }

    /// Whether the name of an array is behind the word here, rather than the word being a table's name.
    fn names_array(&self, level: &Level) -> bool {
        self.ahead(level, 1).is_some_and(|token| {
            token.kind == TokenKind::QuotedName
                || (token.kind == TokenKind::Word && !is_reserved(&token))
        })
    }

    /// `a.b[0].c`: it may be a table as far as it is a plain name.
    fn array_path(&mut self, level: &mut Level) -> Read {
        let path = self.path(level)?;
        self.account.give_path(&path, Role::Relation);
        self.names.read(path);
        loop {
            if self.is_symbol(level, '[') {
                self.later(level, Content::Expression);
            } else if self.eat_symbol(level, '.') {
                match self.peek(level).map(|token| token.kind) {
                    Some(TokenKind::Word | TokenKind::QuotedName) => {
                        self.step_as(level, Role::Column);
                    }
                    _ => return Err(Stop(level.at)),
                }
            } else {
                return Ok(());
            }
        }
    }

    /// `[[AS] name [(columns)]] [AT name] [PIVOT (…) [[AS] name]]`
    fn table_alias(&mut self, level: &mut Level) -> Read {
        loop {
            if self.optional_alias(level)?.is_some() {
                if self.is_symbol(level, '(') {
                    self.later(level, Content::Columns);
                }
                self.position_name(level)?;
            }
            if self.is_pivot(level, "pivot") {
                self.step_as(level, Role::Keyword);
                self.bracket(level, Content::Pivot)?;
            } else if self.is_pivot(level, "unpivot") {
                self.step_as(level, Role::Keyword);
                self.eat_any(level, &["include nulls", "exclude nulls"]);
                self.bracket(level, Content::Unpivot)?;
            } else {
                return Ok(());
            }
        }
    }

    /// `[AS] name [(column [type], …)]` behind a function.
    fn function_alias(&mut self, level: &mut Level) -> Read {
        let alias = self.optional_alias(level)?;
        if alias.is_some() && self.is_symbol(level, '(') {
            self.later(level, Content::TypedColumns);
        }
        Ok(())
    }

    /// `column [type], …`
    pub(super) fn typed_columns(&mut self, level: &mut Level) -> Read {
        loop {
            self.name(level, Role::Column)?;
            if level.at < level.end && !self.is_symbol(level, ',') {
                self.type_name(level)?;
            }
            if !self.eat_symbol(level, ',') {
                return Ok(());
            }
        }
    }

    fn is_pivot(&self, level: &Level, word: &str) -> bool {
        self.is(level, word)
            && self
                .ahead(level, 1)
                .is_some_and(|token| token.is_symbol('(') || token.is_any(&["include", "exclude"]))
    }

    /// `AT name`: the position in an array.
    fn position_name(&mut self, level: &mut Level) -> Read {
        if self.eat(level, "at") {
            self.name(level, Role::Alias)?;
        }
        Ok(())
    }

    /// `aggregate [AS name], … FOR column IN (…)`
    pub(super) fn pivot(&mut self, level: &mut Level) -> Read {
        self.aliased_values(level)?;
        self.expect(level, "for")?;
        self.column_in(level)
    }

    /// `column FOR name IN (…)`
    pub(super) fn unpivot(&mut self, level: &mut Level) -> Read {
        self.name(level, Role::Column)?;
        self.expect(level, "for")?;
        self.column_in(level)
    }

    fn column_in(&mut self, level: &mut Level) -> Read {
        let path = self.path(level)?;
        self.account.give_path(&path, Role::Column);
        self.expect(level, "in")?;
        self.bracket(level, Content::AliasedValues)
    }

    /// `value [[AS] name], …`
    pub(super) fn aliased_values(&mut self, level: &mut Level) -> Read {
        loop {
            self.expression(level)?;
            // UNPIVOT names values by literals.
            let is_literal = self.is(level, "as") && self.text_ahead(level, 1);
            if is_literal {
                self.step_as(level, Role::Keyword);
                self.literal(level);
            } else {
                self.optional_alias(level)?;
            }
            if !self.eat_symbol(level, ',') {
                return Ok(());
            }
        }
    }
}
