//! Statements by the thousand, on PostgreSQL.

#![allow(clippy::print_stderr, reason = "figures are for who runs it")]

use signalbox_sql_oracle::corpus::Entry;
use signalbox_sql_oracle::facts::{self, Facts};
use signalbox_sql_oracle::fuzz::{self, Plan};
use signalbox_sql_oracle::probe::World;
use signalbox_sql_oracle::server::Server;
use std::io::Write as _;
use std::time::Instant;

/// A server, or none where PostgreSQL is not installed; then it is said.
fn server() -> Option<(Server, World)> {
    let Some(programs) = Server::installed() else {
        let is_required = std::env::var("SIGNALBOX_TEST_POSTGRES").is_ok_and(|v| v == "required");
        assert!(!is_required, "PostgreSQL is not installed");
        // Not by a macro, whose text the test harness would keep to itself.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED, nothing was tested: PostgreSQL is not installed"
        );
        return None;
    };
    let server = Server::start(&programs);
    let world = World::make(&server.socket()).expect("a database");
    Some((server, world))
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
    let Some((server, world)) = server() else {
        return;
    };
    let plan = Plan {
        seed: number("SIGNALBOX_SQL_SEED", 1),
        statements: number("SIGNALBOX_SQL_STATEMENTS", 30_000) as usize,
        workers: number("SIGNALBOX_SQL_WORKERS", 3) as usize,
        classify: facts::classify,
        samples: number("SIGNALBOX_SQL_SAMPLES", 0) as usize,
        stop_at_first: false,
    };
    let began = Instant::now();
    let report = fuzz::run(&server.socket(), &world, plan);
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

/// Facts with one table left out.
fn without_ledger(text: &str) -> Facts {
    let mut facts = facts::classify(text);
    facts.reads.retain(|table| table.name != "ledger");
    facts.writes.retain(|table| table.name != "ledger");
    facts
}

#[test]
fn a_planted_hole_is_found() {
    let Some((server, world)) = server() else {
        return;
    };
    let plan = Plan {
        seed: 1,
        statements: 2_000,
        workers: 2,
        classify: without_ledger,
        samples: 0,
        stop_at_first: false,
    };
    let report = fuzz::run(&server.socket(), &world, plan);
    let found: Vec<_> = report
        .finds
        .values()
        .filter(|entry| entry.sql.to_lowercase().contains("ledger"))
        .collect();
    assert!(!found.is_empty(), "nothing was found in {}", report.figures);
    // It was made short: one statement with one table.
    assert!(found.iter().any(|entry| entry.sql.len() < 60), "{found:#?}");
}
