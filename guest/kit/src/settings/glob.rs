//! Patterns with `*` for any characters and `?` for one.

use crate::sql::TableName;

/// A pattern; upper and lower case are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    lower: String,
    is_ascii: bool,
}

/// A text as patterns compare it.
pub(super) fn lower(text: &str) -> String {
    match text.is_ascii() {
        true => text.to_ascii_lowercase(),
        false => text.chars().flat_map(char::to_lowercase).collect(),
    }
}

impl Glob {
    /// From its text.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        let lower = lower(pattern);
        Self {
            is_ascii: lower.is_ascii(),
            lower,
        }
    }

    /// The pattern, in lower case.
    pub(super) fn text(&self) -> &str {
        &self.lower
    }

    /// What each text that matches begins with, in lower case, and whether it is all of it.
    pub(super) fn beginning(&self) -> (&str, bool) {
        let end = self.lower.find(['*', '?']);
        let beginning = end.and_then(|end| self.lower.get(..end));
        (beginning.unwrap_or(&self.lower), end.is_none())
    }

    /// Whether all of `text` matches. Takes time in proportion to both lengths at most.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        if self.is_ascii && text.is_ascii() {
            let same = |pattern: &u8, c: &u8| *pattern == c.to_ascii_lowercase();
            return matches(self.lower.as_bytes(), text.as_bytes(), (b'*', b'?'), same);
        }
        let pattern: Vec<char> = self.lower.chars().collect();
        let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
        matches(&pattern, &text, ('*', '?'), |pattern, c| pattern == c)
    }
}

