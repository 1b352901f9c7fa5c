//! ExecuteStatement and BatchExecuteStatement.

use super::events::EventFault;
use super::request::ExecuteInput;
use super::service::Core;
use super::session::Lease;
use super::statement::{Part, Progress, Statement, Status, epoch, put};
use super::{run, validate};
use crate::aws_json::error::ServiceError;
use crate::sql::Stop;
use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot, watch};

/// Takes a statement in, and may wait for its end.
pub(crate) async fn execute(
    core: &Arc<Core>,
    input: ExecuteInput,
    is_batch: bool,
) -> Result<Value, ServiceError> {
    let checked = validate::execute(&input, is_batch)?;
    let wait = input.wait_time_seconds;
    let taking = Arc::clone(core);
    let taken = tokio::task::spawn_blocking(move || take(&taking, &input, checked, is_batch));
    let (statement, lease) = taken
        .await
        .map_err(|error| ServiceError::server("InternalServerException", error.to_string()))??;
    if let Some(lease) = lease {
        start(core, &statement, lease).await?;
    }
    if let Some(seconds) = wait {
        statement
            .ended_within(Duration::from_secs(seconds.unsigned_abs()))
            .await;
    }
    Ok(reply(&statement))
}

/// Finds the statement of the request's token, or makes one and gives what it runs on.
fn take(
    core: &Core,
    input: &ExecuteInput,
    checked: validate::Execute,
    is_batch: bool,
) -> Result<(Arc<Statement>, Option<Lease>), ServiceError> {
    let mut lease = None;
    let token = input.client_token.as_deref();
    let request = digest(input, is_batch);
    let (statement, is_new) = core.store.submit(token, request, |number| {
        let taken = core.sessions.lease(
            input.session_id.as_deref(),
            input.session_keep_alive_seconds,
            checked.target.as_ref(),
        )?;
        let made = make(core, input, checked, &taken, number);
        taken.is_for(&made.id);
        lease = Some(taken);
        Ok(made)
    })?;
    Ok((statement, lease.filter(|_| is_new)))
}

/// The same token must come with the same request; how long the caller waits does not matter.
fn digest(input: &ExecuteInput, is_batch: bool) -> String {
    let mut input = input.clone();
    input.wait_time_seconds = None;
    // Texts, numbers and lists of them always have a form in JSON.
    let text = serde_json::to_vec(&(input, is_batch)).unwrap_or_default();
    hex::encode(Sha256::digest(text))
}

fn make(
    core: &Core,
    input: &ExecuteInput,
    checked: validate::Execute,
    lease: &Lease,
    number: u64,
) -> Statement {
    let now = Timestamp::now();
    let progress = Progress {
        status: Status::Submitted,
        error: None,
        updated_at: now,
        duration: None,
        pid: None,
        parts: vec![Part::new(now); checked.sqls.len()],
        results_dropped: false,
    };
    Statement {
        id: uuid::Uuid::new_v4().to_string(),
        number,
        sqls: checked.sqls,
        batch: checked.batch,
        target: lease.target.clone(),
        name: input.statement_name.clone(),
        parameters: checked.parameters,
        with_event: input.with_event.unwrap_or(false),
        format: checked.format,
        session: lease.session_id().map(str::to_owned),
        client_token: input.client_token.clone(),
        created_at: now,
        stop: Stop::new(),
        waiters: Semaphore::new(core.options.waiters),
        progress: watch::Sender::new(progress),
        archive: core.archive.clone(),
        turn: Mutex::default(),
    }
}

async fn start(
    core: &Arc<Core>,
    statement: &Arc<Statement>,
    lease: Lease,
) -> Result<(), ServiceError> {
    let fault = if statement.with_event {
        core.options.event_faults.take()
    } else {
        EventFault::Deliver
    };
    let is_early = fault == EventFault::Early;
    let (done, is_done) = oneshot::channel();
    let life = run::live(Arc::clone(core), Arc::clone(statement), lease, fault);
    let started = core.spawn(async move {
        life.await;
        // Nobody waits unless the event is to be early.
        let _ = done.send(());
    });
    if !started {
        return Err(ServiceError::server(
            "InternalServerException",
            "The server is shutting down.",
        ));
    }
    if is_early {
        // An error says that the life has ended too.
        let _ = is_done.await;
    }
    Ok(())
}

fn reply(statement: &Statement) -> Value {
    let progress = statement.progress.borrow();
    let target = &statement.target;
    let mut reply = Map::new();
    put(&mut reply, "Id", Some(statement.id.as_str()));
    put(&mut reply, "CreatedAt", Some(epoch(statement.created_at)));
    put(&mut reply, "ClusterIdentifier", target.cluster.as_deref());
    put(&mut reply, "WorkgroupName", target.workgroup.as_deref());
    put(&mut reply, "Database", Some(target.database.as_str()));
    put(&mut reply, "DbUser", target.user.as_deref());
    put(&mut reply, "SecretArn", target.secret.as_deref());
    put(&mut reply, "SessionId", statement.session.as_deref());
    put(&mut reply, "Status", Some(progress.status.as_str()));
    put(&mut reply, "RedshiftPid", progress.pid);
    if progress.status.is_final() {
        put(&mut reply, "HasResultSet", Some(progress.has_result()));
    }
    Value::Object(reply)
}
