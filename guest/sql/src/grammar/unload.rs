//! UNLOAD, whose query is a text.

use super::{Content, Level, Read, Reader, Stop};
use crate::Kind;
use crate::account::Role;
use crate::lexer::{Doubt, Doubtful};
use crate::lexer::{TextForm, TokenKind, has_doubtful_escape, literal_value};
use crate::statement::{Statement, Unparsed, classify_query};
use crate::structure::{Span, Structure, Transfer};

pub(crate) const UNLOAD_OPTIONS: [&str; 49] = [
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
    "parquet",
    "json",
    "include",
    "manifest",
    "verbose",
    "header",
    "delimiter",
    "fixedwidth",
    "encrypted",
    "auto",
    "bzip2",
    "gzip",
    "zstd",
    "addquotes",
    "null",
    "escape",
    "allowoverwrite",
    "cleanpath",
    "parallel",
    "on",
    "off",
    "true",
    "false",
    "maxfilesize",
    "mb",
    "gb",
    "rowgroupsize",
    "region",
    "extension",
    "kms_key_id",
    "master_symmetric_key",
    "with",
    "none",
    "noheader",
    "explicit_ids",
    "nullas",
    "overwrite",
    "compression",
    "snappy",
];

impl Reader<'_, '_> {
    /// `UNLOAD ('query') TO 'files' …`
    pub(super) fn unload(&mut self, level: &mut Level) -> Read {
        if !self.is_symbol(level, '(') {
            return Err(Stop(level.at));
        }
        let mut inside = Level::new(level.at + 1, self.source.close_of(level.at));
        level.at = inside.end + 1;
        let (query, doubtful) = self.unloaded_query(&mut inside)?;
        self.expect(level, "to")?;
        self.kind = Some(Kind::Unload);
        self.transfer(level, false);
        if let Some(doubtful) = doubtful {
            self.facts.unread.push(doubtful.words);
            self.shape.inner = Some(Box::new(Structure::unknown()));
            return self.leave(level);
        }
        self.take(classify_query(&query, !self.shape.is_off()));
        self.text(level)?;
        self.options(level, &UNLOAD_OPTIONS)
    }

    /// What is moved is said from here to the end.
    pub(super) fn transfer(&mut self, level: &Level, reads: bool) {
        self.shape.transfer = Some(Transfer {
            span: Span {
                begin: level.at,
                end: level.end,
            },
            reads,
        });
    }

    /// What the literals in the bracket say together.
    fn unloaded_query(&mut self, level: &mut Level) -> Read<(String, Option<Doubtful>)> {
        let mut query = String::new();
        let mut doubtful = None;
        let begin = level.at;
        while let Some(token) = self.peek(level) {
            let continues = token.kind == TokenKind::Text(TextForm::Plain)
                && self.source.continues_literal(level.at);
            if level.at > begin && !continues {
                return Err(Stop(level.at));
            }
            query.push_str(&literal_value(&token).ok_or(Stop(level.at))?);
            if has_doubtful_escape(&token) {
                doubtful = Some(Doubtful::new(token.text, Doubt::UnloadEscape));
            }
            level.at += 1;
        }
        match level.at > begin {
            true => Ok((query, doubtful)),
            false => Err(Stop(begin)),
        }
    }

    /// The facts of the query.
    fn take(&mut self, query: Statement) {
        let understood = query.kind == Ok(Kind::Select);
        self.facts.not_all_known |= !understood || !query.writes.is_empty() || !query.is_all_read();
        match query.kind {
            Err(Unparsed::Ambiguous(doubtful)) => self.facts.unread.push(doubtful.words),
            Err(Unparsed::Syntax {
                near: Some(near), ..
            }) => self.facts.unread.push(near),
            _ => {}
        }
        self.shape.inner = Some(Box::new(query.structure));
        self.facts.unread.extend(query.unaccounted);
        self.facts.reads.extend(query.reads);
        self.facts.writes.extend(query.writes);
        self.facts.functions.extend(query.functions);
    }

    /// A literal, with those that continue it.
    pub(super) fn text(&mut self, level: &mut Level) -> Read {
        match self.peek(level) {
            Some(token) if token.is_text() => {
                self.literal(level);
                Ok(())
            }
            _ => Err(Stop(level.at)),
        }
    }

    /// Options up to the end: these words, literals, numbers, and columns behind PARTITION BY. Any other word stays without
    /// a role.
    pub(super) fn options(&mut self, level: &mut Level, known: &[&str]) -> Read {
        while let Some(token) = self.peek(level) {
            match token.kind {
                TokenKind::Word if token.is_any(known) => self.step_as(level, Role::Keyword),
                TokenKind::Word if self.eat(level, "partition by") => {
                    self.bracket(level, Content::Columns)?;
                    self.eat(level, "include");
                }
                TokenKind::Word | TokenKind::QuotedName => level.at += 1,
                TokenKind::Text(_) | TokenKind::Number => level.at += 1,
                TokenKind::Symbol('(') => self.later(level, Content::Words),
                TokenKind::Symbol(',' | '=' | '-' | '.') => level.at += 1,
                _ => return Err(Stop(level.at)),
            }
        }
        Ok(())
    }

    /// Words in brackets that belong to options: none of them has a role.
    pub(super) fn words(&mut self, level: &mut Level) -> Read {
        self.options(level, &[])
    }
}
