//! The actions that ask about a statement.

use super::invoke::invalid;
use crate::answer::{MAX_OUTPUT_BYTES, page_pointer, shorten};
use crate::contract::{
    CancelStatementRequest, DescribeStatementRequest, GetStatementResultRequest, LatestRequest,
    Rejection,
};
use crate::host::{Host, reject};
use crate::payload::{Lookup, PageLookup, StatementRef};
use serde_json::Value;

pub(super) fn describe(wanted: &Lookup, host: &dyn Host) -> Result<String, Rejection> {
    let statement = find(wanted, host)?;
    let described = host
        .describe_statement(&DescribeStatementRequest {
            id: statement.id,
            target: statement.target,
            wait_seconds: wanted.wait_seconds,
        })
        .map_err(|failure| reject(&failure))?;
    tell_waiter(&described.document, host, shortened)?;
    Ok(described.document)
}

pub(super) fn cancel(wanted: &Lookup, host: &dyn Host) -> Result<String, Rejection> {
    let statement = find(wanted, host)?;
    let cancelled = host
        .cancel_statement(&CancelStatementRequest {
            id: statement.id,
            target: statement.target,
        })
        .map_err(|failure| reject(&failure))?;
    tell_waiter(&cancelled.document, host, shortened)?;
    Ok(cancelled.document)
}

pub(super) fn get_result(wanted: &PageLookup, host: &dyn Host) -> Result<String, Rejection> {
    let statement = find(&wanted.lookup, host)?;
    let id = statement.id.clone();
    let page = host
        .get_statement_result(&GetStatementResultRequest {
            id: statement.id,
            target: statement.target,
            next_token: wanted.next_token.clone(),
            result_format: wanted.result_format,
            wait_seconds: wanted.lookup.wait_seconds,
        })
        .map_err(|failure| reject(&failure))?;
    // A cell must not be shortened in silence: a page that does not fit is replaced by a pointer.
    tell_waiter(&page.document, host, |_| page_pointer(&id, &page))?;
    Ok(page.document)
}

struct Found {
    id: String,
    target: Option<String>,
}

fn find(wanted: &Lookup, host: &dyn Host) -> Result<Found, Rejection> {
    let (execution_arn, step) = match &wanted.statement {
        StatementRef::Id(id) => {
            return Ok(Found {
                id: id.clone(),
                target: wanted.target.clone(),
            });
        }
        StatementRef::Latest {
            execution_arn,
            step,
        } => (execution_arn, step),
    };
    let entry = host
        .latest(&LatestRequest {
            execution_arn: Some(execution_arn.clone()),
            step: step.clone(),
        })
        .map_err(|failure| reject(&failure))?;
    match entry {
        None => Err(not_found(match step {
            Some(_) => {
                "No statement was started for this `executionArn` and `step`. Check both: `step` must be \
                 the one of the payload that started it."
            }
            None => {
                "No statement was started for this `executionArn`. Start one first, or give its id."
            }
        })),
        Some(entry) => match entry.statement_id {
            Some(id) => Ok(Found {
                id,
                target: Some(entry.target),
            }),
            None => Err(not_found(
                "The last statement of this `executionArn` has no id: Redshift has not taken it, or not \
                 yet. Ask again later, or give the id of another one.",
            )),
        },
    }
}

fn not_found(message: &str) -> Rejection {
    Rejection {
        error: "PreviousExecutionNotFound".to_owned(),
        message: message.to_owned(),
    }
}

/// A read that a task waits for is answered at once, with what the reply says.
fn tell_waiter(
    document: &str,
    host: &dyn Host,
    fit: impl FnOnce(&str) -> Option<String>,
) -> Result<(), Rejection> {
    if host.waiter().is_none() {
        return Ok(());
    }
    let told = if document.len() > MAX_OUTPUT_BYTES {
        fit(document)
    } else {
        Some(document.to_owned())
    };
    let Some(output) = told else {
        return Err(invalid(
            "The reply is longer than a state may be (262,144 bytes). Ask without a task token and read \
             less of it.",
        ));
    };
    host.succeed(&output).map_err(|failure| reject(&failure))
}

fn shortened(document: &str) -> Option<String> {
    let mut value: Value = serde_json::from_str(document).ok()?;
    shorten(&mut value, MAX_OUTPUT_BYTES, str::len)
}
