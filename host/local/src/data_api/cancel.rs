//! CancelStatement.

use super::request::StatementInput;
use super::service::Core;
use super::statement::{Statement, Status};
use super::validate;
use crate::aws_json::error::ServiceError;
use serde_json::{Value, json};

/// The statement is asked to stop; it becomes ABORTED, unless it ends by itself first.
pub(crate) async fn cancel(core: &Core, input: &StatementInput) -> Result<Value, ServiceError> {
    let (id, part) = validate::statement_id(input.id.as_deref())?;
    if part.is_some() {
        return Err(ServiceError::validation(
            "A part of a batch cannot be cancelled, only the batch.",
        ));
    }
    let statement = core.store.get(&id)?;
    let status = statement.status();
    if status.is_final() {
        return Err(ServiceError::validation(format!(
            "Could not cancel a query that is already in {} state with ID: {id}",
            status.as_str()
        )));
    }
    tokio::task::spawn_blocking(move || stop(&statement, None))
        .await
        .map_err(|error| ServiceError::server("InternalServerException", error.to_string()))?;
    Ok(json!({ "Status": true }))
}

/// Stops a statement: one that has not started ends at once, one that runs when the engine has noticed.
pub(crate) fn stop(statement: &Statement, reason: Option<&str>) {
    statement.stop.stop();
    statement.advance(|progress| {
        if progress.status != Status::Started {
            progress.status = Status::Aborted;
            progress.error = reason.map(str::to_owned);
            for part in &mut progress.parts {
                part.status = Status::Aborted;
            }
        }
    });
}
