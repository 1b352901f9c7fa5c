//! How many instructions the function takes: a start, an event, and the end of a statement. Instructions repeat where time
//! does not, so they are compared with what they were.
//!
//! `tests/performance/instructions` runs this with a bootstrap under callgrind.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::json;

use crate::support::stage::{Stage, batch, failures};

/// Where callgrind writes what it counted.
const COUNTS: &str = "SIGNALBOX_TEST_COUNTS";
/// Set to write the counts down in place of comparing them.
const WRITE: &str = "SIGNALBOX_TEST_COUNTS_WRITE";
/// So many events more are counted, so that a start and what is done once do not count.
const EVENTS: u64 = 10;
/// How much more may be counted than is written down, in per cent. Other processors take other ways through libraries.
const TOLERANCE: u64 = 10;
const SHORT: &str = "select region, sum(amount) from sales.orders where day between '2024-01-01' and '2024-01-31' group by region";

type Counts = BTreeMap<String, u64>;

#[tokio::test]
async fn no_event_takes_more_instructions_than_before() {
    let Some(folder) = std::env::var_os(COUNTS).map(PathBuf::from) else {
        let note = format!(
            "no_event_takes_more_instructions_than_before: NOT RUN, {COUNTS} is not set (see tests/performance/instructions)\n"
        );
        std::io::stderr()
            .write_all(note.as_bytes())
            .expect("stderr");
        return;
    };
    let joins: String = (0..30)
        .map(|n| format!(" join sales.part_{n} p{n} on p{n}.id = o.id and p{n}.day > 20"))
        .collect();
    let long = format!("select o.id from sales.orders o{joins}");
    let cold = count(&folder, SHORT, 1, false).await;
    let short = count(&folder, SHORT, EVENTS + 1, false).await;
    let ended = count(&folder, SHORT, EVENTS + 1, true).await;
    let cold_long = count(&folder, &long, 1, false).await;
    let many_long = count(&folder, &long, EVENTS + 1, false).await;
    let found = Counts::from([
        ("start of the process and its first event".to_owned(), cold),
        (
            "an event with 110 bytes of SQL".to_owned(),
            (short - cold) / EVENTS,
        ),
        (
            "an event with 2 KB of SQL".to_owned(),
            (many_long - cold_long) / EVENTS,
        ),
        (
            "the end of a statement".to_owned(),
            (ended - short) / (EVENTS + 1),
        ),
    ]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/performance/instructions.json");
    let text = serde_json::to_string_pretty(&found).expect("JSON") + "\n";
    std::io::stderr()
        .write_all(text.as_bytes())
        .expect("stderr");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, text).expect("written");
        return;
    }
    let known = std::fs::read(&path).expect("what was counted before");
    let known: Counts = serde_json::from_slice(&known).expect("counts");
    assert!(
        found.keys().eq(known.keys()),
        "others are written down: {known:#?}"
    );
    for (what, count) in &found {
        let known = known[what];
        assert!(
            count * 100 <= known * (100 + TOLERANCE),
            "{what} took {known} instructions and now takes {count}. If that is worth it, write it down: \
             tests/performance/instructions --write"
        );
    }
}

/// Starts a process, which starts so many statements, and is told of their ends: how many instructions it took.
async fn count(folder: &Path, sql: &str, starts: u64, ends: bool) -> u64 {
    let mut stage = Stage::original().await;
    for step in 0..starts {
        let payload = json!({"sqlStatement": sql, "step": step.to_string()});
        let _task = stage.task(payload);
        let event = stage.completion().await;
        if ends {
            assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
        }
    }
    let id = stage.lambda.id();
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &id.to_string()])
        .status();
    assert!(interrupted.expect("kill").success());
    let path = folder.join(id.to_string());
    for _ in 0..600 {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
        if let Some(total) = total {
            return total.trim().parse().expect("a number");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("callgrind wrote nothing to {}", path.display());
}
