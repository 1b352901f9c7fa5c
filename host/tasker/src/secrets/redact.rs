//! Secrets that came with an event: out of everything that leaves the host.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, OnceLock},
};

use signalbox_sql::{MAX_SQL_BYTES, lexer, read_alike, secrets::find as find_by_place};

use super::{
    known::Known,
    lend::{self, Texts},
    lookalike::{self, PLACEHOLDER, PLACEHOLDER_DIGITS, has_placeholder},
};
use crate::ids::digest;

/// What stands where a taken secret stood.
const REMOVED: &str = "[secret removed]";
/// A taken secret shorter than this (bytes) is replaced only where it is a whole text: as a part it could be any
/// word of the SQL. Real tokens and URLs are far longer.
const SHORTEST_TAKEN: usize = 16;
/// The same of a lent one. Redshift's passwords have at least eight characters.
const SHORTEST_LENT: usize = 8;
/// The most secrets that are taken out of one payload.
pub const TAKEN_MAX: usize = 100;
/// The most secrets that are lent from one payload.
pub const LENT_MAX: usize = 1_000;

/// The secrets of one event.
///
/// Two kinds. *Taken* ones (the task token, a response URL) are replaced wherever they appear and never come back.
/// *Lent* ones are replaced by a placeholder for the guest: the literals of SQL that are secrets by their place
/// (`PASSWORD '…'`), and what looks like an access key or a signature. They go one way: into SQL that Redshift is given, and there only
/// into the statement from which they were lent ([`Secrets::restore`]). Everywhere else, in rows and errors of
/// Redshift too, a lent secret is replaced by its placeholder.
///
/// What is lent is the inside of a literal, or letters, digits and `%`; a placeholder is letters and digits. So no quote,
/// comment or semicolon of the statement is hidden from the policy.
#[derive(Clone, Default)]
pub struct Secrets {
    taken: BTreeSet<String>,
    known_taken: Arc<OnceLock<Known>>,
    /// Placeholder and secret.
    lent: BTreeMap<String, String>,
    /// Secret and placeholder.
    placeholders: HashMap<String, String>,
    texts: Texts,
    /// Whether SQL of the payload reads otherwise with placeholders in it.
    misread: bool,
    known: Arc<OnceLock<AllKnown>>,
}

/// The same secrets as they are in texts and in documents.
#[derive(Debug)]
struct AllKnown {
    texts: Known,
    json: Known,
}

/// SQL has the placeholder of a secret where a secret belongs, and is not the statement from which it was lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the SQL has the placeholder of a secret (`{PLACEHOLDER}…`) and is not the statement of the payload that the secret is from. \
     A secret is put back only there: start the caller's statement as it is, apart from white space and comments"
)]
pub struct Misplaced;

