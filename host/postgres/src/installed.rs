//! Where PostgreSQL is installed.

use std::path::{Path, PathBuf};

/// Where Debian keeps the programs, by version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The programs that a throwaway server needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    pub(crate) initdb: PathBuf,
    pub(crate) postgres: PathBuf,
}

impl Installed {
    /// Looks on `PATH`, then in Debian's place, the newest version first.
    ///
    /// # Errors
    /// It is not installed; how to install it, or do without.
    pub fn find() -> Result<Self, String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self::among(std::env::split_paths(&path).chain(versions(Path::new(DEBIAN))))
    }

    fn among(mut folders: impl Iterator<Item = PathBuf>) -> Result<Self, String> {
        folders
            .find_map(|folder| Self::at(&folder))
            .ok_or_else(|| {
                format!(
                    "PostgreSQL is not installed: neither on PATH nor below {DEBIAN} are there `initdb` and \
                     `postgres`. Install it (Debian, Ubuntu: `apt-get install postgresql`; Fedora: `dnf install \
                     postgresql-server`; macOS: `brew install postgresql@17`), name a server that runs with \
                     `--engine postgres://user@host/database`, or leave `--engine` out: SQLite is built in"
                )
            })
    }

    fn at(folder: &Path) -> Option<Self> {
        // A relative entry of PATH means another folder for another process.
        let found = Self {
            initdb: folder.join("initdb"),
            postgres: folder.join("postgres"),
        };
        (folder.is_absolute() && found.initdb.is_file() && found.postgres.is_file())
            .then_some(found)
    }
}

/// The folders `<version>/bin`, the newest version first.
fn versions(place: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(place) else {
        return Vec::new();
    };
    let mut found: Vec<(f64, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let version: f64 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, folder)| folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_comes_first() {
        let place = tempfile::tempdir().expect("directory");
        for version in ["9.6", "15", "17", "common"] {
            std::fs::create_dir_all(place.path().join(version).join("bin")).expect("folder");
        }
        let names: Vec<_> = versions(place.path())
            .iter()
            .map(|folder| {
                folder
                    .strip_prefix(place.path())
                    .expect("inside")
                    .to_owned()
            })
            .collect();
        assert_eq!(
            names,
            ["17/bin", "15/bin", "9.6/bin"].map(PathBuf::from).to_vec()
        );
        assert!(versions(&place.path().join("nothing")).is_empty());
    }

    #[test]
    fn who_has_none_is_told_what_to_install_and_what_to_do_without() {
        let place = tempfile::tempdir().expect("directory");
        let error = Installed::among([place.path().to_owned()].into_iter()).expect_err("none");
        for part in [
            "PostgreSQL is not installed",
            "apt-get install postgresql",
            "SQLite is built in",
        ] {
            assert!(error.contains(part), "{error}");
        }
        for program in ["initdb", "postgres"] {
            std::fs::write(place.path().join(program), "").expect("file");
        }
        Installed::among([place.path().to_owned()].into_iter()).expect("there");
    }

    #[test]
    fn a_folder_needs_both_programs() {
        let place = tempfile::tempdir().expect("directory");
        std::fs::write(place.path().join("initdb"), "").expect("file");
        assert_eq!(Installed::at(place.path()), None);
        std::fs::write(place.path().join("postgres"), "").expect("file");
        assert!(Installed::at(place.path()).is_some());
    }
}
