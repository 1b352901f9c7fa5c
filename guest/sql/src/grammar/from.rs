//! What FROM names.

use super::level::is_reserved;
use super::{Content, Level, Read, Reader, SUBQUERY, Stop};
use crate::account::{Path, Role};
use crate::lexer::TokenKind;
use crate::structure::Span;

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

    /// Joined tables in a bracket of a list.
    pub(super) fn joined_bracket(&mut self, level: &mut Level, scope: usize, group: usize) -> Read {
        self.shape.resume(scope);
        let first = self.joined_table(level)?;
        self.shape.linked.push((group, first));
        Ok(())
    }

    /// A table and those that are joined with it: the number of the first relation.
    fn joined_table(&mut self, level: &mut Level) -> Read<usize> {
        let first = self.table(level)?;
        // What joins whose condition has not come yet add.
        let mut waiting: Vec<usize> = Vec::new();
        while self
            .peek(level)
            .is_some_and(|token| token.kind == TokenKind::Word)
        {
            if self.eat(level, "cross join") {
                self.shape.cross_join = true;
                self.table(level)?;
            } else if self.eat(level, "natural join") {
                let table = self.table(level)?;
                self.shape.link_with_last(table);
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
                let table = self.table(level)?;
                self.shape.link_with_last(table);
            } else if self.eat_any(level, &["join", "inner join"]) {
                waiting.push(self.table(level)?);
            } else if self.eat_any(level, &["left", "right", "full"]) {
                self.eat(level, "outer");
                self.expect(level, "join")?;
                waiting.push(self.table(level)?);
            } else if !waiting.is_empty() && self.eat(level, "on") {
                self.noted_condition(level)?;
                waiting.pop();
            } else if !waiting.is_empty() && self.is(level, "using") {
                self.step_as(level, Role::Keyword);
                self.bracket(level, Content::Columns)?;
                if let Some(table) = waiting.pop() {
                    self.shape.link_with_last(table);
                }
            } else {
                break;
            }
        }
        Ok(first)
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

    /// A table, a view, a query, a function or an array, with its name: the number of the relation.
    pub(super) fn table(&mut self, level: &mut Level) -> Read<usize> {
        let lateral = self.eat(level, "lateral");
        let relation = self.relation(level)?;
        if lateral {
            self.shape.link_with_last(relation);
        }
        Ok(relation)
    }

    fn relation(&mut self, level: &mut Level) -> Read<usize> {
        if self.is_symbol(level, '(') {
            if self.source.holds_query(level.at) {
                self.later(level, SUBQUERY);
                let alias = self.table_alias(level)?;
                return Ok(self.shape.relation(None, alias));
            }
            let group = self.shape.relation(None, None);
            let scope = self.shape.scope();
            self.later(level, Content::From { scope, group });
            self.table_alias(level)?;
            return Ok(group);
        }
        if self.eat(level, "only") {
            return self.only(level);
        }
        if self.is(level, "unpivot") && self.names_array(level) {
            self.step_as(level, Role::Keyword);
            let path = self.array_path(level)?;
            let alias = self.optional_alias(level)?;
            self.position_name(level)?;
            return Ok(self
                .shape
                .relation(Some(&path), alias.map(|alias| alias.folded())));
        }
        let begin = level.at;
        let path = self.path(level)?;
        if self.is_symbol(level, '(') {
            let arguments = Span {
                begin: level.at + 1,
                end: self.source.close_of(level.at),
            };
            self.call(level, &path)?;
            self.eat_any(level, &["with ordinality", "with offset"]);
            let alias = self.function_alias(level)?;
            let relation = self.shape.relation(Some(&path), alias);
            self.shape.has_arguments(relation, arguments);
            return Ok(relation);
        }
        self.account.give_path(&path, Role::Relation);
        self.names.read(path.clone());
        // A star behind a name means that what inherits from it is read too; a subscript, that it is an array.
        self.eat_symbol(level, '*');
        if self.is_symbol(level, '[') {
            level.at = begin;
            self.array_path(level)?;
        }
        let alias = self.table_alias(level)?;
        Ok(self.shape.relation(Some(&path), alias))
    }

    /// `ONLY t`, `ONLY (t)`
    fn only(&mut self, level: &mut Level) -> Read<usize> {
        let brackets = self.eat_symbol(level, '(');
        let path = self.path(level)?;
        self.account.give_path(&path, Role::Relation);
        self.names.read(path.clone());
        if brackets {
            self.expect_symbol(level, ')')?;
        }
        let alias = self.table_alias(level)?;
        Ok(self.shape.relation(Some(&path), alias))
    }

    /// Whether the name of an array is behind the word here, rather than the word being a table's name.
    fn names_array(&self, level: &Level) -> bool {
        self.ahead(level, 1).is_some_and(|token| {
            token.kind == TokenKind::QuotedName
                || (token.kind == TokenKind::Word && !is_reserved(&token))
        })
    }

    /// `a.b[0].c`: it may be a table as far as it is a plain name.
    fn array_path(&mut self, level: &mut Level) -> Read<Path> {
        let path = self.path(level)?;
        self.account.give_path(&path, Role::Relation);
        self.names.read(path.clone());
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
                return Ok(path);
            }
        }
    }

    /// `[[AS] name [(columns)]] [AT name] [PIVOT (…) [[AS] name]]`
    fn table_alias(&mut self, level: &mut Level) -> Read<Option<String>> {
        let mut name = None;
        loop {
            if let Some(alias) = self.optional_alias(level)? {
                name = Some(alias.folded());
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
                return Ok(name);
            }
        }
    }

    /// `[AS] name [(column [type], …)]` behind a function.
    fn function_alias(&mut self, level: &mut Level) -> Read<Option<String>> {
        let alias = self.optional_alias(level)?;
        if alias.is_some() && self.is_symbol(level, '(') {
            self.later(level, Content::TypedColumns);
        }
        Ok(alias.map(|alias| alias.folded()))
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
