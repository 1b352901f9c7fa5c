//! Texts from which secrets were lent, and the way back.

use std::{borrow::Cow, collections::HashMap, ops::Range};

use sha2::{Digest, Sha256};
use signalbox_sql::{
    lexer::{Token, TokenKind, significant},
    secrets,
};

use super::lookalike;

/// The texts of a payload, by what they say as SQL.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    /// None where nothing was lent.
    all: HashMap<[u8; 32], Option<Lent>>,
}

/// A text from which secrets were lent.
#[derive(Clone)]
struct Lent {
    /// As the guest has it.
    lent: String,
    /// As the caller wrote it.
    whole: String,
}

impl std::fmt::Debug for Lent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lent({} bytes)", self.whole.len())
    }
}

/// What is lent of a text: literals that are secrets by their place, and what looks like one. In order, none within
/// another.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let by_place = secrets::find(text);
    let mut all = by_place.clone();
    let mut places = by_place.into_iter().peekable();
    for alike in lookalike::find(text) {
        while places.next_if(|place| place.end <= alike.start).is_some() {}
        if places.peek().is_none_or(|place| alike.end <= place.start) {
            all.push(alike);
        }
    }
    all.sort_by_key(|range| range.start);
    all
}

/// What a text says as SQL: its words without white space, comments and the last semicolons.
fn shape(text: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut semicolons = 0_u32;
    for token in significant(text) {
        if token.kind == TokenKind::Semicolon {
            semicolons += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut semicolons) {
            hash.update(";\0");
        }
        hash.update(token.text);
        hash.update("\0");
    }
    hash.finalize().into()
}

impl Texts {
    /// Notes a text of the payload. `lent` is what the guest has, `whole` what the caller wrote.
    pub(super) fn note(&mut self, lent: &str, whole: Option<String>) {
        let noted = whole.map(|whole| Lent {
            lent: lent.to_owned(),
            whole,
        });
        let entry = self.all.entry(shape(lent)).or_default();
        if entry.is_none() {
            *entry = noted;
        }
    }

    /// The SQL of a text of the payload with what was lent from that text; none for other SQL.
    pub(super) fn restored<'t>(&self, sql: &'t str) -> Option<Cow<'t, str>> {
        let Some(lent) = self.all.get(&shape(sql))? else {
            return Some(Cow::Borrowed(sql));
        };
        if lent.lent == sql {
            return Some(Cow::Owned(lent.whole.clone()));
        }
        Some(Cow::Owned(lent.put_into(sql)))
    }

    /// The whole of a text from which something was lent.
    pub(super) fn whole(&self, text: &str) -> Option<&str> {
        let lent = self.all.get(&shape(text))?.as_ref()?;
        (lent.lent == text).then_some(lent.whole.as_str())
    }
}

impl Lent {
    /// Puts what was lent into SQL that says the same with other white space and comments: literal by literal.
    fn put_into(&self, sql: &str) -> String {
        let literals = |text| significant(text).filter(Token::is_text);
        let mut out = String::with_capacity(sql.len());
        let mut done = 0;
        let pairs = literals(self.lent.as_str()).zip(literals(self.whole.as_str()));
        for (token, (lent, whole)) in literals(sql).zip(pairs) {
            if lent.text != whole.text && token.text == lent.text {
                out.push_str(sql.get(done..token.start).unwrap_or_default());
                out.push_str(whole.text);
                done = token.end();
            }
        }
        out.push_str(sql.get(done..).unwrap_or_default());
        out
    }
}
