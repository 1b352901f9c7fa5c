//! Secrets that came with an event: out of everything that leaves the host.

use std::borrow::Cow;

use crate::ids::digest;

/// What stands where a taken secret stood.
const REMOVED: &str = "[secret removed]";
/// So many secrets are taken out of one text one by one.
const MANY: usize = 100;
/// A taken secret shorter than this (bytes) is replaced only where it is a whole text: as a part it could be any
/// word of the SQL. Real tokens and URLs are far longer.
const SHORTEST: usize = 16;

/// The secrets of one event.
///
/// Two kinds. *Taken* ones (the task token, a response URL) are replaced wherever they appear and never come back.
/// *Lent* ones (an access key or the signature of a presigned URL inside the SQL) are replaced by a placeholder for the
/// guest and put back into the SQL that Redshift is given: the statement is the caller's and must run as written. What
/// is lent, and the placeholder, are letters and digits (and `%`) only, so that no quote, comment or semicolon of
/// the statement is hidden from the policy.
#[derive(Clone, Default)]
pub struct Secrets {
    taken: Vec<String>,
    lent: Vec<(String, String)>,
}

impl Secrets {
    /// Remembers a secret that was taken out of the event.
    pub fn take(&mut self, secret: &str) {
        if !secret.is_empty() {
            self.taken.push(secret.to_owned());
        }
    }

    /// Replaces what looks like a secret by a placeholder, and remembers it for [`Secrets::restore`].
    pub fn lend(&mut self, text: &mut String) {
        for secret in find_secrets(text) {
            let placeholder = placeholder(&secret);
            *text = text.replace(&secret, &placeholder);
            if !self.lent.iter().any(|(_, known)| *known == secret) {
                self.lent.push((placeholder, secret));
            }
        }
        self.scrub(text);
    }

    /// Replaces what was taken, and leaves alone what only looks like a secret: for rows, which are the caller's data.
    pub fn withhold(&self, text: &mut String) {
        for secret in &self.taken {
            if secret.len() >= SHORTEST && text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), REMOVED);
            } else if text == secret {
                REMOVED.clone_into(text);
            }
        }
    }

    /// Replaces every secret in a text: the known ones, and what looks like one.
    pub fn scrub(&self, text: &mut String) {
        self.withhold(text);
        for (placeholder, secret) in &self.lent {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), placeholder);
            }
        }
        let found = find_secrets(text);
        if found.len() > MANY {
            // Each is a pass over the text, so a text that consists of them is not worth it.
            *text = format!("[{} secrets in {} bytes removed]", found.len(), text.len());
            return;
        }
        for secret in found {
            *text = text.replace(&secret, REMOVED);
        }
    }

    /// As [`Secrets::scrub`], for a borrowed text.
    #[must_use]
    pub fn scrubbed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        self.scrub(&mut text);
        text
    }

    /// Puts lent secrets back.
    #[must_use]
    pub fn restore<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for (placeholder, secret) in &self.lent {
            if text.contains(placeholder.as_str()) {
                text = Cow::Owned(text.replace(placeholder.as_str(), secret));
            }
        }
        text
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Secrets({} taken, {} lent)",
            self.taken.len(),
            self.lent.len()
        )
    }
}

/// What stands for a lent secret. The same secret has the same one, so that a repeated payload looks the same.
fn placeholder(secret: &str) -> String {
    let digest = digest(&["lent", secret]);
    format!("sbxsecret{}", digest.get(..16).unwrap_or(&digest))
}

/// What looks like a secret, the longest first.
fn find_secrets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    find_access_keys(text, &mut found);
    find_signatures(text, &mut found);
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found.dedup();
    found
}

/// Access key ids: `AKIA` or `ASIA` and sixteen more capitals or digits, standing alone.
fn find_access_keys(text: &str, found: &mut Vec<String>) {
    let is_key_char = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    for prefix in ["AKIA", "ASIA"] {
        for (at, _) in text.match_indices(prefix) {
            let Some(key) = text.get(at..at + 20) else {
                continue;
            };
            let bytes = text.as_bytes();
            let before = at.checked_sub(1).and_then(|at| bytes.get(at)).copied();
            let after = bytes.get(at + 20).copied();
            let alone = ![before, after]
                .into_iter()
                .flatten()
                .any(|b| is_key_char(b) || b.is_ascii_lowercase());
            if alone && key.bytes().all(is_key_char) {
                found.push(key.to_owned());
            }
        }
    }
}

