//! `signalbox tasks`: the open tasks of a deployment, on its real ledger.

mod args;
mod show;
mod table;

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_lambda::{Config, start};
use signalbox_policy::contract::Source;
use signalbox_tasker::{
    Call, Settled, Tasker,
    operate::{CancelledNow, Operator, TaskView},
    record::Record,
    task::status_name,
};
use tokio::time::Instant;

pub(crate) use self::args::TasksCommand;
use self::args::{Listing, Naming};
use crate::{Done, out};

/// How long settling one task may take: as an invocation of the original's function.
const SETTLE_TIME: Duration = Duration::from_secs(29);

pub(crate) async fn run(command: &TasksCommand) -> Done {
    match command {
        TasksCommand::List(listing) => list(listing).await,
        TasksCommand::Show { task } => show(task).await,
        TasksCommand::Cancel { task, wait } => cancel(task, Duration::from_secs(*wait)).await,
        TasksCommand::Settle { task } => settle(task).await,
    }
}

async fn list(listing: &Listing) -> Done {
    let config = listing.settings.read_named()?;
    let open = operator(&config)
        .open(&listing.filter())
        .await
        .map_err(|error| error.to_string())?;
    let whole = open.unreadable.is_empty();
    let shown = open.tasks.len().min(listing.limit);
    let tasks = open.tasks.get(..shown).unwrap_or_default();
    if out::speaks_json() {
        let unreadable: Vec<Value> = open
            .unreadable
            .iter()
            .map(|(id, reason)| json!({"recordId": id, "reason": reason}))
            .collect();
        out::json(&json!({
            "deployment": config.deployment,
            "open": open.open,
            "matching": open.tasks.len(),
            "tasks": tasks,
            "unreadable": unreadable,
        }));
        return Ok(whole);
    }
    table::lines(tasks).iter().for_each(out::line);
    let of = format!(
        "of deployment `{}` in table `{}`",
        config.deployment, config.ledger.table
    );
    out::line(out::styled(
        out::FAINT,
        match (open.tasks.len(), open.open) {
            (_, 0) => format!("no open tasks {of}"),
            (matching, open) if matching == open && shown == open => {
                format!("{open} open {of}")
            }
            (matching, open) => format!("{shown} shown, {matching} matching, {open} open {of}"),
        },
    ));
    for (id, reason) in &open.unreadable {
        out::error(format_args!("record {id} cannot be read: {reason}"));
    }
    Ok(whole)
}

async fn show(naming: &Naming) -> Done {
    let config = naming.settings.read_named()?;
    let operator = operator(&config);
    let records = operator
        .find(&naming.task)
        .await
        .map_err(|error| error.to_string())?;
    let mut shown = Vec::new();
    for record in &records {
        let redshift = match operator.describe(record).await {
            None => None,
            Some(Ok(described)) => Some(show::described(&described)),
            Some(Err(error)) => Some(show::not_described(&error)),
        };
        shown.push((operator.view(record), redshift));
    }
    if out::speaks_json() {
        let tasks: Vec<Value> = shown
            .iter()
            .map(|(view, redshift)| with_redshift(view, redshift.as_ref()))
            .collect();
        out::json(&json!({ "tasks": tasks }));
    } else {
        for (at, (view, redshift)) in shown.iter().enumerate() {
            if at > 0 {
                out::line("");
            }
            show::lines(view, redshift.as_ref())
                .iter()
                .for_each(out::line);
        }
    }
    Ok(true)
}

async fn cancel(naming: &Naming, wait: Duration) -> Done {
    let config = naming.settings.read_named()?;
    let (record, outcome) = operator(&config)
        .cancel(&naming.task, Instant::now() + wait)
        .await
        .map_err(|error| error.to_string())?;
    let (good, word, text) = match &outcome {
        CancelledNow::Nothing(reason) => (false, "nothing", reason.clone()),
        CancelledNow::WasOver(status) => (
            true,
            "wasOver",
            format!("it was over before: {}", status_name(*status)),
        ),
        CancelledNow::Ended(status) => (true, "ended", format!("it is {}", status_name(*status))),
        CancelledNow::GoesOn(heard) => (
            false,
            "goesOn",
            format!("it goes on after {} s: {heard}", wait.as_secs()),
        ),
    };
    let next = match &outcome {
        CancelledNow::WasOver(_) | CancelledNow::Ended(_) if record.waiting => {
            ". Its task is told by the completion event, or by the sweep; `signalbox tasks settle` tells it now"
        }
        _ => "",
    };
    report(&record, good, word, &format!("{text}{next}"));
    Ok(good)
}

async fn settle(naming: &Naming) -> Done {
    let config = naming.settings.read_named()?;
    let ports = start::aws(&config);
    let record = Operator::new(&ports, start::options(&config))
        .find_one(&naming.task)
        .await
        .map_err(|error| error.to_string())?;
    // Of a policy set what is there now is enough: which revision is in force is for the function to say.
    let policies = start::load_policies(&config)
        .await
        .map_err(|error| error.to_string())?;
    let tasker = Tasker::new(ports, start::options(&config), policies);
    let call = Call {
        request_id: format!("signalbox-tasks-settle-{}", std::process::id()),
        function_arn: None,
        source: Source::Invocation,
        deadline: Instant::now() + SETTLE_TIME,
        answer_by: Instant::now() + SETTLE_TIME,
    };
    let now = tasker
        .settle_now(&call, &record)
        .await
        .map_err(|error| error.to_string())?;
    let ended = now.record.as_ref().and_then(|record| record.life.ending());
    let (good, word, text) = match &now.settled {
        Settled::WasOver => (true, "wasOver", show::ending("it was over before", ended)),
        Settled::Done => (true, "done", show::ending("it is over", ended)),
        Settled::Left(reason) => (false, "left", format!("it stays open: {reason}")),
    };
    report(now.record.as_ref().unwrap_or(&record), good, word, &text);
    Ok(good)
}

/// Says what came of one task.
fn report(record: &Record, good: bool, word: &str, text: &str) {
    let task = record.statement_id().unwrap_or(record.record_id.as_str());
    if out::speaks_json() {
        out::json(&json!({
            "recordId": record.record_id,
            "statementId": record.statement_id(),
            "phase": record.phase(),
            "ending": record.life.ending(),
            "outcome": word,
            "message": text,
        }));
    } else {
        let style = if good { out::GOOD } else { out::NOTE };
        out::line(format_args!("{}: {text}", out::styled(style, task)));
    }
}

fn with_redshift(view: &TaskView, redshift: Option<&Value>) -> Value {
    let mut task = serde_json::to_value(view).unwrap_or_default();
    if let (Value::Object(task), Some(redshift)) = (&mut task, redshift) {
        task.insert("redshift".to_owned(), redshift.clone());
    }
    task
}

fn operator(config: &Config) -> Operator {
    Operator::new(&start::aws(config), start::options(config))
}
