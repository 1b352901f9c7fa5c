//! Runs one statement in a transaction and reads from the server what it touched.

use crate::wire::{Answer, Connection, Row};
use crate::world;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};

/// How plain literals are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strings {
    /// `standard_conforming_strings = off`: a backslash escapes, as in Redshift.
    Escaping,
    /// `standard_conforming_strings = on`.
    Standard,
}

impl Strings {
    /// Both.
    pub const ALL: [Strings; 2] = [Strings::Escaping, Strings::Standard];

    /// Its name in a corpus.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Strings::Escaping => "escaping",
            Strings::Standard => "standard",
        }
    }

    fn setting(self) -> &'static str {
        match self {
            Strings::Escaping => "off",
            Strings::Standard => "on",
        }
    }
}

/// A relation that exists, with its schema; `pg_temp` for any temporary one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relation {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
}

/// How a relation was touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Access {
    /// It was locked for reading, or scanned.
    pub read: bool,
    /// It was locked for a change, or its definition or its rights changed.
    pub write: bool,
    /// Rows or its definition changed.
    pub changed: bool,
    /// It is a part of the catalog.
    pub is_catalog: bool,
    /// The statement made it.
    pub is_new: bool,
}

/// What a statement did to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It ran.
    Ran {
        /// The command's tag.
        tag: String,
    },
    /// It was analysed, and failed as it ran.
    FailedRunning(String),
    /// It was not accepted.
    Refused(String, String),
    /// The text holds several.
    Several,
    /// The text holds none.
    Empty,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// How it ended.
    pub outcome: Outcome,
    /// The relations.
    pub touched: BTreeMap<Relation, Access>,
    /// Settings and parts of the catalog that it changed, by name.
    pub effects: BTreeSet<String>,
}

/// What of the server's state is compared before and after.
const STATE: &str = "select pg_catalog.current_setting('search_path'), current_user::text, session_user::text, \
    pg_catalog.current_setting('standard_conforming_strings'), pg_catalog.current_setting('statement_timeout'), \
    pg_catalog.current_setting('DateStyle'), pg_catalog.current_setting('TimeZone'), \
    pg_catalog.current_setting('application_name'), pg_catalog.current_setting('row_security'), \
    pg_catalog.current_setting('my.x', true), \
    changed(2964), changed(1261), changed(826), changed(1255), \
    case when changed(1259) <> '0' then (select pg_catalog.string_agg(n.nspname || '.' || c.relname, e'\\n') \
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
      where c.xmin = pg_catalog.pg_current_xact_id_if_assigned()::text::xid and c.relkind in ('r', 'v', 'm', 'S')) end, \
    pg_catalog.pg_stat_force_next_flush()::text";
/// The names of its columns, but of the last two. The last forgets the counts, which else add up over transactions.
const STATE_NAMES: [&str; 14] = [
    "search_path",
    "user",
    "session_user",
    "standard_conforming_strings",
    "statement_timeout",
    "datestyle",
    "timezone",
    "application_name",
    "row_security",
    "my.x",
    "settings of roles",
    "members of roles",
    "default privileges",
    "functions",
];

/// A database that statements can be probed in, by one session at a time.
#[derive(Debug)]
pub struct Probe {
    socket: PathBuf,
    world: World,
    sessions: [Option<Session>; 2],
    /// Sessions that were opened.
    pub opened: usize,
}

/// What is known of the database's relations.
#[derive(Debug, Clone)]
pub struct World {
    relations: HashMap<u32, Relation>,
    /// Indexes and what they belong to.
    tables: HashMap<u32, u32>,
    /// What a view reads, the views below it included.
    below: HashMap<Relation, BTreeSet<Relation>>,
    first_new: u32,
}

#[derive(Debug)]
struct Session {
    connection: Connection,
    before: Row,
}

