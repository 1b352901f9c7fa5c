//! Runs a document as a reader would: its files are written, its commands are typed.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::Block;

/// The folder that a reader works in.
pub(crate) struct Desk {
    folder: PathBuf,
    environment: Vec<(String, String)>,
}

impl Desk {
    pub(crate) fn new(folder: &Path) -> Self {
        let binaries = Path::new(env!("CARGO_BIN_EXE_signalbox"))
            .parent()
            .expect("a binary is in a folder");
        let path = std::env::var("PATH").expect("there is a PATH");
        let mut environment = vec![("PATH".to_owned(), format!("{}:{path}", binaries.display()))];
        // Where the toolchain is; nothing of the build that this test belongs to.
        for name in ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
            environment.extend(std::env::var(name).map(|value| (name.to_owned(), value)));
        }
        // Policies are compiled once for all tests.
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-policies");
        environment.push((
            "SIGNALBOX_CACHE_DIR".to_owned(),
            cache.display().to_string(),
        ));
        Self {
            folder: folder.to_owned(),
            environment,
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// Goes into a folder, and stays there.
    pub(crate) fn enter(&mut self, folder: &str) {
        self.folder.push(folder);
    }

    /// Writes a block that has a file's name, such as `json event.json`.
    pub(crate) fn write(&self, block: &Block) {
        if let Some(name) = block.file() {
            let path = self.folder.join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, &block.text).expect("written");
        }
    }

    /// Runs a line, which ends as it says (`# exit code 1`), else with 0.
    pub(crate) fn run(&self, line: &str, variables: &[(&str, &str)]) -> Output {
        let expected: i32 = line
            .rsplit_once("exit code ")
            .map_or(0, |(_, code)| code.trim().parse().expect("a number"));
        // The documents are for the architecture that most people have.
        let line = line.replace(
            "--target x86_64",
            &format!("--target {}", std::env::consts::ARCH),
        );
        let output = Command::new("sh")
            .args(["-c", &line])
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.environment.iter().map(|(k, v)| (k, v)))
            .envs(variables.iter().copied())
            .output()
            .expect("there is a shell");
        assert_eq!(
            output.status.code(),
            Some(expected),
            "{line}\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }
}

/// A command of cargo is run by `.ci/run`, in which nothing but `--locked` is added.
#[track_caller]
pub(crate) fn is_run_by_ci(line: &str) {
    let ci = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/run");
    let ci = std::fs::read_to_string(ci)
        .expect("read")
        .replace(" --locked", "");
    assert!(
        ci.lines().any(|step| step.contains(line)),
        "`.ci/run` does not run `{line}`"
    );
}
