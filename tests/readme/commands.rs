//! Every command that README, the guides and the reference show is run as it stands there.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::json;
use signalbox_local::data_api::EventFault;

use crate::{
    Block, blocks,
    support::stage::Stage,
    walk::{Desk, is_run_by_ci},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The commands of a block.
pub(crate) fn commands(block: &Block) -> impl Iterator<Item = &str> {
    let shell = block.language == "sh";
    block.text.lines().filter(move |_| shell)
}

/// How long a test waits for something to happen before it fails.
const PATIENCE: Duration = Duration::from_secs(120);
/// The id of a statement that the pages make up.
const STATEMENT: &str = "d9b6c0c9-0747-4bf4-b142-e8883122f766";

#[tokio::test]
async fn every_command_of_readme_and_reference_works() {
    let stage = Stage::original().await;
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::new(folder.path());
    let mut run = 0;
    let pages = ["README.md", "docs/operate.md", "docs/reference/settings.md"];
    for (page, block) in pages
        .into_iter()
        .flat_map(|page| blocks(page).into_iter().map(move |block| (page, block)))
    {
        desk.write(&block);
        for line in commands(&block) {
            let words: Vec<&str> = line
                .split_whitespace()
                .skip_while(|word| word.contains('='))
                .collect();
            match words.as_slice() {
                ["cargo", ..] => is_run_by_ci(line),
                #[cfg(unix)]
                ["signalbox", "serve"] => crate::one_machine::serves(&desk, line),
                [program, "ledger" | "tasks" | "doctor", ..] if program.ends_with("signalbox") => {
                    on_a_deployment(&stage, &desk, line).await;
                }
                ["signalbox", ..] => drop(desk.run(line, &[])),
                _ => panic!("{page}:{}: nobody runs `{line}`", block.line),
            }
            run += 1;
        }
    }
    assert!(run >= 14, "{run}");
}

/// Pages that are worked through from top to bottom, each in a folder of its own.
#[test]
fn the_pages_for_policy_authors_work() {
    for page in ["docs/test-policies.md"] {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::new(folder.path());
        let mut said = String::new();
        let mut run = 0;
        for block in blocks(page) {
            desk.write(&block);
            for line in commands(&block) {
                said = String::from_utf8(desk.run(line, &[]).stdout).unwrap();
                run += 1;
            }
            // What the page shows of a command is what it writes.
            let results = block.text.lines().filter(|line| line.ends_with("... ok"));
            for line in results.filter(|_| block.language == "text") {
                assert!(
                    said.lines().any(|one| one == line),
                    "{page}:{}: {line}",
                    block.line
                );
            }
        }
        assert!(run > 1, "{page}: {run}");
    }
}

/// Runs a command that works on a deployment: one that has a task with a running statement.
async fn on_a_deployment(stage: &Stage, desk: &Desk, line: &str) {
    let mut line = line.to_owned();
    if line.contains(STATEMENT) {
        line = line.replace(STATEMENT, &running_statement(stage).await);
    }
    let variables: Vec<(String, String)> = stage
        .variables
        .iter()
        // What the line sets itself is what the function has; the table is the stage's.
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if let Some(table) = stage.variables.get("DDB_TABLE_NAME") {
        line = line.replace(
            "DDB_TABLE_NAME=signalbox",
            &format!("DDB_TABLE_NAME={table}"),
        );
    }
    let folder = desk.path().to_owned();
    let ran = tokio::task::spawn_blocking(move || {
        let variables: Vec<(&str, &str)> = variables
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        Desk::new(&folder).run(&line, &variables);
    });
    ran.await.unwrap();
}

/// The id of the statement of an open task; there is one afterwards if there was none.
async fn running_statement(stage: &Stage) -> String {
    let list = async || {
        let listed = stage.signalbox(&["tasks", "list", "--json"]).await;
        let id = &listed.json()["tasks"][0]["statement"]["id"];
        id.as_str().map(str::to_owned)
    };
    if let Some(id) = list().await {
        return id;
    }
    stage.event_faults.next(EventFault::Drop);
    stage.task(json!({"sqlStatement": "select f_slow('done', 600)"}));
    let listed = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(id) = list().await {
                return id;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    listed.await.expect("the statement is listed")
}

#[cfg(unix)]
#[test]
fn the_guide_for_authors_of_policies_leads_to_a_policy() {
    // It stays from run to run, so that what the policy stands on is compiled once.
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("policy-guide");
    std::fs::create_dir_all(&folder).unwrap();
    let clone = folder.join("signalbox");
    if !clone.exists() {
        std::os::unix::fs::symlink(root(), &clone).unwrap();
    }
    let mut desk = Desk::new(&folder);
    // All that it needs was there when this test was built.
    desk.set("CARGO_NET_OFFLINE", "true");
    // How small and fast it becomes is not asked here.
    for (setting, value) in [("LTO", "off"), ("OPT_LEVEL", "1"), ("CODEGEN_UNITS", "16")] {
        desk.set(&format!("CARGO_PROFILE_RELEASE_{setting}"), value);
    }
    let mut run = 0;
    for block in blocks("docs/policy.md") {
        desk.write(&block);
        for line in commands(&block) {
            match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["cp", "-r", from, to] => {
                    let to = desk.path().join(to);
                    std::fs::create_dir_all(to.join("src")).unwrap();
                    for file in ["build.rs", "src/lib.rs"] {
                        std::fs::copy(desk.path().join(from).join(file), to.join(file)).unwrap();
                    }
                    // The versions that the workspace is tested with, whatever is newest today.
                    std::fs::copy(root().join("Cargo.lock"), to.join("Cargo.lock")).unwrap();
                }
                ["cd", folder] => desk.enter(folder),
                // The tests of the example are tests of this workspace, and its toolchain has the target.
                ["cargo", "test"] | ["rustup", ..] => {}
                _ => drop(desk.run(line, &[])),
            }
            run += 1;
        }
    }
    assert!(run >= 10, "{run}");
}