impl World {
    /// Makes the database.
    pub fn make(socket: &Path) -> io::Result<Self> {
        let mut admin = Connection::open(socket, signalbox_postgres::ADMIN, "postgres", &[])?;
        admin.must(&format!("create database {}", world::DATABASE));
        let mut admin = Connection::open(socket, signalbox_postgres::ADMIN, world::DATABASE, &[])?;
        admin.must(&world::definition());
        admin.must(&world::ownership());
        admin.must("analyze");
        let number = |value: &Option<String>| -> u32 {
            value
                .as_deref()
                .and_then(|v| v.parse().ok())
                .expect("an oid")
        };
        let text = |value: &Option<String>| value.clone().expect("a text");
        let relations: HashMap<u32, Relation> = admin
            .must("select c.oid, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where relkind in ('r', 'v', 'm', 'S', 'p', 'f')")
            .iter()
            .map(|row| {
                let relation = Relation { schema: text(&row[1]), name: text(&row[2]) };
                (number(&row[0]), relation)
            })
            .collect();
        let tables = admin
            .must("select indexrelid, indrelid from pg_index")
            .iter()
            .map(|row| (number(&row[0]), number(&row[1])))
            .collect();
        let mut direct: HashMap<u32, BTreeSet<u32>> = HashMap::new();
        for row in admin.must(
            "select distinct r.ev_class, d.refobjid from pg_rewrite r join pg_depend d on d.objid = r.oid \
             and d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass where d.refobjid <> r.ev_class",
        ) {
            direct.entry(number(&row[0])).or_default().insert(number(&row[1]));
        }
        let mut below = HashMap::new();
        for view in direct.keys() {
            let mut found = BTreeSet::new();
            let mut pending = vec![*view];
            while let Some(next) = pending.pop() {
                for table in direct.get(&next).into_iter().flatten() {
                    if found.insert(*table) {
                        pending.push(*table);
                    }
                }
            }
            let found = found
                .iter()
                .filter_map(|oid| relations.get(oid))
                .cloned()
                .collect();
            if let Some(view) = relations.get(view) {
                below.insert(view.clone(), found);
            }
        }
        let first_new = number(&admin.must("select max(oid)::int8 + 1 from pg_class")[0][0]);
        Ok(Self {
            relations,
            tables,
            below,
            first_new,
        })
    }

    /// What is known of it without a server.
    #[must_use]
    pub fn known() -> Self {
        let relation = |(schema, name): (&str, &str)| Relation {
            schema: schema.to_owned(),
            name: name.to_owned(),
        };
        let below = world::VIEWS
            .iter()
            .filter_map(|(schema, name, table)| {
                let table = relation(table.split_once('.')?);
                Some((relation((schema, name)), BTreeSet::from([table])))
            })
            .collect();
        Self {
            relations: HashMap::new(),
            tables: HashMap::new(),
            below,
            first_new: 0,
        }
    }

    /// What a view reads.
    #[must_use]
    pub fn below(&self, view: &Relation) -> Option<&BTreeSet<Relation>> {
        self.below.get(view)
    }

    /// Views.
    pub fn views(&self) -> impl Iterator<Item = &Relation> {
        self.below.keys()
    }
}

impl Session {
    fn open(socket: &Path, strings: Strings, first_new: u32) -> io::Result<Self> {
        let options = [
            // Not what is set below: RESET shows.
            (
                "standard_conforming_strings",
                if strings == Strings::Standard {
                    "off"
                } else {
                    "on"
                },
            ),
            ("escape_string_warning", "off"),
            ("backslash_quote", "on"),
            ("statement_timeout", "400"),
            ("lock_timeout", "200"),
            ("client_min_messages", "error"),
            ("search_path", "finance"),
            // One that was never set is not again what it was before.
            ("my.x", ""),
        ];
        let mut connection = Connection::open(socket, world::USER, world::DATABASE, &options)?;
        // Only what is tried has little time.
        connection.must(&format!(
            "set statement_timeout = 0; set lock_timeout = 0; set search_path = \"$user\", public; \
             set standard_conforming_strings = {}",
            strings.setting()
        ));
        connection.must(world::TEMPORARY);
        connection.must("reset statement_timeout; reset lock_timeout");
        let locks = format!(
            "select l.relation, l.mode, pg_catalog.pg_stat_get_xact_numscans(l.relation), \
             pg_catalog.pg_stat_get_xact_tuples_inserted(l.relation) + pg_catalog.pg_stat_get_xact_tuples_updated(l.relation) \
               + pg_catalog.pg_stat_get_xact_tuples_deleted(l.relation), \
             o.type, o.schema, o.name from pg_catalog.pg_lock_status() l left join lateral (select i.type, i.schema, \
               coalesce(i.name, pg_catalog.split_part(i.identity, '.', 2)) as name from pg_catalog.pg_identify_object(1259, l.relation, 0) i \
               where l.relation >= {first_new}) o on true \
             where l.locktype = 'relation' and l.pid = pg_catalog.pg_backend_pid()"
        );
        let mut state = STATE.to_owned();
        while let Some((before, rest)) = state.split_once("changed(") {
            let (oid, after) = rest.split_once(')').expect("a bracket");
            state = format!(
                "{before}(pg_catalog.pg_stat_get_xact_tuples_inserted({oid}) + pg_catalog.pg_stat_get_xact_tuples_updated({oid}) \
                 + pg_catalog.pg_stat_get_xact_tuples_deleted({oid}))::text{after}"
            );
        }
        connection.parse("locks", &locks)?;
        connection.parse("state", &state)?;
        connection.run("state", 0)?;
        connection.sync();
        connection.send()?;
        connection.run("state", 0)?;
        connection.sync();
        let answer = connection.send()?.pop().expect("an answer");
        if let Some((_, text)) = answer.error {
            return Err(io::Error::other(text));
        }
        let before = answer.rows.into_iter().next().expect("a row");
        Ok(Self { connection, before })
    }

