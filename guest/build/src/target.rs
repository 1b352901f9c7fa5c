//! The target of the guests, which a toolchain does not have by itself.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Error, TARGET, environment};

/// Adds the target to the toolchain if it is missing.
///
/// The compiler is asked afterwards and not believed before: a pre-installed toolchain of a package manager
/// may have the target and no rustup.
pub(crate) fn ensure(root: &Path) -> Result<(), Error> {
    if installed(root)? {
        return Ok(());
    }
    let command = match env::var("RUSTUP_TOOLCHAIN") {
        Ok(toolchain) => format!("rustup target add {TARGET} --toolchain {toolchain}"),
        Err(_) => format!("rustup target add {TARGET}"),
    };
    let mut words = command.split(' ');
    let mut rustup = Command::new(words.next().unwrap_or_default());
    environment::clean(&mut rustup);
    let reason = match rustup.args(words).current_dir(root).output() {
        Err(error) => format!(
            "rustup did not start: {error}; without rustup, install the target's standard library"
        ),
        Ok(output) if !output.status.success() => {
            String::from_utf8_lossy(&output.stderr).trim().to_owned()
        }
        Ok(_) if installed(root)? => return Ok(()),
        Ok(_) => "rustup added it, but to another toolchain than the one that runs".to_owned(),
    };
    Err(Error::Target { command, reason })
}

fn installed(root: &Path) -> Result<bool, Error> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let mut command = Command::new(&rustc);
    environment::clean(&mut command);
    let output = command
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(root)
        .output()
        .map_err(|source| Error::Spawn {
            program: rustc.to_string_lossy().into_owned(),
            source,
        })?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(output.status.success() && has_library(&folder))
}

/// Whether the folder has a `core` in it: rustup leaves empty folders behind.
fn has_library(folder: &Path) -> bool {
    folder.read_dir().is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libcore"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_folder_is_no_target() {
        assert!(!has_library(Path::new(env!("CARGO_MANIFEST_DIR"))));
    }
}
