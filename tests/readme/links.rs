//! Every link and every path that a page names leads somewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Folders without pages of our own.
const SKIPPED: [&str; 3] = ["target", "node_modules", "templates"];

/// Markdown without its code blocks: in these `](` and paths are what they are.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// The repository, as far as pages name it.
struct Repository {
    root: PathBuf,
    /// What lies at the root: what begins with such a name is a path.
    top: BTreeSet<String>,
    /// The headings of the pages that were linked to so far.
    headings: BTreeMap<PathBuf, BTreeSet<String>>,
}

impl Repository {
    fn new(root: &Path) -> Self {
        let entries = std::fs::read_dir(root).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        Self {
            root: root.to_owned(),
            top: names
                .filter(|name| !SKIPPED.contains(&name.as_str()))
                .collect(),
            headings: BTreeMap::new(),
        }
    }

    /// The pages of the repository.
    fn pages(&self) -> Vec<PathBuf> {
        let mut pages = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if path.is_dir() && !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
                    folders.push(path);
                } else if name.ends_with(".md") {
                    pages.push(path);
                }
            }
        }
        pages.sort();
        pages
    }

    /// What a page names that is not there.
    fn missing(&mut self, page: &Path, text: &str) -> Vec<String> {
        let prose = prose(text);
        let mut missing = Vec::new();
        let mut words = String::new();
        for (at, part) in prose.split('`').enumerate() {
            if at % 2 == 0 {
                words.push_str(part);
            } else if self.is_path(part) && !self.root.join(part).exists() {
                missing.push(part.to_owned());
            }
        }
        for link in words.split("](").skip(1) {
            let link = link.split(')').next().unwrap_or_default();
            if !link.starts_with("http") && !self.leads_somewhere(page, link) {
                missing.push(link.to_owned());
            }
        }
        missing
    }

    /// Whether a piece of code in a text is a path from the root of the repository.
    fn is_path(&self, code: &str) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_');
        let is_file = code.ends_with(".rs");
        code.split_once('/')
            .is_some_and(|(first, _)| is_file || self.top.contains(first))
            && code.chars().all(plain)
    }

    /// A link to a file, to a heading of it, or to a heading of the page itself.
    fn leads_somewhere(&mut self, page: &Path, link: &str) -> bool {
        let (file, heading) = link.split_once('#').unwrap_or((link, ""));
        let file = match file {
            "" => page.to_owned(),
            file => page.parent().unwrap().join(file),
        };
        if heading.is_empty() {
            return file.exists();
        }
        let headings = self.headings.entry(file.clone()).or_insert_with(|| {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let prose = prose(&text);
            let lines = prose.lines().filter(|line| line.starts_with('#'));
            lines.map(anchor).collect()
        });
        headings.contains(heading)
    }
}

/// What a heading is linked by.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    words
        .chars()
        .filter(kept)
        .collect::<String>()
        .replace(' ', "-")
}

#[test]
fn what_pages_name_is_there() {
    let mut repository = Repository::new(Path::new(env!("CARGO_MANIFEST_DIR")));
    let pages = repository.pages();
    assert!(pages.len() > 15, "{pages:?}");
    let mut missing = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let found = repository.missing(&page, &text);
        missing.extend(
            found
                .into_iter()
                .map(|what| format!("{}: {what}", page.display())),
        );
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn what_is_not_there_is_found() {
    let mut repository = Repository::new(Path::new(env!("CARGO_MANIFEST_DIR")));
    let page = repository.root.join("docs/local.md");
    for (text, missing) in [
        ("[a](policy.md) `host/policy` `a/b` `application/wasm`", ""),
        ("[a](../README.md) [`b`](#here)", "#here"),
        ("[a](#engines) [b](policy.md#in-other-languages)", ""),
        ("[a](gone.md)", "gone.md"),
        ("[two\nlines](gone.md)", "gone.md"),
        ("[`code`](policy.md#gone)", "policy.md#gone"),
        ("`host/gone.rs`", "host/gone.rs"),
        ("`src/gone.rs`", "src/gone.rs"),
        ("`tests/gone`", "tests/gone"),
        ("```text\n[a](gone.md) `host/gone.rs`\n```", ""),
        ("```sh\n`x\n```\n`wit/gone.wit`", "wit/gone.wit"),
    ] {
        assert_eq!(repository.missing(&page, text).join(" "), missing, "{text}");
    }
}
