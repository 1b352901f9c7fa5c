//! Reads `when` of rules.

use super::glob::{Glob, LocationPattern, TablePattern};
use super::read_shared::read_kinds;
use super::read_time::read_times;
use super::sets::Sets;
use super::{Access, DateRange, StructureWhen, When, keys};
use crate::payload::{MAX_LABEL_NAME, MAX_LABELS};
use crate::section::{Findings, Section};
use crate::sql::{MAX_SQL_BYTES, is_option, option_names};
use crate::text::{nearest, quoted};
use std::rc::Rc;

/// How deep `not` and `any` may be nested.
const MAX_DEPTH: usize = 8;

/// What rules refer to: the sets and the holidays of the settings.
#[derive(Debug)]
pub(super) struct Names<'s, 'v> {
    sets: &'s Sets<'v>,
    pub(super) holidays: Option<Rc<[DateRange]>>,
}

impl<'s, 'v> Names<'s, 'v> {
    pub(super) fn new(sets: &'s Sets<'v>, holidays: Option<Vec<DateRange>>) -> Self {
        Self {
            sets,
            holidays: holidays.map(Rc::from),
        }
    }

    pub(super) fn globs(
        &self,
        section: &Section<'v>,
        key: &str,
        findings: &mut Findings,
    ) -> Vec<Glob> {
        let texts = self.sets.texts(section, key, findings);
        texts.into_iter().map(|(_, text)| Glob::new(text)).collect()
    }

    fn tables(
        &self,
        section: &Section<'v>,
        key: &str,
        findings: &mut Findings,
    ) -> Vec<TablePattern> {
        let mut tables = Vec::new();
        for (path, text) in self.sets.texts(section, key, findings) {
            match TablePattern::new(text) {
                Some(pattern) => tables.push(pattern),
                None => findings.add(
                    &path,
                    format!("{} is no pattern for tables.", quoted(text)),
                    "Write `table`, `schema.table` or `database.schema.table`; `*` and `?` are wildcards.",
                ),
            }
        }
        tables
    }
}

pub(super) fn read_when<'v>(
    section: &Section<'v>,
    names: &Names<'_, 'v>,
    depth: usize,
    findings: &mut Findings,
) -> When {
    let kinds = names.sets.texts(section, "kinds", findings);
    When {
        kinds: read_kinds(kinds, findings),
        tables: names.tables(section, "tables", findings),
        schemas: names.globs(section, "schemas", findings),
        functions: names.globs(section, "functions", findings),
        functions_with_effects: section.flag("functionsWithEffects", findings),
        access: section.word(
            "access",
            &[("read", Access::Read), ("write", Access::Write)],
            findings,
        ),
        targets: names.globs(section, "targets", findings),
        execution_arns: names.globs(section, "executionArns", findings),
        state_machines: names.globs(section, "stateMachines", findings),
        labels: read_labels(section, names, findings),
        time: read_times(section, names, findings),
        longer_than: section
            .whole(
                "longerThan",
                1..=u32::try_from(MAX_SQL_BYTES).unwrap_or(u32::MAX),
                findings,
            )
            .and_then(|bytes| usize::try_from(bytes).ok()),
        unparsed: section.flag("unparsed", findings),
        unqualified: section.flag("unqualified", findings),
        structure: read_structure(section, names, findings).map(Box::new),
        not: read_not(section, names, depth, findings).map(Box::new),
        any: read_any(section, names, depth, findings),
    }
}

