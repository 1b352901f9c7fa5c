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
    Some(unescape(inside(token)?, |_| {}))
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

/// Undoes the escapes of a literal's inside. Of each byte of the result `place` is told where it came from.
pub(super) fn unescape(inside: &str, mut place: impl FnMut(usize)) -> String {
    // Octal digits give bytes, several of which may be one character.
    let mut value = Vec::with_capacity(inside.len());
    let mut bytes = inside.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        let said = match byte {
            b'\'' => {
                bytes.next_if(|(_, byte)| *byte == b'\'');
                byte
            }
            b'\\' => match bytes.next() {
                None => continue,
                Some((_, b'b')) => 8,
                Some((_, b'f')) => 12,
                Some((_, b'n')) => b'\n',
                Some((_, b'r')) => b'\r',
                Some((_, b't')) => b'\t',
                Some((_, digit @ b'0'..=b'7')) => {
                    let mut octal = digit - b'0';
                    for _ in 0..2 {
                        let Some((_, next)) =
                            bytes.next_if(|(_, byte)| (b'0'..=b'7').contains(byte))
                        else {
                            break;
                        };
                        octal = octal.wrapping_mul(8).wrapping_add(next - b'0');
                    }
                    octal
                }
                Some((_, other)) => other,
            },
            _ => byte,
        };
        value.push(said);
        place(at);
    }
    String::from_utf8(value).unwrap_or_else(|error| {
        // One byte for one byte, so that places stay.
        let ascii = |byte: &u8| {
            if byte.is_ascii() {
                char::from(*byte)
            } else {
                '?'
            }
        };
        error.as_bytes().iter().map(ascii).collect()
    })
}
