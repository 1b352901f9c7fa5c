//! Finds, as files of SQL.
//!
//! An entry is a comment with how plain literals are read and what the statement does, perhaps one with what ran in
//! its place, and a line with the statement.
//! A character that cannot be seen, or that would end the line, is written `<U+000D>`.

use crate::probe::Strings;
use crate::verdict::Hole;
use std::fmt::Write as _;
use std::path::Path;

/// A statement and something that it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How plain literals are read.
    pub strings: Strings,
    /// What facts have to say of it, unless they are incomplete.
    pub hole: Hole,
    /// The statement.
    pub sql: String,
    /// What ran, where PostgreSQL writes the same otherwise.
    pub ran: Option<String>,
}

impl Entry {
    /// As lines.
    #[must_use]
    pub fn lines(&self) -> String {
        let ran = self
            .ran
            .as_deref()
            .map_or(String::new(), |ran| format!("-- as {}\n", escape(ran)));
        format!(
            "-- {}: {}\n{ran}{}\n",
            self.strings.name(),
            self.hole,
            escape(&self.sql)
        )
    }
}

/// The entries of all files.
#[must_use]
pub fn entries() -> Vec<Entry> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the corpus")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    let texts = files
        .iter()
        .map(|file| std::fs::read_to_string(file).expect("a text"));
    texts.flat_map(|text| parse(&text)).collect()
}

/// The entries of a file.
///
/// # Panics
/// Where the file is not of this form.
#[must_use]
pub fn parse(file: &str) -> Vec<Entry> {
    let lines = file
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("---"));
    let mut entries = Vec::new();
    let mut lines = lines.peekable();
    while let Some(head) = lines.next() {
        let (strings, hole) = head
            .strip_prefix("-- ")
            .and_then(|head| head.split_once(": "))
            .unwrap_or_else(|| panic!("not the head of an entry: {head}"));
        let strings = Strings::ALL
            .into_iter()
            .find(|known| known.name() == strings)
            .unwrap_or_else(|| panic!("neither `escaping` nor `standard`: {head}"));
        let hole = Hole::parse(hole).unwrap_or_else(|| panic!("not a hole: {head}"));
        let ran = lines
            .next_if(|line| line.starts_with("-- as "))
            .map(|line| unescape(&line[6..]));
        let sql = unescape(
            lines
                .next()
                .unwrap_or_else(|| panic!("no statement: {head}")),
        );
        entries.push(Entry {
            strings,
            hole,
            sql,
            ran,
        });
    }
    entries
}

/// A text on one line.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        let is_seen = c == ' ' || c.is_alphanumeric() || c.is_ascii_graphic();
        match is_seen {
            true => line.push(c),
            false => {
                let _ = write!(line, "<U+{:04X}>", c as u32);
            }
        }
    }
    line
}

fn unescape(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("<U+") {
        text.push_str(before);
        let (digits, after) = after.split_once('>').expect("the end of a character");
        let number = u32::from_str_radix(digits, 16).expect("the number of a character");
        text.push(char::from_u32(number).expect("a character"));
        rest = after;
    }
    text.push_str(rest);
    text
}

/// What is alike in statements that differ in names, numbers and texts only.
#[must_use]
pub fn shape(sql: &str) -> String {
    let mut shape = String::new();
    let mut rest = sql.chars().peekable();
    while let Some(c) = rest.next() {
        if c.is_ascii_alphanumeric() || c == '_' {
            let mut word = String::from(c);
            while let Some(next) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                word.push(next);
            }
            let word = word.to_ascii_lowercase();
            match word.starts_with(|c: char| c.is_ascii_digit()) {
                true => shape.push('1'),
                false if NAMES.contains(&word.as_str()) => shape.push('n'),
                false => shape.push_str(&word),
            }
        } else if c == '\'' {
            for next in rest.by_ref() {
                if next == '\'' {
                    break;
                }
            }
            shape.push('\'');
        } else if !c.is_ascii_whitespace() {
            shape.push(c);
        }
    }
    // A name with its schema is a name.
    shape
        .replace('"', "")
        .replace("n.n", "n")
        .replace("n.n", "n")
}

const NAMES: [&str; 34] = [
    "sales", "payroll", "keys", "t", "u", "mixed", "two", "words", "secret", "salaries", "finance",
    "ledger", "x", "y", "a", "odd", "v", "b", "c", "d", "id", "n", "q", "public", "tmp", "newer",
    "z", "keys2", "dev", "x1", "m", "seq", "public", "spare",
];
