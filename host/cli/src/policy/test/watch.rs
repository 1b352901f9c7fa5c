//! `--watch`: runs again when a file changes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{TestArgs, Workbench, once};
use crate::{Done, out};

/// How often files are looked at.
const PERIOD: Duration = Duration::from_millis(300);
/// How many files are looked at: beyond that something else than a project was named.
const FILES: usize = 20_000;

/// Files, and when they were changed last.
type Seen = BTreeMap<PathBuf, Option<SystemTime>>;

/// Runs until stopped.
pub(super) async fn run(args: &TestArgs, bench: &Arc<Workbench>) -> Done {
    let mut bench = Arc::clone(bench);
    loop {
        let before = look(args);
        // A file that is half written is mended with the next change.
        if let Err(problem) = once(args, &bench).await {
            out::error(problem);
        }
        out::line(format_args!(
            "{}",
            out::styled(out::FAINT, "waiting for a change; Ctrl-C ends")
        ));
        while look(args) == before {
            tokio::time::sleep(PERIOD).await;
        }
        out::line("");
        // Components may have been built anew.
        bench = Arc::new(Workbench::new()?);
    }
}

fn look(args: &TestArgs) -> Seen {
    let mut seen = Seen::new();
    let place = if args.place.is_file() {
        args.place.parent().unwrap_or(Path::new("."))
    } else {
        &args.place
    };
    let place = match place.file_name() {
        Some(name) if name == "tests" => place.join(".."),
        _ => place.to_owned(),
    };
    walk(&place, &mut seen);
    for other in args
        .settings
        .iter()
        .cloned()
        .chain(args.policy.iter().map(PathBuf::from))
    {
        note(&other, &mut seen);
    }
    seen
}

fn note(path: &Path, seen: &mut Seen) {
    let changed = std::fs::metadata(path).and_then(|meta| meta.modified());
    seen.insert(path.to_owned(), changed.ok());
}

fn walk(folder: &Path, seen: &mut Seen) {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if seen.len() >= FILES || name.starts_with('.') {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => {
                // A build writes thousands of files.
                if !matches!(&*name, "target" | "node_modules") {
                    walk(&path, seen);
                }
            }
            Ok(_) => note(&path, seen),
            Err(_) => {}
        }
    }
}