fn matches<T: PartialEq>(
    pattern: &[T],
    text: &[T],
    (star, one): (T, T),
    same: impl Fn(&T, &T) -> bool,
) -> bool {
    let (mut at, mut in_pattern) = (0, 0);
    // Where to go on if what is behind the last star does not match: the star takes one more.
    let mut retry: Option<(usize, usize)> = None;
    while let Some(c) = text.get(at) {
        match pattern.get(in_pattern) {
            Some(p) if *p == star => {
                in_pattern += 1;
                retry = Some((at + 1, in_pattern));
            }
            Some(p) if *p == one || same(p, c) => {
                at += 1;
                in_pattern += 1;
            }
            _ => match retry {
                Some((next, behind_star)) => {
                    at = next;
                    in_pattern = behind_star;
                    retry = Some((next + 1, behind_star));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(in_pattern).all(|p| *p == star)
}

/// A pattern for tables: `table`, `schema.table` or `database.schema.table`, each part a [`Glob`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablePattern {
    database: Option<Glob>,
    schema: Option<Glob>,
    name: Glob,
}

impl TablePattern {
    /// From its text; none if it has not one to three parts.
    #[must_use]
    pub fn new(pattern: &str) -> Option<Self> {
        let parts: Vec<&str> = pattern.split('.').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        let (database, schema, name) = match parts.as_slice() {
            [name] => (None, None, name),
            [schema, name] => (None, Some(schema), name),
            [database, schema, name] => (Some(database), Some(schema), name),
            _ => return None,
        };
        Some(Self {
            database: database.map(|part| Glob::new(part)),
            schema: schema.map(|part| Glob::new(part)),
            name: Glob::new(name),
        })
    }

    /// The pattern of the database, if it has one.
    pub(super) fn database(&self) -> Option<&Glob> {
        self.database.as_ref()
    }

    /// The pattern, in lower case.
    pub(super) fn text(&self) -> String {
        let parts = self.database.iter().chain(&self.schema);
        let parts = parts.chain(std::iter::once(&self.name));
        let parts: Vec<&str> = parts.map(Glob::text).collect();
        parts.join(".")
    }

    /// The pattern of the schema, if it has one, and that of the name.
    pub(super) fn parts(&self) -> (Option<&Glob>, &Glob) {
        (self.schema.as_ref(), &self.name)
    }

    /// Whether a table may be one that the pattern means. A name without a database may be in any; a part that the pattern
    /// does not have matches anything. Three parts may also be a schema, a table, and a column that is an array.
    ///
    /// What a name without a schema means is said by the setting `unqualified`: here it matches `*` only.
    #[must_use]
    pub fn may_match(&self, table: &TableName) -> bool {
        let in_database = match (&self.database, &table.database) {
            (Some(pattern), Some(database)) => pattern.matches(database),
            _ => true,
        };
        let is_array = match (&table.database, &table.schema) {
            (Some(schema), Some(name)) => {
                part_matches(self.schema.as_ref(), Some(schema)) && self.name.matches(name)
            }
            _ => false,
        };
        in_database && self.matches_in_database(table) || is_array
    }

    /// Whether a table is sure to be one that the pattern means. A part that the name does not have matches `*` only, and so
    /// does a name that is another one where upper and lower case are told apart.
    #[must_use]
    pub fn must_match(&self, table: &TableName) -> bool {
        !table.case_matters
            && part_matches(self.database.as_ref(), table.database.as_deref())
            && self.matches_in_database(table)
    }

    fn matches_in_database(&self, table: &TableName) -> bool {
        part_matches(self.schema.as_ref(), table.schema.as_deref())
            && self.name.matches(&table.name)
    }

    /// Whether a table in this schema can match, the database not being named.
    #[must_use]
    pub fn may_be_in(&self, schema: &str) -> bool {
        part_matches(self.schema.as_ref(), Some(schema))
    }
}

/// A pattern for places such as `s3://bucket/folder/*`.
///
/// COPY and UNLOAD take a place as the beginning of the names of files: `s3://bucket/a` means `s3://bucket/abc` too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocationPattern {
    text: String,
    glob: Glob,
}

impl LocationPattern {
    /// From its text; none if it can be no place.
    #[must_use]
    pub fn new(pattern: &str) -> Option<Self> {
        let begins = pattern.starts_with('*') || pattern.contains("://");
        begins.then(|| Self {
            text: pattern.to_owned(),
            glob: Glob::new(pattern),
        })
    }

    /// Whether a file that begins with the place may be one that the pattern means. Upper and lower case are the same.
    #[must_use]
    pub fn may_match(&self, place: &str) -> bool {
        let place: Vec<char> = with_slash(place.trim())
            .flat_map(char::to_lowercase)
            .collect();
        let pattern: Vec<char> = self.glob.lower.chars().collect();
        reaches_end(&pattern, &place)
    }

    /// Whether each file that begins with the place is one that the pattern means. Upper and lower case differ.
    #[must_use]
    pub fn must_match(&self, place: &str) -> bool {
        let place: Vec<char> = with_slash(place).collect();
        let pattern: Vec<char> = self.text.chars().collect();
        self.text.ends_with('*') && matches(&pattern, &place, ('*', '?'), |pattern, c| pattern == c)
    }
}

/// A bucket alone is all that is in it, and no other bucket.
fn with_slash(place: &str) -> impl Iterator<Item = char> {
    let is_bucket = place
        .split_once("://")
        .is_some_and(|(_, rest)| !rest.contains('/'));
    place.chars().chain(is_bucket.then_some('/'))
}

/// Whether what begins with the text can match: a star before the pattern fails takes whatever comes.
fn reaches_end(pattern: &[char], text: &[char]) -> bool {
    for (at, c) in text.iter().enumerate() {
        match pattern.get(at) {
            Some('*') => return true,
            Some(p) if *p == '?' || p == c => {}
            _ => return false,
        }
    }
    true
}

fn part_matches(pattern: Option<&Glob>, part: Option<&str>) -> bool {
    match (pattern, part) {
        (None, _) => true,
        (Some(pattern), Some(part)) => pattern.matches(part),
        (Some(pattern), None) => pattern.lower == "*",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_match_as_written() {
        for (pattern, text, matches) in [
            ("drop-*", "drop-table", true),
            ("drop-*", "drop-", true),
            ("drop-*", "drop", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a?c", "ABC", true),
            ("a?c", "ac", false),
            (
                "*serializable*1023*",
                "ERROR: Serializable isolation 1023 x",
                true,
            ),
            ("*a*b", "aab", true),
            ("*a*b", "aabc", false),
        ] {
            assert_eq!(
                Glob::new(pattern).matches(text),
                matches,
                "{pattern} {text}"
            );
        }
    }

    fn table(parts: &[&str]) -> TableName {
        let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        TableName::from_parts(&parts).unwrap()
    }

    #[test]
    fn a_name_without_a_database_may_be_in_any() {
        for (pattern, parts, may, must) in [
            ("dev.secret.*", &["dev", "secret", "t"][..], true, true),
            ("dev.secret.*", &["secret", "t"], true, false),
            ("*.secret.*", &["secret", "t"], true, true),
            ("dev.secret.*", &["prod", "secret", "t"], false, false),
            ("dev.secret.*", &["public", "t"], false, false),
            ("dev.secret.*", &["t"], false, false),
            ("secret.*", &["secret", "t", "orders"], true, false),
            ("secret.*", &["dev", "secret", "t"], true, true),
            ("secret.t", &["SECRET", "T"], true, false),
            ("Secret.T", &["secret", "t"], true, true),
            ("*.t", &["t"], true, true),
        ] {
            let pattern_read = TablePattern::new(pattern).unwrap();
            let table = table(parts);
            assert_eq!(pattern_read.may_match(&table), may, "{pattern} {parts:?}");
            assert_eq!(pattern_read.must_match(&table), must, "{pattern} {parts:?}");
        }
        assert!(
            TablePattern::new("dev.secret.*")
                .unwrap()
                .may_be_in("secret")
        );
    }

    #[test]
    fn a_place_is_the_beginning_of_names() {
        for (pattern, place, may, must) in [
            ("s3://lake/secret/*", "s3://lake/secret/x", true, true),
            ("s3://lake/secret/*", "s3://lake/sec", true, false),
            ("s3://lake/secret/*", "s3://lake/", true, false),
            ("s3://lake/secret/*", "s3://lake", true, false),
            ("s3://lake/secret/*", "S3://LAKE/Secret/x", true, false),
            ("s3://lake/secret/*", " s3://lake/secret/x", true, false),
            ("s3://lake/secret/*", "s3://lake/public/x", false, false),
            ("s3://lake/secret/*", "s3://lake2/secret/x", false, false),
            ("s3://lake/*", "s3://lake", true, true),
            ("s3://lake/*", "s3://lake2", false, false),
            ("s3://lake/a.csv", "s3://lake/a.csv", true, false),
            ("s3://lake/a.csv", "s3://lake/a.csvx", false, false),
            ("*", "dynamodb://t", true, true),
            ("s3://*/secret/*", "s3://lake/x", true, false),
        ] {
            let read = LocationPattern::new(pattern).unwrap();
            assert_eq!(read.may_match(place), may, "{pattern} {place}");
            assert_eq!(read.must_match(place), must, "{pattern} {place}");
        }
        assert!(LocationPattern::new("lake/secret").is_none());
    }

    proptest! {
        #[test]
        fn a_place_that_must_match_matches_however_it_goes_on(place in "s3://[ab]{1,2}/[ab/]{0,4}", pattern in "s3://[ab]{1,2}/[ab*?/]{0,4}", more in "[ab/]{0,4}") {
            let read = LocationPattern::new(&pattern).unwrap();
            let whole = format!("{place}{more}");
            if read.must_match(&place) {
                prop_assert!(Glob::new(&pattern).matches(&whole));
            }
            if Glob::new(&pattern).matches(&whole) {
                prop_assert!(read.may_match(&place));
            }
        }

        #[test]
        fn a_star_matches_whatever_stands_there(a in "[a-c]{0,6}", b in ".{0,6}", c in "[a-c]{0,6}") {
            let text = format!("{a}{b}{c}");
            let pattern = format!("{a}*{c}");
            prop_assert!(Glob::new(&pattern).matches(&text));
        }

        #[test]
        fn many_stars_take_no_time(text in "a{200}") {
            let pattern = "*a".repeat(60) + "b";
            prop_assert!(!Glob::new(&pattern).matches(&text));
        }
    }
}
