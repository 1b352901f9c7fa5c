//! Rights: GRANT, REVOKE, and policies on rows and columns.

use super::{Content, Level, Read, Reader, Stop};
use crate::Kind;
use crate::account::Role;
use crate::lexer::TokenKind;

const PRIVILEGES: [&str; 24] = [
    "select",
    "insert",
    "update",
    "delete",
    "drop",
    "references",
    "alter",
    "truncate",
    "all",
    "privileges",
    "usage",
    "create",
    "temporary",
    "temp",
    "execute",
    "rule",
    "trigger",
    "share",
    "assume",
    "explain",
    "ignore",
    "rls",
    "maintain",
    "scoped",
];

/// Things other than tables that rights can be on.
const OTHER_THINGS: [&str; 16] = [
    "function",
    "procedure",
    "database",
    "language",
    "external",
    "model",
    "datashare",
    "copy",
    "all",
    "identity",
    "template",
    "role",
    "user",
    "foreign",
    "integration",
    "catalog",
];

impl Reader<'_, '_> {
    /// `GRANT rights ON things TO …`, `GRANT rights FOR things IN SCHEMA schemas TO …`, and the same with REVOKE.
    ///
    /// Who grants rights on a table lets others read and write it. Membership in a role, rights of the system and rights on
    /// anything but tables reach further than their names.
    pub(super) fn rights(&mut self, level: &mut Level, kind: Kind) -> Read {
        self.kind = Some(kind);
        if kind == Kind::Revoke {
            self.eat(level, "grant option for");
        }
        let begin = *level;
        self.privileges(level);
        if !self.eat(level, "on") {
            *level = begin;
            return self.scoped_rights(level);
        }
        if self.eat_any(
            level,
            &[
                "schema",
                "all tables in schema",
                "all functions in schema",
                "all procedures in schema",
            ],
        ) {
            return self.on_schemas(level);
        }
        if !self.eat(level, "external table") {
            self.eat(level, "table");
        }
        if self.is_any(level, &OTHER_THINGS) {
            return self.leave(level);
        }
        let tables = self.targets(level)?;
        if kind == Kind::Grant {
            self.shape.grants.extend(tables.iter().cloned());
        }
        self.facts.reads.extend(tables.iter().cloned());
        self.facts.writes.extend(tables);
        let direction = if kind == Kind::Grant { "to" } else { "from" };
        self.expect(level, direction)?;
        self.grantees(level)?;
        self.eat_any(level, &["cascade", "restrict"]);
        self.rest(level)
    }

    /// Words of rights, with the columns that they are on.
    fn privileges(&mut self, level: &mut Level) {
        loop {
            while self.is_any(level, &PRIVILEGES) && !self.is(level, "on") {
                self.step_as(level, Role::Keyword);
            }
            if self.is_symbol(level, '(') {
                self.later(level, Content::Columns);
            }
            if !self.eat_symbol(level, ',') {
                return;
            }
        }
    }

    /// `… FOR … IN SCHEMA schemas …`: known by its schemas. Anything else that has no ON is not known further.
    fn scoped_rights(&mut self, level: &mut Level) -> Read {
        while level.at < level.end {
            if self.eat(level, "in schema") {
                return self.on_schemas(level);
            }
            if self.eat(level, "on schema") || self.eat(level, "on all tables in schema") {
                return self.on_schemas(level);
            }
            level.at += 1;
        }
        self.leave(level)
    }

    /// What is done to schemas as a whole: the tables in them are not named.
    pub(super) fn on_schemas(&mut self, level: &mut Level) -> Read {
        self.facts.not_all_known = true;
        loop {
            let path = self.path(level)?;
            self.account.give_path(&path, Role::Schema);
            if let Some(schema) = path.parts.last() {
                self.facts.schemas.push(schema.folded());
            }
            if !self.eat_symbol(level, ',') {
                return self.leave(level);
            }
        }
    }

    /// `{[ROLE | GROUP] name | PUBLIC} [WITH GRANT OPTION], …`
    fn grantees(&mut self, level: &mut Level) -> Read {
        loop {
            if self
                .ahead(level, 1)
                .is_some_and(|token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedName))
            {
                self.eat_any(level, &["role", "group", "user"]);
            }
            self.name(level, Role::Other)?;
            self.eat(level, "with grant option");
            if !self.eat_symbol(level, ',') {
                return Ok(());
            }
        }
    }

    /// Tables with commas between them.
    pub(super) fn targets(&mut self, level: &mut Level) -> Read<Vec<crate::TableName>> {
        let mut tables = vec![self.target(level)?];
        while self.eat_symbol(level, ',') {
            tables.push(self.target(level)?);
        }
        Ok(tables)
    }

    /// Nothing more, or words without a role.
    pub(super) fn rest(&mut self, level: &mut Level) -> Read {
        match level.at < level.end {
            true => self.leave(level),
            false => Ok(()),
        }
    }

    /// `ATTACH {RLS | MASKING} POLICY name ON [TABLE] tables [(columns)] [USING (columns)] TO … [PRIORITY n]`, and DETACH
    /// with FROM.
    ///
    /// A policy decides who reads what of a table, so it is a change of rights on it.
    pub(super) fn policy_of_table(&mut self, level: &mut Level, kind: Kind) -> Read {
        if !self.eat_any(level, &["rls policy", "masking policy"]) {
            return Err(Stop(level.at));
        }
        self.kind = Some(kind);
        let path = self.path(level)?;
        self.account.give_path(&path, Role::Other);
        self.expect(level, "on")?;
        self.eat(level, "table");
        loop {
            let table = self.target(level)?;
            self.facts.reads.push(table.clone());
            self.facts.writes.push(table);
            if self.is_symbol(level, '(') {
                self.later(level, Content::Values);
            }
            if !self.eat_symbol(level, ',') {
                break;
            }
        }
        if self.eat(level, "using") {
            self.bracket(level, Content::Values)?;
        }
        let direction = if kind == Kind::AttachPolicy {
            "to"
        } else {
            "from"
        };
        self.expect(level, direction)?;
        self.grantees(level)?;
        if self.eat(level, "priority") {
            self.number(level)?;
        }
        self.rest(level)
    }

    pub(super) fn number(&mut self, level: &mut Level) -> Read {
        match self.peek(level) {
            Some(token) if token.kind == TokenKind::Number => {
                level.at += 1;
                Ok(())
            }
            _ => Err(Stop(level.at)),
        }
    }
}
