//! What policies, services and callers wrote, as it can be shown.
//!
//! A control character can move the cursor, change what is on the screen or type for the user. Those of a text are
//! shown as `\u{1b}`. Our own colours stay.

use std::fmt::{self, Display, Write as _};

use super::{BAD, FAINT, GOOD, HEAD, NAME, NOTE};

/// A text without control characters, apart from line breaks and tabs.
pub(super) struct Safe<T>(pub(super) T);

impl<T: Display> Display for Safe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let colours = colours();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(acts) {
            let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
            f.write_str(before)?;
            let ours = colours
                .iter()
                .find(|colour| from.starts_with(colour.as_str()));
            let taken = match ours {
                Some(colour) => {
                    f.write_str(colour)?;
                    colour.len()
                }
                None => {
                    let c = from.chars().next().unwrap_or_default();
                    write!(f, "{}", c.escape_unicode())?;
                    c.len_utf8()
                }
            };
            rest = from.get(taken..).unwrap_or_default();
        }
        f.write_str(rest)
    }
}

/// JSON in which such characters are escaped as JSON does it, those too that it could leave.
pub(super) fn safe_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a terminal does something at this character other than to show it: control characters, and those that change the
/// direction of what is written.
fn acts(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn colours() -> [String; 7] {
    let [good, bad, note, name, faint, head] =
        [GOOD, BAD, NOTE, NAME, FAINT, HEAD].map(|style| style.to_string());
    [good, bad, note, name, faint, head, format!("{BAD:#}")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_the_terminal_but_our_colours() {
        for (text, shown) in [
            ("plain\n\ttext é", "plain\n\ttext é"),
            ("\u{1b}[2J\u{1b}]0;t\u{7}", "\\u{1b}[2J\\u{1b}]0;t\\u{7}"),
            ("a\rb\u{8}\u{9b}1m\u{7f}", "a\\u{d}b\\u{8}\\u{9b}1m\\u{7f}"),
            ("\u{202e}txt", "\\u{202e}txt"),
        ] {
            assert_eq!(Safe(text).to_string(), shown);
        }
        let ours = super::super::styled(GOOD, "yes");
        assert_eq!(Safe(&ours).to_string(), ours);
    }

    #[test]
    fn a_document_says_the_same() {
        let document = serde_json::json!({"a": "\u{1b}[2J\u{9b}\u{202e}é\n"});
        let text = safe_json(&serde_json::to_string_pretty(&document).unwrap());
        assert!(!text.chars().any(acts), "{text}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            document
        );
    }
}
