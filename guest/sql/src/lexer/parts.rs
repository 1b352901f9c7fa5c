//! What is inside a token that holds a text.

use std::borrow::Cow;

use super::{TextForm, Token, TokenKind, literal};

/// A literal, a quoted name or a comment: what opens it, what it holds as written, what closes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts<'s> {
    pub(crate) opening: &'s str,
    pub(crate) raw: &'s str,
    pub(crate) closing: &'s str,
    escapes: Escapes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    /// A quote is doubled, a backslash escapes.
    Literal,
    /// A quote is doubled.
    Name,
    None,
}

impl<'s> Parts<'s> {
    /// The parts of a token; none if it holds nothing.
    pub(crate) fn of(token: &Token<'s>) -> Option<Self> {
        let text = token.text;
        let (opening, closing, escapes) = match token.kind {
            TokenKind::Text(TextForm::Dollar) => {
                let length = text.get(1..)?.find('$')? + 2;
                (length, length, Escapes::None)
            }
            TokenKind::Text(_) => (text.find('\'')? + 1, 1, Escapes::Literal),
            TokenKind::QuotedName => (text.find('"')? + 1, 1, Escapes::Name),
            TokenKind::LineComment => (2, 0, Escapes::None),
            TokenKind::BlockComment => (2, 2, Escapes::None),
            _ => return None,
        };
        let closing = if token.unterminated { 0 } else { closing };
        let end = text.len().checked_sub(closing)?;
        Some(Self {
            opening: text.get(..opening)?,
            raw: text.get(opening..end)?,
            closing: text.get(end..)?,
            escapes,
        })
    }

    /// What the token says.
    pub(crate) fn content(&self) -> Cow<'s, str> {
        match self.escapes {
            Escapes::Name if self.raw.contains('"') => Cow::Owned(self.raw.replace("\"\"", "\"")),
            Escapes::Literal if self.has_escapes() => {
                Cow::Owned(literal::unescape(self.raw, |_| {}))
            }
            _ => Cow::Borrowed(self.raw),
        }
    }

    /// What the token says, and of each of its bytes, and of its end, where it stands in [`Parts::raw`]; none where that is
    /// the same place.
    pub(crate) fn mapped(&self) -> (Cow<'s, str>, Option<Vec<usize>>) {
        if self.escapes != Escapes::Literal || !self.has_escapes() {
            return (self.content(), None);
        }
        let mut places = Vec::with_capacity(self.raw.len() + 1);
        let content = literal::unescape(self.raw, |at| places.push(at));
        places.push(self.raw.len());
        (Cow::Owned(content), Some(places))
    }

    fn has_escapes(&self) -> bool {
        self.raw.contains(['\'', '\\'])
    }

    /// The token with another content.
    pub(crate) fn around(&self, content: &str) -> String {
        let escaped = match self.escapes {
            Escapes::None => Cow::Borrowed(content),
            Escapes::Name => Cow::Owned(content.replace('"', "\"\"")),
            Escapes::Literal => Cow::Owned(content.replace('\\', "\\\\").replace('\'', "''")),
        };
        format!("{}{escaped}{}", self.opening, self.closing)
    }
}
