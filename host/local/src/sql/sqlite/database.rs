//! Databases by name, each a file of SQLite.

use super::super::engine::{Connection, Engine, Limits, SqlError};
use super::connection::SqliteConnection;
use crate::time::TimeScale;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The databases of a server. A name that is used for the first time makes an empty database.
#[derive(Debug)]
pub struct Sqlite {
    directory: Directory,
    limits: Limits,
    scale: TimeScale,
}

#[derive(Debug)]
enum Directory {
    Given(PathBuf),
    /// Removed with all that is in it when the server ends.
    Temporary(TempDir),
}

impl Sqlite {
    /// Databases in `directory`, which is made if it is missing; in a temporary one if none is given.
    pub fn new(
        directory: Option<&Path>,
        limits: Limits,
        scale: TimeScale,
    ) -> std::io::Result<Self> {
        let directory = match directory {
            Some(path) => {
                crate::private::folder(path)?;
                Directory::Given(path.to_owned())
            }
            None => Directory::Temporary(tempfile::Builder::new().prefix("signalbox-").tempdir()?),
        };
        Ok(Self {
            directory,
            limits,
            scale,
        })
    }

    fn directory(&self) -> &Path {
        match &self.directory {
            Directory::Given(path) => path,
            Directory::Temporary(directory) => directory.path(),
        }
    }
}

impl Engine for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    fn connect(&self, database: &str) -> Result<Box<dyn Connection>, SqlError> {
        let path = self.directory().join(file_name(database));
        let connection = SqliteConnection::open(&path, self.limits, self.scale)?;
        Ok(Box::new(connection))
    }

    fn databases(&self) -> Result<Vec<String>, SqlError> {
        let entries = std::fs::read_dir(self.directory())
            .map_err(|error| SqlError::Failed(error.to_string()))?;
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|entry| database_name(entry.file_name().to_str()?))
            .collect();
        names.sort();
        Ok(names)
    }
}

/// A file name that no database's name can turn into a path.
fn file_name(database: &str) -> String {
    let mut name = String::new();
    for byte in database.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => name.push(char::from(byte)),
            // Capitals too: some file systems do not tell them from small letters.
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(name, "%{byte:02X}");
            }
        }
    }
    name.push_str(".sqlite");
    name
}

/// The database that is in a file; none if it is another file.
fn database_name(file: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = file.strip_suffix(".sqlite")?.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    /// The first statements of a new database come from several clients at once.
    #[test]
    fn a_new_database_is_opened_by_many_at_once() {
        let databases = Sqlite::new(None, Limits::default(), TimeScale::new(1.0)).unwrap();
        let start = Barrier::new(8);
        for round in 0..20 {
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        start.wait();
                        databases.connect(&format!("dev{round}")).unwrap();
                    });
                }
            });
        }
    }

    #[test]
    fn names_stay_in_the_directory_and_apart() {
        assert_eq!(file_name("dev"), "dev.sqlite");
        assert_eq!(file_name("../Dev"), "%2E%2E%2F%44ev.sqlite");
        assert_ne!(file_name("Dev"), file_name("dev"));
        for name in ["dev", "../Dev", "größe %41"] {
            assert_eq!(database_name(&file_name(name)).as_deref(), Some(name));
        }
        assert_eq!(database_name("dev.sqlite-wal"), None);
    }
}
