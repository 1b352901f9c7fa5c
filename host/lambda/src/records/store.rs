//! Whole records, as files or as objects of Amazon S3.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{Timestamp, tz::TimeZone};
use signalbox_aws::S3Objects;

use crate::config::RecordsPlace;

/// Where whole records are kept.
#[derive(Debug, Clone)]
pub(super) enum Store {
    Folder(PathBuf),
    S3 {
        objects: Arc<S3Objects>,
        bucket: String,
        prefix: String,
    },
}

impl Store {
    pub(super) fn new(place: &RecordsPlace) -> Self {
        match place {
            RecordsPlace::Folder(folder) => Self::Folder(folder.clone()),
            RecordsPlace::S3 {
                bucket,
                prefix,
                owner,
            } => Self::S3 {
                objects: Arc::new(S3Objects::from_environment().owned_by(owner.as_deref())),
                bucket: bucket.clone(),
                prefix: prefix.clone(),
            },
        }
    }

    /// Where a record with this name is, for people and for those who look for it.
    pub(super) fn place(&self, name: &str) -> String {
        match self {
            Self::Folder(folder) => folder.join(name).display().to_string(),
            Self::S3 { bucket, .. } => format!("s3://{bucket}/{}", self.key(name)),
        }
    }

    fn key(&self, name: &str) -> String {
        match self {
            Self::S3 { prefix, .. } if !prefix.is_empty() => format!("{prefix}/{name}"),
            _ => name.to_owned(),
        }
    }

    /// Writes a record as a whole: who reads never sees half of one.
    pub(super) async fn write(&self, name: &str, text: String) -> Result<(), String> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                let written = tokio::task::spawn_blocking(move || write(&path, &text)).await;
                match written {
                    Ok(written) => written.map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                }
            }
            Self::S3 {
                objects, bucket, ..
            } => {
                let key = self.key(name);
                let written = objects.put(bucket, &key, text.as_bytes()).await;
                written.map_err(|error| error.to_string())
            }
        }
    }
}

/// The name of a record: a folder a day, and names that sort by time.
pub(super) fn name(at: u64, export: &str, sha256: &str) -> String {
    let time = i64::try_from(at)
        .ok()
        .and_then(|at| Timestamp::from_millisecond(at).ok())
        .unwrap_or_default()
        .to_zoned(TimeZone::UTC);
    let digest = sha256.get(..16).unwrap_or(sha256);
    format!(
        "{}-{export}-{digest}.json",
        time.strftime("%Y-%m-%d/%H%M%S.%3f")
    )
}

/// Writes a file as a whole: who reads the directory never sees half a record.
fn write(path: &Path, text: &str) -> io::Result<()> {
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
    fn records_sort_by_time_within_their_day() {
        let name = |at| name(at, "settle", &"ab".repeat(32));
        assert_eq!(
            name(1_795_608_000_007),
            "2026-11-25/120000.007-settle-abababababababab.json"
        );
        assert!(name(1_795_608_000_007) < name(1_795_608_000_100));
        // A time that is none is no reason to lose a record.
        assert!(name(u64::MAX).starts_with("1970-01-01"));
    }

    #[test]
    fn places_are_said_as_they_are_looked_for() {
        let s3 = |prefix: &str| {
            Store::new(&RecordsPlace::S3 {
                bucket: "b".to_owned(),
                prefix: prefix.to_owned(),
                owner: None,
            })
            .place("2026-11-25/1.json")
        };
        assert_eq!(s3(""), "s3://b/2026-11-25/1.json");
        assert_eq!(s3("p/q"), "s3://b/p/q/2026-11-25/1.json");
        let folder = Store::new(&RecordsPlace::Folder("d".into()));
        assert_eq!(folder.place("x/1.json"), "d/x/1.json");
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
