//! Whether a rule holds for what a statement does beyond its kind and its names.

use super::matching::{Sure, any, is_all_known};
use crate::settings::{LocationPattern, StructureWhen, TablePattern};
use crate::sql::{Kind, Places, Seen, Statement, TableName};

pub(super) fn structure_holds(when: &StructureWhen, statement: &Statement, sure: Sure) -> bool {
    // The setting `unparsed` decides about SQL that was not understood at all.
    if statement.unparsed_part().is_some() {
        return sure == Sure::Maybe;
    }
    let facts = &statement.structure;
    let flag = |wanted: Option<bool>, seen: Seen| {
        wanted.is_none_or(|wanted| {
            let is_same = seen == if wanted { Seen::Yes } else { Seen::No };
            match sure {
                Sure::All => is_same && is_all_known(statement),
                Sure::Seen => is_same || seen == Seen::Unknown,
                Sure::Maybe => is_same || seen == Seen::Unknown || !is_all_known(statement),
            }
        })
    };
    let named = |is_empty: bool, matches: &dyn Fn(&str) -> bool, places: &Places| {
        is_empty || places_hold(matches, places, statement, sure)
    };
    let location = |pattern: &LocationPattern, place: &str| match sure {
        Sure::All => pattern.must_match(place),
        Sure::Seen | Sure::Maybe => pattern.may_match(place),
    };
    let is_location = |place: &str| when.locations.iter().any(|it| location(it, place));
    let is_role = |role: &str| any(&when.iam_roles, Some(role));
    let is_option = |option: &str| any(&when.options, Some(option));
    let schemas = |kinds: &[Kind]| match &statement.kind {
        Ok(kind) if kinds.contains(kind) => statement.schemas.as_slice(),
        _ => &[],
    };
    let tables = |patterns: &[TablePattern], tables: &[TableName], schemas: &[String]| {
        patterns.is_empty() || tables_hold(patterns, tables, schemas, statement, sure)
    };
    flag(when.without_where, facts.without_where)
        && flag(when.select_star, facts.select_star)
        && flag(when.without_limit, facts.without_limit)
        && flag(when.cross_join, facts.cross_join)
        && named(when.locations.is_empty(), &is_location, &facts.locations)
        && named(when.iam_roles.is_empty(), &is_role, &facts.iam_roles)
        && named(when.options.is_empty(), &is_option, &facts.options)
        && tables(&when.creates, &facts.creates, &[])
        && tables(&when.drops, &facts.drops, schemas(&[Kind::DropSchema]))
        && tables(
            &when.grants,
            &facts.grants,
            schemas(&[Kind::Grant, Kind::AlterOther]),
        )
}

fn places_hold(
    matches: &dyn Fn(&str) -> bool,
    places: &Places,
    statement: &Statement,
    sure: Sure,
) -> bool {
    let mut found = places.found.iter().map(String::as_str);
    match sure {
        Sure::All => {
            !places.unsure
                && !places.found.is_empty()
                && is_all_known(statement)
                && found.all(matches)
        }
        Sure::Seen => places.unsure || found.any(matches),
        Sure::Maybe => places.unsure || found.any(matches) || !is_all_known(statement),
    }
}

/// A schema that is named as such is each of its tables.
fn tables_hold(
    patterns: &[TablePattern],
    tables: &[TableName],
    schemas: &[String],
    statement: &Statement,
    sure: Sure,
) -> bool {
    let may = || {
        patterns.iter().any(|pattern| {
            tables.iter().any(|table| pattern.may_match(table))
                || schemas.iter().any(|schema| pattern.may_be_in(schema))
        })
    };
    match sure {
        Sure::All => {
            let must = |table: &TableName| patterns.iter().any(|pattern| pattern.must_match(table));
            !tables.is_empty()
                && schemas.is_empty()
                && is_all_known(statement)
                && tables.iter().all(must)
        }
        Sure::Seen => may(),
        Sure::Maybe => may() || !is_all_known(statement),
    }
}
