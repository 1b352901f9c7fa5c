//! A connection to one database.

use super::super::engine::{Connection, Limits, SqlError};
use super::super::stop::{Stop, StopSlot};
use super::super::value::{Column, Outcome, ResultSet, Table};
use super::catalog;
use super::open::{self, authorize};
use super::reading::{Reading, UNKNOWN_TYPE, column, inferred};
use super::rewrite::rewrite;
use crate::time::TimeScale;
use rusqlite::hooks::{AuthContext, Authorization};
use rusqlite::{Error, ErrorCode, Statement, ffi};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// How long to wait between two tries for a lock.
pub(super) const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// A connection of SQLite.
#[derive(Debug)]
pub(super) struct SqliteConnection {
    sqlite: rusqlite::Connection,
    slot: StopSlot,
    limits: Limits,
    pid: i64,
}

impl SqliteConnection {
    /// Opens the database in a file, which is made if it is missing.
    pub(super) fn open(path: &Path, limits: Limits, scale: TimeScale) -> Result<Self, SqlError> {
        /// Stands in for the process ids of a server's back ends.
        static NEXT_PID: AtomicI64 = AtomicI64::new(10_001);
        let pid = NEXT_PID.fetch_add(1, Ordering::Relaxed);
        let slot = StopSlot::new();
        let sqlite = open::open(path, &slot, scale, pid).map_err(|error| failed(&error))?;
        Ok(Self {
            sqlite,
            slot,
            limits,
            pid,
        })
    }

    /// Repeats `act` while another connection has the lock: SQLite's own waiting could not be stopped.
    fn patiently<T>(
        &mut self,
        stop: &Arc<Stop>,
        act: impl Fn(&Self) -> rusqlite::Result<T>,
    ) -> Result<T, SqlError> {
        self.slot.set(stop);
        let end = Instant::now() + self.limits.lock_wait;
        loop {
            if stop.is_stopped() {
                return Err(SqlError::Stopped);
            }
            let error = match act(self) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            if stop.is_stopped() {
                return Err(SqlError::Stopped);
            }
            let patient = is_locked(&error) && Instant::now() < end;
            if !patient {
                return Err(failed(&error));
            }
            if stop.sleep(LOCK_PAUSE) {
                return Err(SqlError::Stopped);
            }
        }
    }

    fn attempt(&self, sql: &str, parameters: &[(String, String)]) -> rusqlite::Result<Outcome> {
        let mut statement = self.sqlite.prepare(sql)?;
        for (name, value) in parameters {
            if let Some(at) = statement.parameter_index(&format!(":{name}"))? {
                statement.raw_bind_parameter(at, value)?;
            }
        }
        if statement.column_count() > 0 {
            let result = self.collect(&mut statement)?;
            return Ok(Outcome {
                result: Some(result),
                changed: 0,
            });
        }
        let before = self.sqlite.total_changes();
        statement.raw_execute()?;
        Ok(Outcome {
            result: None,
            changed: self.sqlite.total_changes().saturating_sub(before),
        })
    }

    fn collect(&self, statement: &mut Statement<'_>) -> rusqlite::Result<ResultSet> {
        let mut readings: Vec<Reading> = Vec::new();
        let mut result = ResultSet::default();
        for described in statement.columns() {
            let (column, reading) = column(described.name(), described.decl_type());
            result.columns.push(column);
            readings.push(reading);
        }
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let mut cells = Vec::with_capacity(readings.len());
            for (at, reading) in readings.iter().enumerate() {
                cells.push(reading.cell(row.get_ref(at)?));
            }
            let size = cells.iter().map(|cell| cell.size()).sum();
            result.size += size;
            self.limits
                .check(size, result.size)
                .map_err(|text| Error::UserFunctionError(text.into()))?;
            for (column, cell) in result.columns.iter_mut().zip(&cells) {
                if column.type_name.is_empty() {
                    inferred(cell)
                        .unwrap_or_default()
                        .clone_into(&mut column.type_name);
                }
            }
            result.rows.push(cells);
        }
        for column in &mut result.columns {
            if column.type_name.is_empty() {
                UNKNOWN_TYPE.clone_into(&mut column.type_name);
            }
        }
        Ok(result)
    }

    /// Runs what SQL of clients may not: it looks at the engine's own description of the database.
    fn look<T>(
        &self,
        act: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>,
    ) -> Result<T, SqlError> {
        self.slot.set(&Stop::new());
        let look = || {
            self.sqlite
                .authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
            let seen = act(&self.sqlite);
            self.sqlite.authorizer(Some(authorize))?;
            seen
        };
        look().map_err(|error| failed(&error))
    }
}