    /// The answers to BEGIN, the statement, the questions, and ROLLBACK.
    fn ask(&mut self, sql: &str, only_parse: bool) -> io::Result<[Answer; 4]> {
        let connection = &mut self.connection;
        connection.query("begin")?;
        connection.parse("", sql)?;
        if !only_parse {
            connection.run("", 20)?;
        }
        connection.sync();
        connection.run("locks", 0)?;
        connection.run("state", 0)?;
        connection.sync();
        connection.query("rollback")?;
        let answers = connection.send()?;
        answers
            .try_into()
            .map_err(|_| io::Error::other("answers are missing"))
    }
}

impl Probe {
    /// One that opens its sessions when it needs them.
    #[must_use]
    pub fn new(socket: PathBuf, world: World) -> Self {
        Self {
            socket,
            world,
            sessions: [None, None],
            opened: 0,
        }
    }

    /// What is known of the database.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Runs a text and undoes it.
    pub fn observe(&mut self, sql: &str, strings: Strings) -> Observation {
        if sql.contains('\0') {
            return refused("a zero byte");
        }
        for _ in 0..3 {
            let session = &mut self.sessions[strings as usize];
            if session.is_none() {
                self.opened += 1;
                *session = Some(
                    Session::open(&self.socket, strings, self.world.first_new)
                        .expect("a session of the server"),
                );
            }
            let session = session.as_mut().expect("just opened");
            let Ok(mut answers) = session.ask(sql, false) else {
                self.sessions[strings as usize] = None;
                return refused("the session ended");
            };
            if needs_new_session(&answers) {
                let seen = self.seen(&answers, strings);
                self.sessions[strings as usize] = None;
                return seen;
            }
            match &answers[1].error {
                // Another session was in the way.
                Some((code, _)) if ["55P03", "40P01"].contains(&code.as_str()) => continue,
                // It ran into an error: the locks of its analysis are seen without running it.
                Some(error) if answers[1].parsed => {
                    let error = error.clone();
                    let Ok(analysed) = session.ask(sql, true) else {
                        self.sessions[strings as usize] = None;
                        return refused("the session ended");
                    };
                    answers = analysed;
                    let mut seen = self.seen(&answers, strings);
                    if matches!(seen.outcome, Outcome::Ran { .. } | Outcome::Empty) {
                        seen.outcome = Outcome::FailedRunning(error.0);
                    }
                    return seen;
                }
                _ => return self.seen(&answers, strings),
            }
        }
        refused("locks")
    }

