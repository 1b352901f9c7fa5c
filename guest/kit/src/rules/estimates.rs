//! Estimates: what Redshift expects of statements, asked by EXPLAIN before they run.
//!
//! All statements of a request that have a bound are explained in one call, on the target that the rules chose.

use super::plan::Plan;
use crate::contract::{
    DescribeStatementRequest, ExecutionMode, Failure, GetStatementResultRequest, Level,
    OutputShape, Rejection, ResultFormat, StartOptions, StatementStatus,
};
use crate::handle::Decision;
use crate::host::{Host, detail};
use crate::settings::{Estimate, Otherwise, Settings, Verdict};
use crate::sql::{Kind, MAX_SQL_BYTES, Statement, classify_names};
use std::collections::BTreeMap;

/// The action of a statement that only explains: the host starts it beside the task and keeps no record of it.
pub(crate) const EXPLAIN: &str = "explain";

/// An estimate of a rule for a statement of the request, by its number from 0.
pub(super) type Bound<'s> = (&'s str, &'s Estimate, usize);

/// Why there is no plan.
#[derive(Debug, Clone)]
struct NoPlan {
    why: String,
    /// Whether a later try may have one.
    passes: bool,
}

impl NoPlan {
    fn of(failure: &Failure) -> Self {
        let told = detail(failure);
        Self {
            why: format!("EXPLAIN failed ({}: {})", told.code, told.message),
            passes: told.retryable,
        }
    }

    fn lasting(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            passes: false,
        }
    }
}

