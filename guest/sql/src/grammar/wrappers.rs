//! Statements around a statement.

use super::{Level, Read, Reader, Stop};
use crate::Kind;
use crate::account::Role;
use crate::statement::Unparsed;

/// What begins a query or a change.
const STATEMENT_WORDS: [&str; 7] = [
    "select", "with", "insert", "update", "delete", "merge", "values",
];

impl Reader<'_, '_> {
    pub(super) fn begins_query_or_change(&self, level: &Level) -> bool {
        self.is_symbol(level, '(') || self.is_any(level, &STATEMENT_WORDS)
    }

    /// `EXPLAIN [VERBOSE] statement`
    pub(super) fn explain(&mut self, level: &mut Level) -> Read {
        self.eat(level, "verbose");
        if self.eat(level, "execute") {
            self.kind = Some(Kind::Explain);
            return self.leave(level);
        }
        let creates = self.is(level, "create");
        self.wrapped(|this| {
            match creates {
                true => this.create(level)?,
                false if this.begins_query_or_change(level) => this.query_or_change(level)?,
                false => return Err(Stop(level.at)),
            }
            this.finish(level)?;
            match creates && this.kind != Some(Kind::CreateTable) {
                true => Err(Stop(level.at)),
                false => Ok(()),
            }
        })?;
        // It runs nothing, whatever it explains.
        let written = std::mem::take(&mut self.facts.writes);
        self.facts.reads.extend(written);
        self.kind = Some(Kind::Explain);
        Ok(())
    }

    /// Reads the statement in a wrapper. Where it stops to make sense the kind is not known: it is not that of the inner one.
    fn wrapped(&mut self, read: impl FnOnce(&mut Self) -> Read) -> Read {
        let done = read(self);
        if done.is_err() {
            self.kind = None;
        }
        done
    }

    /// `DECLARE name CURSOR FOR query`
    pub(super) fn declare(&mut self, level: &mut Level) -> Read {
        self.name(level, Role::Other)?;
        self.eat_any(level, &["insensitive", "binary"]);
        self.eat_any(level, &["no scroll", "scroll"]);
        self.expect(level, "cursor")?;
        self.eat_any(level, &["with hold", "without hold"]);
        self.expect(level, "for")?;
        self.inside(level, Kind::Cursor)
    }

    /// `PREPARE name [(types)] AS statement`
    pub(super) fn prepare(&mut self, level: &mut Level) -> Read {
        self.name(level, Role::Other)?;
        if self.eat_symbol(level, '(') {
            loop {
                self.type_name(level)?;
                if !self.eat_symbol(level, ',') {
                    break;
                }
            }
            self.expect_symbol(level, ')')?;
        }
        self.expect(level, "as")?;
        if self.eat(level, "execute") {
            return self.execute(level);
        }
        self.inside(level, Kind::Prepared)
    }

    fn inside(&mut self, level: &mut Level, kind: Kind) -> Read {
        if !self.begins_query_or_change(level) {
            return Err(Stop(level.at));
        }
        self.wrapped(|this| {
            this.query_or_change(level)?;
            this.finish(level)
        })?;
        self.inner = self.kind.map(Ok);
        self.kind = Some(kind);
        Ok(())
    }

    /// `EXECUTE name [(values)]`: what it does is written where it was prepared.
    pub(super) fn execute(&mut self, level: &mut Level) -> Read {
        self.inner = Some(Err(Unparsed::Elsewhere));
        self.kind = Some(Kind::Prepared);
        self.leave(level)
    }
}
