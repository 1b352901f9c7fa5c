//! Opening a database, and what SQL may do in it.

use super::super::stop::StopSlot;
use super::connection::{LOCK_PAUSE, is_locked};
use super::functions;
use crate::time::TimeScale;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long opening may wait for a lock.
const OPEN_WAIT: Duration = Duration::from_secs(10);
/// How many steps of SQLite's machine pass between two looks at the stop: well below a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 2000;
/// The longest text or blob SQLite may make, in bytes.
const VALUE_BYTES: i32 = 16 * 1024 * 1024;
/// The most pages of 4,096 bytes a database may have: 4 GiB.
const DATABASE_PAGES: i64 = 1024 * 1024;

/// Opens the database in a file, which is made if it is missing.
pub(super) fn open(
    path: &Path,
    slot: &StopSlot,
    scale: TimeScale,
    pid: i64,
) -> rusqlite::Result<rusqlite::Connection> {
    // What is wrong with the file SQLite says itself.
    let _ = crate::private::file(path);
    let sqlite = rusqlite::Connection::open(path)?;
    sqlite.busy_timeout(OPEN_WAIT)?;
    // Readers and a writer at the same time. What the machine loses in a power cut is only a demo's.
    write_ahead(&sqlite)?;
    sqlite.pragma_update(None, "synchronous", "off")?;
    sqlite.pragma_update(None, "max_page_count", DATABASE_PAGES)?;
    // As in Redshift a text in double quotes is a name and never a text.
    sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    sqlite.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES)?;
    sqlite.busy_timeout(Duration::ZERO)?;
    functions::register(&sqlite, slot, scale, pid)?;
    let watched = slot.clone();
    sqlite.progress_handler(
        STEPS_BETWEEN_LOOKS,
        Some(move || watched.get().is_stopped()),
    )?;
    sqlite.authorizer(Some(authorize))?;
    Ok(sqlite)
}

/// Switches to the write-ahead log. SQLite refuses this at once where another connection switches in the
/// same moment: its own waiting for locks does not cover it.
fn write_ahead(sqlite: &rusqlite::Connection) -> rusqlite::Result<()> {
    let end = Instant::now() + OPEN_WAIT;
    loop {
        match sqlite.pragma_update(None, "journal_mode", "wal") {
            Err(error) if is_locked(&error) && Instant::now() < end => {
                std::thread::sleep(LOCK_PAUSE);
            }
            done => return done,
        }
    }
}

/// Keeps SQL inside its database: nothing but it is read or written, and its settings stay.
pub(super) fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        // VACUUM attaches an unnamed database for its own use; a named one is somebody's file.
        AuthAction::Attach { filename } if !filename.is_empty() => Authorization::Deny,
        AuthAction::Pragma { .. }
        | AuthAction::CreateVtable { .. }
        | AuthAction::DropVtable { .. } => Authorization::Deny,
        AuthAction::Function {
            function_name: "load_extension",
        } => Authorization::Deny,
        _ => Authorization::Allow,
    }
}
