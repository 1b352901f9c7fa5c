//! INSERT, UPDATE, DELETE and MERGE.

use super::{Content, Level, Read, Reader, Stop};
use crate::Kind;
use crate::account::Role;

impl Reader<'_, '_> {
    /// `INTO name [(columns)] {DEFAULT VALUES | query}`
    pub(super) fn insert(&mut self, level: &mut Level) -> Read {
        self.kind = Some(Kind::Insert);
        self.expect(level, "into")?;
        let table = self.target(level)?;
        self.facts.writes.push(table);
        if self.is_symbol(level, '(') && !self.source.holds_query(level.at) {
            self.later(level, Content::Columns);
        }
        if self.eat(level, "default values") {
            return Ok(());
        }
        self.query(level, false, false)
    }

    /// The table that is changed, which is read too: what is in it decides which rows change.
    fn changed_table(&mut self, level: &mut Level) -> Read<usize> {
        self.shape.begin_list();
        self.eat(level, "only");
        let at = level.at;
        let table = self.target(level)?;
        let path = self.path(&mut Level::new(at, level.at))?;
        self.facts.reads.push(table.clone());
        self.facts.writes.push(table);
        let alias = self.optional_alias(level)?;
        Ok(self
            .shape
            .relation(Some(&path), alias.map(|alias| alias.folded())))
    }

    /// `name [[AS] alias] SET … [FROM …] [WHERE …]`
    pub(super) fn update(&mut self, level: &mut Level) -> Read {
        self.kind = Some(Kind::Update);
        let relation = self.changed_table(level)?;
        self.expect(level, "set")?;
        self.assignments(level)?;
        if self.eat(level, "from") {
            self.table_list(level)?;
        }
        self.condition(level, relation)
    }

    /// `[FROM] name [[AS] alias] [{USING | FROM} …] [WHERE …]`
    pub(super) fn delete(&mut self, level: &mut Level) -> Read {
        self.kind = Some(Kind::Delete);
        self.eat(level, "from");
        let relation = self.changed_table(level)?;
        if self.eat(level, "using") {
            self.table_list(level)?;
        }
        self.condition(level, relation)
    }

    fn condition(&mut self, level: &mut Level, relation: usize) -> Read {
        let condition = match self.eat(level, "where") {
            true => Some(self.noted_condition(level)?),
            false => None,
        };
        self.shape.change(relation, condition);
        Ok(())
    }

    /// `column = value, (columns) = (values), …`
    fn assignments(&mut self, level: &mut Level) -> Read {
        loop {
            if self.is_symbol(level, '(') {
                self.later(level, Content::Columns);
            } else {
                let path = self.path(level)?;
                self.account.give_path(&path, Role::Column);
            }
            self.expect_symbol(level, '=')?;
            self.expression(level)?;
            if !self.eat_symbol(level, ',') {
                return Ok(());
            }
        }
    }

    /// `INTO name [[AS] alias] USING source ON … {REMOVE DUPLICATES | WHEN …}`
    pub(super) fn merge(&mut self, level: &mut Level) -> Read {
        self.kind = Some(Kind::Merge);
        self.expect(level, "into")?;
        let relation = self.changed_table(level)?;
        self.expect(level, "using")?;
        self.table(level)?;
        self.expect(level, "on")?;
        let condition = Some(self.noted_condition(level)?);
        if self.eat(level, "remove duplicates") {
            self.shape.change(relation, condition);
            return Ok(());
        }
        if !self.is(level, "when") {
            return Err(Stop(level.at));
        }
        while self.eat(level, "when") {
            self.eat(level, "not");
            self.expect(level, "matched")?;
            if self.eat(level, "and") {
                self.expression(level)?;
            }
            self.expect(level, "then")?;
            let changes = self.is_any(level, &["delete", "update"]);
            if changes {
                self.shape.change(relation, condition);
            }
            self.merge_action(level)?;
        }
        Ok(())
    }

    fn merge_action(&mut self, level: &mut Level) -> Read {
        if self.eat(level, "delete") {
            return Ok(());
        }
        if self.eat(level, "update set") {
            return self.assignments(level);
        }
        self.expect(level, "insert")?;
        if self.is_symbol(level, '(') {
            self.later(level, Content::Columns);
        }
        self.expect(level, "values")?;
        self.bracket(level, Content::Values)
    }
}
