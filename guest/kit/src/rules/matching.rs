//! Whether a rule holds for a statement.

use super::structure::structure_holds;
use crate::host::Host;
use crate::settings::{Access, Glob, Rule, TablePattern, When};
use crate::sql::{Kind, Statement, TableName};
use std::collections::BTreeMap;

/// What rules look at.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) sql: &'a str,
    /// What the SQL is; none if no rule looks at it.
    pub(super) statement: Option<&'a Statement>,
    pub(super) target: Option<&'a str>,
    pub(super) execution_arn: Option<&'a str>,
    pub(super) labels: &'a BTreeMap<String, String>,
    /// Knows the time.
    pub(super) now: &'a dyn Host,
}

/// How sure it has to be that something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sure {
    /// All that there is matches, and nothing is unknown: of a rule that allows.
    All,
    /// Something that is to be seen matches. What is not understood is for the settings `unparsed` and `unknownTables` to
    /// decide.
    Seen,
    /// Something matches, or is unknown and may.
    Maybe,
}

impl Sure {
    /// How sure a rule has to be.
    pub(super) fn of(rule: &Rule) -> Self {
        match rule.then.allow {
            true => Self::All,
            false => Self::Seen,
        }
    }

    /// Of what must not hold.
    fn negated(self) -> Self {
        match self {
            Self::All => Self::Maybe,
            Self::Seen | Self::Maybe => Self::All,
        }
    }
}

/// Whether everything that the rule looks for is there.
///
/// A rule that allows must see everything: it holds only if all kinds and tables match and none is unknown. Any other
/// rule holds if one of them does.
pub(super) fn holds(rule: &Rule, subject: &Subject<'_>) -> bool {
    when_holds(&rule.when, subject, Sure::of(rule))
}

/// What `not` excludes has to be sure where the rule need not be, and the other way round. The depth of `not` and `any` is
/// bounded by the check of the settings.
pub(super) fn when_holds(when: &When, subject: &Subject<'_>, sure: Sure) -> bool {
    any(&when.targets, subject.target)
        && any(&when.execution_arns, subject.execution_arn)
        && (when.state_machines.is_empty()
            || any(
                &when.state_machines,
                subject.execution_arn.and_then(state_machine),
            ))
        && when
            .labels
            .iter()
            .all(|(name, patterns)| any(patterns, subject.labels.get(name).map(String::as_str)))
        && when
            .longer_than
            .is_none_or(|bytes| subject.sql.len() > bytes)
        && (when.time.is_empty() || {
            let now = subject.now.now();
            when.time.iter().any(|window| window.holds_at(now))
        })
        && (!when.looks_at_sql()
            || subject
                .statement
                .is_some_and(|statement| statement_holds(when, statement, sure)))
        && when
            .not
            .as_deref()
            .is_none_or(|not| !when_holds(not, subject, sure.negated()))
        && (when.any.is_empty() || when.any.iter().any(|one| when_holds(one, subject, sure)))
}

/// The name of the state machine in the ARN of an execution: `arn:…:states:…:execution:NAME:…`, or `express` for
/// `execution`. The child of a Map has the label of the Map behind the name, with a slash.
pub(super) fn state_machine(execution_arn: &str) -> Option<&str> {
    let parts: Vec<&str> = execution_arn.split(':').collect();
    let name = match parts.as_slice() {
        ["arn", _, "states", _, _, "execution", name, _]
        | ["arn", _, "states", _, _, "express", name, _, _] => name,
        _ => return None,
    };
    name.split('/').next().filter(|name| !name.is_empty())
}

fn statement_holds(when: &When, statement: &Statement, sure: Sure) -> bool {
    let has_unqualified = || {
        statement
            .reads
            .iter()
            .chain(&statement.writes)
            .any(|table| table.schema.is_none())
    };
    // A name without a schema may be in what was not understood.
    let is_unqualified = |wanted: bool| match sure {
        Sure::All => wanted == has_unqualified() && is_all_known(statement),
        Sure::Seen => wanted == has_unqualified(),
        Sure::Maybe => wanted == has_unqualified() || !is_all_known(statement),
    };
    kinds_hold(&when.kinds, statement, sure)
        && when
            .unparsed
            .is_none_or(|wanted| wanted == statement.unparsed_part().is_some())
        && when.unqualified.is_none_or(is_unqualified)
        && (!when.looks_at_tables() || tables_hold(when, statement, sure))
        && functions_hold(&when.functions, statement, sure)
        && when
            .functions_with_effects
            .is_none_or(|wanted| effects_hold(wanted, statement, sure))
        && when
            .structure
            .as_deref()
            .is_none_or(|structure| structure_holds(structure, statement, sure))
}

