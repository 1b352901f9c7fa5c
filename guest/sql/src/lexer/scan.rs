//! One token at the beginning of a text.

use super::doubt::{Doubt, doubtful_letter};
use super::{MAX_NAME_BYTES, TextForm, TokenKind};

/// Whether a backslash escapes in plain literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// It does, always.
    Redshift,
    /// It does in `E'…'` only, as the SQL standard and PostgreSQL have it.
    Standard,
}

/// A token that was found, and its length in bytes, which is never 0.
pub(super) struct Found {
    pub(super) kind: TokenKind,
    pub(super) length: usize,
    pub(super) unterminated: bool,
    pub(super) doubt: Option<Doubt>,
}

impl Found {
    fn new(kind: TokenKind, length: usize) -> Self {
        Self {
            kind,
            length,
            unterminated: false,
            doubt: None,
        }
    }

    fn doubted(mut self, doubt: Option<Doubt>) -> Self {
        self.doubt = self.doubt.or(doubt);
        self
    }

    /// Of a length that is not known if the end is missing.
    fn closed(kind: TokenKind, length: Option<usize>, rest: &str) -> Self {
        Self {
            unterminated: length.is_none(),
            doubt: length.is_none().then_some(Doubt::Unterminated),
            ..Self::new(kind, length.unwrap_or(rest.len()))
        }
    }
}

/// The token at the beginning of `rest`, whose first character is `first`; `before` is the character before it.
pub(super) fn scan(first: char, rest: &str, before: Option<char>, quotes: Quotes) -> Found {
    let bytes = rest.as_bytes();
    let second = bytes.get(1).copied();
    match first {
        c if is_space(c) => space(rest),
        '-' if second == Some(b'-') => line_comment(rest),
        '/' if second == Some(b'*') => block_comment(rest),
        '\'' => literal(TextForm::Plain, 0, rest, quotes),
        '"' => quoted_name(0, rest),
        '$' => dollar(rest),
        ';' => Found::new(TokenKind::Semicolon, 1),
        ':' if second == Some(b':') => Found::new(TokenKind::Cast, 2),
        ':' => placeholder(rest),
        '.' if second.is_some_and(|byte| byte.is_ascii_digit()) => number(rest),
        c if c.is_ascii_digit() => number(rest),
        '#' if rest
            .get(1..)
            .is_some_and(|name| name.starts_with(begins_name)) =>
        {
            let touches =
                before.is_some_and(|c| continues_name(c) || matches!(c, '"' | '\'' | '#'));
            name(rest, 1).doubted(touches.then_some(Doubt::Hash))
        }
        c if begins_name(c) => prefixed(rest, quotes).unwrap_or_else(|| name(rest, 0)),
        c => Found::new(TokenKind::Symbol(c), c.len_utf8()).doubted(match c {
            '{' | '}' => Some(Doubt::Braces),
            '?' => Some(Doubt::QuestionMark),
            '`' => Some(Doubt::Backtick),
            c if c.is_control() => Some(Doubt::Invisible),
            _ => None,
        }),
    }
}

/// Vertical tab is white space to newer servers only.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c' | '\x0b')
}

/// Whether a bare name can begin with it.
fn begins_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

/// Whether a bare name goes on with it.
fn continues_name(c: char) -> bool {
    begins_name(c) || c.is_ascii_digit() || c == '$'
}

/// The length of the characters from byte `from` on for which `belongs` holds, and of what is before.
fn run(rest: &str, from: usize, belongs: impl Fn(char) -> bool) -> usize {
    rest.get(from..)
        .and_then(|tail| tail.find(|c| !belongs(c)))
        .map_or(rest.len(), |length| from + length)
}

fn space(rest: &str) -> Found {
    let length = run(rest, 0, is_space);
    let has_vertical_tab = rest
        .get(..length)
        .is_some_and(|space| space.contains('\x0b'));
    Found::new(TokenKind::Space, length).doubted(has_vertical_tab.then_some(Doubt::Invisible))
}

fn line_comment(rest: &str) -> Found {
    let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
    let behind = rest.get(end..).unwrap_or("");
    // Other programs end the comment at the line feed only. That makes a difference if anything is before it.
    let hides = behind.starts_with('\r') && !behind.starts_with("\r\n") && {
        let line_end = behind.find(|c| !is_space(c) || c == '\n');
        line_end.is_some_and(|at| !behind.get(at..).is_some_and(|rest| rest.starts_with('\n')))
    };
    Found::new(TokenKind::LineComment, end).doubted(hides.then_some(Doubt::CarriageReturn))
}

fn block_comment(rest: &str) -> Found {
    let bytes = rest.as_bytes();
    let mut depth = 0_usize;
    let mut nested = false;
    let mut at = 0;
    while let (Some(one), Some(two)) = (bytes.get(at), bytes.get(at + 1)) {
        match (one, two) {
            (b'/', b'*') => {
                nested |= depth > 0;
                depth += 1;
                at += 2;
            }
            (b'*', b'/') => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return Found::new(TokenKind::BlockComment, at)
                        .doubted(nested.then_some(Doubt::NestedComment));
                }
            }
            _ => at += 1,
        }
    }
    Found::closed(TokenKind::BlockComment, None, rest)
}

