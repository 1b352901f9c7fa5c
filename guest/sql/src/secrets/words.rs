//! Words whose literal is a secret.

/// Of CREATE USER, COPY, UNLOAD, external schemas, identity providers and data shares.
const SECRET: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "credentials",
    "access_key_id",
    "secret_access_key",
    "session_token",
    "token",
    "master_symmetric_key",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_iam_token",
    "secret",
    "secret_key",
    "client_secret",
    "private_key",
    "api_key",
];

/// May stand between such a word and its literal.
const FILLERS: &[&str] = &[
    "as",
    "is",
    "to",
    "with",
    "encrypted",
    "unencrypted",
    "valid",
];

/// May stand there too where a text is masked: the literal is compared with a secret.
const COMPARISONS: &[&str] = &["in", "like", "ilike", "not", "default"];

/// Whether a name says that its value is a secret, however it is spelt: `Password`, `secret-key`, `apiKey`.
#[must_use]
pub fn is_secret_word(name: &str) -> bool {
    // No such word is longer, however it is spelt.
    if name.len() > 60 {
        return false;
    }
    SECRET.iter().any(|word| plain(word).eq(plain(name)))
}

fn plain(name: &str) -> impl Iterator<Item = u8> {
    name.bytes()
        .filter(u8::is_ascii_alphanumeric)
        .map(|byte| byte.to_ascii_lowercase())
}

/// Whether a quoted name is one: the name of a member in a text of JSON, which may be escaped itself.
pub(super) fn is_secret_name(quoted: &str) -> bool {
    let name = quoted.trim_matches(['"', '\\']);
    name.chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && is_secret_word(name)
}

/// Whether this word of SQL makes the literal behind it a secret.
pub(super) fn is_secret(word: &str) -> bool {
    SECRET
        .iter()
        .any(|secret| word.eq_ignore_ascii_case(secret))
}

/// Whether a word of SQL ends in one that does: `db_password`.
pub(super) fn ends_secret(word: &str) -> bool {
    let ends = |secret: &&str| {
        let Some(at) = word.len().checked_sub(secret.len()) else {
            return false;
        };
        let end = word.get(at..);
        end.is_some_and(|end| end.eq_ignore_ascii_case(secret))
            && (at == 0 || word.as_bytes().get(at - 1) == Some(&b'_'))
    };
    SECRET.iter().any(ends)
}

/// Whether a literal behind this word is still that of the secret word before it.
pub(super) fn is_filler(word: &str) -> bool {
    FILLERS
        .iter()
        .any(|filler| word.eq_ignore_ascii_case(filler))
}

/// As [`is_filler`], where a text is masked.
pub(super) fn is_comparison(word: &str) -> bool {
    is_filler(word)
        || COMPARISONS
            .iter()
            .any(|filler| word.eq_ignore_ascii_case(filler))
}

/// Whether such a word stands anywhere in a text, as a whole word.
pub(super) fn has_secret(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .any(ends_secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_however_they_are_spelt() {
        for name in ["password", "PassWd", "secret-access-key", "apiKey", "Token"] {
            assert!(is_secret_word(name), "{name}");
        }
        for name in ["NextToken", "clientToken", "secretArn", "passwords", ""] {
            assert!(!is_secret_word(name), "{name}");
        }
    }

    #[test]
    fn words_are_whole() {
        assert!(is_secret("PASSWORD") && !is_secret("passwords") && !is_secret("db_password"));
        assert!(ends_secret("DB_Password") && ends_secret("pwd"));
        assert!(!ends_secret("xpassword") && !ends_secret("password_hash"));
        assert!(has_secret("a;'password'") && !has_secret("passwords, tokenised"));
    }
}