/// Whether the facts name everything.
pub(super) fn is_all_known(statement: &Statement) -> bool {
    statement.complete && statement.unparsed_part().is_none()
}

/// Whether the statement's kind matches; of one with another in it either, or both and no unknown one if all must.
fn kinds_hold(patterns: &[Glob], statement: &Statement, sure: Sure) -> bool {
    let mut kinds = statement.kinds();
    let matches = |kind: Kind| any(patterns, Some(kind.name()));
    let is_unknown = || statement.unparsed_part().is_some();
    if patterns.is_empty() {
        return true;
    }
    match sure {
        Sure::All => !is_unknown() && kinds.all(matches),
        Sure::Seen => kinds.any(matches),
        Sure::Maybe => kinds.any(matches) || is_unknown(),
    }
}

/// Whether one of the patterns matches; no pattern matches anything, and only that matches nothing.
pub(super) fn any(patterns: &[Glob], text: Option<&str>) -> bool {
    patterns.is_empty()
        || text.is_some_and(|text| patterns.iter().any(|pattern| pattern.matches(text)))
}

/// Whether a function that the statement calls matches; if all must, all that are not known to do no more than compute a value.
fn functions_hold(patterns: &[Glob], statement: &Statement, sure: Sure) -> bool {
    let every = sure == Sure::All;
    let matches = |name: &str| {
        // A pattern without a database or a schema means the function in any. What allows is not to mean more than it says.
        let last = name.rsplit('.').next();
        any(patterns, Some(name))
            || any(patterns, last)
            || (!every
                && name
                    .match_indices('.')
                    .any(|(at, _)| any(patterns, name.get(at + 1..))))
    };
    if patterns.is_empty() {
        return true;
    }
    let is_called = statement.functions.iter().any(|name| matches(name));
    match sure {
        Sure::All => is_called && statement.complete && statement.unknown_functions().all(matches),
        Sure::Seen => is_called,
        Sure::Maybe => is_called || !is_all_known(statement),
    }
}

/// A function that nobody knows may have effects.
fn effects_hold(wanted: bool, statement: &Statement, sure: Sure) -> bool {
    let is_same = statement.calls_effects() == wanted;
    match sure {
        Sure::All => is_same && (wanted || is_all_known(statement)),
        Sure::Seen => is_same,
        Sure::Maybe => is_same || !is_all_known(statement),
    }
}

fn tables_hold(when: &When, statement: &Statement, sure: Sure) -> bool {
    let every = sure == Sure::All;
    let read = statement
        .reads
        .iter()
        .filter(|_| when.access != Some(Access::Write));
    let written = statement
        .writes
        .iter()
        .filter(|_| when.access != Some(Access::Read));
    let table_holds = |table: &TableName| {
        let matches = |pattern: &TablePattern| match every {
            true => pattern.must_match(table),
            false => pattern.may_match(table),
        };
        (when.tables.is_empty() || when.tables.iter().any(matches))
            && (any(&when.schemas, table.schema.as_deref())
                || (!every
                    && table.database.is_some()
                    && any(&when.schemas, table.database.as_deref())))
            && !(every && table.case_matters)
    };
    // A schema that is named as such may be touched as a whole, unless it is known that no table is: then one of
    // its tables may be any that a pattern means, and no pattern is sure to mean them all.
    let named = statement
        .schemas
        .iter()
        // Rights on a schema give away what is in it; anything else that is done to it as a whole reads nothing.
        .filter(|_| when.access != Some(Access::Read) || statement.changes_rights());
    let tables_of = |schema: &String| {
        !every && !statement.complete && when.tables.iter().any(|pattern| pattern.may_be_in(schema))
    };
    let schema_holds = |schema: &String| {
        (when.tables.is_empty() || tables_of(schema)) && any(&when.schemas, Some(schema))
    };
    let mut answers = read
        .chain(written)
        .map(table_holds)
        .chain(named.map(schema_holds))
        .peekable();
    match sure {
        Sure::All => statement.complete && answers.peek().is_some() && answers.all(|holds| holds),
        Sure::Seen => answers.any(|holds| holds),
        Sure::Maybe => answers.any(|holds| holds) || !is_all_known(statement),
    }
}
