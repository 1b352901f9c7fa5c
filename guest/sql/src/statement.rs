//! What one statement is and touches.

use crate::Kind;
use crate::account::Account;
use crate::facts::Facts;
use crate::functions;
use crate::grammar::{self, Outcome, Stop};
use crate::lexer::{Doubt, Doubtful, TokenKind, first_doubt};
use crate::name::TableName;
use crate::second;
use crate::source::{QUERY_WORDS, Source};
use crate::structure::Structure;
use crate::text::leading_word;

/// What is known of one statement.
///
/// An empty list of tables never means that nothing is touched: see [`complete`](Statement::complete).
/// Views, procedures, functions and dynamic SQL reach further than their text shows in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it does, or why that is not known.
    pub kind: Result<Kind, Unparsed>,
    /// What the statement does that it prepares, runs as prepared, or declares a cursor for; none of any other.
    pub inner: Option<Result<Kind, Unparsed>>,
    /// Tables it reads. The table that UPDATE, DELETE and MERGE change is read too, and so is the one that GRANT gives
    /// rights on.
    pub reads: Vec<TableName>,
    /// Tables it changes, makes, removes, or changes the rights of.
    pub writes: Vec<TableName>,
    /// Schemas it names as such (`CREATE SCHEMA s`), beside those of the tables.
    pub schemas: Vec<String>,
    /// Functions and procedures it calls, with the schema where one was named; in lower case but for quoted names.
    pub functions: Vec<String>,
    /// Words that nobody could account for, the first 50 of them: each may be a table, a schema or a function, or change what
    /// the others are.
    pub unaccounted: Vec<String>,
    /// What it does beyond its kind and its names.
    pub structure: Structure,
    /// Whether the lists name everything that the text touches. False for CALL, for SQL that does not parse, for a
    /// function that is not known to do no more than compute a value, and wherever a part was not understood.
    pub complete: bool,
    /// The same without regard to functions.
    all_read: bool,
    /// The kinds that functions with effects stand for, each once.
    effects: Vec<Kind>,
}

/// Whether a text in which secrets are hidden is the whole one to whoever looks at its facts: the same kinds, tables, schemas,
/// functions and structure, as completely. Which words are not accounted for does not matter; a role in a secret text of
/// CREDENTIALS is unsure in place of known; a location may have a secret behind its first `?`, where signatures are.
#[must_use]
pub fn read_alike(whole: &str, hidden: &str) -> bool {
    let facts = |sql| {
        let statement = classify(sql);
        let known =
            |kind: &Result<Kind, Unparsed>| kind.as_ref().map_err(std::mem::discriminant).copied();
        let kinds = (known(&statement.kind), statement.inner.as_ref().map(known));
        let Statement {
            reads,
            writes,
            schemas,
            functions,
            complete,
            mut structure,
            ..
        } = statement;
        let roles = std::mem::take(&mut structure.iam_roles);
        let locations = std::mem::take(&mut structure.locations.found);
        let names = (reads, writes, schemas, functions, complete);
        ((kinds, names, structure), roles, locations)
    };
    let (whole, roles, locations) = facts(whole);
    let (hidden, hidden_roles, hidden_locations) = facts(hidden);
    whole == hidden
        && (roles == hidden_roles || hidden_roles.unsure)
        && locations.len() == hidden_locations.len()
        && (locations.iter().zip(&hidden_locations))
            .all(|(whole, hidden)| is_same_place(whole, hidden))
}

/// Whether two locations are one but for what stands behind the first `?`. A secret with a `/` may be a part of a path.
fn is_same_place(whole: &str, hidden: &str) -> bool {
    let parted = |location| str::split_once(location, '?');
    whole == hidden
        || parted(whole).is_some_and(|(path, query)| {
            !query.contains('/') && parted(hidden).is_some_and(|(hidden, _)| hidden == path)
        })
}

/// Words that are said to be not accounted for.
const MOST_WORDS: usize = 50;

/// Why SQL was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unparsed {
    /// Its grammar is not known.
    Syntax {
        /// Its first word, in lower case: a hint, no evidence.
        leading_word: Option<String>,
        /// The word where it stops to make sense, if it is not the first.
        near: Option<String>,
    },
    /// A part of it has two readings, and the database may have either.
    Ambiguous(Doubtful),
    /// It is not in the text: EXECUTE runs what was prepared elsewhere.
    Elsewhere,
}

impl Statement {
    fn unparsed(why: Unparsed) -> Self {
        Self {
            kind: Err(why),
            inner: None,
            reads: Vec::new(),
            writes: Vec::new(),
            schemas: Vec::new(),
            functions: Vec::new(),
            unaccounted: Vec::new(),
            structure: Structure::unknown(),
            complete: false,
            all_read: false,
            effects: Vec::new(),
        }
    }

