//! Statements by the thousand, on PostgreSQL.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use signalbox_postgres::{Installed, Server};
use signalbox_sql_oracle::corpus::{self, Entry};
use signalbox_sql_oracle::facts::{self, Classifier, Facts};
use signalbox_sql_oracle::fuzz::{self, Plan};
use signalbox_sql_oracle::probe::World;
use signalbox_sql_oracle::server;
use std::io::Write as _;
use std::time::Instant;

/// A server, or none where PostgreSQL is not installed; then it is said.
fn world() -> Option<(Server, World)> {
    let Ok(installed) = Installed::find() else {
        let is_required = std::env::var("SIGNALBOX_TEST_POSTGRES").is_ok_and(|v| v == "required");
        assert!(!is_required, "PostgreSQL is not installed");
        // Not by a macro, whose text the test harness would keep to itself.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED, nothing was tested: PostgreSQL is not installed"
        );
        return None;
    };
    let server = server::start(&installed);
    let world = World::make(&server.socket()).expect("a database");
    Some((server, world))
}

/// Finds of before.
fn seeds() -> Vec<String> {
    corpus::entries()
        .into_iter()
        .filter(|entry| entry.ran.is_none())
        .map(|entry| entry.sql)
        .collect()
}

fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
        Err(_) => default,
    }
}

#[test]
fn complete_facts_name_what_the_server_touches() {
    let Some((server, world)) = world() else {
        return;
    };
    let plan = Plan {
        seed: number("SIGNALBOX_SQL_SEED", 1),
        statements: number("SIGNALBOX_SQL_STATEMENTS", 30_000) as usize,
        workers: number("SIGNALBOX_SQL_WORKERS", 3) as usize,
        classify: facts::classify,
        kept: 40,
        samples: number("SIGNALBOX_SQL_SAMPLES", 0) as usize,
    };
    let began = Instant::now();
    let report = fuzz::run(&server.socket(), &world, &seeds(), plan);
    let seconds = began.elapsed().as_secs_f64();
    let _ = writeln!(
        std::io::stderr(),
        "seed {}: {} in {seconds:.0} s",
        plan.seed,
        report.figures
    );
    if std::env::var_os("SIGNALBOX_SQL_DETAILS").is_some() {
        let _ = writeln!(
            std::io::stderr(),
            "{:#?} {:#?}",
            report.figures.tags,
            report.figures.errors
        );
        let _ = writeln!(std::io::stderr(), "{}", report.figures.samples.join("\n"));
    }
    let lines: String = report.finds.values().map(Entry::lines).collect();
    if let Some(file) = std::env::var_os("SIGNALBOX_SQL_FINDS") {
        std::fs::write(file, &lines).expect("a file for finds");
    }
    assert!(
        report.finds.is_empty(),
        "{} finds:\n{lines}",
        report.finds.len()
    );
    assert!(
        report.figures.executed * 2 > report.figures.statements,
        "most statements do not run, and find nothing: {}",
        report.figures
    );
}

/// Classifiers that are wrong, each in a way that must be found, and a word of what is found.
const WORSE: [(&str, Classifier, &str); 6] = [
    ("a table that is never named", without_ledger, "ledger"),
    (
        "a change that is taken for a query",
        changes_are_queries,
        "is ",
    ),
    (
        "settings that decide nothing",
        settings_are_harmless,
        "search_path",
    ),
    (
        "functions that touch nothing",
        functions_are_harmless,
        "reads",
    ),
    ("targets that are not read", targets_are_not_read, "reads"),
    ("texts that are one statement", one_statement, "several"),
];

fn without_ledger(text: &str) -> Facts {
    let mut facts = facts::classify(text);
    facts.reads.retain(|table| table.name != "ledger");
    facts.writes.retain(|table| table.name != "ledger");
    facts
}

fn changes_are_queries(text: &str) -> Facts {
    let mut facts = facts::classify(text);
    if facts.kind.as_deref() == Some("insert") {
        facts.kind = Some("select".to_owned());
    }
    facts
}

fn settings_are_harmless(text: &str) -> Facts {
    let mut facts = facts::classify(text);
    facts.complete |= facts.kind.as_deref() == Some("set");
    facts
}

fn functions_are_harmless(text: &str) -> Facts {
    facts::classify_trusting(text, |_| true)
}

fn targets_are_not_read(text: &str) -> Facts {
    let mut facts = facts::classify(text);
    if facts.kind.as_deref() == Some("delete") {
        facts.reads.clear();
    }
    facts
}

fn one_statement(text: &str) -> Facts {
    Facts {
        statements: 1,
        ..facts::classify(text)
    }
}

#[test]
fn planted_holes_are_found() {
    let Some((server, world)) = world() else {
        return;
    };
    for (what, classify, word) in WORSE {
        let plan = Plan {
            seed: 1,
            statements: 3_000,
            workers: 2,
            classify,
            kept: 4,
            samples: 0,
        };
        let report = fuzz::run(&server.socket(), &world, &[], plan);
        let mut found: Vec<&Entry> = report.finds.values().collect();
        found.retain(|entry| entry.lines().contains(word));
        found.sort_by_key(|entry| entry.sql.len());
        let shortest = found
            .first()
            .unwrap_or_else(|| panic!("not found: {what}, in {}", report.figures));
        // It was made short.
        assert!(shortest.sql.len() < 60, "{what}: {shortest:#?}");
    }
}
