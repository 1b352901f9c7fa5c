//! Every command that `docs/local.md` shows is run as it stands there.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use serde_json::Value;
use signalbox_local::sql::Postgres;

use crate::{blocks, commands::commands, walk::Desk};

#[test]
fn what_is_shown_of_one_machine_runs() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::new(folder.path());
    let mut seen = 0;
    for block in blocks("docs/local.md") {
        desk.write(&block);
        for line in commands(&block) {
            seen += 1;
            if line.contains("--engine postgres") && !has_postgres() {
                continue;
            }
            if line.starts_with("signalbox serve") {
                serves(&desk, line);
                continue;
            }
            let output = desk.run(line, &[]);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            // What the comment says first is shown.
            let comment = line.split_once("# ").map(|(_, comment)| comment);
            let shown = comment.and_then(|comment| comment.split([' ', ',', ':']).next());
            assert!(text.contains(shown.unwrap_or_default()), "{line}: {text}");
        }
    }
    assert!(seen >= 11, "{seen}");
}

/// `signalbox serve` says where it is reached, and ends well when it is asked to.
pub(crate) fn serves(desk: &Desk, line: &str) {
    // Whether these ports are free is not what is tested.
    let line = line.replace("18080", "0").replace("18081", "0");
    let mut child = Command::new(env!("CARGO_BIN_EXE_signalbox"))
        .args(line.split_whitespace().skip(1))
        .arg("--json")
        .current_dir(desk.path())
        .env_remove("SIGNALBOX_CONFIG")
        .env_remove("AWS_ENDPOINT_URL_SFN")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut first).unwrap();
    let signalled = Command::new("kill").arg(child.id().to_string()).status();
    assert!(signalled.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{line}: {log}");
    let addresses: Value = serde_json::from_str(&first).unwrap();
    assert!(addresses["lambdaUrl"].is_string(), "{line}: {first}");
}

/// Whether PostgreSQL is installed. Where it is required its absence is a failure.
fn has_postgres() -> bool {
    let installed = Postgres::installed();
    let is_required =
        std::env::var_os("SIGNALBOX_TEST_POSTGRES").is_some_and(|value| value == "required");
    assert!(installed.is_ok() || !is_required, "{installed:?}");
    installed.is_ok()
}