    fn read(source: &Source<'_>, account: &Account, outcome: Outcome) -> Self {
        let Facts {
            mut reads,
            mut writes,
            mut schemas,
            mut functions,
            unread: mut unaccounted,
            mut structure,
            not_all_known,
        } = outcome.facts;
        let mut words = second::unaccounted(source, account);
        words.extend(outcome.stopped);
        words.sort_unstable();
        words.dedup();
        unaccounted.extend(
            words
                .into_iter()
                .take(MOST_WORDS)
                .filter_map(|at| source.token(at))
                .map(|token| shortened(token.text)),
        );
        for tables in [&mut reads, &mut writes] {
            tables.sort();
            tables.dedup();
        }
        for names in [&mut schemas, &mut functions] {
            names.sort();
            names.dedup();
        }
        if !unaccounted.is_empty() {
            structure.doubt(outcome.kind);
        }
        let all_read = !not_all_known && unaccounted.is_empty();
        let mut effects = Vec::new();
        for effect in functions.iter().filter_map(|name| functions::effect(name)) {
            if !effects.contains(&effect) {
                effects.push(effect);
            }
        }
        Self {
            kind: Ok(outcome.kind),
            inner: outcome.inner,
            reads,
            writes,
            schemas,
            complete: all_read && functions.iter().all(|name| functions::is_harmless(name)),
            functions,
            unaccounted,
            structure,
            all_read,
            effects,
        }
    }

    /// The kinds that are known of it: its own, that of the statement in it, and those that functions with effects stand for
    /// (`set_config` for SET).
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        let inner = self.inner.iter();
        std::iter::once(&self.kind)
            .chain(inner)
            .filter_map(|kind| kind.as_ref().ok().copied())
            .chain(self.effects.iter().copied())
    }

    /// Whether it calls a function that is known to have effects: one that changes the session or others, runs SQL in a text, or
    /// reads and writes files.
    #[must_use]
    pub fn calls_effects(&self) -> bool {
        !self.effects.is_empty()
    }

    /// Why one of its kinds is not known.
    #[must_use]
    pub fn unparsed_part(&self) -> Option<&Unparsed> {
        let inner = self.inner.iter();
        std::iter::once(&self.kind)
            .chain(inner)
            .find_map(|kind| kind.as_ref().err())
    }

    /// The functions it calls that are not known to do no more than compute a value.
    pub fn unknown_functions(&self) -> impl Iterator<Item = &str> {
        self.functions
            .iter()
            .map(String::as_str)
            .filter(|name| !functions::is_harmless(name))
    }

    /// The same statement where somebody vouches for functions: those for which `is_known` holds touch no table. A function
    /// that is known to have effects (`set_config`, `dblink`) cannot be vouched for, nor one whose quoted name has capital
    /// letters: it is another one in a session that tells them apart.
    #[must_use]
    pub fn trusting(mut self, is_known: impl Fn(&str) -> bool) -> Self {
        let may_be_trusted = |name: &str| {
            is_known(name) && !functions::has_effects(name) && !name.chars().any(char::is_uppercase)
        };
        self.complete = self.all_read && self.unknown_functions().all(may_be_trusted);
        self
    }

    /// Whether what it does to schemas as a whole is about rights: who may read and write what is in them.
    #[must_use]
    pub fn changes_rights(&self) -> bool {
        matches!(
            self.kind,
            Ok(Kind::Grant
                | Kind::Revoke
                | Kind::AlterOther
                | Kind::AttachPolicy
                | Kind::DetachPolicy)
        )
    }

    /// Whether all of it was read, whatever its functions do.
    pub(crate) fn is_all_read(&self) -> bool {
        self.all_read
    }
}

/// Say what one statement is and touches. `sql` should hold one statement; several are *unparsed*.
///
/// It never fails, and its stack is bounded and its time and memory linear, whatever the text.
#[must_use]
pub fn classify(sql: &str) -> Statement {
    read_statement(sql, true)
}

/// The same for who does not look at the structure of the statement, which is unknown then.
#[must_use]
pub fn classify_names(sql: &str) -> Statement {
    read_statement(sql, false)
}

fn read_statement(sql: &str, wants_structure: bool) -> Statement {
    if let Some(doubtful) = first_doubt(sql) {
        return Statement::unparsed(Unparsed::Ambiguous(doubtful));
    }
    let syntax = |near: Option<String>| {
        Statement::unparsed(Unparsed::Syntax {
            leading_word: leading_word(sql),
            near,
        })
    };
    let Some(mut source) = Source::new(sql) else {
        return syntax(None);
    };
    let mut account = Account::new(source.len());
    let read = match source.match_brackets() {
        Ok(()) => grammar::read(&source, &mut account, wants_structure),
        Err(at) => Err(Stop(at)),
    };
    match read {
        Ok(outcome) => Statement::read(&source, &account, outcome),
        Err(Stop(at)) => {
            let token = source.token(at);
            let doubt = token.and_then(|token| match token.kind {
                TokenKind::Word if token.text.starts_with('#') => Some(Doubt::Hash),
                TokenKind::Symbol('[') => Some(Doubt::Bracket),
                _ => None,
            });
            match (token, doubt) {
                (Some(token), Some(doubt)) => {
                    Statement::unparsed(Unparsed::Ambiguous(Doubtful::new(token.text, doubt)))
                }
                (Some(token), None) if at > 0 => syntax(Some(shortened(token.text))),
                _ => syntax(None),
            }
        }
    }
}

/// Say what a query is that stands in a text of another statement. Nothing but a query is one.
pub(crate) fn classify_query(sql: &str, wants_structure: bool) -> Statement {
    let is_query = crate::lexer::significant(sql)
        .next()
        .is_some_and(|token| token.is_symbol('(') || token.is_any(&QUERY_WORDS));
    match is_query {
        true => read_statement(sql, wants_structure),
        false => Statement::unparsed(Unparsed::Syntax {
            leading_word: leading_word(sql),
            near: None,
        }),
    }
}

/// The first characters of a word, for a message.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
        None => text.to_owned(),
    }
}
