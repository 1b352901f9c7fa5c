//! Which statement it is, and those that are a few words and names.

use super::{Content, Level, Read, Reader, Stop};
use crate::Kind;
use crate::account::Role;
use crate::lexer::TokenKind;
use crate::name::TableName;

pub(crate) const COPY_OPTIONS: [&str; 72] = [
    "as",
    "iam_role",
    "default",
    "authorization",
    "credentials",
    "access_key_id",
    "secret_access_key",
    "session_token",
    "format",
    "csv",
    "quote",
    "delimiter",
    "fixedwidth",
    "shapefile",
    "simplify",
    "auto",
    "avro",
    "json",
    "parquet",
    "orc",
    "noshred",
    "encrypted",
    "master_symmetric_key",
    "bzip2",
    "gzip",
    "lzop",
    "zstd",
    "region",
    "manifest",
    "readratio",
    "acceptanydate",
    "acceptinvchars",
    "blanksasnull",
    "dateformat",
    "emptyasnull",
    "encoding",
    "utf8",
    "utf16",
    "utf16be",
    "utf16le",
    "iso88591",
    "escape",
    "explicit_ids",
    "fillrecord",
    "ignoreallerrors",
    "ignoreblanklines",
    "ignoreheader",
    "null",
    "removequotes",
    "roundec",
    "timeformat",
    "trimblanks",
    "truncatecolumns",
    "compupdate",
    "comprows",
    "maxerror",
    "noload",
    "statupdate",
    "on",
    "off",
    "true",
    "false",
    "preset",
    "with",
    "filltarget",
    "serializetojson",
    "auto_ignorecase",
    "epochsecs",
    "epochmillisecs",
    "none",
    "header",
    "kms_key_id",
];

/// Parameters that change no names and no rights.
const HARMLESS_PARAMETERS: [&str; 8] = [
    "application_name",
    "datestyle",
    "enable_result_cache_for_session",
    "extra_float_digits",
    "query_group",
    "statement_timeout",
    "timezone",
    "wlm_query_slot_count",
];

impl Reader<'_, '_> {
    pub(super) fn statement(&mut self, level: &mut Level) -> Read {
        if self.begins_query_or_change(level) {
            return self.query_or_change(level);
        }
        let token = self
            .peek(level)
            .filter(|token| token.kind == TokenKind::Word)
            .ok_or(Stop(level.at))?;
        let begin = level.at;
        self.step_as(level, Role::Keyword);
        match token.text.to_ascii_lowercase().as_str() {
            "explain" => self.explain(level),
            "declare" => self.declare(level),
            "prepare" => self.prepare(level),
            "execute" => self.execute(level),
            "create" => {
                level.at = begin;
                self.create(level)
            }
            "alter" => self.alter(level),
            "drop" => self.drop_thing(level),
            "copy" => self.copy(level),
            "unload" => self.unload(level),
            "grant" => self.rights(level, Kind::Grant),
            "revoke" => self.rights(level, Kind::Revoke),
            "attach" => self.policy_of_table(level, Kind::AttachPolicy),
            "detach" => self.policy_of_table(level, Kind::DetachPolicy),
            "vacuum" => self.vacuum(level),
            "analyze" | "analyse" => self.analyze(level),
            "truncate" => {
                self.eat(level, "table");
                self.tables_only(level, Kind::Truncate)
            }
            "lock" => self.lock(level),
            "refresh" => self.refresh(level),
            "call" => self.call_procedure(level),
            "deallocate" => {
                self.eat(level, "prepare");
                self.one_name(level, Kind::Prepared)
            }
            "close" => self.one_name(level, Kind::Cursor),
            "fetch" => self.fetch(level),
            "begin" | "start" | "commit" | "end" | "rollback" | "abort" => self.transaction(level),
            "set" | "reset" => self.set(level),
            "use" => self.unknown(level, Kind::Set),
            "show" => self.show(level),
            "desc" | "describe" => self.unknown(level, Kind::Show),
            "cancel" => self.cancel(level),
            "comment" => self.comment(level),
            _ => Err(Stop(begin)),
        }
    }

    /// Of this kind, and no more is known.
    pub(super) fn unknown(&mut self, level: &mut Level, kind: Kind) -> Read {
        self.kind = Some(kind);
        self.leave(level)
    }

