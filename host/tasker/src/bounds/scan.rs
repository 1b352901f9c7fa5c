//! One pass over a JSON text.

use std::ops::Range;

/// What is found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A list or an object begins.
    Open,
    /// It ends.
    Close,
    /// The name of a member.
    Name,
    /// A text, a number, or a word.
    Scalar,
}

/// The steps of a text with their places. Each byte is looked at once, apart from white space behind a text, which is
/// looked at twice. A text that is not JSON has some steps too: never fewer than its beginning that is.
pub(super) struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            bytes: text.as_bytes(),
            at: 0,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Goes on while the bytes fit.
    fn skip(&mut self, fits: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&fits) {
            self.at += 1;
        }
    }

    /// Goes behind a text's closing quote.
    fn skip_text(&mut self) {
        self.at += 1;
        loop {
            self.skip(|byte| byte != b'"' && byte != b'\\');
            match self.peek() {
                Some(b'\\') => self.at += 2,
                Some(_) => {
                    self.at += 1;
                    return;
                }
                None => return,
            }
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn is_punctuation(byte: u8) -> bool {
    matches!(byte, b'[' | b']' | b'{' | b'}' | b',' | b':' | b'"')
}

impl Iterator for Scan<'_> {
    type Item = (Step, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        self.skip(|byte| is_space(byte) || matches!(byte, b',' | b':'));
        let start = self.at;
        let step = match self.peek()? {
            b'[' | b'{' => {
                self.at += 1;
                Step::Open
            }
            b']' | b'}' => {
                self.at += 1;
                Step::Close
            }
            b'"' => {
                self.skip_text();
                let end = self.at.min(self.bytes.len());
                self.skip(is_space);
                let step = if self.peek() == Some(b':') {
                    Step::Name
                } else {
                    Step::Scalar
                };
                return Some((step, start..end));
            }
            _ => {
                self.skip(|byte| !is_space(byte) && !is_punctuation(byte));
                Step::Scalar
            }
        };
        Some((step, start..self.at))
    }
}