/// What makes a presigned URL one: the values of these parameters. The rest of the URL opens nothing.
fn find_signatures(text: &str, found: &mut Vec<String>) {
    let lower = text.to_ascii_lowercase();
    for name in [
        "x-amz-signature=",
        "x-amz-security-token=",
        "x-amz-credential=",
        "signature=",
        "awsaccesskeyid=",
    ] {
        for (at, _) in lower.match_indices(name) {
            let Some(rest) = text.get(at + name.len()..) else {
                continue;
            };
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '%')
                .unwrap_or(rest.len());
            // Shorter ones are no signature, and replacing them could hit any word.
            if let Some(value) = rest
                .get(..end)
                .filter(|value| value.len() >= SHORTEST && !value.starts_with("sbxsecret"))
            {
                found.push(value.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_many_secrets_is_removed_as_a_whole() {
        let text: String = (0..200)
            .map(|number| format!("AKIA{number:016} "))
            .collect();
        let scrubbed = Secrets::default().scrubbed(&text);
        assert_eq!(scrubbed, "[200 secrets in 4200 bytes removed]");
    }

    #[test]
    fn a_taken_secret_never_comes_back() {
        let mut secrets = Secrets::default();
        secrets.take("TOKEN-0123456789");
        let mut text = "a TOKEN-0123456789 b".to_owned();
        secrets.lend(&mut text);
        assert_eq!(text, "a [secret removed] b");
        assert_eq!(secrets.restore(&text), "a [secret removed] b");
        assert!(!format!("{secrets:?}").contains("TOKEN"));
    }

    #[test]
    fn a_short_secret_does_not_eat_words() {
        let mut secrets = Secrets::default();
        secrets.take("t");
        assert_eq!(secrets.scrubbed("select t"), "select t");
        assert_eq!(secrets.scrubbed("t"), REMOVED);
    }

    #[test]
    fn an_access_key_in_sql_is_lent() {
        let sql = "COPY t FROM 's3://b' ACCESS_KEY_ID 'AKIAIOSFODNN7EXAMPLE' x";
        let mut secrets = Secrets::default();
        let mut text = sql.to_owned();
        secrets.lend(&mut text);
        assert!(!text.contains("AKIA"), "{text}");
        assert_eq!(secrets.restore(&text), sql);
        assert!(
            !secrets
                .scrubbed("denied for AKIAIOSFODNN7EXAMPLE")
                .contains("AKIA")
        );
        assert_eq!(
            Secrets::default().scrubbed("denied for AKIAIOSFODNN7EXAMPLE"),
            "denied for [secret removed]"
        );
    }

    #[test]
    fn the_signature_of_a_presigned_url_is_lent_and_an_ordinary_url_is_not() {
        let mut secrets = Secrets::default();
        let sql = "see 'https://b.example/k?a=1&X-Amz-Signature=f00f00f00f00f00f00&b=2' and https://b.example/k?a=1";
        let mut text = sql.to_owned();
        secrets.lend(&mut text);
        assert!(!text.contains("f00f00"), "{text}");
        assert!(
            text.contains("https://b.example/k?a=1&X-Amz-Signature=sbxsecret"),
            "{text}"
        );
        assert_eq!(secrets.restore(&text), sql);
    }

    #[test]
    fn nothing_of_the_statement_is_hidden_behind_a_secret() {
        for sql in [
            "select 1 from a.b/*https://x?x-amz-signature=*/union/**/all/**/select/**/pay/**/from/**/finance.salaries",
            "select 1 https://x?x-amz-signature=aaaaaaaaaaaaaaaaaaaa*/;drop/**/table/**/finance.x",
            "select 'http://x?x-amz-signature=aaaaaaaaaaaaaaaaaaaa\\' from t",
            "select 1 -- x-amz-signature=aaaaaaaaaaaaaaaaaaaa--\n; drop table t",
        ] {
            let mut secrets = Secrets::default();
            let mut text = sql.to_owned();
            secrets.lend(&mut text);
            let shape = |text: &str| {
                text.chars()
                    .filter(|c| !c.is_ascii_alphanumeric())
                    .collect::<String>()
            };
            assert_eq!(shape(&text), shape(sql), "{text}");
            assert_eq!(secrets.restore(&text), sql);
        }
    }

    #[test]
    fn words_that_only_begin_like_a_key_stay() {
        for word in [
            "AKIA",
            "AKIAIOSFODNN7EXAMPL",
            "xAKIAIOSFODNN7EXAMPLE",
            "AKIAIOSFODNN7EXAMPLE9",
            "AKIAiosfodnn7example",
        ] {
            let mut secrets = Secrets::default();
            let mut text = word.to_owned();
            secrets.lend(&mut text);
            assert_eq!(text, word);
        }
    }
}
