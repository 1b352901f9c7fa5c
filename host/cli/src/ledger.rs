//! `signalbox ledger`.

use std::sync::Arc;

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
    let report = table
        .create_table()
        .await
        .map_err(|error| error.to_string())?;
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
    Ok(true)
}
