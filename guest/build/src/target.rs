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
    let programs = Programs {
        rustc: vec![env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())],
        rustup: vec!["rustup".into()],
        toolchain: env::var("RUSTUP_TOOLCHAIN").ok(),
    };
    programs.ensure(root)
}

/// The programs of the toolchain, each with the arguments that it begins with.
struct Programs {
    rustc: Vec<OsString>,
    rustup: Vec<OsString>,
    toolchain: Option<String>,
}

impl Programs {
    fn ensure(&self, root: &Path) -> Result<(), Error> {
        if self.installed(root)? {
            return Ok(());
        }
        let mut arguments = vec!["target", "add", TARGET];
        if let Some(toolchain) = &self.toolchain {
            arguments.extend(["--toolchain", toolchain]);
        }
        let mut rustup = command(&self.rustup);
        let reason = match rustup.args(&arguments).current_dir(root).output() {
            Err(error) => format!(
                "rustup did not start: {error}; without rustup, install the target's standard library"
            ),
            Ok(output) if !output.status.success() => {
                String::from_utf8_lossy(&output.stderr).trim().to_owned()
            }
            Ok(_) if self.installed(root)? => return Ok(()),
            Ok(_) => "rustup added it, but to another toolchain than the one that runs".to_owned(),
        };
        Err(Error::Target {
            command: format!("rustup {}", arguments.join(" ")),
            reason,
        })
    }

    fn installed(&self, root: &Path) -> Result<bool, Error> {
        let output = command(&self.rustc)
            .args(["--print", "target-libdir", "--target", TARGET])
            .current_dir(root)
            .output()
            .map_err(|source| Error::Spawn {
                program: self
                    .rustc
                    .iter()
                    .map(|word| word.to_string_lossy())
                    .collect::<Vec<_>>()
                    .join(" "),
                source,
            })?;
        let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        Ok(output.status.success() && has_library(&folder))
    }
}

/// A program without the environment of the outer build.
fn command(words: &[OsString]) -> Command {
    let mut words = words.iter();
    let mut command = Command::new(words.next().cloned().unwrap_or_default());
    environment::clean(&mut command);
    command.args(words);
    command
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
#[cfg(unix)]
mod tests {
    use std::{
        fs,
        sync::atomic::{AtomicU32, Ordering},
    };

    use super::*;

    /// A folder that goes with its test: this crate has no dev-dependencies (Cargo.toml).
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("signalbox-guest-build-{}-{count}", std::process::id());
            let path = env::temp_dir().join(name);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    /// A compiler that looks for its target in `lib`, and this rustup, in a folder of their own.
    fn toolchain(rustup: Option<&str>) -> (Folder, Programs) {
        let folder = Folder::new();
        let script = |name: &str, text: &str| -> Vec<OsString> {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            vec!["sh".into(), path.into()]
        };
        let programs = Programs {
            rustc: script("rustc", "echo \"$PWD/lib\""),
            rustup: match rustup {
                Some(text) => script("rustup", text),
                None => vec![folder.path().join("no-rustup").into()],
            },
            toolchain: Some("stable-here".to_owned()),
        };
        // As rustup leaves it behind where a target was removed.
        fs::create_dir(folder.path().join("lib")).unwrap();
        (folder, programs)
    }

    fn refusal(rustup: Option<&str>) -> String {
        let (folder, programs) = toolchain(rustup);
        programs.ensure(folder.path()).unwrap_err().to_string()
    }

    #[test]
    fn a_missing_target_is_added_to_the_toolchain_that_runs() {
        let (folder, programs) = toolchain(Some("echo \"$@\" >> asked; : > lib/libcore-1.rlib"));
        for _ in 0..2 {
            programs.ensure(folder.path()).unwrap();
        }
        let asked = fs::read_to_string(folder.path().join("asked")).unwrap();
        assert_eq!(
            asked,
            "target add wasm32-unknown-unknown --toolchain stable-here\n"
        );
    }

    #[test]
    fn what_stops_it_is_said_with_the_command_to_run() {
        for (rustup, says) in [
            (Some("echo no network >&2; exit 1"), "(no network)"),
            (Some("exit 0"), "to another toolchain"),
            (None, "rustup did not start"),
        ] {
            let error = refusal(rustup);
            assert!(error.contains(says), "{error}");
            assert!(
                error.contains(
                    "\n    rustup target add wasm32-unknown-unknown --toolchain stable-here\n"
                ),
                "{error}"
            );
        }
    }
}