    fn tables_only(&mut self, level: &mut Level, kind: Kind) -> Read {
        self.kind = Some(kind);
        let tables = self.targets(level)?;
        self.facts.writes.extend(tables);
        Ok(())
    }

    fn one_name(&mut self, level: &mut Level, kind: Kind) -> Read {
        self.kind = Some(kind);
        if self.eat(level, "all") {
            return Ok(());
        }
        self.name(level, Role::Other)?;
        Ok(())
    }

    /// `COPY table [(columns)] FROM 'files' …`
    fn copy(&mut self, level: &mut Level) -> Read {
        // COPY JOB manages a copy that runs by itself.
        if self.eat(level, "job") {
            return self.unknown(level, Kind::Copy);
        }
        let table = self.target(level)?;
        self.facts.writes.push(table);
        if self.is_symbol(level, '(') {
            self.later(level, Content::Columns);
        }
        self.expect(level, "from")?;
        self.kind = Some(Kind::Copy);
        self.transfer(level, true);
        if !self.text_ahead(level, 0) {
            return self.leave(level);
        }
        self.text(level)?;
        self.options(level, &COPY_OPTIONS)
    }

    /// `[FULL | SORT ONLY | …] [table [TO n PERCENT] [BOOST]]`
    fn vacuum(&mut self, level: &mut Level) -> Read {
        self.kind = Some(Kind::Vacuum);
        self.eat_any(
            level,
            &["full", "sort only", "delete only", "reindex", "recluster"],
        );
        // Without a table it is all of them. The words are options of PostgreSQL's, and reserved.
        let is_option = self.eat_any(level, &["verbose", "freeze", "analyze", "boost"]);
        if is_option || level.at >= level.end {
            return self.leave(level);
        }
        let table = self.target(level)?;
        self.facts.writes.push(table);
        if self.eat(level, "to") {
            self.number(level)?;
            self.expect(level, "percent")?;
        }
        self.eat(level, "boost");
        Ok(())
    }

    /// `[COMPRESSION] [VERBOSE] [table [(columns)]] [PREDICATE COLUMNS | ALL COLUMNS] [COMPROWS n]`
    fn analyze(&mut self, level: &mut Level) -> Read {
        self.kind = Some(Kind::Analyze);
        self.eat(level, "compression");
        self.eat(level, "verbose");
        if level.at >= level.end || self.eat_any(level, &["predicate columns", "all columns"]) {
            return self.leave(level);
        }
        let table = self.target(level)?;
        self.facts.writes.push(table);
        if self.is_symbol(level, '(') {
            self.later(level, Content::Columns);
        }
        self.eat_any(level, &["predicate columns", "all columns"]);
        if self.eat(level, "comprows") {
            self.number(level)?;
        }
        Ok(())
    }

    fn lock(&mut self, level: &mut Level) -> Read {
        self.eat(level, "table");
        self.tables_only(level, Kind::Lock)
    }

    /// `MATERIALIZED VIEW name [CASCADE | RESTRICT]`
    fn refresh(&mut self, level: &mut Level) -> Read {
        self.expect(level, "materialized view")?;
        let view = self.target(level)?;
        self.facts.writes.push(view);
        self.kind = Some(Kind::Refresh);
        // What the view is made of is not in the text, and neither are views on it.
        if self.eat(level, "cascade") {
            self.facts.not_all_known = true;
        }
        self.eat(level, "restrict");
        Ok(())
    }

    /// `name(values)`: what it does is not in the text. What its arguments read is.
    fn call_procedure(&mut self, level: &mut Level) -> Read {
        self.facts.not_all_known = true;
        self.kind = Some(Kind::Call);
        let path = self.path(level)?;
        self.account.give_path(&path, Role::Function);
        self.facts.functions.push(path.exact());
        self.bracket(level, Content::Values)
    }

    /// `FETCH [NEXT | ALL | {FORWARD [n | ALL]}] FROM cursor`
    fn fetch(&mut self, level: &mut Level) -> Read {
        self.kind = Some(Kind::Cursor);
        if !self.eat_any(level, &["next", "all", "prior", "first", "last"]) {
            self.eat_any(level, &["forward", "backward"]);
            if !self.eat(level, "all") && !self.is_any(level, &["from", "in"]) {
                self.number(level)?;
            }
        }
        if !self.eat_any(level, &["from", "in"]) {
            return Err(Stop(level.at));
        }
        self.name(level, Role::Other)?;
        Ok(())
    }

