//! Contracts of a request: its own, and those of the rules that hold for it.

use crate::contract::{ExecutionMode, Rejection};
use crate::expect::{Check, Expectation, Load, MAX_EXPECTATIONS, ends_transaction, noted};
use crate::handle::Decision;
use crate::host::Host;
use crate::memo::note;
use crate::payload::{MAX_BATCH, Start};
use crate::sql::MAX_SQL_BYTES;
use crate::text::thousands;

/// The memo that the host keeps, in bytes, without what other notes need.
const MOST_NOTED: usize = 7_168;

/// Let the statements that check contracts run behind the request's own, in one batch, and note what they are.
pub(super) fn add(
    decision: &mut Decision,
    start: &Start,
    by_rules: &[(&str, &[Expectation])],
    host: &dyn Host,
) -> Result<(), Rejection> {
    let ruled = by_rules.iter().flat_map(|(_, list)| list.iter());
    let all: Vec<Expectation> = start.expect.iter().chain(ruled).cloned().collect();
    if all.is_empty() {
        return Ok(());
    }
    if all.len() > MAX_EXPECTATIONS {
        return Err(invalid(format!(
            "`expect` and the rules have {} expectations together; at most {MAX_EXPECTATIONS} are allowed. Join some by UNION ALL.",
            all.len()
        )));
    }
    let is_told = host.waiter().is_some();
    if !is_told && all.iter().any(|one| matches!(one.check, Check::OwnRows(_))) {
        return Err(invalid(
            "Nobody waits for this statement, so the number of its rows would not be checked. Send a `taskToken`, or give the \
             `rows` of `expect` a query: `of`.",
        ));
    }
    let own = decision.sqls.len();
    let checks: Vec<String> = all
        .iter()
        .enumerate()
        .filter_map(|(position, one)| one.statement(position + 1))
        .collect();
    let mut load = Load::Stands;
    if !checks.is_empty() {
        if !decision.batch {
            decision.batch = true;
            decision.execution_mode = ExecutionMode::Transaction;
        }
        if decision.execution_mode == ExecutionMode::Transaction {
            load = match decision.sqls.iter().any(|sql| ends_transaction(sql)) {
                true => Load::MayStand,
                false => Load::RolledBack,
            };
        }
        decision.sqls.extend(checks);
        fits(&decision.sqls)?;
    }
    let noted = noted(&all, own, load);
    if noted.to_string().len() > MOST_NOTED {
        return Err(invalid(
            "The names of the expectations are too long together. Shorten them.",
        ));
    }
    note(&mut decision.options.memo, "expect", noted);
    Ok(())
}

/// Whether Redshift takes so much in one batch.
fn fits(sqls: &[String]) -> Result<(), Rejection> {
    if sqls.len() > MAX_BATCH {
        return Err(invalid(format!(
            "With the queries of its expectations the request has {} statements. A batch takes {MAX_BATCH}.",
            sqls.len()
        )));
    }
    let bytes: usize = sqls.iter().map(String::len).sum();
    if bytes > MAX_SQL_BYTES {
        return Err(invalid(format!(
            "With the queries of its expectations the request has {} bytes of SQL. Redshift takes at most {} (100 KB).",
            thousands(bytes),
            thousands(MAX_SQL_BYTES)
        )));
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> Rejection {
    Rejection {
        error: "InvalidRequest".to_owned(),
        message: message.into(),
    }
}
