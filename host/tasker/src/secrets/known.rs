//! Finds known secrets in a text, all of them in one pass.

use std::collections::{BTreeMap, HashMap};

use super::search::Finder;

/// So much of a secret is looked for; what follows is compared where that is found.
const LOOKED_FOR: usize = 64;

/// Known secrets, and what stands in their places.
#[derive(Debug, Default)]
pub(super) struct Known {
    finder: Finder,
    /// Secrets and replacements in the order of the secrets' bytes.
    secrets: Vec<(String, String)>,
    /// Those that are replaced only where they are a whole text: as a part they could be any word.
    whole: HashMap<String, String>,
}

impl Known {
    /// Takes secrets, each with its replacement and with the length from which on it is looked for in texts.
    pub(super) fn new<'s>(secrets: impl Iterator<Item = (&'s str, &'s str, usize)>) -> Self {
        let mut known = Self::default();
        let mut parts = BTreeMap::new();
        for (secret, replacement, shortest) in secrets {
            if secret.len() < shortest {
                let whole = (secret.to_owned(), replacement.to_owned());
                known.whole.extend([whole]);
            } else {
                parts.insert(secret, replacement);
            }
        }
        let mut beginnings: Vec<&str> = parts.keys().map(|secret| beginning(secret)).collect();
        beginnings.dedup();
        known.finder = Finder::new(&beginnings);
        known.secrets = parts
            .into_iter()
            .map(|(secret, replacement)| (secret.to_owned(), replacement.to_owned()))
            .collect();
        known
    }

    /// The secret that `text` shares most of its beginning with, and how many bytes that is. In order it is one of the two
    /// that `text` would stand between.
    fn nearest(&self, text: &str) -> Option<(&str, usize)> {
        let at = self
            .secrets
            .partition_point(|(secret, _)| secret.as_str() <= text);
        let before = at.checked_sub(1).and_then(|at| self.secrets.get(at));
        let candidates = [before, self.secrets.get(at)];
        candidates
            .into_iter()
            .flatten()
            .map(|(secret, replacement)| (secret, replacement, common(secret, text)))
            // Of two that share as much the one that is there as a whole.
            .max_by_key(|(secret, _, common)| (*common, secret.len() == *common))
            .map(|(_, replacement, common)| (replacement.as_str(), common))
    }

    /// Replaces them in a JSON document, in which they stand as JSON writes them: the short ones where they are a whole value.
    pub(super) fn replace_in_json(&self, document: &mut String) {
        if !self.whole.is_empty()
            && let Some(replaced) = self.values_replaced(document)
        {
            *document = replaced;
        }
        self.replace(document);
    }

    /// The document with the values replaced that are a short secret; none if there are none.
    fn values_replaced(&self, document: &str) -> Option<String> {
        let mut out = String::new();
        let (mut done, mut at) = (0, 0);
        while let Some(begin) = document.get(at..).and_then(|rest| rest.find('"')) {
            let begin = at + begin + 1;
            let Some(length) = document.get(begin..).and_then(length_of_text) else {
                break;
            };
            let end = begin + length;
            at = end + 1;
            let is_name = || {
                let behind = document.get(at..).unwrap_or_default();
                behind.trim_start().starts_with(':')
            };
            if let Some(replacement) = document.get(begin..end).and_then(|t| self.whole.get(t))
                && !is_name()
            {
                out.push_str(document.get(done..begin).unwrap_or_default());
                out.push_str(replacement);
                done = end;
            }
        }
        if done == 0 {
            return None;
        }
        out.push_str(document.get(done..).unwrap_or_default());
        Some(out)
    }

    /// Replaces them in a text.
    pub(super) fn replace(&self, text: &mut String) {
        if let Some(replacement) = self.whole.get(text.as_str()) {
            text.clone_from(replacement);
            return;
        }
        let mut out = String::new();
        let mut done = 0;
        let mut search = self.finder.search(text);
        while let Some(found) = search.next_from(done) {
            let rest = text.get(found.start..).unwrap_or_default();
            let Some((replacement, same)) = self.nearest(rest) else {
                break;
            };
            out.push_str(text.get(done..found.start).unwrap_or_default());
            out.push_str(replacement);
            done = (found.start + same).max(found.end);
        }
        if done > 0 {
            out.push_str(text.get(done..).unwrap_or_default());
            *text = out;
        }
    }
}

/// How long a text of JSON is, up to the quote that ends it.
fn length_of_text(rest: &str) -> Option<usize> {
    let mut is_escaped = false;
    rest.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })
}

/// The bytes that both begin with, in whole characters.
fn common(secret: &str, text: &str) -> usize {
    let same = |((_, a), b): &((usize, char), char)| a == b;
    text.char_indices()
        .zip(secret.chars())
        .take_while(same)
        .last()
        .map_or(0, |((at, c), _)| at + c.len_utf8())
}

/// The part that is looked for: whole characters.
fn beginning(secret: &str) -> &str {
    if secret.len() <= LOOKED_FOR {
        return secret;
    }
    (0..=LOOKED_FOR)
        .rev()
        .find_map(|end| secret.get(..end))
        .unwrap_or(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(secrets: &[&str], text: &str) -> String {
        let known = Known::new(secrets.iter().map(|secret| (*secret, "[x]", 4)));
        let mut text = text.to_owned();
        known.replace(&mut text);
        text
    }

    #[test]
    fn of_two_that_are_alike_the_one_that_is_there_is_meant() {
        let secrets = [("Hunter22", "[a]", 4), ("Hunter22zz", "[b]", 4)];
        let known = Known::new(secrets.into_iter());
        let mut text = "Hunter22x Hunter22zz".to_owned();
        known.replace(&mut text);
        assert_eq!(text, "[a]x [b]");
    }

    #[test]
    fn a_short_one_is_replaced_where_it_is_a_whole_value_of_a_document() {
        let known = Known::new([("x1", "[a]", 4), ("a\\\"b", "[b]", 9)].into_iter());
        for (document, replaced) in [
            (
                r#"{"x1" : "x1", "y": ["x1", "x12", "x1 "]}"#,
                r#"{"x1" : "[a]", "y": ["[a]", "x12", "x1 "]}"#,
            ),
            (
                r#"["\\", "x1", "a\"b", "\"x1"]"#,
                r#"["\\", "[a]", "[b]", "\"x1"]"#,
            ),
            (r#""x1"#, r#""x1"#),
            (r#"["x1\\", "\\x1"]"#, r#"["x1\\", "\\x1"]"#),
        ] {
            let mut text = document.to_owned();
            known.replace_in_json(&mut text);
            assert_eq!(text, replaced);
        }
    }

    #[test]
    fn all_are_replaced_the_longest_first_and_short_ones_where_they_are_all() {
        assert_eq!(replaced(&["abcd", "abcdef"], "xabcdefxabcdx"), "x[x]x[x]x");
        assert_eq!(replaced(&["ab"], "ab"), "[x]");
        assert_eq!(replaced(&["ab"], "cab"), "cab");
        assert_eq!(replaced(&[], "cab"), "cab");
        let (long, longer) = ("ä".repeat(40), "ä".repeat(50));
        assert_eq!(
            replaced(&[&long, &longer], &format!("1{longer}2{long}3")),
            "1[x]2[x]3"
        );
        // Two addresses of one host.
        let host = "h".repeat(80);
        let (one, other) = (format!("{host}/one?a"), format!("{host}/other"));
        assert_eq!(
            replaced(&[&one, &other], &format!("1{other}2{one}3{other}")),
            "1[x]2[x]3[x]"
        );
    }
}
