//! The rules that may hold for a request.

use super::matching::{Subject, state_machine};
use crate::settings::{Lookup, Place, Rule, Settings};
use crate::sql::{Kind, TableName};
use std::borrow::Cow;

/// The rules that may hold for one of the statements, in order, each with its number. None if prepared settings are damaged.
pub(super) fn candidates<'s>(
    settings: &'s Settings,
    subjects: &[Subject<'_>],
) -> Option<Vec<(usize, Cow<'s, Rule>)>> {
    if let Some(prepared) = settings.prepared.as_ref().filter(|_| settings.explain) {
        // What came close is told too.
        let rules = prepared.all()?.into_iter();
        return Some(
            rules
                .map(|(number, rule)| (number, Cow::Owned(rule)))
                .collect(),
        );
    }
    let Some(prepared) = &settings.prepared else {
        let rules = settings.rules.iter().enumerate();
        return Some(
            rules
                .map(|(number, rule)| (number, Cow::Borrowed(rule)))
                .collect(),
        );
    };
    let mut lookups = subjects.iter().flat_map(lookups).collect::<Vec<_>>();
    lookups.sort_unstable();
    lookups.dedup();
    let rules = prepared.rules_for(&lookups)?;
    Some(
        rules
            .into_iter()
            .map(|(number, rule)| (number, Cow::Owned(rule)))
            .collect(),
    )
}

/// Each word that a condition may have to match, so that a rule none of whose words is here cannot hold.
fn lookups<'a>(subject: &Subject<'a>) -> Vec<Lookup<'a>> {
    let mut found = Vec::new();
    let mut add = |place, word: Option<&'a str>| {
        found.extend(word.map(|word| Lookup::new(place, word)));
    };
    add(Place::Target, subject.target);
    add(Place::Execution, subject.execution_arn);
    let machine = subject.execution_arn.and_then(state_machine);
    add(Place::StateMachine, machine);
    if let Some(statement) = subject.statement {
        for kind in statement.kinds() {
            add(Place::Kind, Some(Kind::name(kind)));
        }
        let tables = statement.reads.iter().chain(&statement.writes);
        for table in tables {
            let TableName {
                database,
                schema,
                name,
                ..
            } = table;
            add(Place::Table, database.as_deref());
            add(Place::Table, schema.as_deref());
            add(Place::Table, Some(name));
        }
        for schema in &statement.schemas {
            add(Place::Table, Some(schema));
        }
        if !statement.schemas.is_empty() {
            add(Place::AnySchema, Some(""));
        }
        for name in &statement.functions {
            add(Place::Function, Some(name));
            for (at, _) in name.match_indices('.') {
                add(Place::Function, name.get(at + 1..));
            }
        }
    }
    let labels = subject.labels.iter().map(|(label, word)| Lookup {
        place: Place::Label,
        label,
        word,
    });
    found.extend(labels);
    found
}
