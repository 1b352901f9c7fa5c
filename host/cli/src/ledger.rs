//! `signalbox ledger`.

use std::sync::Arc;

use serde_json::json;
use signalbox_aws::{DynamoLedger, Outcome, Session};

use crate::{Done, args::LedgerCommand, out, settings::Settings};

pub(crate) async fn run(command: &LedgerCommand) -> Done {
    match command {
        LedgerCommand::Create { settings } => create(settings).await,
    }
}

async fn create(settings: &Settings) -> Done {
    let ledger = settings.read()?.ledger;
    let session = Arc::new(Session::from_environment());
    let table = DynamoLedger::new(session, ledger.table);
    let progress = out::Progress::of("creating the table");
    let report = table
        .create_table()
        .await
        .map_err(|error| error.to_string())?;
    drop(progress);
    let arn = report.arn.as_deref().unwrap_or("no ARN given");
    out::line(format_args!(
        "table {} ({arn})",
        out::styled(out::NAME, &report.name)
    ));
    for (what, outcome) in [
        ("keys `id` and `invocationId`, on demand", report.table),
        ("expiry by the attribute `TTL`", report.time_to_live),
        ("point-in-time recovery", report.point_in_time_recovery),
    ] {
        let done = match outcome {
            Outcome::Done => out::styled(out::GOOD, "made"),
            Outcome::AlreadyThere => out::styled(out::FAINT, "there already"),
        };
        out::line(format_args!("  {what}: {done}"));
    }
    let made = |outcome: Outcome| matches!(outcome, Outcome::Done);
    out::json(&json!({
        "table": report.name,
        "arn": report.arn,
        "made": {
            "table": made(report.table),
            "timeToLive": made(report.time_to_live),
            "pointInTimeRecovery": made(report.point_in_time_recovery),
        },
    }));
    Ok(true)
}