/// A text without what looks like a secret.
pub(super) fn without_lookalikes(text: &str) -> Cow<'_, str> {
    let found = lookalike::find(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for range in found {
        out.push_str(text.get(done..range.start).unwrap_or_default());
        out.push_str(REMOVED);
        done = range.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

impl Secrets {
    /// Remembers a secret that was taken out of the event.
    pub fn take(&mut self, secret: &str) {
        if !secret.is_empty() {
            self.taken.insert(secret.to_owned());
            self.known_taken = Arc::default();
            self.known = Arc::default();
        }
    }

    /// Replaces the secrets of a text by placeholders, and remembers the text for [`Secrets::restore`].
    pub fn lend(&mut self, text: &mut String) {
        // A token is nowhere else than where it belongs, in no statement either.
        self.withhold_taken(text);
        let found = lend::find(text);
        if found.is_empty() {
            self.texts.note(text, None);
            return;
        }
        let mut lent = String::with_capacity(text.len());
        let mut done = 0;
        for range in found {
            let secret = text.get(range.clone()).unwrap_or_default();
            lent.push_str(text.get(done..range.start).unwrap_or_default());
            lent.push_str(self.placeholder(secret));
            done = range.end;
        }
        lent.push_str(text.get(done..).unwrap_or_default());
        let whole = std::mem::replace(text, lent);
        // A name that looks like a placeholder would seem to be the secret.
        self.misread |=
            whole.len() <= MAX_SQL_BYTES && (has_placeholder(&whole) || !read_alike(&whole, text));
        self.known = Arc::default();
        self.texts.note(text, Some(whole));
    }

    /// What stands for a lent secret: its number, so that nothing of the secret can be found out by trying. The same payload
    /// has the same ones each time.
    fn placeholder(&mut self, secret: &str) -> &str {
        let number = self.placeholders.len() + 1;
        let placeholder = self
            .placeholders
            .entry(secret.to_owned())
            .or_insert_with(|| format!("{PLACEHOLDER}{number:0PLACEHOLDER_DIGITS$}"));
        self.lent.insert(placeholder.clone(), secret.to_owned());
        placeholder
    }

    /// A digest of what was lent, which tells payloads apart that differ in nothing else.
    #[must_use]
    pub fn digest_of_lent(&self) -> String {
        let secrets: Vec<&str> = self.lent.values().map(String::as_str).collect();
        digest(&secrets)
    }

    /// Whether a policy would read other SQL than Redshift is given: with placeholders in the place of what seems to be secret,
    /// a text names other tables or functions, is another kind of statement, or has lost its second reading.
    #[must_use]
    pub fn is_misread(&self) -> bool {
        self.misread
    }

    /// How many secrets were taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.len()
    }

    /// How many secrets were lent.
    #[must_use]
    pub fn lent(&self) -> usize {
        self.lent.len()
    }

    fn withhold_taken(&self, text: &mut String) {
        let known = self.known_taken.get_or_init(|| {
            let taken = self.taken.iter();
            Known::new(taken.map(|secret| (secret.as_str(), REMOVED, SHORTEST_TAKEN)))
        });
        known.replace(text);
    }

    fn known(&self) -> &AllKnown {
        self.known.get_or_init(|| {
            let mut texts: Vec<(String, &str, usize)> = Vec::new();
            for secret in &self.taken {
                texts.push((secret.clone(), REMOVED, SHORTEST_TAKEN));
            }
            for (placeholder, secret) in &self.lent {
                texts.push((secret.clone(), placeholder, SHORTEST_LENT));
                // Redshift has the value without its escapes.
                if secret.contains(['\'', '\\'])
                    && let Some(value) = value_of(secret)
                {
                    texts.push((value, placeholder, SHORTEST_LENT));
                }
            }
            let json: Vec<(String, &str, usize)> = texts
                .iter()
                .map(|(secret, replacement, shortest)| {
                    let secret_in_json = quoted(secret);
                    let inside = secret_in_json.strip_prefix('"').unwrap_or(&secret_in_json);
                    let inside = inside.strip_suffix('"').unwrap_or(inside);
                    // What JSON writes longer is no less any word for that.
                    let shortest = match secret.len() < *shortest {
                        true => usize::MAX,
                        false => 0,
                    };
                    (inside.to_owned(), *replacement, shortest)
                })
                .collect();
            AllKnown {
                texts: Known::new(texts.iter().map(|(secret, replacement, shortest)| {
                    (secret.as_str(), *replacement, *shortest)
                })),
                json: Known::new(json.iter().map(|(secret, replacement, shortest)| {
                    (secret.as_str(), *replacement, *shortest)
                })),
            }
        })
    }

    /// Replaces what was taken and lent, and leaves alone what only looks like a secret.
    pub fn withhold(&self, text: &mut String) {
        self.known().texts.replace(text);
    }

    /// As [`Secrets::withhold`], in the texts of a JSON document: for rows, which are the caller's data.
    pub fn withhold_in_json(&self, document: &mut String) {
        self.known().json.replace_in_json(document);
    }

    /// Replaces every secret in a text: the known ones, and what looks like one.
    pub fn scrub(&self, text: &mut String) {
        self.withhold(text);
        if let Cow::Owned(changed) = without_lookalikes(text) {
            *text = changed;
        }
    }

    /// As [`Secrets::scrub`], for a borrowed text.
    #[must_use]
    pub fn scrubbed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        self.scrub(&mut text);
        text
    }

    /// The SQL as Redshift is given it: lent secrets are put back into a statement of the payload, whatever its white space
    /// and comments are now. Other SQL stays as it is.
    ///
    /// # Errors
    /// [`Misplaced`] if other SQL has a placeholder where a secret belongs: it would become the secret.
    pub fn restore<'a>(&self, sql: &'a str) -> Result<Cow<'a, str>, Misplaced> {
        if self.lent.is_empty() || !sql.contains(PLACEHOLDER) {
            return Ok(Cow::Borrowed(sql));
        }
        if let Some(restored) = self.texts.restored(sql) {
            return Ok(restored);
        }
        let has_placeholder =
            |text: &str| self.lent.keys().any(|known| text.contains(known.as_str()));
        let misplaced = find_by_place(sql)
            .into_iter()
            .filter_map(|range| sql.get(range))
            .any(|literal| literal.contains(PLACEHOLDER) && has_placeholder(literal));
        if misplaced {
            Err(Misplaced)
        } else {
            Ok(Cow::Borrowed(sql))
        }
    }

    /// Whether SQL is a statement of the payload, whatever its white space and comments are now.
    #[must_use]
    pub fn is_of_payload(&self, sql: &str) -> bool {
        self.texts.restored(sql).is_some()
    }

    /// The whole of a text of the payload from which something was lent.
    #[must_use]
    pub fn whole(&self, text: &str) -> Option<&str> {
        if text.contains(PLACEHOLDER) {
            self.texts.whole(text)
        } else {
            None
        }
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

/// A text as JSON writes it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The value of a literal with this inside.
fn value_of(inside: &str) -> Option<String> {
    let literal = format!("'{inside}'");
    let mut tokens = lexer::tokens(&literal);
    let value = lexer::literal_value(&tokens.next()?)?;
    tokens.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lent(sql: &str) -> (Secrets, String) {
        let mut secrets = Secrets::default();
        let mut text = sql.to_owned();
        secrets.lend(&mut text);
        (secrets, text)
    }

    #[test]
    fn a_text_of_many_secrets_is_removed_secret_by_secret() {
        let text: String = (0..20_000)
            .map(|number| format!("AKIA{number:016} "))
            .collect();
        let scrubbed = Secrets::default().scrubbed(&text);
        assert_eq!(scrubbed, "[secret removed] ".repeat(20_000));
    }

    #[test]
    fn a_taken_secret_never_comes_back() {
        let mut secrets = Secrets::default();
        secrets.take("TOKEN-0123456789");
        let mut text = "a TOKEN-0123456789 b".to_owned();
        secrets.lend(&mut text);
        assert_eq!(text, "a [secret removed] b");
        assert_eq!(secrets.restore(&text).unwrap(), "a [secret removed] b");
        let mut text = "create user u password 'TOKEN-0123456789'".to_owned();
        secrets.lend(&mut text);
        assert!(!secrets.restore(&text).unwrap().contains("TOKEN"));
        assert!(!format!("{secrets:?}").contains("TOKEN"));
    }

    #[test]
    fn a_short_secret_does_not_eat_words() {
        let mut secrets = Secrets::default();
        secrets.take("t");
        assert_eq!(secrets.scrubbed("select t"), "select t");
        assert_eq!(secrets.scrubbed("t"), REMOVED);
        let (secrets, _) = lent("create user u password 'abc'");
        assert_eq!(secrets.scrubbed("abcd"), "abcd");
        assert!(secrets.scrubbed("abc").starts_with(PLACEHOLDER));
    }

    #[test]
    fn every_secret_literal_is_lent_and_put_back_into_its_statement() {
        for (sql, secrets_of_it) in [
            (
                "COPY t FROM 's3://b' ACCESS_KEY_ID 'AKIAIOSFODNN7EXAMPLE' SECRET_ACCESS_KEY 'wJal/rXUtn+FEMI' SESSION_TOKEN 'FwoGZX==' x",
                vec!["AKIA", "wJal", "FwoG"],
            ),
            (
                "create user u password /* c */ E'Hun''ter\\'2' valid until 'infinity'",
                vec!["Hun", "ter"],
            ),
            ("create user u password $x$ Hunter2 $x$;", vec!["Hunter"]),
            ("create user u password 'Hun'\n 'ter2'", vec!["Hun", "ter2"]),
            (
                "see 'https://b.example/k?a=1&X-Amz-Signature=f00f00f00f00f00f00&b=2' and https://b.example/k?a=1",
                vec!["f00f"],
            ),
            (
                "call p($$ execute 'alter user u password ''Hunter22''' $$)",
                vec!["Hunter"],
            ),
        ] {
            let (secrets, text) = lent(sql);
            for secret in secrets_of_it {
                assert!(!text.contains(secret), "{text}");
            }
            assert_eq!(secrets.restore(&text).unwrap(), sql);
            let with_comment = format!("/* policy p */\n  {text} ; ");
            let restored = secrets.restore(&with_comment).unwrap();
            assert_eq!(restored, format!("/* policy p */\n  {sql} ; "));
        }
    }

    #[test]
    fn a_placeholder_anywhere_else_stays_one() {
        let sql = "COPY t FROM 's3://b' ACCESS_KEY_ID 'AKIAIOSFODNN7EXAMPLE' SECRET_ACCESS_KEY 'wJalrXUtnFEMI'";
        let (secrets, text) = lent(sql);
        let placeholder = format!("{PLACEHOLDER}{:016}", 2);
        assert!(text.contains(&placeholder), "{text}");
        for other in [
            format!("select '{placeholder}'"),
            format!("select '{placeholder}', password from t"),
            format!("select {placeholder}"),
        ] {
            assert_eq!(secrets.restore(&other), Ok(Cow::Borrowed(other.as_str())));
        }
        for other in [
            format!("create user u password '{placeholder}'"),
            text.replace("COPY t", "COPY other"),
            format!("{text}; select 1"),
            // The text of it is in a place of its own.
            format!("execute '{}'", text.replace('\'', "''")),
        ] {
            assert_eq!(secrets.restore(&other), Err(Misplaced), "{other}");
        }
        let (unrelated, _) = lent("select 1");
        let own = format!("create user u password '{placeholder}'");
        assert_eq!(unrelated.restore(&own), Ok(Cow::Borrowed(own.as_str())));
    }

    #[test]
    fn a_lent_secret_comes_back_as_its_placeholder() {
        let (secrets, _) =
            lent("create user u password 'it''s \"secret\"' -- AKIAIOSFODNN7EXAMPLE");
        for reply in [
            "near it''s \"secret\"",
            "near it's \"secret\" and",
            "key AKIAIOSFODNN7EXAMPLE",
        ] {
            let scrubbed = secrets.scrubbed(reply);
            assert!(scrubbed.contains(PLACEHOLDER), "{scrubbed}");
            assert!(
                !scrubbed.contains("secret\"") && !scrubbed.contains("AKIA"),
                "{scrubbed}"
            );
        }
        let mut rows = serde_json::json!({"Records": [[{"stringValue": "x it's \"secret\" y"}, {"stringValue": "AKIAIOSFODNN7EXAMPLE"}, {"stringValue": "ASIAIOSFODNN7EXAMPLE"}]]}).to_string();
        secrets.withhold_in_json(&mut rows);
        assert!(!rows.contains("it's") && !rows.contains("AKIA"), "{rows}");
        assert!(
            rows.contains("ASIAIOSFODNN7EXAMPLE"),
            "rows are the caller's data: {rows}"
        );
        assert!(serde_json::from_str::<serde_json::Value>(&rows).is_ok());
        assert_eq!(
            Secrets::default().scrubbed("denied for AKIAIOSFODNN7EXAMPLE"),
            "denied for [secret removed]"
        );
    }

    #[test]
    fn parameters_come_back_beside_their_own_sql_only() {
        let mut secrets = Secrets::default();
        let mut sql = "select :key".to_owned();
        let mut value = "AKIAIOSFODNN7EXAMPLE".to_owned();
        secrets.lend(&mut sql);
        secrets.lend(&mut value);
        assert_eq!(secrets.whole(&value), Some("AKIAIOSFODNN7EXAMPLE"));
        assert_eq!(secrets.whole("other"), None);
        assert!(secrets.is_of_payload(&sql));
        assert!(!secrets.is_of_payload("select reverse(:key)"));
    }

    #[test]
    fn sql_that_reads_otherwise_with_placeholders_is_noticed() {
        for sql in [
            "unload ('select a from s.t where token=1/* '' */ union select a from secret.payroll --''') to 's3://b' iam_role default",
            "unload ('select a from s.t where token=a--x ||''\n union select a from secret.payroll --''') to 's3://b' iam_role default",
            "unload ('select a from s.t where b='''\n'password $x$'' union select a from secret.payroll --$x$\n order by 1 --''') to 's3://b' iam_role default",
            "unload ('select token=set_config(''search_path'', ''secret'', false)') to 's3://b' iam_role default",
            "select a from s.t where password = x'\\' union select a from secret.payroll --'",
        ] {
            let (secrets, text) = lent(sql);
            assert!(secrets.is_misread() || read_alike(sql, &text), "{text}");
        }
        for sql in [
            "unload ('select * from a, b sbxsecret0000000000000001 where a.token=a') to 's3://b' iam_role default",
            "unload ('select * from a, b SBXSECRET0000000000000001 where a.token=x') to 's3://b' iam_role default",
            "unload ('delete from a where token=token') to 's3://b' iam_role default",
            "execute 'update a set b = 1 where token=1'",
            "copy a from 's3://b/token=abc/secret' iam_role default",
        ] {
            let (secrets, text) = lent(sql);
            assert!(
                secrets.is_misread() || text == sql || read_alike(sql, &text),
                "{text}"
            );
            assert!(!sql.to_ascii_lowercase().contains(PLACEHOLDER) || secrets.is_misread());
        }
        for sql in [
            "unload ('select * from a join b on a.token=b.token') to 's3://b' iam_role default",
            "copy a from 's3://b' credentials 'aws_iam_role=arn:aws:iam::1:role/r'",
            "copy a from 's3://b' access_key_id 'A1' secret_access_key 'B1'",
        ] {
            assert!(!lent(sql).0.is_misread(), "{sql}");
        }
        let (secrets, text) =
            lent("copy a from 's3://b/k?Signature=f00f00f00f00f00f00f00' iam_role default");
        assert!(!secrets.is_misread() && !text.contains("f00"), "{text}");
        let (secrets, _) = lent("create user u password 'it''s' valid until 'infinity'");
        assert!(!secrets.is_misread());
    }

    #[test]
    fn a_placeholder_tells_nothing_of_its_secret() {
        let (one, text) = lent("create user u password 'Hunter22'");
        let (other, same) = lent("create user u password 'Winter33'");
        assert_eq!(text, same);
        assert_ne!(one.digest_of_lent(), other.digest_of_lent());
        let (again, _) = lent("create user u password 'Hunter22'");
        assert_eq!(one.digest_of_lent(), again.digest_of_lent());
    }

    #[test]
    fn a_short_secret_renames_no_member_of_a_document() {
        let (secrets, _) = lent("create user u password 'Records'");
        let mut rows = r#"{"Records":[]}"#.to_owned();
        secrets.withhold_in_json(&mut rows);
        assert_eq!(rows, r#"{"Records":[]}"#);
    }

    #[test]
    fn nothing_of_the_statement_is_hidden_behind_a_secret() {
        for sql in [
            "select 1 from a.b/*https://x?x-amz-signature=*/union/**/all/**/select/**/pay/**/from/**/finance.salaries",
            "select 1 https://x?x-amz-signature=aaaaaaaaaaaaaaaaaaaa*/;drop/**/table/**/finance.x",
            "select 'http://x?x-amz-signature=aaaaaaaaaaaaaaaaaaaa\\' from t",
            "select 1 -- x-amz-signature=aaaaaaaaaaaaaaaaaaaa--\n; drop table t",
        ] {
            let (secrets, text) = lent(sql);
            let shape = |text: &str| {
                text.chars()
                    .filter(|c| !c.is_ascii_alphanumeric())
                    .collect::<String>()
            };
            assert_eq!(shape(&text), shape(sql), "{text}");
            assert_eq!(secrets.restore(&text).unwrap(), sql);
        }
    }

    proptest! {
        /// The guest reads the same words, apart from what is inside of literals.
        #[test]
        fn only_the_inside_of_literals_is_hidden(parts in prop::collection::vec(prop::sample::select(vec![
            "'", "''", "\"", "$$", "$a$", "\\", "/*", "*/", "--", "\n", " ", "=", "(", ")", ";", "e", "password ", "token=",
            "as ", "x", "7", "é", "secret 'a'", "E'", "select ", "finance.salaries ", "'b' ",
        ]), 0..30)) {
            let sql = parts.concat();
            let (secrets, text) = lent(&sql);
            let unload = format!("unload ('{}') to 's3://b' iam_role default", sql.replace('\'', "''"));
            let (of_unload, lent_unload) = lent(&unload);
            prop_assert!(of_unload.is_misread() || read_alike(&unload, &lent_unload), "{}", lent_unload);
            let words = |text: &str| lexer::significant(text)
                .map(|token| if token.is_text() { "'".to_owned() } else { token.text.to_owned() })
                .collect::<Vec<_>>();
            prop_assert_eq!(words(&text), words(&sql));
            let restored = secrets.restore(&text).unwrap();
            prop_assert_eq!(restored, sql);
        }
    }
}
