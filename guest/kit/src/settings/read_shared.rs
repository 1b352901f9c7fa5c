//! What rules and callback rules have in common.

use super::glob::Glob;
use crate::section::{Findings, Section};
use crate::sql::Kind;
use crate::text::{nearest, quoted};

pub(super) fn read_name(section: &Section<'_>, findings: &mut Findings) -> String {
    if section.value("name").is_none() {
        findings.add(
            &section.path,
            "This rule has no name.",
            "Add `name`: messages tell the caller which rule it was.",
        );
    }
    section
        .text("name", 100, findings)
        .unwrap_or_default()
        .to_owned()
}

pub(super) fn globs(section: &Section<'_>, key: &str, findings: &mut Findings) -> Vec<Glob> {
    section
        .texts(key, findings)
        .into_iter()
        .map(|(_, text)| Glob::new(text))
        .collect()
}

/// Kinds as patterns, each of which must match one kind at least.
pub(super) fn read_kinds(texts: Vec<(String, &str)>, findings: &mut Findings) -> Vec<Glob> {
    let mut kinds = Vec::new();
    for (path, text) in texts {
        let glob = Glob::new(text);
        if Kind::ALL.iter().any(|kind| glob.matches(kind.name())) {
            kinds.push(glob);
            continue;
        }
        let help = match nearest(text, Kind::ALL.iter().map(|kind| kind.name())) {
            Some(meant) => format!("Did you mean `{meant}`?"),
            None if text.eq_ignore_ascii_case("unparsed") => {
                "SQL that does not parse has no kind: use `\"unparsed\": true`.".to_owned()
            }
            None => {
                "The schema of the settings lists the kinds; `*` is a wildcard, as in `drop-*`."
                    .to_owned()
            }
        };
        findings.add(
            &path,
            format!("{} is no kind of statement.", quoted(text)),
            help,
        );
    }
    kinds
}
