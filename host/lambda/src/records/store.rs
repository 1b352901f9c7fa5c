//! Whole records as files.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};

/// The file for a record in a directory: a folder a day, and names that sort by time.
pub(super) fn path(directory: &Path, at: u64, export: &str, sha256: &str) -> PathBuf {
    let time = i64::try_from(at)
        .ok()
        .and_then(|at| Timestamp::from_millisecond(at).ok())
        .unwrap_or_default()
        .to_zoned(TimeZone::UTC);
    let digest = sha256.get(..16).unwrap_or(sha256);
    directory
        .join(time.strftime("%Y-%m-%d").to_string())
        .join(format!(
            "{}-{export}-{digest}.json",
            time.strftime("%H%M%S.%3f")
        ))
}

/// Writes a file as a whole: who reads the directory never sees half a record.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path
        .parent()
        .ok_or_else(|| io::Error::other("it has no folder"))?;
    std::fs::create_dir_all(folder)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = folder.join(name);
    let written = std::fs::File::create(&part)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        // What is left of it is of no use; that it cannot be removed either is the same trouble.
        let _ = std::fs::remove_file(&part);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_sort_by_time_within_their_day() {
        let path = |at| path(Path::new("d"), at, "settle", &"ab".repeat(32));
        assert_eq!(
            path(1_795_608_000_007),
            Path::new("d/2026-11-25/120000.007-settle-abababababababab.json")
        );
        assert!(path(1_795_608_000_007) < path(1_795_608_000_100));
        // A time that is none is no reason to lose a record.
        assert!(path(u64::MAX).starts_with("d/1970-01-01"));
    }

    #[test]
    fn a_record_is_written_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("day/a.json");
        write(&path, "1").unwrap();
        write(&path, "1").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1");
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(write(&file.join("day/a.json"), "1").is_err());
        let left = std::fs::read_dir(folder.path().join("day"))
            .unwrap()
            .count();
        assert_eq!(left, 1);
    }
}