    fn transaction(&mut self, level: &mut Level) -> Read {
        const WORDS: [&str; 14] = [
            "work",
            "transaction",
            "isolation",
            "level",
            "serializable",
            "snapshot",
            "read",
            "uncommitted",
            "committed",
            "repeatable",
            "write",
            "only",
            "and",
            "chain",
        ];
        self.kind = Some(Kind::Transaction);
        while level.at < level.end {
            if self.is_any(level, &WORDS) {
                self.step_as(level, Role::Keyword);
            } else if !self.eat_symbol(level, ',') {
                return Err(Stop(level.at));
            }
        }
        Ok(())
    }

    /// `SET [SESSION | LOCAL] {parameter {TO | =} value | TIME ZONE value}`, `RESET parameter`
    ///
    /// The search path and the user decide which tables the statements after it touch, and so may a parameter that is
    /// not known here.
    fn set(&mut self, level: &mut Level) -> Read {
        self.kind = Some(Kind::Set);
        self.eat_any(level, &["session", "local"]);
        if self.eat(level, "time zone") {
            return self.parameter_values(level);
        }
        if !self.is_any(level, &HARMLESS_PARAMETERS) {
            return self.leave(level);
        }
        self.step_as(level, Role::Keyword);
        if level.at >= level.end {
            return Ok(());
        }
        if !self.eat(level, "to") && !self.eat_symbol(level, '=') {
            return self.leave(level);
        }
        self.parameter_values(level)
    }

    /// Words, texts and numbers with commas between them.
    fn parameter_values(&mut self, level: &mut Level) -> Read {
        loop {
            match self.peek(level).map(|token| token.kind) {
                Some(TokenKind::Text(_)) => self.literal(level),
                Some(TokenKind::Number) => level.at += 1,
                Some(TokenKind::Symbol('-')) => {
                    level.at += 1;
                    self.number(level)?;
                }
                Some(TokenKind::Word | TokenKind::QuotedName) => self.step_as(level, Role::Other),
                _ => return Err(Stop(level.at)),
            }
            if !self.eat_symbol(level, ',') {
                return Ok(());
            }
        }
    }

    /// `process ['message']`
    fn cancel(&mut self, level: &mut Level) -> Read {
        self.kind = Some(Kind::Cancel);
        match self.peek(level).map(|token| token.kind) {
            Some(TokenKind::Number | TokenKind::Placeholder) => level.at += 1,
            _ => return Err(Stop(level.at)),
        }
        if level.at < level.end {
            self.text(level)?;
        }
        Ok(())
    }

    /// `ON {TABLE | VIEW | COLUMN | …} name IS {'text' | NULL}`
    fn comment(&mut self, level: &mut Level) -> Read {
        self.kind = Some(Kind::Comment);
        let table = if self.eat_any(level, &["on table", "on view"]) {
            self.target(level)?
        } else if self.eat(level, "on column") {
            let at = level.at;
            self.column_of_table(level)?.ok_or(Stop(at))?
        } else {
            return self.leave(level);
        };
        self.facts.writes.push(table);
        self.expect(level, "is")?;
        match self.eat(level, "null") {
            true => Ok(()),
            false => self.text(level),
        }
    }

    /// The table of a column with its table's name before it.
    fn column_of_table(&mut self, level: &mut Level) -> Read<Option<TableName>> {
        let mut path = self.path(level)?;
        self.account.give_path(&path, Role::Relation);
        path.parts.pop();
        Ok(path.table())
    }

    /// `parameter`, `{TABLE | VIEW} name`, `COLUMNS FROM TABLE name [LIKE …] [LIMIT n]`
    ///
    /// Who sees how a table is made sees a part of it.
    fn show(&mut self, level: &mut Level) -> Read {
        self.kind = Some(Kind::Show);
        if self.eat_any(level, &["table", "view", "columns from table"]) {
            let table = self.target(level)?;
            self.facts.reads.push(table);
        } else if self.ahead(level, 1).is_none() {
            // The value of a parameter, or a list such as that of databases.
            self.name(level, Role::Other)?;
            return Ok(());
        }
        if self.eat(level, "like") {
            self.text(level)?;
        }
        if self.eat(level, "limit") {
            self.number(level)?;
        }
        self.rest(level)
    }
}