/// Refuse, warn of or move what costs more than its rules allow.
pub(super) fn check(
    decision: &mut Decision,
    statements: &[Option<Statement>],
    bounds: &[Bound<'_>],
    settings: &Settings,
    host: &dyn Host,
) -> Result<(), Rejection> {
    if bounds.is_empty() {
        return Ok(());
    }
    let plans = plans(decision, statements, bounds, host);
    let count = decision.sqls.len();
    let mut target = None;
    for (position, plan) in &plans {
        note(*position, count, plan, host);
        let place = match count {
            1 => String::new(),
            _ => format!("Statement {} of {count}: ", position + 1),
        };
        for (rule, estimate, _) in bounds.iter().filter(|bound| bound.2 == *position) {
            let moved = match plan {
                Ok(plan) => hold(&place, rule, estimate, plan, host)?,
                Err(missing) => {
                    without_plan(&place, rule, estimate, missing, settings, host)?;
                    None
                }
            };
            target = target.or(moved);
        }
    }
    if target.is_some() {
        decision.options.target = target;
    }
    Ok(())
}

/// Compare a plan with its bounds: the target on which the statement runs instead, if that is what a rule wants.
fn hold(
    place: &str,
    rule: &str,
    estimate: &Estimate,
    plan: &Plan,
    host: &dyn Host,
) -> Result<Option<String>, Rejection> {
    let Some(excess) = excess(plan, estimate) else {
        return Ok(None);
    };
    let say = |does: &str| {
        format!(
            "{place}Rule `{rule}` {does}: {excess}. The first step of its plan is `{}`.",
            plan.top
        )
    };
    match &estimate.otherwise {
        Otherwise::Deny => Err(rejection("EstimateExceeded", say("refuses this"))),
        Otherwise::Warn => {
            host.log(Level::Warn, &say("warns"), &[("rule", rule)]);
            Ok(None)
        }
        Otherwise::Target(name) => {
            let message = say(&format!("moves this to target `{name}`"));
            host.log(Level::Info, &message, &[("rule", rule), ("target", name)]);
            Ok(Some(name.clone()))
        }
    }
}

/// Let a statement without a plan run if the rule says so.
fn without_plan(
    place: &str,
    rule: &str,
    estimate: &Estimate,
    missing: &NoPlan,
    settings: &Settings,
    host: &dyn Host,
) -> Result<(), Rejection> {
    let message = format!(
        "{place}Rule `{rule}` bounds the cost of this, and there is no plan: {}.",
        missing.why
    );
    if estimate.unexplained == Some(Verdict::Allow) {
        let message = format!("{message} It runs (`unexplained`).");
        host.log(Level::Warn, &message, &[("rule", rule)]);
        return Ok(());
    }
    let name = match &settings.transient_error {
        Some(name) if missing.passes => name,
        _ => "EstimateUnavailable",
    };
    let hint = match missing.passes {
        true => "Try again later.",
        false => "The settings refuse such SQL (`unexplained`).",
    };
    Err(rejection(name, format!("{message} {hint}")))
}

/// The plans of the statements that have a bound, or why there is none.
fn plans(
    decision: &Decision,
    statements: &[Option<Statement>],
    bounds: &[Bound<'_>],
    host: &dyn Host,
) -> BTreeMap<usize, Result<Plan, NoPlan>> {
    let mut plans = BTreeMap::new();
    let mut asked = Vec::new();
    let mut wait_seconds = 1;
    for (_, estimate, position) in bounds {
        wait_seconds = wait_seconds.max(estimate.wait_seconds);
        let Some(sql) = decision.sqls.get(*position) else {
            continue;
        };
        if plans.contains_key(position) || asked.iter().any(|(known, _)| known == position) {
            continue;
        }
        let known = statements.get(*position).and_then(Option::as_ref);
        match explainable(sql, known) {
            Ok(()) => asked.push((*position, format!("EXPLAIN {sql}"))),
            Err(why) => {
                plans.insert(*position, Err(why));
            }
        }
    }
    asked.sort_unstable_by_key(|(position, _)| *position);
    let (positions, sqls): (Vec<usize>, Vec<String>) = asked.into_iter().unzip();
    let found = match explain(decision, sqls, wait_seconds, host) {
        Ok(found) => found,
        Err(missing) => positions.iter().map(|_| Err(missing.clone())).collect(),
    };
    plans.extend(positions.into_iter().zip(found));
    plans
}

/// Whether Redshift explains such SQL: queries, and what writes rows by one.
fn explainable(sql: &str, known: Option<&Statement>) -> Result<(), NoPlan> {
    let classified;
    let statement = match known {
        Some(known) => known,
        None => {
            classified = classify_names(sql);
            &classified
        }
    };
    match &statement.kind {
        _ if statement.unparsed_part().is_some() => Err(NoPlan::lasting(
            "it is not understood, so it is not put behind EXPLAIN",
        )),
        Ok(Kind::Select | Kind::Insert | Kind::Update | Kind::Delete) => Ok(()),
        // That of a CREATE TABLE AS has a plan.
        Ok(Kind::CreateTable) if !statement.reads.is_empty() => Ok(()),
        Ok(kind) => Err(NoPlan::lasting(format!(
            "Redshift explains no `{}`",
            kind.name()
        ))),
        Err(_) => Err(NoPlan::lasting(
            "it is not understood, so it is not put behind EXPLAIN",
        )),
    }
}

/// Ask for all plans at once.
fn explain(
    decision: &Decision,
    sqls: Vec<String>,
    wait_seconds: u32,
    host: &dyn Host,
) -> Result<Vec<Result<Plan, NoPlan>>, NoPlan> {
    if sqls.is_empty() {
        return Ok(Vec::new());
    }
    if sqls.iter().map(String::len).sum::<usize>() > MAX_SQL_BYTES {
        return Err(NoPlan::lasting(
            "with EXPLAIN before it, it is longer than Redshift takes",
        ));
    }
    let count = sqls.len();
    let target = decision.options.target.clone();
    let options = options(decision, &sqls);
    let failed = |failure: Failure| NoPlan::of(&failure);
    let started = host
        .explain(sqls, ExecutionMode::AutoCommit, options)
        .map_err(failed)?;
    let describe = DescribeStatementRequest {
        id: started.id.clone(),
        target: target.clone(),
        wait_seconds: Some(wait_seconds),
    };
    let described = host.describe_statement(&describe).map_err(failed)?;
    let of_state = |status: StatementStatus, error: Option<&str>| match status {
        StatementStatus::Finished => Ok(()),
        StatementStatus::Failed | StatementStatus::Aborted => Err(NoPlan::lasting(format!(
            "EXPLAIN failed ({})",
            error.unwrap_or("no message").trim_end_matches('.')
        ))),
        _ => Err(NoPlan {
            why: format!("EXPLAIN had not ended after {wait_seconds} seconds"),
            passes: true,
        }),
    };
    let read = |id: String| {
        let request = GetStatementResultRequest {
            id,
            target: target.clone(),
            next_token: None,
            result_format: ResultFormat::Json,
            wait_seconds: None,
        };
        let result = host.get_statement_result(&request).map_err(failed)?;
        Plan::read(&result.document).ok_or_else(|| {
            NoPlan::lasting(
                "the reply to EXPLAIN has no costs: this engine has no planner that tells them",
            )
        })
    };
    if count == 1 {
        let state = of_state(described.status, described.error.as_deref());
        return Ok(vec![state.and_then(|()| read(started.id))]);
    }
    let parts = (0..count).map(|number| match described.sub_statements.get(number) {
        Some(part) => of_state(
            part.status,
            part.error.as_deref().or(described.error.as_deref()),
        )
        .and_then(|()| read(part.id.clone())),
        None => of_state(described.status, described.error.as_deref())
            .and_then(|()| Err(NoPlan::lasting("EXPLAIN has no result"))),
    });
    Ok(parts.collect())
}

/// How to explain: on the same target, with the parameters that are used, and with nothing else of the statement.
fn options(decision: &Decision, sqls: &[String]) -> StartOptions {
    let asked = &decision.options;
    let is_used = |name: &str| {
        let name = format!(":{name}");
        sqls.iter().any(|sql| sql.contains(&name))
    };
    let parameters = asked.parameters.iter();
    StartOptions {
        target: asked.target.clone(),
        action: EXPLAIN.to_owned(),
        output: OutputShape::Event,
        parameters: parameters
            .filter(|one| is_used(&one.name))
            .cloned()
            .collect(),
        result_format: ResultFormat::Json,
        session_id: None,
        session_keep_alive_seconds: None,
        wait_seconds: None,
        exclusive: None,
        deadline_seconds: None,
        heartbeat: false,
        on_stop: None,
        step: None,
        idempotency_key: None,
        memo: String::new(),
    }
}

/// The decision record has what is written to the log.
fn note(position: usize, count: usize, plan: &Result<Plan, NoPlan>, host: &dyn Host) {
    let Ok(plan) = plan else { return };
    host.log(
        Level::Info,
        "The plan of the statement",
        &[
            ("statement", &format!("{} of {count}", position + 1)),
            ("cost", &number(plan.cost)),
            ("rows", &number(plan.rows)),
            ("top", &plan.top),
        ],
    );
}

/// What of a plan is above its bounds.
fn excess(plan: &Plan, estimate: &Estimate) -> Option<String> {
    let above = |what: &str, found: f64, most: Option<f64>| {
        let most = most.filter(|most| found > *most)?;
        Some(format!(
            "{what} {}, and {} is the most",
            number(found),
            number(most)
        ))
    };
    let cost = above("it is expected to cost", plan.cost, estimate.max_cost);
    let rows = above("its rows are estimated at", plan.rows, estimate.max_rows);
    match (cost, rows) {
        (Some(cost), Some(rows)) => Some(format!("{cost}; {rows}")),
        (cost, rows) => cost.or(rows),
    }
}

fn number(number: f64) -> String {
    format!("{}", (number * 100.0).round() / 100.0)
}

fn rejection(error: &str, message: String) -> Rejection {
    Rejection {
        error: error.to_owned(),
        message,
    }
}
