//! One process per data directory.

use super::super::StartError;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

/// The lock of a data directory. The system frees it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct DirectoryLock(#[allow(dead_code, reason = "held, not read")] File);

impl DirectoryLock {
    /// Takes the lock.
    pub(crate) fn take(directory: &Path) -> Result<Self, StartError> {
        let failed = |error: std::io::Error| StartError::directory(directory, error);
        let path = directory.join("lock");
        crate::private::file(&path).map_err(failed)?;
        let mut file = File::options()
            .read(true)
            .write(true)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                // Who it is helps, and does not have to be known.
                let _ = file.read_to_string(&mut owner);
                return Err(StartError::directory(
                    directory,
                    format!(
                        "it is in use by another process ({}); stop that one, or give another directory",
                        owner.trim()
                    ),
                ));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_refused_until_the_first_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let first = DirectoryLock::take(directory.path()).unwrap();
        let error = DirectoryLock::take(directory.path()).unwrap_err();
        let process = std::process::id().to_string();
        assert!(error.to_string().contains(&process), "{error}");
        drop(first);
        DirectoryLock::take(directory.path()).unwrap();
    }
}
