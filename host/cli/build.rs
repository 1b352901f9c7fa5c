//! Packs what projects of policies are made with: the library for authors, what it stands on, and the contract.

#![allow(
    clippy::print_stdout,
    reason = "that is how a build script speaks to cargo"
)]

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// What is packed: folders of the repository, and where they are in a project.
const FOLDERS: [(&str, &str); 3] = [
    ("guest/sql", "sdk/sql"),
    ("guest/kit", "sdk/kit"),
    ("wit", "wit"),
];
/// Dependencies of the library, whose versions are those of this workspace.
const DEPENDENCIES: [&str; 4] = ["jiff", "serde", "serde_json", "wit-bindgen"];
/// Sections of a manifest that nobody needs who only builds the library.
const LEFT_OUT: [&str; 2] = ["[dev-dependencies]", "[lints]"];

fn main() -> io::Result<()> {
    let variable = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .ok_or(io::ErrorKind::NotFound)
    };
    let root = variable("CARGO_MANIFEST_DIR")?.join("../..");
    let out = variable("OUT_DIR")?;
    let mut list = String::from("&[\n");
    for (from, to) in FOLDERS {
        println!("cargo::rerun-if-changed={}", root.join(from).display());
        pack(&root.join(from), to, &out, &mut list)?;
    }
    list.push_str("]\n");
    fs::write(out.join("sdk.rs"), list)?;

    let manifest = root.join("Cargo.toml");
    println!("cargo::rerun-if-changed={}", manifest.display());
    let manifest = fs::read_to_string(manifest)?;
    let package = section(&manifest, "[workspace.package]");
    let dependencies = section(&manifest, "[workspace.dependencies]");
    let dependencies = dependencies.lines().filter(|line| {
        let name = line.split_once(" =").map(|(name, _)| name);
        name.is_some_and(|name| DEPENDENCIES.contains(&name))
    });
    let dependencies: Vec<&str> = dependencies.collect();
    fs::write(
        out.join("workspace.toml"),
        format!(
            "[workspace.package]\n{package}\n[workspace.dependencies]\nsignalbox-kit = {{ path = \"sdk/kit\" }}\n\
             signalbox-sql = {{ path = \"sdk/sql\" }}\n{}\n",
            dependencies.join("\n")
        ),
    )
}

/// Adds the files of a folder to the list; tests are left out.
fn pack(folder: &Path, to: &str, out: &Path, list: &mut String) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = entry.path();
        let place = format!("{to}/{name}");
        if path.is_dir() {
            if !matches!(
                &*name,
                "tests" | "target" | "snapshots" | "proptest-regressions"
            ) {
                pack(&path, &place, out, list)?;
            }
        } else if &*name == "Cargo.toml" {
            let copy = out.join(place.replace('/', "-"));
            fs::write(&copy, plain(&fs::read_to_string(&path)?))?;
            list.push_str(&format!("({place:?}, include_str!({copy:?})),\n"));
        } else if &*name != "tests.rs" {
            list.push_str(&format!("({place:?}, include_str!({path:?})),\n"));
        }
    }
    Ok(())
}

/// A manifest without the sections that are left out.
fn plain(manifest: &str) -> String {
    let mut kept = String::new();
    let mut keep = true;
    for line in manifest.lines() {
        if line.starts_with('[') {
            keep = !LEFT_OUT.contains(&line);
        }
        if keep {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// The lines of a section.
fn section(manifest: &str, header: &str) -> String {
    let lines = manifest.lines().skip_while(|line| *line != header).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines.map(|line| format!("{line}\n")).collect()
}
