//! What the nested cargo inherits.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
    process::Command,
};

use crate::Error;

/// Variables that say where cargo gets crates from: a machine behind a proxy or with a mirror needs them in
/// the nested build too. Every other `CARGO_*` describes the outer build.
const KEPT: &[&str] = &[
    "CARGO_HOME",
    "CARGO_NET_",
    "CARGO_HTTP_",
    "CARGO_REGISTRY_",
    "CARGO_REGISTRIES_",
    "CARGO_SOURCE_",
];

/// Beside `CARGO_*` and `RUSTC_*`: flags, the jobserver of the outer build (its pipes are not handed on), and
/// what cargo tells a build script.
const REMOVED: &[&str] = &[
    "RUSTFLAGS",
    "RUSTDOC",
    "RUSTDOCFLAGS",
    "MAKEFLAGS",
    "MFLAGS",
    "MAKELEVEL",
    "TARGET",
    "HOST",
    "NUM_JOBS",
    "OPT_LEVEL",
    "PROFILE",
    "DEBUG",
    "OUT_DIR",
    "CLIPPY_ARGS",
    "CLIPPY_CONF_DIR",
];

/// A variable that cargo sets for build scripts.
pub(crate) fn required(name: &'static str) -> Result<OsString, Error> {
    env::var_os(name).ok_or(Error::Environment(name))
}

/// Where cargo keeps the sources of crates.
pub(crate) fn cargo_home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
}

/// Takes out of the command's environment what belongs to the outer build.
pub(crate) fn clean(command: &mut Command) {
    for (name, _) in env::vars_os().filter(|(name, _)| belongs_to_the_outer_build(name)) {
        command.env_remove(name);
    }
}

fn belongs_to_the_outer_build(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    if name.starts_with("CARGO_") {
        return !KEPT.iter().any(|kept| name.starts_with(kept));
    }
    // `RUSTC` itself stays: it is the compiler of this toolchain. A wrapper (clippy, a cache) is not for the guest.
    name.starts_with("RUSTC_") || name.starts_with("DEP_") || REMOVED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_describes_the_outer_build_goes() {
        for name in [
            "CARGO_MAKEFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET",
            "CARGO_PKG_NAME",
            "CARGO_PROFILE_RELEASE_LTO",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTFLAGS",
            "MAKEFLAGS",
            "OUT_DIR",
        ] {
            assert!(belongs_to_the_outer_build(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn what_says_where_things_are_stays() {
        for name in [
            "CARGO",
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_HTTP_PROXY",
            "CARGO_REGISTRIES_CRATES_IO_PROTOCOL",
            "RUSTC",
            "RUSTUP_HOME",
            "RUSTUP_TOOLCHAIN",
            "PATH",
            "HOME",
        ] {
            assert!(!belongs_to_the_outer_build(OsStr::new(name)), "{name}");
        }
    }
}
