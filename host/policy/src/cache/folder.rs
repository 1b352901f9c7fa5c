//! A folder that nobody else can write to.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::Path,
};

/// Makes the folder, or says why it cannot be trusted.
pub(super) fn prepare(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let found = fs::symlink_metadata(folder)?;
    if !found.is_dir() {
        return Err(odd("it is no folder, or a link to one"));
    }
    private(folder, &found)?;
    own(folder, &found)
}

/// Opens a file of a prepared folder.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let found = fs::symlink_metadata(path)?;
    if !found.is_file() {
        return Err(odd("it is no file"));
    }
    File::open(path)
}

/// Makes a file that was not there.
pub(super) fn create_own(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Whether the folder is this user's: new files belong to whom it belongs to.
#[cfg(unix)]
fn own(folder: &Path, found: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let probe = folder.join(format!(
        "probe-{}-{:x}",
        std::process::id(),
        super::unique()
    ));
    let mine = create_own(&probe)?.metadata()?;
    fs::remove_file(&probe)?;
    if found.uid() == mine.uid() {
        Ok(())
    } else {
        Err(odd("it belongs to another user"))
    }
}

#[cfg(unix)]
fn private(folder: &Path, found: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(odd(&format!(
            "others may open it: run `chmod 700 {}`",
            folder.display()
        )))
    }
}

/// Elsewhere a user's cache folder is closed to others by its place.
#[cfg(not(unix))]
fn own(_: &Path, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn private(_: &Path, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

fn odd(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}
