//! Holds facts against what was seen.

use crate::facts::{Facts, Name};
use crate::probe::{Access, Observation, Outcome, Relation, World};
use crate::world;
use std::collections::BTreeSet;
use std::fmt;

/// What complete facts do not say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hole {
    /// A relation that was read.
    Read(Relation),
    /// A relation that was changed.
    Write(Relation),
    /// A setting, or a part of the catalog, that changed.
    Effect(String),
    /// There are more statements than one.
    Several,
    /// It is a command of another kind.
    Command(String),
}

impl fmt::Display for Hole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hole::Read(relation) => {
                write!(formatter, "reads {}.{}", relation.schema, relation.name)
            }
            Hole::Write(relation) => {
                write!(formatter, "writes {}.{}", relation.schema, relation.name)
            }
            Hole::Effect(what) => write!(formatter, "changes {what}"),
            Hole::Several => formatter.write_str("several statements"),
            Hole::Command(tag) => write!(formatter, "is {tag}"),
        }
    }
}

impl Hole {
    /// From how it is displayed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let relation = |text: &str| {
            let (schema, name) = text.split_once('.')?;
            Some(Relation {
                schema: schema.to_owned(),
                name: name.to_owned(),
            })
        };
        if text == "several statements" {
            return Some(Hole::Several);
        }
        let (word, rest) = text.split_once(' ')?;
        match word {
            "reads" => relation(rest).map(Hole::Read),
            "writes" => relation(rest).map(Hole::Write),
            "is" => Some(Hole::Command(rest.to_owned())),
            "changes" => Some(Hole::Effect(rest.to_owned())),
            _ => None,
        }
    }

    /// Whether facts leave it open: they claim to be all and do not say this.
    #[must_use]
    pub fn is_open_in(&self, facts: &Facts, world: &World) -> bool {
        if let Hole::Command(tag) = self {
            return !is_of_kind(facts, tag);
        }
        if !facts.claims_all() {
            return false;
        }
        match self {
            Hole::Command(_) => false,
            Hole::Read(relation) => !names(&facts.reads, relation, world),
            Hole::Write(relation) => !names(&facts.writes, relation, world),
            // To set what decides nothing about tables is a kind of its own, and others change none.
            Hole::Effect(what) => {
                facts.kind.as_deref() != Some("set") || DECISIVE.contains(&what.as_str())
            }
            Hole::Several => true,
        }
    }
}

/// What decides which tables a name means, or who asks for them.
const DECISIVE: [&str; 7] = [
    "search_path",
    "user",
    "session_user",
    "standard_conforming_strings",
    "row_security",
    "settings of roles",
    "members of roles",
];

/// Kinds that read tables as queries do. Others look at a table that they change.
const QUERIES: [&str; 10] = [
    "select",
    "insert",
    "update",
    "delete",
    "merge",
    "explain",
    "cursor",
    "prepared",
    "unload",
    "create-table",
];

/// Commands by their tags, and the kinds that they may be. A kind that is known is right, of incomplete facts too.
const COMMANDS: [(&str, &[&str]); 20] = [
    (
        "SELECT",
        &[
            "select",
            "create-table",
            "create-view",
            "cursor",
            "create-external-table",
        ],
    ),
    ("INSERT", &["insert"]),
    ("UPDATE", &["update"]),
    ("DELETE", &["delete"]),
    ("MERGE", &["merge"]),
    ("TRUNCATE TABLE", &["truncate"]),
    (
        "CREATE TABLE AS",
        &["create-table", "create-external-table"],
    ),
    ("CREATE TABLE", &["create-table", "create-external-table"]),
    ("CREATE VIEW", &["create-view"]),
    ("CREATE FUNCTION", &["create-function"]),
    ("CREATE SCHEMA", &["create-schema"]),
    ("ALTER TABLE", &["alter-table"]),
    ("DROP TABLE", &["drop-table"]),
    ("DROP VIEW", &["drop-view"]),
    ("DROP SCHEMA", &["drop-schema"]),
    ("GRANT", &["grant"]),
    ("REVOKE", &["revoke"]),
    ("CALL", &["call"]),
    ("LOCK TABLE", &["lock"]),
    ("EXPLAIN", &["explain"]),
];

/// Whether the command may be of the kind that facts say it is.
fn is_of_kind(facts: &Facts, tag: &str) -> bool {
    let Some(kind) = facts.kind.as_deref().filter(|_| facts.unparsed.is_none()) else {
        return true;
    };
    COMMANDS
        .iter()
        .find(|(known, _)| *known == tag)
        .is_none_or(|(_, kinds)| kinds.contains(&kind))
}

/// The holes of complete facts, given what was seen.
#[must_use]
pub fn holes(facts: &Facts, seen: &Observation, world: &World) -> BTreeSet<Hole> {
    let mut found = BTreeSet::new();
    if let Outcome::Ran { tag } = &seen.outcome {
        let tag = tag.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ');
        if !is_of_kind(facts, tag) {
            found.insert(Hole::Command(tag.to_owned()));
        }
    }
    if !facts.claims_all() {
        return found;
    }
    if seen.outcome == Outcome::Several {
        found.insert(Hole::Several);
    }
    let kind = facts.kind.as_deref().unwrap_or("");
    let is_query = QUERIES.contains(&kind);
    for (relation, access) in &seen.touched {
        if access.is_catalog && !is_query {
            continue;
        }
        if access.is_new && access.read && !access.write {
            continue;
        }
        if let Some(hole) = hole(facts, relation, *access, is_query, world) {
            found.insert(hole);
        }
    }
    for effect in &seen.effects {
        let hole = Hole::Effect(effect.clone());
        // What functions and rights are made is what these kinds are.
        let is_expected = match effect.as_str() {
            "functions" => !is_query,
            "default privileges" => kind == "alter-other",
            _ => false,
        };
        if !is_expected && hole.is_open_in(facts, world) {
            found.insert(hole);
        }
    }
    found
}

fn hole(
    facts: &Facts,
    relation: &Relation,
    access: Access,
    is_query: bool,
    world: &World,
) -> Option<Hole> {
    let reads = names(&facts.reads, relation, world);
    let writes = names(&facts.writes, relation, world);
    // EXPLAIN locks as what it explains does, and changes nothing.
    let is_plan = facts.kind.as_deref() == Some("explain") && !access.changed;
    if access.write && !writes && !(is_plan && reads) {
        return Some(Hole::Write(relation.clone()));
    }
    let must_read = is_query && access.read && !access.is_new;
    if access.read && !reads && (must_read || !writes) {
        return Some(Hole::Read(relation.clone()));
    }
    None
}

/// Whether names include a relation, or a view of it.
fn names(names: &[Name], relation: &Relation, world: &World) -> bool {
    names.iter().any(|name| means(name, relation))
        || world.views().any(|view| {
            world
                .below(view)
                .is_some_and(|below| below.contains(relation))
                && names.iter().any(|name| means(name, view))
        })
}

/// Whether a name means a relation, under the search path that the session began with.
fn means(name: &Name, relation: &Relation) -> bool {
    let is_database = name
        .database
        .as_ref()
        .is_none_or(|database| database == world::DATABASE);
    let is_schema = match &name.schema {
        Some(schema) => *schema == relation.schema.to_ascii_lowercase(),
        None => ["public", "pg_temp", "pg_catalog"].contains(&relation.schema.as_str()),
    };
    is_database && is_schema && name.name == relation.name.to_ascii_lowercase()
}
