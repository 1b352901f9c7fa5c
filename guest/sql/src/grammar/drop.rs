//! DROP.

use super::{Level, Read, Reader, Stop};
use crate::Kind;

impl Reader<'_, '_> {
    pub(super) fn drop_thing(&mut self, level: &mut Level) -> Read {
        let tables = if self.eat_any(level, &["table", "external table"]) {
            Some(Kind::DropTable)
        } else if self.eat_any(level, &super::create::VIEWS) {
            Some(Kind::DropView)
        } else {
            None
        };
        if let Some(kind) = tables {
            self.eat(level, "if exists");
            let tables = self.targets(level)?;
            self.shape.drops.extend(tables.iter().cloned());
            self.facts.writes.extend(tables);
            // CASCADE reaches views that are not named.
            if self.eat(level, "cascade") {
                self.facts.not_all_known = true;
            }
            self.eat(level, "restrict");
            self.kind = Some(kind);
            return self.expect_end(level);
        }
        if self.eat_any(level, &["schema", "external schema"]) {
            self.kind = Some(Kind::DropSchema);
            self.eat(level, "if exists");
            return self.on_schemas(level);
        }
        if self.eat_user_word(level) {
            return self.drop_users(level);
        }
        let kind = if self.eat(level, "database") {
            Kind::DropDatabase
        } else if self.eat(level, "procedure") {
            Kind::DropProcedure
        } else if self.eat(level, "function") {
            Kind::DropFunction
        } else if level.at < level.end {
            Kind::DropOther
        } else {
            return Err(Stop(level.at));
        };
        self.kind = Some(kind);
        self.leave(level)
    }
}