/// None if it looks at nothing that a statement does beyond its kind and its names.
fn read_structure<'v>(
    section: &Section<'v>,
    names: &Names<'_, 'v>,
    findings: &mut Findings,
) -> Option<StructureWhen> {
    let mut locations = Vec::new();
    for (path, text) in names.sets.texts(section, "locations", findings) {
        match LocationPattern::new(text) {
            Some(pattern) => locations.push(pattern),
            None => findings.add(
                &path,
                format!("{} is no place.", quoted(text)),
                "Write it as in SQL, with wildcards: `s3://bucket/folder/*`.",
            ),
        }
    }
    let mut options = Vec::new();
    for (path, text) in names.sets.texts(section, "options", findings) {
        let glob = Glob::new(text);
        if is_option(|name| glob.matches(name)) {
            options.push(glob);
            continue;
        }
        let help = match nearest(text, option_names()) {
            Some(meant) => format!("Did you mean `{meant}`?"),
            None => "Write the option's word in lower case, with `-on` or `-off` behind it for what it is set \
                     to: `allowoverwrite`, `parallel-off`."
                .to_owned(),
        };
        let message = format!("{} is no option of COPY or UNLOAD.", quoted(text));
        findings.add(&path, message, help);
    }
    let structure = StructureWhen {
        without_where: section.flag("withoutWhere", findings),
        select_star: section.flag("selectStar", findings),
        without_limit: section.flag("withoutLimit", findings),
        cross_join: section.flag("crossJoin", findings),
        locations,
        iam_roles: names.globs(section, "iamRoles", findings),
        options,
        creates: names.tables(section, "creates", findings),
        drops: names.tables(section, "drops", findings),
        grants: names.tables(section, "grants", findings),
    };
    (structure != StructureWhen::default()).then_some(structure)
}

fn read_labels<'v>(
    section: &Section<'v>,
    names: &Names<'_, 'v>,
    findings: &mut Findings,
) -> Vec<(String, Vec<Glob>)> {
    let Some(labels) = section.map("labels", findings) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for name in labels.names() {
        if name.is_empty() || name.chars().count() > MAX_LABEL_NAME {
            let message = format!("{} is no name of a label.", quoted(name));
            let help = format!("A name has 1 to {MAX_LABEL_NAME} characters.");
            findings.add(&labels.at(name), message, help);
        }
        found.push((name.to_owned(), names.globs(&labels, name, findings)));
    }
    if found.is_empty() {
        findings.add(
            &labels.path,
            "This names no label.",
            "Leave it out, or write {\"label\": \"value\"}.",
        );
    }
    if found.len() > MAX_LABELS {
        let message = format!("This names {} labels.", found.len());
        let help = format!("A payload has {MAX_LABELS} at most.");
        findings.add(&labels.path, message, help);
    }
    found
}

/// A `when` inside another one.
fn read_inner<'v>(
    inner: &Section<'v>,
    names: &Names<'_, 'v>,
    depth: usize,
    findings: &mut Findings,
) -> Option<When> {
    if depth >= MAX_DEPTH {
        findings.add(
            &inner.path,
            "`not` and `any` are too deep in each other here.",
            format!("{MAX_DEPTH} of them is the most. Make several rules of it."),
        );
        return None;
    }
    Some(read_when(inner, names, depth + 1, findings))
}

fn read_not<'v>(
    section: &Section<'v>,
    names: &Names<'_, 'v>,
    depth: usize,
    findings: &mut Findings,
) -> Option<When> {
    let inner = section.section("not", keys::WHEN, findings)?;
    if inner.names().next().is_none() {
        findings.add(
            &inner.path,
            "This never holds: nothing in `not` is everything.",
            "Say what must not hold.",
        );
    } else if section.includes(&inner) {
        findings.add(
            &inner.path,
            "This never holds: `not` excludes what the rest asks for.",
            "Take out of `not` what must hold.",
        );
    }
    read_inner(&inner, names, depth, findings)
}

fn read_any<'v>(
    section: &Section<'v>,
    names: &Names<'_, 'v>,
    depth: usize,
    findings: &mut Findings,
) -> Vec<When> {
    if section.value("any").is_none() {
        return Vec::new();
    }
    let list = section.list("any", findings);
    if list.is_empty()
        && section
            .value("any")
            .is_some_and(serde_json::Value::is_array)
    {
        let message = "This never holds: none of nothing does.";
        findings.add(
            &section.at("any"),
            message,
            "Leave it out, or name something.",
        );
    }
    let mut found = Vec::new();
    for (path, value) in list {
        let Some(inner) = Section::open(path, value, keys::WHEN, findings) else {
            continue;
        };
        if inner.names().next().is_none() {
            findings.add(
                &inner.path,
                "This holds always, and so does the whole `any`.",
                "Say what it looks for, or leave `any` out.",
            );
        }
        found.extend(read_inner(&inner, names, depth, findings));
    }
    found
}
