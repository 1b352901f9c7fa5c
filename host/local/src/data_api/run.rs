//! The life of a statement, from SUBMITTED to its end.

use super::events::{self, EventFault};
use super::request::ExecutionMode;
use super::service::Core;
use super::session::Lease;
use super::statement::{Part, Statement, Status};
use crate::sql::{Connection, Outcome, SqlError, is_read_only};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Instant;

/// What is said of a statement that the end of the server stopped.
pub(crate) const STOPPED: &str = "the server was stopped before the statement ended";

/// Lives a statement's life, then sends its event.
pub(crate) async fn live(
    core: Arc<Core>,
    statement: Arc<Statement>,
    lease: Lease,
    fault: EventFault,
) {
    tokio::select! {
        () = get_ready(&core, &statement, lease) => {}
        // Cancelled before it ran, or finished: a statement that runs becomes final as its last act.
        () = statement.ended() => {}
    }
    if statement.with_event && !core.is_closing() {
        tokio::select! {
            () = tell(&core, &statement, fault) => {}
            () = core.closed() => {}
        }
    }
}

/// Sends a statement's event, which is then no longer due.
pub(crate) async fn tell(core: &Core, statement: &Statement, fault: EventFault) {
    events::send(core, statement, fault).await;
    let (Some(archive), id) = (core.archive.clone(), statement.id.clone()) else {
        return;
    };
    let told = tokio::task::spawn_blocking(move || archive.told(&id)).await;
    if !matches!(told, Ok(Ok(()))) {
        // After a restart the event comes again, which is allowed.
        tracing::warn!(
            statement = statement.id,
            "that an event was delivered could not be kept"
        );
    }
}

async fn get_ready(core: &Arc<Core>, statement: &Arc<Statement>, lease: Lease) {
    tokio::time::sleep(core.options.submitted_for).await;
    // The semaphore is never closed; if it were, the statement would wait until it is cancelled.
    let Ok(_slot) = core.slots.acquire().await else {
        return std::future::pending().await;
    };
    statement.advance(|progress| {
        progress.status = Status::Picked;
        for part in &mut progress.parts {
            part.status = Status::Picked;
        }
    });
    tokio::time::sleep(core.options.picked_for).await;
    let (engine, subject) = (Arc::clone(core), Arc::clone(statement));
    let ran = tokio::task::spawn_blocking(move || run(&engine, &subject, lease)).await;
    if let Err(error) = ran {
        statement.advance(|progress| {
            progress.status = Status::Failed;
            progress.error = Some(format!("ERROR: the engine broke down: {error}"));
        });
    }
}

/// Runs the SQL on this thread and makes the statement final.
fn run(core: &Core, statement: &Statement, mut lease: Lease) {
    let connection = match lease.take() {
        Some(connection) => Ok(connection),
        None => core.engine.connect(&statement.target.database),
    };
    let mut connection = match connection {
        Ok(connection) => connection,
        Err(error) => return end(core, statement, Instant::now(), &Err(error)),
    };
    statement.advance(|progress| {
        progress.status = Status::Started;
        progress.pid = Some(connection.pid());
    });
    if statement.status().is_final() {
        // Cancelled in the last moment: nothing of it may run.
        return lease.give_back(connection);
    }
    let start = Instant::now();
    let result = match statement.batch {
        None => parts(core, statement, connection.as_mut(), true),
        Some(ExecutionMode::AutoCommit) => parts(core, statement, connection.as_mut(), false),
        Some(ExecutionMode::Transaction) => transaction(core, statement, connection.as_mut()),
    };
    // Before the end is seen: who sees it may use the session.
    lease.give_back(connection);
    end(core, statement, start, &result);
}

fn end(core: &Core, statement: &Statement, start: Instant, result: &Result<(), SqlError>) {
    statement.advance(|progress| {
        progress.status = match result {
            Ok(()) => Status::Finished,
            Err(SqlError::Failed(_)) => Status::Failed,
            Err(SqlError::Stopped) => Status::Aborted,
        };
        progress.error = match result {
            Err(error @ SqlError::Failed(_)) => Some(error.to_string()),
            Err(SqlError::Stopped) if core.is_closing() => Some(STOPPED.to_owned()),
            _ => None,
        };
        progress.duration = Some(start.elapsed());
        for part in &mut progress.parts {
            if !part.status.is_final() {
                part.status = Status::Aborted;
            }
        }
    });
}

/// Runs the SQL texts one after another. The first error is the statement's.
fn parts(
    core: &Core,
    statement: &Statement,
    connection: &mut dyn Connection,
    stop_at_error: bool,
) -> Result<(), SqlError> {
    let parameters: Vec<(String, String)> = statement
        .parameters
        .iter()
        .map(|parameter| (parameter.name.clone(), parameter.value.clone()))
        .collect();
    let mut outcome = Ok(());
    for (at, sql) in statement.sqls.iter().enumerate() {
        let query_id = core.next_query_id();
        part(statement, at, |part| {
            part.status = Status::Started;
            part.started_at = Some(Timestamp::now());
            part.query_id = Some(query_id);
        });
        let start = Instant::now();
        let ran = connection.run(sql, &parameters, &statement.stop);
        let error = ran.as_ref().err().cloned();
        part(statement, at, |part| {
            part.duration = Some(start.elapsed());
            settle(part, ran);
        });
        if let Some(error) = error {
            let is_stop = error == SqlError::Stopped;
            if outcome.is_ok() || is_stop {
                outcome = Err(error);
            }
            if is_stop || stop_at_error {
                break;
            }
        }
    }
    outcome
}

fn part(statement: &Statement, at: usize, change: impl FnOnce(&mut Part)) {
    statement.advance(|progress| {
        if let Some(part) = progress.parts.get_mut(at) {
            change(part);
            part.updated_at = Timestamp::now();
        }
    });
}

fn settle(part: &mut Part, ran: Result<Outcome, SqlError>) {
    match ran {
        Ok(outcome) => {
            part.status = Status::Finished;
            part.rows = Some(match &outcome.result {
                Some(result) => u64::try_from(result.rows.len()).unwrap_or(u64::MAX),
                None => outcome.changed,
            });
            part.result = outcome.result.map(Arc::new);
        }
        Err(error @ SqlError::Failed(_)) => {
            part.status = Status::Failed;
            part.error = Some(error.to_string());
        }
        Err(SqlError::Stopped) => part.status = Status::Aborted,
    }
}

/// Runs a batch, all or nothing.
fn transaction(
    core: &Core,
    statement: &Statement,
    connection: &mut dyn Connection,
) -> Result<(), SqlError> {
    let writes = !statement.sqls.iter().all(|sql| is_read_only(sql));
    connection.begin(writes, &statement.stop)?;
    let ran =
        parts(core, statement, connection, true).and_then(|()| connection.commit(&statement.stop));
    if ran.is_err() {
        if let Err(error) = connection.rollback() {
            tracing::warn!(%error, "a batch could not be rolled back");
        }
        // What was done is undone: nobody may take it for finished.
        statement.advance(|progress| {
            for part in &mut progress.parts {
                if part.status == Status::Finished {
                    *part = Part {
                        status: Status::Aborted,
                        result: None,
                        rows: None,
                        ..part.clone()
                    };
                }
            }
        });
    }
    ran
}
