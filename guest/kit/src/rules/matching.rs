//! Whether a rule holds for a statement.

use crate::host::Host;
use crate::settings::{Access, Glob, Rule, TablePattern, When};
use crate::sql::{Kind, Statement, TableName};

/// What rules look at.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) sql: &'a str,
    /// What the SQL is; none if no rule looks at it.
    pub(super) statement: Option<&'a Statement>,
    pub(super) target: Option<&'a str>,
    pub(super) execution_arn: Option<&'a str>,
    /// Knows the time.
    pub(super) now: &'a dyn Host,
}

/// Whether everything that the rule looks for is there.
///
/// A rule that allows must see everything: it holds only if all kinds and tables match and none is unknown. Any other
/// rule holds if one of them does.
pub(super) fn holds(rule: &Rule, subject: &Subject<'_>) -> bool {
    let when = &rule.when;
    any(&when.targets, subject.target)
        && any(&when.execution_arns, subject.execution_arn)
        && when
            .longer_than
            .is_none_or(|bytes| subject.sql.len() > bytes)
        && when
            .time
            .as_ref()
            .is_none_or(|time| time.holds_at(subject.now.now()))
        && (!when.looks_at_sql()
            || subject
                .statement
                .is_some_and(|statement| statement_holds(when, statement, rule.then.allow)))
}

fn statement_holds(when: &When, statement: &Statement, every: bool) -> bool {
    let has_unqualified = || {
        statement
            .reads
            .iter()
            .chain(&statement.writes)
            .any(|table| table.schema.is_none())
    };
    // A name without a schema may be in what was not understood.
    let sees_names = || !every || (statement.complete && statement.unparsed_part().is_none());
    kinds_hold(&when.kinds, statement, every)
        && when
            .unparsed
            .is_none_or(|wanted| wanted == statement.unparsed_part().is_some())
        && when
            .unqualified
            .is_none_or(|wanted| wanted == has_unqualified() && sees_names())
        && (!when.looks_at_tables() || tables_hold(when, statement, every))
        && functions_hold(&when.functions, statement, every)
}

/// Whether the statement's kind matches; of one with another in it either, or both and no unknown one if `every`.
fn kinds_hold(patterns: &[Glob], statement: &Statement, every: bool) -> bool {
    let mut kinds = statement.kinds();
    let matches = |kind: Kind| any(patterns, Some(kind.name()));
    if patterns.is_empty() {
        true
    } else if every {
        statement.unparsed_part().is_none() && kinds.all(matches)
    } else {
        kinds.any(matches)
    }
}

/// Whether one of the patterns matches; no pattern matches anything, and only that matches nothing.
fn any(patterns: &[Glob], text: Option<&str>) -> bool {
    patterns.is_empty()
        || text.is_some_and(|text| patterns.iter().any(|pattern| pattern.matches(text)))
}

/// Whether a function that the statement calls matches; if `every`, all that are not known to do no more than compute a value.
fn functions_hold(patterns: &[Glob], statement: &Statement, every: bool) -> bool {
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
    if every {
        is_called && statement.complete && statement.unknown_functions().all(matches)
    } else {
        is_called
    }
}

fn tables_hold(when: &When, statement: &Statement, every: bool) -> bool {
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
    if every {
        statement.complete && answers.peek().is_some() && answers.all(|holds| holds)
    } else {
        answers.any(|holds| holds)
    }
}