/// A literal in single quotes whose opening quote is at byte `prefix`.
fn literal(form: TextForm, prefix: usize, rest: &str, quotes: Quotes) -> Found {
    let bytes = rest.as_bytes();
    let escapes = quotes == Quotes::Redshift || form == TextForm::Escape;
    let mut at = prefix + 1;
    let length = loop {
        match bytes.get(at) {
            None => break None,
            Some(b'\\') if escapes => at += 2,
            Some(b'\'') if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            Some(b'\'') => break Some(at + 1),
            Some(_) => at += 1,
        }
    };
    // An escaped character may have been cut in the middle only at the end of the text.
    let length = length.filter(|length| *length <= rest.len());
    let found = Found::closed(TokenKind::Text(form), length, rest);
    let inside = rest.get(prefix + 1..found.length).unwrap_or("");
    let inside = inside.strip_suffix('\'').unwrap_or(inside);
    let is_doubtful = match form {
        TextForm::Bits | TextForm::Hex => inside.contains(['\\', '\'']),
        TextForm::Unicode => true,
        _ => false,
    };
    found.doubted(is_doubtful.then_some(Doubt::Prefix))
}

fn quoted_name(prefix: usize, rest: &str) -> Found {
    let bytes = rest.as_bytes();
    let mut at = prefix + 1;
    let length = loop {
        match bytes.get(at) {
            None => break None,
            Some(b'"') if bytes.get(at + 1) == Some(&b'"') => at += 2,
            Some(b'"') => break Some(at + 1),
            Some(_) => at += 1,
        }
    };
    let found = Found::closed(TokenKind::QuotedName, length, rest);
    let inside = rest.get(prefix + 1..found.length - 1).unwrap_or("");
    let name_bytes = inside.len() - inside.matches("\"\"").count();
    let doubt = if prefix > 0 {
        Some(Doubt::Prefix)
    } else if name_bytes > MAX_NAME_BYTES {
        Some(Doubt::LongName)
    } else {
        None
    };
    found.doubted(doubt)
}

/// A literal with a letter before it.
fn prefixed(rest: &str, quotes: Quotes) -> Option<Found> {
    let bytes = rest.as_bytes();
    let form = match bytes.first()?.to_ascii_lowercase() {
        b'e' => TextForm::Escape,
        b'n' => TextForm::National,
        b'b' => TextForm::Bits,
        b'x' => TextForm::Hex,
        b'u' => TextForm::Unicode,
        _ => return None,
    };
    match (form, bytes.get(1)?, bytes.get(2)) {
        (TextForm::Unicode, b'&', Some(b'\'')) => Some(literal(form, 2, rest, quotes)),
        (TextForm::Unicode, b'&', Some(b'"')) => Some(quoted_name(2, rest)),
        (TextForm::Unicode, ..) => None,
        (_, b'\'', _) => Some(literal(form, 1, rest, quotes)),
        _ => None,
    }
}

/// A bare name with a prefix of so many bytes.
fn name(rest: &str, prefix: usize) -> Found {
    let length = run(rest, prefix, continues_name);
    let text = rest.get(..length).unwrap_or(rest);
    let doubt = if text.contains(doubtful_letter) {
        Some(Doubt::Invisible)
    } else if length > MAX_NAME_BYTES {
        Some(Doubt::LongName)
    } else {
        None
    };
    Found::new(TokenKind::Word, length).doubted(doubt)
}

fn placeholder(rest: &str) -> Found {
    let length = run(rest, 1, |c| c.is_ascii_alphanumeric() || c == '_');
    if length == 1 {
        return Found::new(TokenKind::Symbol(':'), 1);
    }
    Found::new(TokenKind::Placeholder, length).doubted(touching(rest, length))
}

/// A number, or the parameter of a prepared statement, that a letter follows at once.
fn touching(rest: &str, length: usize) -> Option<Doubt> {
    rest.get(length..)
        .is_some_and(|behind| behind.starts_with(|c| continues_name(c) || c == '#'))
        .then_some(Doubt::Touching)
}

fn number(rest: &str) -> Found {
    let digits = |from| run(rest, from, |c| c.is_ascii_digit());
    let mut length = digits(0);
    if let Some(tail) = rest.get(length..).and_then(|tail| tail.strip_prefix('.'))
        // `1..2` is a range of a procedure.
        && !tail.starts_with('.')
    {
        length = digits(length + 1);
    }
    if let Some(tail) = rest
        .get(length..)
        .and_then(|tail| tail.strip_prefix(['e', 'E']))
    {
        let sign = usize::from(tail.starts_with(['+', '-']));
        if tail
            .get(sign..)
            .is_some_and(|tail| tail.starts_with(|c: char| c.is_ascii_digit()))
        {
            length = digits(length + 1 + sign);
        }
    }
    Found::new(TokenKind::Number, length).doubted(touching(rest, length))
}

fn dollar(rest: &str) -> Found {
    let digits = run(rest, 1, |c| c.is_ascii_digit());
    if digits > 1 {
        return Found::new(TokenKind::Position, digits).doubted(touching(rest, digits));
    }
    let tag_end = run(rest, 1, |c| begins_name(c) || c.is_ascii_digit());
    match rest.get(..=tag_end) {
        Some(tag) if tag.ends_with('$') && tag.len() > 1 => {
            let body = rest.get(tag.len()..).unwrap_or("");
            let length = body.find(tag).map(|at| tag.len() + at + tag.len());
            Found::closed(TokenKind::Text(TextForm::Dollar), length, rest)
                .doubted(tag.contains(doubtful_letter).then_some(Doubt::Invisible))
        }
        _ => Found::new(TokenKind::Symbol('$'), 1),
    }
}
