//! What looks like a secret, wherever it stands.

use std::ops::Range;

/// What a placeholder begins with.
pub(super) const PLACEHOLDER: &str = "sbxsecret";
/// So many digits follow.
pub(super) const PLACEHOLDER_DIGITS: usize = 16;
/// The shortest signature. Replacing a shorter one could hit any word.
pub(super) const SHORTEST: usize = 16;
/// An access key id: `AKIA` or `ASIA` and sixteen more.
const KEY: usize = 20;
/// What makes a presigned URL one: the values of these parameters. The rest of the URL opens nothing.
const PARAMETERS: [&str; 5] = [
    "x-amz-signature=",
    "x-amz-security-token=",
    "x-amz-credential=",
    "signature=",
    "awsaccesskeyid=",
];

/// Where such secrets stand, in order, none within another. They are letters, digits and `%` only, so that no quote,
/// comment or semicolon is one of them.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    find_keys(text, &mut found);
    find_signatures(text, &mut found);
    found.sort_by_key(|range: &Range<usize>| (range.start, std::cmp::Reverse(range.end)));
    let mut end = 0;
    found.retain(|range| {
        let is_free = range.start >= end;
        if is_free {
            end = range.end;
        }
        is_free
    });
    found
}

/// Whether a text has a placeholder in it, in whatever case: as a name in SQL it would be the same.
pub(super) fn has_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.split(PLACEHOLDER).skip(1).any(|behind| {
        let digits = behind.bytes().take_while(u8::is_ascii_digit);
        digits.take(PLACEHOLDER_DIGITS).count() == PLACEHOLDER_DIGITS
    })
}

/// Access key ids that stand alone.
fn find_keys(text: &str, found: &mut Vec<Range<usize>>) {
    let is_key_char = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    for prefix in ["AKIA", "ASIA"] {
        for (at, _) in text.match_indices(prefix) {
            let Some(key) = bytes.get(at..at + KEY) else {
                continue;
            };
            let before = at.checked_sub(1).and_then(|at| bytes.get(at)).copied();
            let after = bytes.get(at + KEY).copied();
            let alone = ![before, after]
                .into_iter()
                .flatten()
                .any(|b| is_key_char(b) || b.is_ascii_lowercase());
            if alone && key.iter().copied().all(is_key_char) {
                found.push(at..at + KEY);
            }
        }
    }
}

fn find_signatures(text: &str, found: &mut Vec<Range<usize>>) {
    if !text.contains('=') {
        return;
    }
    let lower = text.to_ascii_lowercase();
    for name in PARAMETERS {
        for (at, _) in lower.match_indices(name) {
            let start = at + name.len();
            let Some(rest) = text.get(start..) else {
                continue;
            };
            let length = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '%')
                .unwrap_or(rest.len());
            if length >= SHORTEST && !rest.starts_with(PLACEHOLDER) {
                found.push(start..start + length);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<&str> {
        find(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn keys_and_signatures_are_found_in_order() {
        let url = "https://b/k?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F2026&X-Amz-Signature=f00f00f00f00f00f00&x=1 ASIAIOSFODNN7EXAMPLE";
        assert_eq!(
            values(url),
            [
                "AKIAIOSFODNN7EXAMPLE%2F2026",
                "f00f00f00f00f00f00",
                "ASIAIOSFODNN7EXAMPLE"
            ]
        );
    }

    #[test]
    fn words_that_only_begin_like_a_key_stay() {
        for word in [
            "AKIA",
            "AKIAIOSFODNN7EXAMPL",
            "xAKIAIOSFODNN7EXAMPLE",
            "AKIAIOSFODNN7EXAMPLE9",
            "AKIAiosfodnn7example",
            "AKIAIOSFODNN7EXAMPé",
            "signature=short",
            "signature=sbxsecret0123456789abcdef",
        ] {
            assert!(values(word).is_empty(), "{word}");
        }
    }
}
