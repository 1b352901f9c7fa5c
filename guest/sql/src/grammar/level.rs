//! Walking over one level of brackets.

use super::{Read, Reader, Stop};
use crate::account::{Part, Path, Role};
use crate::lexer::{Token, TokenKind};

/// A position in one level of brackets, and its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    pub(crate) at: usize,
    pub(crate) end: usize,
}

impl Level {
    pub(crate) fn new(begin: usize, end: usize) -> Self {
        Self { at: begin, end }
    }
}

impl<'s> Reader<'_, 's> {
    pub(super) fn peek(&self, level: &Level) -> Option<Token<'s>> {
        self.ahead(level, 0)
    }

    /// The token so many tokens ahead, in this level.
    pub(super) fn ahead(&self, level: &Level, count: usize) -> Option<Token<'s>> {
        let at = level.at + count;
        (at < level.end).then(|| self.source.token(at)).flatten()
    }

    pub(super) fn is(&self, level: &Level, word: &str) -> bool {
        self.peek(level).is_some_and(|token| token.is(word))
    }

    pub(super) fn is_any(&self, level: &Level, words: &[&str]) -> bool {
        self.peek(level).is_some_and(|token| token.is_any(words))
    }

    pub(super) fn is_symbol(&self, level: &Level, symbol: char) -> bool {
        self.peek(level)
            .is_some_and(|token| token.is_symbol(symbol))
    }

    /// Whether this word is so many tokens ahead.
    pub(super) fn is_ahead(&self, level: &Level, count: usize, word: &str) -> bool {
        self.ahead(level, count).is_some_and(|token| token.is(word))
    }

    /// Whether a bracket opens so many tokens ahead.
    pub(super) fn opens(&self, level: &Level, count: usize) -> bool {
        self.ahead(level, count)
            .is_some_and(|token| token.is_symbol('('))
    }

    /// Whether a literal in quotes is so many tokens ahead.
    pub(super) fn text_ahead(&self, level: &Level, count: usize) -> bool {
        self.ahead(level, count)
            .is_some_and(|token| token.is_text())
    }

    /// Step over the words, which are keywords, if all of them are next.
    pub(super) fn eat(&mut self, level: &mut Level, words: &str) -> bool {
        let mut count = 0;
        for word in words.split(' ') {
            if !self.is_ahead(level, count, word) {
                return false;
            }
            count += 1;
        }
        for _ in 0..count {
            self.step_as(level, Role::Keyword);
        }
        true
    }

    pub(super) fn eat_any(&mut self, level: &mut Level, choices: &[&str]) -> bool {
        choices.iter().any(|words| self.eat(level, words))
    }

    pub(super) fn eat_symbol(&mut self, level: &mut Level, symbol: char) -> bool {
        let found = self.is_symbol(level, symbol);
        level.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, level: &mut Level, words: &str) -> Read {
        match self.eat(level, words) {
            true => Ok(()),
            false => Err(Stop(level.at)),
        }
    }

    pub(super) fn expect_symbol(&mut self, level: &mut Level, symbol: char) -> Read {
        match self.eat_symbol(level, symbol) {
            true => Ok(()),
            false => Err(Stop(level.at)),
        }
    }

    pub(super) fn expect_end(&self, level: &Level) -> Read {
        match level.at >= level.end {
            true => Ok(()),
            false => Err(Stop(level.at)),
        }
    }

    /// Step over a word, which has this role.
    pub(super) fn step_as(&mut self, level: &mut Level, role: Role) {
        self.account.give(level.at, role);
        level.at += 1;
    }

    /// A dotted name, which has no role yet.
    pub(super) fn path(&mut self, level: &mut Level) -> Read<Path> {
        let begin = level.at;
        let mut parts = vec![self.part(level, true)?];
        while self.is_symbol(level, '.')
            && self
                .ahead(level, 1)
                .is_some_and(|token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedName))
        {
            level.at += 1;
            parts.push(self.part(level, false)?);
        }
        Ok(Path {
            begin,
            end: level.at,
            parts,
        })
    }

    /// One part of a name. The first is no word that the grammar needs.
    fn part(&mut self, level: &mut Level, first: bool) -> Read<Part> {
        let token = self.peek(level).ok_or(Stop(level.at))?;
        if first && is_reserved(&token) {
            return Err(Stop(level.at));
        }
        let part = Part::of(&token).ok_or(Stop(level.at))?;
        level.at += 1;
        Ok(part)
    }

    /// A single name with this role.
    pub(super) fn name(&mut self, level: &mut Level, role: Role) -> Read<Part> {
        let at = level.at;
        let token = self.peek(level).ok_or(Stop(at))?;
        if token.text.starts_with('#') {
            return Err(Stop(at));
        }
        let part = self.part(level, true)?;
        self.account.give(at, role);
        Ok(part)
    }

    /// A single name with this role, with or without AS before it: any word behind AS, and otherwise one that begins
    /// nothing else.
    pub(super) fn optional_alias(&mut self, level: &mut Level) -> Read<Option<Part>> {
        if self.eat(level, "as") {
            let at = level.at;
            let token = self.peek(level).ok_or(Stop(at))?;
            let part = Part::of(&token)
                .filter(|_| !token.text.starts_with('#'))
                .filter(|_| !token.is_any(&NEVER_NAMES))
                .ok_or(Stop(at))?;
            self.step_as(level, Role::Alias);
            return Ok(Some(part));
        }
        match self.peek(level) {
            Some(token) if begins_alias(&token) => self.name(level, Role::Alias).map(Some),
            _ => Ok(None),
        }
    }

    /// Names with commas between them, each with this role.
    pub(super) fn name_list(&mut self, level: &mut Level, role: Role) -> Read {
        loop {
            self.name(level, role)?;
            if !self.eat_symbol(level, ',') {
                return Ok(());
            }
        }
    }

    /// What is in the bracket of a list of columns.
    pub(super) fn columns(&mut self, level: &mut Level) -> Read {
        self.name_list(level, Role::Column)
    }
}

fn begins_alias(token: &Token<'_>) -> bool {
    match token.kind {
        TokenKind::QuotedName => true,
        TokenKind::Word => !is_reserved(token) && !token.is_any(&NOT_BARE_ALIASES),
        _ => false,
    }
}

/// Whether this word is needed by the grammar where a name could stand, so that it is never a name without quotes.
pub(super) fn is_reserved(token: &Token<'_>) -> bool {
    token.is_any(&RESERVED)
}

/// Words that are never names, not even behind AS: what follows them could be a table.
const NEVER_NAMES: [&str; 10] = [
    "select",
    "from",
    "join",
    "into",
    "table",
    "union",
    "intersect",
    "except",
    "with",
    "only",
];

/// Words that begin something else where the name of a table or a column could stand without AS.
const NOT_BARE_ALIASES: [&str; 12] = [
    "pivot",
    "unpivot",
    "qualify",
    "window",
    "fetch",
    "for",
    "set",
    "returning",
    "start",
    "connect",
    "at",
    "over",
];

const RESERVED: [&str; 64] = [
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "as",
    "asc",
    "authorization",
    "between",
    "both",
    "case",
    "check",
    "collate",
    "constraint",
    "create",
    "cross",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "for",
    "foreign",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "leading",
    "left",
    "like",
    "limit",
    "minus",
    "natural",
    "not",
    "notnull",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "right",
    "select",
    "similar",
    "table",
    "then",
    "trailing",
    "union",
    "using",
    "when",
    "where",
    "with",
];
