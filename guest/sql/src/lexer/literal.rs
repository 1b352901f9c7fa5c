//! What literals and quoted names say.

use super::{TextForm, Token, TokenKind};

/// What a literal says, without quotes and escapes; none if the token is no literal or has no end.
///
/// Escapes are those of the database: `\b`, `\f`, `\n`, `\r`, `\t`, octal digits, or the character itself.
#[must_use]
pub fn literal_value(token: &Token<'_>) -> Option<String> {
    let TokenKind::Text(form) = token.kind else {
        return None;
    };
    if token.unterminated {
        return None;
    }
    if form == TextForm::Dollar {
        let tag = token.text.get(..token.text.get(1..)?.find('$')? + 2)?;
        let inside = token.text.strip_prefix(tag)?.strip_suffix(tag)?;
        return Some(inside.to_owned());
    }
    Some(unescaped(inside(token)?))
}

/// Whether a literal has an escape that not all versions decode alike: any but of punctuation.
#[must_use]
pub fn has_doubtful_escape(token: &Token<'_>) -> bool {
    let Some(inside) = inside(token) else {
        return false;
    };
    let mut characters = inside.chars();
    while let Some(c) = characters.next() {
        if c == '\\' && !characters.next().is_some_and(|c| c.is_ascii_punctuation()) {
            return true;
        }
    }
    false
}

/// Whether the database takes this literal as the rest of the one before it, with `between` from one to the other:
/// white space with a line break, and `--` comments.
#[must_use]
pub fn continues_literal<'s>(between: impl IntoIterator<Item = Token<'s>>) -> bool {
    let mut breaks = false;
    for token in between {
        match token.kind {
            TokenKind::Space => breaks |= token.text.contains(['\n', '\r']),
            TokenKind::LineComment => {}
            _ => return false,
        }
    }
    breaks
}

/// What a quoted name says, without its quotes; none if the token is none.
#[must_use]
pub fn quoted_name(token: &Token<'_>) -> Option<String> {
    if token.kind != TokenKind::QuotedName {
        return None;
    }
    let inside = token.text.strip_prefix('"')?.strip_suffix('"')?;
    Some(inside.replace("\"\"", "\""))
}

/// Between the single quotes.
fn inside<'s>(token: &Token<'s>) -> Option<&'s str> {
    let (_, inside) = token.text.split_once('\'')?;
    inside.strip_suffix('\'')
}

fn unescaped(inside: &str) -> String {
    // Octal digits give bytes, several of which may be one character.
    let mut value = Vec::with_capacity(inside.len());
    let mut bytes = inside.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\'' => {
                bytes.next_if_eq(&b'\'');
                value.push(b'\'');
            }
            b'\\' => match bytes.next() {
                None => {}
                Some(b'b') => value.push(8),
                Some(b'f') => value.push(12),
                Some(b'n') => value.push(b'\n'),
                Some(b'r') => value.push(b'\r'),
                Some(b't') => value.push(b'\t'),
                Some(digit @ b'0'..=b'7') => {
                    let mut octal = digit - b'0';
                    for _ in 0..2 {
                        let Some(next) = bytes.next_if(|byte| (b'0'..=b'7').contains(byte)) else {
                            break;
                        };
                        octal = octal.wrapping_mul(8).wrapping_add(next - b'0');
                    }
                    value.push(octal);
                }
                Some(other) => value.push(other),
            },
            _ => value.push(byte),
        }
    }
    String::from_utf8(value)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
