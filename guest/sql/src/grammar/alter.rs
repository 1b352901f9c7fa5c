//! ALTER.

use super::{Content, Level, Read, Reader};
use crate::Kind;
use crate::account::Role;
use crate::name::TableName;

impl Reader<'_, '_> {
    pub(super) fn alter(&mut self, level: &mut Level) -> Read {
        if self.eat(level, "table") {
            return self.alter_table(level);
        }
        if self.eat(level, "materialized view") {
            return self.alter_materialized_view(level);
        }
        if self.eat(level, "schema") {
            self.facts.not_all_known = true;
            return self.schema(level, Kind::AlterOther);
        }
        if self.eat_user_word(level) {
            return self.user(level, Kind::AlterUser);
        }
        self.kind = Some(Kind::AlterOther);
        if self.eat(level, "default privileges") {
            while level.at < level.end {
                if self.eat(level, "in schema") {
                    return self.on_schemas(level);
                }
                level.at += 1;
            }
        }
        self.leave(level)
    }

    /// `view AUTO REFRESH {YES | NO}`
    fn alter_materialized_view(&mut self, level: &mut Level) -> Read {
        self.kind = Some(Kind::AlterOther);
        let view = self.target(level)?;
        self.facts.writes.push(view);
        self.eat_any(level, &["auto refresh yes", "auto refresh no"]);
        self.rest(level)
    }

    fn alter_table(&mut self, level: &mut Level) -> Read {
        let table = self.target(level)?;
        self.kind = Some(Kind::AlterTable);
        if self.eat(level, "append from") {
            // It reads the source and empties it.
            let source = self.target(level)?;
            self.facts.reads.push(source.clone());
            self.facts.writes.extend([table, source]);
            self.kind = Some(Kind::AlterTableAppend);
            while self.eat_any(level, &["ignoreextra", "filltarget"]) {}
            return Ok(());
        }
        self.facts.writes.push(table.clone());
        if level.at >= level.end {
            return self.leave(level);
        }
        loop {
            self.change(level, &table)?;
            self.eat(level, "restrict");
            if !self.eat_symbol(level, ',') {
                return self.rest(level);
            }
        }
    }

    /// One of the changes of ALTER TABLE, between which commas may stand. One that is not known leaves its words.
    fn change(&mut self, level: &mut Level, table: &TableName) -> Read {
        if self.eat(level, "owner to") {
            // The new owner may do anything with it.
            self.facts.reads.push(table.clone());
            self.shape.grants.push(table.clone());
            self.name(level, Role::Other)?;
        } else if self.eat(level, "rename column") {
            self.name(level, Role::Column)?;
            self.expect(level, "to")?;
            self.name(level, Role::Column)?;
        } else if self.eat(level, "rename to") {
            // The new name is in the same schema. What reads by it reads this table.
            let name = self.name(level, Role::Relation)?;
            self.made(table.renamed(&name.exact));
            self.facts.reads.push(table.clone());
        } else if self.eat_any(level, &["drop partition", "partition"]) {
            self.bracket(level, Content::Values)?;
            if self.eat(level, "set location") {
                self.location(level)?;
            }
        } else if self.eat(level, "drop constraint") {
            self.name(level, Role::Other)?;
        } else if self.eat(level, "drop") && !self.is(level, "if") {
            self.eat(level, "column");
            self.name(level, Role::Column)?;
        } else if self.eat_any(level, &["row level security on", "row level security off"]) {
            self.facts.reads.push(table.clone());
            self.eat_any(level, &["conjunction type and", "conjunction type or"]);
            self.eat(level, "for datashares");
        } else if self.eat(level, "alter") {
            self.alter_part(level)?;
        } else if self.eat(level, "add") {
            self.add_part(level)?;
        } else if self.eat(level, "set location") {
            self.location(level)?;
        } else if self.eat(level, "set file format") {
            self.name(level, Role::Other)?;
        } else if self.eat(level, "set table properties") {
            self.bracket(level, Content::Words)?;
        }
        Ok(())
    }

    /// `[COLUMN] name {TYPE type | ENCODE encoding}`, `DISTKEY …`, `SORTKEY …`
    fn alter_part(&mut self, level: &mut Level) -> Read {
        if self.is_any(
            level,
            &["diststyle", "distkey", "compound", "sortkey", "encode"],
        ) {
            self.table_options(level)?;
            // The column of DISTSTYLE KEY DISTKEY stands without brackets.
            if level.at < level.end && !self.is_symbol(level, ',') {
                self.name(level, Role::Column)?;
            }
            return Ok(());
        }
        self.eat(level, "column");
        self.name(level, Role::Column)?;
        if self.eat(level, "type") {
            return self.type_name(level);
        }
        self.expect(level, "encode")?;
        self.name(level, Role::Other)?;
        Ok(())
    }

    /// `[COLUMN] name type …`, a constraint, or partitions.
    fn add_part(&mut self, level: &mut Level) -> Read {
        if self.is_any(level, &["constraint", "primary", "unique", "foreign"]) {
            return self.constraint(level);
        }
        if self.eat(level, "if") {
            self.expect(level, "not exists")?;
        }
        // Of an external table: one or more, without commas.
        if self.is(level, "partition") {
            while self.eat(level, "partition") {
                self.bracket(level, Content::Values)?;
                self.expect(level, "location")?;
                self.location(level)?;
            }
            return Ok(());
        }
        self.eat(level, "column");
        if self.is_symbol(level, '(') {
            self.later(level, Content::TableParts);
            return Ok(());
        }
        self.name(level, Role::Column)?;
        self.type_name(level)?;
        self.column_options(level)
    }
}