impl Connection for SqliteConnection {
    fn pid(&self) -> i64 {
        self.pid
    }

    fn run(
        &mut self,
        sql: &str,
        parameters: &[(String, String)],
        stop: &Arc<Stop>,
    ) -> Result<Outcome, SqlError> {
        let sql = rewrite(sql);
        self.patiently(stop, |connection| connection.attempt(&sql, parameters))
    }

    fn begin(&mut self, writes: bool, stop: &Arc<Stop>) -> Result<(), SqlError> {
        // So that it cannot fail for the lock later.
        let sql = if writes { "BEGIN IMMEDIATE" } else { "BEGIN" };
        self.patiently(stop, |connection| connection.sqlite.execute_batch(sql))
    }

    fn commit(&mut self, stop: &Arc<Stop>) -> Result<(), SqlError> {
        self.patiently(stop, |connection| connection.sqlite.execute_batch("COMMIT"))
    }

    fn rollback(&mut self) -> Result<(), SqlError> {
        // A stopped statement must not stop this too.
        self.slot.set(&Stop::new());
        if self.sqlite.is_autocommit() {
            return Ok(());
        }
        self.sqlite
            .execute_batch("ROLLBACK")
            .map_err(|error| failed(&error))
    }

    fn schemas(&mut self) -> Result<Vec<String>, SqlError> {
        Ok(vec![catalog::SCHEMA.to_owned()])
    }

    fn tables(&mut self) -> Result<Vec<Table>, SqlError> {
        self.look(catalog::tables)
    }

    fn columns(
        &mut self,
        schema: Option<&str>,
        table: Option<&str>,
    ) -> Result<Vec<Column>, SqlError> {
        self.look(|sqlite| catalog::columns(sqlite, schema, table))
    }
}

/// Whether another connection has the lock, and waiting for it can help.
pub(super) fn is_locked(error: &Error) -> bool {
    let code = error.sqlite_error();
    let locked = code.is_some_and(|code| {
        matches!(
            code.code,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked
        )
    });
    // The transaction has read what another one has changed since: waiting does not help.
    let stale = code.is_some_and(|code| code.extended_code == ffi::SQLITE_BUSY_SNAPSHOT);
    locked && !stale
}

