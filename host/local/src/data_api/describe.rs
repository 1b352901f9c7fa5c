//! DescribeStatement.

use super::request::StatementInput;
use super::service::Core;
use super::statement::{Part, Progress, Statement, epoch, nanoseconds, put, row_count};
use super::validate;
use crate::aws_json::error::ServiceError;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Describes a statement, a batch, or a part of a batch.
pub(crate) async fn describe(core: &Core, input: StatementInput) -> Result<Value, ServiceError> {
    let (id, part) = validate::statement_id(input.id.as_deref())?;
    validate::wait_time(input.wait_time_seconds)?;
    let statement = core.store.get(&id)?;
    let part = part
        .map(|number| part_index(&statement, number))
        .transpose()?;
    wait(&statement, input.wait_time_seconds).await?;
    let progress = statement.progress.borrow();
    Ok(match part {
        Some(at) => describe_part(&statement, &progress, at),
        None => describe_whole(&statement, &progress),
    })
}

/// Waits for the end, if the caller wants to.
pub(crate) async fn wait(statement: &Statement, seconds: Option<i64>) -> Result<(), ServiceError> {
    let Some(seconds) = seconds else {
        return Ok(());
    };
    let Ok(_turn) = statement.waiters.try_acquire() else {
        return Err(ServiceError::client(
            "ActiveWaitingRequestsExceededException",
            "Too many callers wait for this statement.",
        ));
    };
    statement
        .ended_within(Duration::from_secs(seconds.unsigned_abs()))
        .await;
    Ok(())
}

/// The place of a part by its number, which counts from 1.
pub(crate) fn part_index(statement: &Statement, number: usize) -> Result<usize, ServiceError> {
    number
        .checked_sub(1)
        .filter(|at| statement.is_batch() && *at < statement.sqls.len())
        .ok_or_else(|| {
            ServiceError::not_found(
                &format!("{}:{number}", statement.id),
                "Query does not exist.",
            )
        })
}

fn describe_whole(statement: &Statement, progress: &Progress) -> Value {
    let mut reply = common(statement, progress);
    put(&mut reply, "Id", Some(statement.id.as_str()));
    put(&mut reply, "Status", Some(progress.status.as_str()));
    put(&mut reply, "Error", progress.error.as_deref());
    put(&mut reply, "CreatedAt", Some(epoch(statement.created_at)));
    put(&mut reply, "UpdatedAt", Some(epoch(progress.updated_at)));
    put(
        &mut reply,
        "Duration",
        Some(progress.duration.map_or(0, nanoseconds)),
    );
    put(&mut reply, "HasResultSet", Some(progress.has_result()));
    match statement.batch {
        None => {
            if let (Some(part), Some(sql)) = (progress.parts.first(), statement.sqls.first()) {
                put(&mut reply, "QueryString", Some(sql.as_str()));
                numbers(&mut reply, part);
            }
        }
        Some(mode) => {
            put(&mut reply, "ExecutionMode", Some(mode.as_str()));
            put(&mut reply, "ResultRows", Some(-1));
            put(&mut reply, "ResultSize", Some(-1));
            let parts = (0..progress.parts.len())
                .map(|at| Value::Object(sub_statement(statement, progress, at)))
                .collect();
            put(&mut reply, "SubStatements", Some(Value::Array(parts)));
        }
    }
    Value::Object(reply)
}

fn describe_part(statement: &Statement, progress: &Progress, at: usize) -> Value {
    let mut reply = common(statement, progress);
    reply.extend(sub_statement(statement, progress, at));
    Value::Object(reply)
}

/// What a statement and its parts have in common.
fn common(statement: &Statement, progress: &Progress) -> Map<String, Value> {
    let target = &statement.target;
    let mut reply = Map::new();
    put(&mut reply, "ClusterIdentifier", target.cluster.as_deref());
    put(&mut reply, "WorkgroupName", target.workgroup.as_deref());
    put(&mut reply, "Database", Some(target.database.as_str()));
    put(&mut reply, "DbUser", target.user.as_deref());
    put(&mut reply, "SecretArn", target.secret.as_deref());
    put(&mut reply, "SessionId", statement.session.as_deref());
    put(&mut reply, "RedshiftPid", progress.pid);
    put(&mut reply, "ResultFormat", Some(statement.format.as_str()));
    put(&mut reply, "QueryParameters", query_parameters(statement));
    reply
}

/// The parameters as they were given, if there were any.
pub(crate) fn query_parameters(statement: &Statement) -> Option<Value> {
    let parameters = statement.parameters.iter();
    let all: Vec<Value> = parameters
        .map(|parameter| json!({ "name": parameter.name, "value": parameter.value }))
        .collect();
    (!all.is_empty()).then_some(Value::Array(all))
}

fn sub_statement(statement: &Statement, progress: &Progress, at: usize) -> Map<String, Value> {
    let mut reply = Map::new();
    let (Some(part), Some(sql)) = (progress.parts.get(at), statement.sqls.get(at)) else {
        return reply;
    };
    let created = part.started_at.unwrap_or(statement.created_at);
    put(
        &mut reply,
        "Id",
        Some(format!("{}:{}", statement.id, at + 1)),
    );
    put(&mut reply, "Status", Some(part.status.as_str()));
    put(&mut reply, "Error", part.error.as_deref());
    put(&mut reply, "CreatedAt", Some(epoch(created)));
    put(&mut reply, "UpdatedAt", Some(epoch(part.updated_at)));
    put(
        &mut reply,
        "Duration",
        Some(part.duration.map_or(0, nanoseconds)),
    );
    put(&mut reply, "HasResultSet", Some(part.result.is_some()));
    put(&mut reply, "QueryString", Some(sql.as_str()));
    numbers(&mut reply, part);
    reply
}

fn numbers(reply: &mut Map<String, Value>, part: &Part) {
    let size = part
        .result
        .as_ref()
        .map_or(-1, |result| i64::try_from(result.size).unwrap_or(i64::MAX));
    put(reply, "ResultRows", Some(row_count(part.rows)));
    put(reply, "ResultSize", Some(size));
    put(reply, "RedshiftQueryId", Some(part.query_id.unwrap_or(0)));
}
