//! What outlives the process: statements and results, in a SQLite file.
//!
//! A statement is in the file before its call is answered, and its end before anybody sees it. A write that was
//! acknowledged survives the process; a power cut may lose the latest.

mod encode;
mod lock;

pub(crate) use encode::KeptRequest;
pub(crate) use lock::DirectoryLock;

use super::StartError;
use super::statement::{Part, Progress, Statement, Status};
use encode::KeptEnd;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The version of the tables.
const VERSION: i64 = 1;
/// What is said of a statement that had not ended when the process did.
const CUT_SHORT: &str =
    "ERROR: the server ended before the statement did; what was not committed is rolled back";

/// The file.
#[derive(Debug)]
pub(crate) struct Archive(Mutex<Connection>);

/// A statement from the file.
pub(crate) struct Kept {
    pub(crate) id: String,
    pub(crate) number: u64,
    pub(crate) request: KeptRequest,
    pub(crate) progress: Progress,
    /// Its event was not delivered.
    pub(crate) event_due: bool,
}

impl Archive {
    /// Opens the file in a data directory, which is made if it is missing.
    pub(crate) fn open(directory: &Path) -> Result<Self, StartError> {
        let file = directory.join("statements.sqlite");
        let failed = |error: rusqlite::Error| StartError::directory(&file, error);
        crate::private::file(&file).map_err(|error| StartError::directory(&file, error))?;
        let connection = Connection::open(&file).map_err(failed)?;
        connection
            .pragma_update(None, "journal_mode", "wal")
            .and_then(|()| connection.pragma_update(None, "synchronous", "normal"))
            .and_then(|()| connection.pragma_update(None, "foreign_keys", true))
            .map_err(failed)?;
        let version: i64 = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(failed)?;
        match version {
            0 => connection
                .execute_batch(&format!(
                    "BEGIN;
                     CREATE TABLE statement (
                         id TEXT PRIMARY KEY,
                         number INTEGER NOT NULL UNIQUE,
                         request TEXT NOT NULL,
                         ended TEXT,
                         event_due INTEGER NOT NULL,
                         results_dropped INTEGER NOT NULL DEFAULT 0
                     ) STRICT;
                     CREATE TABLE result (
                         id TEXT NOT NULL REFERENCES statement (id) ON DELETE CASCADE,
                         part INTEGER NOT NULL,
                         body TEXT NOT NULL,
                         PRIMARY KEY (id, part)
                     ) STRICT;
                     PRAGMA user_version = {VERSION};
                     COMMIT;"
                ))
                .map_err(failed)?,
            VERSION => {}
            other => {
                return Err(StartError::directory(
                    &file,
                    format!(
                        "it is of version {other}, and this program knows {VERSION}; use the newer program, or another directory"
                    ),
                ));
            }
        }
        Ok(Self(Mutex::new(connection)))
    }

    /// Everything in the file, oldest first. What had not ended has failed.
    pub(crate) fn load(&self) -> rusqlite::Result<Vec<Kept>> {
        let connection = self.lock();
        let mut statements = connection.prepare(
            "SELECT id, number, request, ended, event_due, results_dropped FROM statement ORDER BY number",
        )?;
        let mut results =
            connection.prepare("SELECT body FROM result WHERE id = ?1 AND part = ?2")?;
        let rows = statements.query_map([], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, Option<String>>(3)?,
                row.get::<_, bool>(4)?,
                row.get::<_, bool>(5)?,
            ))
        })?;
        let mut all = Vec::new();
        for row in rows {
            let (id, number, request, ended, event_due, results_dropped) = row?;
            let Ok(request) = serde_json::from_str::<KeptRequest>(&request) else {
                tracing::warn!(
                    statement = id,
                    "the archive has a statement that cannot be read; it is left out"
                );
                continue;
            };
            let ended = ended.and_then(|ended| serde_json::from_str::<KeptEnd>(&ended).ok());
            let mut progress = match ended {
                Some(ended) => ended.progress(results_dropped),
                None => cut_short(&request),
            };
            for (at, part) in progress.parts.iter_mut().enumerate() {
                let at = i64::try_from(at).unwrap_or(i64::MAX);
                let body: Option<String> = results
                    .query_row(params![id, at], |row| row.get(0))
                    .optional()?;
                part.result = body
                    .and_then(|body| encode::read_result(&body))
                    .map(Arc::new);
            }
            all.push(Kept {
                id,
                number: u64::try_from(number).unwrap_or_default(),
                request,
                progress,
                event_due,
            });
        }
        Ok(all)
    }

    /// Keeps a statement that was just accepted.
    pub(crate) fn begin(&self, statement: &Statement, digest: &str) -> rusqlite::Result<()> {
        let request = json_text(&statement.kept(digest))?;
        let number = i64::try_from(statement.number).unwrap_or(i64::MAX);
        self.lock()
            .prepare_cached(
                "INSERT INTO statement (id, number, request, event_due) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![statement.id, number, request, statement.with_event])
            .map(drop)
    }

    /// Keeps how a statement ended.
    pub(crate) fn end(&self, id: &str, progress: &Progress) -> rusqlite::Result<()> {
        let ended = json_text(&KeptEnd::of(progress))?;
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        transaction
            .prepare_cached("UPDATE statement SET ended = ?2 WHERE id = ?1")?
            .execute(params![id, ended])?;
        for (at, part) in progress.parts.iter().enumerate() {
            if let Some(result) = &part.result {
                let at = i64::try_from(at).unwrap_or(i64::MAX);
                transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO result (id, part, body) VALUES (?1, ?2, ?3)",
                    )?
                    .execute(params![id, at, encode::result(result).to_string()])?;
            }
        }
        transaction.commit()
    }

    /// The statement's event was delivered.
    pub(crate) fn told(&self, id: &str) -> rusqlite::Result<()> {
        self.lock()
            .prepare_cached("UPDATE statement SET event_due = 0 WHERE id = ?1")?
            .execute([id])
            .map(drop)
    }

    /// Forgets statements.
    pub(crate) fn forget(&self, ids: &[String]) -> rusqlite::Result<()> {
        self.each(ids, &["DELETE FROM statement WHERE id = ?1"])
    }

    /// Forgets results of statements.
    pub(crate) fn drop_results(&self, ids: &[String]) -> rusqlite::Result<()> {
        self.each(
            ids,
            &[
                "DELETE FROM result WHERE id = ?1",
                "UPDATE statement SET results_dropped = 1 WHERE id = ?1",
            ],
        )
    }

    fn each(&self, ids: &[String], acts: &[&str]) -> rusqlite::Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        for id in ids {
            for act in acts {
                transaction.prepare_cached(act)?.execute([id])?;
            }
        }
        transaction.commit()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cut_short(request: &KeptRequest) -> Progress {
    let part = Part {
        status: Status::Failed,
        error: Some(CUT_SHORT.to_owned()),
        ..Part::new(encode::time(request.created_at))
    };
    Progress {
        status: Status::Failed,
        error: Some(CUT_SHORT.to_owned()),
        updated_at: Timestamp::now(),
        duration: None,
        pid: None,
        parts: vec![part; request.sqls.len()],
        results_dropped: false,
    }
}

fn json_text(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

impl Kept {
    /// When it was accepted.
    pub(crate) fn created_at(&self) -> Timestamp {
        encode::time(self.request.created_at)
    }
}
