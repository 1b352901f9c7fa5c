//! Pages name packages, tests and programs that there are.

use std::path::{Path, PathBuf};

use crate::{blocks, commands::commands};

/// The folders of the workspace's packages, and the package at the root, by their names.
fn packages(root: &Path) -> Vec<(String, PathBuf)> {
    let mut packages = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        if let Ok(manifest) = std::fs::read_to_string(folder.join("Cargo.toml")) {
            let package = manifest.split("[package]\nname = \"").nth(1);
            let name = package.and_then(|rest| rest.split('"').next());
            packages.extend(name.map(|name| (name.to_owned(), folder.clone())));
        }
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && name != "target" {
                folders.push(path);
            }
        }
    }
    packages
}

/// What a command names that is not there.
fn missing(root: &Path, packages: &[(String, PathBuf)], line: &str) -> Option<String> {
    let words = || {
        line.split_whitespace()
            .skip_while(|word| word.contains('='))
            .take_while(|word| *word != "--")
    };
    let program = words().next()?;
    if program != "cargo" {
        let is_there = !program.contains('/') || root.join(program).is_file();
        return (!is_there).then(|| program.to_owned());
    }
    let after = |option: &str| words().skip_while(|word| *word != option).nth(1);
    let package = after("-p").unwrap_or("signalbox");
    let Some((_, folder)) = packages.iter().find(|(name, _)| name == package) else {
        return Some(package.to_owned());
    };
    let test = after("--test")?;
    let tests = folder.join("tests");
    let is_there =
        tests.join(format!("{test}.rs")).exists() || tests.join(test).join("main.rs").exists();
    (!is_there).then(|| test.to_owned())
}

#[test]
fn commands_for_contributors_name_what_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packages = packages(root);
    let mut seen = 0;
    for page in ["CONTRIBUTING.md", "docs/invariants.md"] {
        for block in blocks(page) {
            for line in commands(&block) {
                let missing = missing(root, &packages, line);
                assert_eq!(missing, None, "{page}:{}: {line}", block.line);
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
    for line in [
        "cargo test -p signalbox-gone",
        "cargo test --test gone",
        "X=1 cargo test -p signalbox-tasker --test bootstrap",
        "tests/gone/run 60",
    ] {
        assert!(missing(root, &packages, line).is_some(), "{line}");
    }
}
