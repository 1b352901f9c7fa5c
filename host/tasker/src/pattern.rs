//! Patterns for ARNs.

/// A text in which `*` stands for any characters, none included. Everything else stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for this text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else {
            return self.0 == text;
        };
        let Some(text) = text.strip_prefix(first) else {
            return false;
        };
        let (between, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        let Some(mut text) = text.strip_suffix(last) else {
            return false;
        };
        // The leftmost place of each part leaves most to the parts after it.
        for part in between.split('*') {
            match text.split_once(part) {
                Some((_, after)) => text = after,
                None => return false,
            }
        }
        true
    }

    /// Whether it certainly stands for everything that `other` stands for: what comes after it in a list is in vain.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        // A star of the other one can be any text, also one that only a star matches: `\0` is in no ARN.
        self == other || self.matches(&other.0.replace('*', "\0"))
    }

    /// Whether there is a text that both stand for.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let other = other.0.as_bytes();
        // Which beginnings of the other pattern have a text in common with the beginning of this one, so far.
        let mut row = vec![false; other.len() + 1];
        let stars = other.iter().take_while(|byte| **byte == b'*').count();
        row.iter_mut().take(stars + 1).for_each(|met| *met = true);
        for byte in self.0.bytes() {
            let before = row.clone();
            let mut left = byte == b'*' && before.first() == Some(&true);
            let steps = before.iter().zip(before.iter().skip(1)).zip(other);
            let mut next = vec![left];
            for ((diagonal, above), there) in steps {
                left = match (byte, there) {
                    (b'*', _) | (_, b'*') => *above || left || *diagonal,
                    (here, there) => here == *there && *diagonal,
                };
                next.push(left);
            }
            row = next;
        }
        row.last() == Some(&true)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As plain as it gets.
    fn slow(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), None) => slow(rest, text),
            (Some((b'*', rest)), Some((_, after))) => slow(rest, text) || slow(pattern, after),
            (Some((p, rest)), Some((t, after))) => p == t && slow(rest, after),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_matches_what_it_should(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            prop_assert_eq!(
                Pattern::new(&*pattern).matches(&text),
                slow(pattern.as_bytes(), text.as_bytes())
            );
        }

        #[test]
        fn what_both_match_is_where_they_overlap(one in "[ab*]{0,6}", other in "[ab*]{0,6}", text in "[ab]{0,6}") {
            let (one, other) = (Pattern::new(one), Pattern::new(other));
            prop_assert_eq!(one.overlaps(&other), other.overlaps(&one));
            if one.matches(&text) && other.matches(&text) {
                prop_assert!(one.overlaps(&other), "{:?} {:?} {}", one, other, text);
            }
        }

        #[test]
        fn texts_overlap_with_what_matches_them(pattern in "[ab*]{0,8}", text in "[ab]{0,8}") {
            let pattern = Pattern::new(pattern);
            prop_assert_eq!(pattern.overlaps(&Pattern::new(&*text)), pattern.matches(&text));
        }

        #[test]
        fn what_is_covered_is_matched(one in "[ab*]{0,6}", other in "[ab*]{0,6}", text in "[ab]{0,8}") {
            let (one, other) = (Pattern::new(one), Pattern::new(other));
            if one.covers(&other) && other.matches(&text) {
                prop_assert!(one.matches(&text), "{:?} {:?} {}", one, other, text);
            }
        }
    }
}