    fn seen(&self, answers: &[Answer; 4], strings: Strings) -> Observation {
        let [_, statement, after, _] = answers;
        let outcome = match &statement.error {
            Some((code, text)) if code == "42601" && text.contains("multiple commands") => {
                Outcome::Several
            }
            Some((code, text)) => Outcome::Refused(code.clone(), text.clone()),
            None => match statement.tags.first() {
                Some(tag) => Outcome::Ran { tag: tag.clone() },
                None if statement.rows.is_empty() => Outcome::Empty,
                None => Outcome::Ran { tag: String::new() },
            },
        };
        let mut seen = Observation {
            outcome,
            touched: BTreeMap::new(),
            effects: BTreeSet::new(),
        };
        if statement.error.is_some() || after.error.is_some() {
            return seen;
        }
        let Some((state, locks)) = after.rows.split_last() else {
            return seen;
        };
        for lock in locks {
            self.add_lock(lock, &mut seen.touched);
        }
        if let Some(session) = &self.sessions[strings as usize] {
            for ((name, old), new) in STATE_NAMES.iter().zip(&session.before).zip(state) {
                if old != new {
                    seen.effects.insert((*name).to_owned());
                }
            }
        }
        let changed = state
            .get(STATE_NAMES.len())
            .and_then(Option::as_deref)
            .unwrap_or("");
        for (schema, name) in changed.lines().filter_map(|line| line.split_once('.')) {
            let relation = Relation {
                schema: plain_schema(schema),
                name: name.to_owned(),
            };
            let access = seen.touched.entry(relation).or_default();
            access.write = true;
            access.changed = true;
        }
        seen
    }

    fn add_lock(&self, lock: &Row, touched: &mut BTreeMap<Relation, Access>) {
        let text = |at: usize| lock.get(at).and_then(Option::as_deref);
        let Some(mut oid) = text(0).and_then(|oid| oid.parse::<u32>().ok()) else {
            return;
        };
        if let Some(table) = self.world.tables.get(&oid) {
            oid = *table;
        }
        let known = self.world.relations.get(&oid).cloned();
        let is_new = known.is_none();
        let relation = known.or_else(|| {
            // Those of the session itself and those that the statement made.
            let is_relation = matches!(
                text(4),
                Some("table" | "view" | "materialized view" | "sequence")
            );
            let (schema, name) = (text(5)?, text(6)?);
            is_relation.then(|| Relation {
                schema: plain_schema(schema),
                name: unquoted(name),
            })
        });
        let Some(relation) = relation else { return };
        let is_catalog = ["pg_catalog", "information_schema"].contains(&relation.schema.as_str());
        let is_reading = matches!(text(1), Some("AccessShareLock" | "RowShareLock"));
        if is_catalog && !is_reading {
            return;
        }
        let is_session =
            ["tmp", "#tmp"].contains(&relation.name.as_str()) && relation.schema == "pg_temp";
        let access = touched.entry(relation).or_default();
        access.is_catalog = is_catalog;
        access.is_new = is_new && !is_session;
        access.read |= is_reading || text(2).is_some_and(|scans| scans != "0");
        access.write |= !is_reading;
        access.changed |= text(3).is_some_and(|rows| rows != "0");
    }
}

/// Whether something of the statement outlives its transaction, or may: what it prepared, a transaction that it ended.
fn needs_new_session(answers: &[Answer; 4]) -> bool {
    let [_, statement, after, rollback] = answers;
    let tag = statement.tags.first().map_or("", String::as_str);
    let keeps = ["PREPARE", "DEALLOCATE", "DISCARD", "LISTEN", "LOAD"];
    keeps.iter().any(|word| tag.starts_with(word))
        || (statement.status != b'T' && statement.error.is_none())
        || (after.error.is_some() && statement.error.is_none())
        || rollback.error.is_some()
}

/// All schemas of temporary tables are one.
fn plain_schema(schema: &str) -> String {
    let schema = unquoted(schema);
    match schema.starts_with("pg_temp") {
        true => "pg_temp".to_owned(),
        false => schema,
    }
}

/// A name that the server quotes where it has to: `"a""b"` is `a"b`.
fn unquoted(name: &str) -> String {
    let inside = name
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inside.map_or_else(|| name.to_owned(), |inside| inside.replace("\"\"", "\""))
}

fn refused(why: &str) -> Observation {
    Observation {
        outcome: Outcome::Refused(why.to_owned(), String::new()),
        touched: BTreeMap::new(),
        effects: BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_of_the_server_are_not_of_the_name() {
        for (shown, name) in [
            ("t", "t"),
            ("\"T t\"", "T t"),
            ("\"a\"\"b\"", "a\"b"),
            ("\"a\"\"\"", "a\""),
        ] {
            assert_eq!(unquoted(shown), name);
        }
    }
}