fn failed(error: &Error) -> SqlError {
    SqlError::Failed(match error {
        Error::SqliteFailure(_, Some(text)) => text.clone(),
        Error::SqlInputError { msg, .. } => msg.clone(),
        Error::UserFunctionError(inner) => inner.to_string(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::engine::Engine as _;
    use super::super::super::value::Cell;
    use super::super::database::Sqlite;
    use super::*;

    fn databases() -> Sqlite {
        Sqlite::new(None, Limits::default(), TimeScale::new(100.0)).expect("directory")
    }

    fn run(connection: &mut Box<dyn Connection>, sql: &str) -> Result<Outcome, SqlError> {
        connection.run(sql, &[], &Stop::new())
    }

    fn one(connection: &mut Box<dyn Connection>, sql: &str) -> Cell {
        run(connection, sql)
            .expect(sql)
            .result
            .expect("rows")
            .rows
            .remove(0)
            .remove(0)
    }

    #[test]
    fn types_come_from_declarations_and_else_from_values() {
        let databases = databases();
        let mut connection = databases.connect("dev").expect("open");
        run(
            &mut connection,
            "create table public.t (a bigint, b boolean, c decimal(8,2), d double precision, e date)",
        )
        .expect("create");
        let outcome = run(
            &mut connection,
            "insert into t values (1, true, 2.5, 3, '2026-01-02'), (null, false, 1, 1.5, null)",
        )
        .expect("insert");
        assert_eq!((outcome.changed, outcome.result), (2, None));
        let result = run(
            &mut connection,
            "select *, a + 1 as next from public.t order by c desc",
        )
        .expect("select")
        .result
        .expect("rows");
        let types: Vec<_> = result
            .columns
            .iter()
            .map(|c| c.type_name.as_str())
            .collect();
        assert_eq!(types, ["int8", "bool", "numeric", "float8", "date", "int8"]);
        assert_eq!(
            result.rows[0],
            [
                Cell::Long(1),
                Cell::Bool(true),
                Cell::Text("2.50".to_owned()),
                Cell::Double(3.0),
                Cell::Text("2026-01-02".to_owned()),
                Cell::Long(2),
            ]
        );
        assert_eq!(result.rows[1][0], Cell::Null);
    }

    #[test]
    fn everyday_functions() {
        let databases = databases();
        let mut c = databases.connect("dev").expect("open");
        let text = |text: &str| Cell::Text(text.to_owned());
        assert_eq!(one(&mut c, "select left('äbc', 2)"), text("äb"));
        assert_eq!(one(&mut c, "select right('abc', 2)"), text("bc"));
        assert_eq!(one(&mut c, "select right('abc', 9)"), text("abc"));
        assert_eq!(one(&mut c, "select len('äb')"), Cell::Long(2));
        assert_eq!(one(&mut c, "select nvl(null, null, 3)"), Cell::Long(3));
        assert_eq!(one(&mut c, "select nvl2(null, 1, 2)"), Cell::Long(2));
        assert_eq!(one(&mut c, "select public.f_slow('x', 1)"), text("x"));
        assert_eq!(one(&mut c, "select '7'::int + 1"), Cell::Long(8));
        // As Redshift reads them: the literal goes on behind the quote.
        assert_eq!(one(&mut c, r"select 'it\'s -- \\'"), text(r"it's -- \"));
        match one(&mut c, "select getdate()") {
            Cell::Text(now) => assert_eq!(now.len(), "2026-01-02 03:04:05".len()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn errors_are_the_engines() {
        let databases = databases();
        let mut connection = databases.connect("dev").expect("open");
        let error = run(&mut connection, "select get_date()").expect_err("no such function");
        assert_eq!(error.to_string(), "ERROR: no such function: get_date");
        let error = run(&mut connection, "select \"x\"").expect_err("no such column");
        assert!(
            error
                .to_string()
                .starts_with("ERROR: no such column: \"x\"")
        );
        let error = run(&mut connection, "select f_slow('a', 'b')").expect_err("no number");
        assert_eq!(
            error.to_string(),
            "ERROR: invalid input syntax for a number: \"b\""
        );
    }

    #[test]
    fn sql_stays_in_its_database() {
        let databases = databases();
        let mut connection = databases.connect("dev").expect("open");
        let outside = tempfile::tempdir().expect("directory");
        let file = outside.path().join("outside");
        for sql in [
            format!("attach '{}' as other", file.display()),
            format!("vacuum into '{}'", file.display()),
            "pragma journal_mode = delete".to_owned(),
            "create virtual table v using fts5(x)".to_owned(),
        ] {
            run(&mut connection, &sql).expect_err(&sql);
        }
        assert!(!file.exists());
        run(&mut connection, "vacuum").expect("a plain one is allowed");
    }

    #[test]
    fn endless_and_sleeping_sql_can_be_stopped() {
        let databases = databases();
        for sql in [
            "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n",
            "select f_slow('x', 100000)",
        ] {
            let mut connection = databases.connect("dev").expect("open");
            let stop = Stop::new();
            let asked = Arc::clone(&stop);
            let thread = std::thread::spawn(move || connection.run(sql, &[], &asked));
            std::thread::sleep(Duration::from_millis(20));
            stop.stop();
            assert_eq!(thread.join().expect("no panic"), Err(SqlError::Stopped));
        }
    }

    #[test]
    fn a_writer_waits_for_another_and_can_be_stopped_then() {
        let databases = databases();
        let mut first = databases.connect("dev").expect("open");
        let mut second = databases.connect("dev").expect("open");
        run(&mut first, "create table t (a int)").expect("create");
        first.begin(true, &Stop::new()).expect("begin");
        run(&mut first, "insert into t values (1)").expect("insert");
        let stop = Stop::new();
        let asked = Arc::clone(&stop);
        let thread =
            std::thread::spawn(move || second.run("insert into t values (2)", &[], &asked));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!thread.is_finished());
        stop.stop();
        assert_eq!(thread.join().expect("no panic"), Err(SqlError::Stopped));
        first.commit(&Stop::new()).expect("commit");
        assert_eq!(one(&mut first, "select count(*) from t"), Cell::Long(1));
    }

    #[test]
    fn results_have_a_bound() {
        let limits = Limits {
            result_bytes: 1000,
            row_bytes: 100,
            ..Limits::default()
        };
        let databases = Sqlite::new(None, limits, TimeScale::REAL).expect("directory");
        let mut connection = databases.connect("dev").expect("open");
        let error = run(&mut connection, "select printf('%200s', 'x')").expect_err("long row");
        assert_eq!(error.to_string(), "ERROR: a row is larger than 100 bytes");
        run(
            &mut connection,
            "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n",
        )
        .expect_err("an endless result");
    }
}
