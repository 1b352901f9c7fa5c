//! Builds guests into components, for build scripts.
//!
//! A guest is a crate of this workspace that is compiled for `wasm32-unknown-unknown` by a cargo of its own.
//! That cargo inherits nothing from the build it runs in but where the toolchain and the registry are, and
//! has a target directory of its own: sharing one would deadlock, and flags meant for the host would make
//! another guest in every kind of build.

mod environment;
mod target;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// The target that guests are compiled for: it has no system interface, so a guest can import nothing but
/// its contract.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// The cargo profile of the workspace that guests are compiled with.
const PROFILE: &str = "guest";

/// A guest to build.
#[derive(Debug, Clone)]
pub struct Guest {
    package: String,
    sources: Vec<String>,
}

impl Guest {
    /// The guest of this package of the workspace.
    #[must_use]
    pub fn new(package: &str) -> Self {
        Self {
            package: package.to_owned(),
            sources: Vec::new(),
        }
    }

    /// Builds it anew when anything changes below this folder of the workspace.
    #[must_use]
    pub fn source(mut self, folder: &str) -> Self {
        self.sources.push(folder.to_owned());
        self
    }

    /// Builds it and writes the component to `OUT_DIR/<file>`. For build scripts: it tells cargo on standard
    /// output what to watch.
    ///
    /// # Errors
    /// What went wrong and what to do about it.
    pub fn build(&self, file: &str) -> Result<PathBuf, Error> {
        let out = PathBuf::from(environment::required("OUT_DIR")?);
        let root = workspace_root(Path::new(&environment::required("CARGO_MANIFEST_DIR")?))?;
        self.watch(&root);
        target::ensure(&root)?;

        let core = self.compile(&root, &out.join("guest"))?;
        let bytes = fs::read(&core).map_err(|source| Error::Io {
            path: core.clone(),
            source,
        })?;
        let component = encode(&bytes).map_err(|reason| Error::Encode {
            package: self.package.clone(),
            reason,
        })?;
        let path = out.join(file);
        fs::write(&path, component).map_err(|source| Error::Io {
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }

    #[allow(
        clippy::print_stdout,
        reason = "this is how a build script talks to cargo"
    )]
    fn watch(&self, root: &Path) {
        let always = ["wit", "Cargo.lock", "Cargo.toml", "rust-toolchain.toml"];
        for source in self.sources.iter().map(String::as_str).chain(always) {
            println!("cargo::rerun-if-changed={}", root.join(source).display());
        }
    }

    fn compile(&self, root: &Path, target_dir: &Path) -> Result<PathBuf, Error> {
        let mut command = Command::new(environment::required("CARGO")?);
        environment::clean(&mut command);
        command
            .current_dir(root)
            .args([
                "build",
                "--package",
                &self.package,
                "--lib",
                "--target",
                TARGET,
                "--profile",
                PROFILE,
                "--locked",
            ])
            .arg("--target-dir")
            .arg(target_dir)
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags(root).join("\x1f"));
        let output = command.output().map_err(|source| Error::Spawn {
            program: "cargo".to_owned(),
            source,
        })?;
        if output.status.success() {
            let name = self.package.replace('-', "_");
            return Ok(target_dir
                .join(TARGET)
                .join(PROFILE)
                .join(format!("{name}.wasm")));
        }
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(if log.contains("--locked") {
            Error::Lock {
                package: self.package.clone(),
                log,
            }
        } else {
            Error::Compile {
                package: self.package.clone(),
                log,
            }
        })
    }

    /// The flags also take the place of those in a user's configuration, and the folders of this machine out
    /// of panic messages, so that the same sources give the same guest.
    fn flags(&self, root: &Path) -> Vec<String> {
        let mut flags = vec![format!("--remap-path-prefix={}=/signalbox", root.display())];
        if let Some(home) = environment::cargo_home() {
            flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
        }
        flags
    }
}

/// Makes a component of a core module that carries its world in a custom section, as `wit-bindgen` writes it.
///
/// # Errors
/// Why it is none.
pub fn encode(core: &[u8]) -> Result<Vec<u8>, String> {
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(core)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| format!("{error:#}"))
}

/// The folder whose `Cargo.toml` has a `[workspace]`.
fn workspace_root(package: &Path) -> Result<PathBuf, Error> {
    package
        .ancestors()
        .find(|folder| {
            fs::read_to_string(folder.join("Cargo.toml"))
                .is_ok_and(|manifest| manifest.lines().any(|line| line.trim() == "[workspace]"))
        })
        .map(Path::to_owned)
        .ok_or_else(|| Error::Workspace(package.to_owned()))
}

/// A guest could not be built.
#[derive(Debug)]
pub enum Error {
    /// Not run by cargo.
    Environment(&'static str),
    /// No workspace around this package.
    Workspace(PathBuf),
    /// The compiler has no `wasm32-unknown-unknown`.
    Target {
        /// What to run.
        command: String,
        /// Why that did not succeed here.
        reason: String,
    },
    /// A program did not start.
    Spawn {
        /// Which.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// `Cargo.lock` is out of date.
    Lock {
        /// Which guest.
        package: String,
        /// What cargo said.
        log: String,
    },
    /// The guest does not compile.
    Compile {
        /// Which guest.
        package: String,
        /// What cargo said.
        log: String,
    },
    /// The guest is no component.
    Encode {
        /// Which guest.
        package: String,
        /// Why.
        reason: String,
    },
    /// A file could not be read or written.
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment(name) => write!(
                f,
                "{name} is not set: guests are built by a build script of cargo"
            ),
            Self::Workspace(package) => write!(f, "no workspace around {}", package.display()),
            Self::Target { command, reason } => {
                write!(
                    f,
                    "the target {TARGET} is missing, which guests are compiled for. Run:\n\n    {command}\n\n({reason})"
                )
            }
            Self::Spawn { program, source } => write!(f, "{program} did not start: {source}"),
            Self::Lock { package, log } => write!(
                f,
                "the guest {package} was not built: Cargo.lock is out of date, and the build of a guest does not change it. \
                 Run `cargo update --workspace`, or the same command without `--locked`, once.\n\n{log}"
            ),
            Self::Compile { package, log } => {
                write!(f, "the guest {package} does not compile:\n\n{log}")
            }
            Self::Encode { package, reason } => {
                write!(f, "the guest {package} is no component: {reason}")
            }
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Spawn { source, .. } | Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_the_workspace_is_found_from_a_package() {
        let root = workspace_root(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(root.join("wit/world.wit").is_file(), "{}", root.display());
    }

    #[test]
    fn no_workspace_is_an_error_that_names_the_folder() {
        let error = workspace_root(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(error.to_string(), "no workspace around /nowhere/at/all");
    }

    #[test]
    fn junk_is_no_component() {
        assert!(encode(b"not wasm").is_err());
    }

    #[test]
    fn a_missing_target_says_what_to_run() {
        let error = Error::Target {
            command: "rustup target add x".into(),
            reason: "rustup did not start".into(),
        };
        assert!(
            error.to_string().contains("\n    rustup target add x\n"),
            "{error}"
        );
    }
}
