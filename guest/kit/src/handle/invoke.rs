//! *invoke*: check a payload, decide, act, reply.

use super::lookup;
use crate::contract::{
    BatchExecuteStatementRequest, ExecuteStatementRequest, Failure, FailureDetail, Invocation,
    Level, Rejection, UnknownFields, Waiter,
};
use crate::host::{Host, detail, reject};
use crate::payload::{self, Payload, Request, Start};
use crate::policy::{Event, Policy};
use crate::settings::{self, Settings};

/// Work on one payload. The text is the function's reply.
///
/// # Errors
/// The error that the caller gets: `InvalidRequest`, `PolicyDenied`, `PreviousExecutionNotFound`, or the
/// code of a call that failed, such as `ConcurrentExecution`.
pub fn invoke(
    policy: &dyn Policy,
    settings: impl Into<String>,
    invocation: &Invocation,
    host: &dyn Host,
) -> Result<String, Rejection> {
    let settings = settings::read_approved(settings.into()).map_err(|_| Rejection {
        error: "PolicyFault".to_owned(),
        message:
            "The settings of this policy are not valid: it was loaded without a check of them. \
                  Check them with `validate-settings`."
                .to_owned(),
    })?;
    let payload = payload::read(invocation).map_err(invalid)?;
    if invocation.unknown_fields == UnknownFields::Warn {
        warn_of_unknown_fields(&payload, host);
    }
    let event = Event {
        host,
        settings: &settings,
        invocation,
    };
    match &payload.request {
        Request::Start(start) => run(policy, start, &event),
        Request::Describe(wanted) => lookup::describe(wanted, host),
        Request::GetResult(wanted) => lookup::get_result(wanted, host),
        Request::Cancel(wanted) => lookup::cancel(wanted, host),
    }
}

fn run(policy: &dyn Policy, start: &Start, event: &Event<'_>) -> Result<String, Rejection> {
    let host = event.host;
    if host.waiter() == Some(Waiter::StepFunctions) && !has_execution_arn(event.invocation) {
        return Err(invalid(
            "The payload has `taskToken` but no `executionArn`. Add it: \
             \"executionArn.$\": \"$$.Execution.Id\".",
        ));
    }
    let decision = policy.decide(start, event)?;
    let started = if decision.batch {
        host.batch_execute_statement(&BatchExecuteStatementRequest {
            sqls: decision.sqls,
            execution_mode: decision.execution_mode,
            options: decision.options,
        })
    } else {
        let Ok([sql]) = <[String; 1]>::try_from(decision.sqls) else {
            return Err(Rejection {
                error: "PolicyFault".to_owned(),
                message: "The policy decided on several statements without a batch.".to_owned(),
            });
        };
        host.execute_statement(&ExecuteStatementRequest {
            sql,
            options: decision.options,
        })
    };
    match started {
        Ok(started) => Ok(started.document),
        Err(Failure::Uncertain(detail)) => Ok(uncertain(detail)),
        Err(failure) => Err(refusal(&failure, event.settings)),
    }
}

/// A refused start: by its own name, or, if the same start may succeed later, by the name that the settings have for that.
fn refusal(failure: &Failure, settings: &Settings) -> Rejection {
    let passes = matches!(
        failure,
        Failure::Throttled(_) | Failure::LimitExceeded(_) | Failure::Unavailable(_)
    );
    let rejection = reject(failure);
    match &settings.transient_error {
        Some(name) if passes && detail(failure).retryable => Rejection {
            error: name.clone(),
            message: format!("{}: {}", rejection.error, rejection.message),
        },
        _ => rejection,
    }
}

/// The reply to a start of which it is not known whether it took effect. It is no rejection: the statement may run,
/// and the host settles the task once it knows.
fn uncertain(detail: FailureDetail) -> String {
    detail.document.unwrap_or_else(|| {
        serde_json::json!({ "Status": "UNKNOWN", "Message": detail.message }).to_string()
    })
}

fn has_execution_arn(invocation: &Invocation) -> bool {
    // The host takes it out of the payload; in a test or a replay it may be there still.
    invocation.execution_arn.is_some()
        || serde_json::from_str::<serde_json::Value>(&invocation.payload).is_ok_and(|payload| {
            payload
                .get("executionArn")
                .is_some_and(|arn| arn.is_string())
        })
}

fn warn_of_unknown_fields(payload: &Payload, host: &dyn Host) {
    if payload.unknown_fields.is_empty() {
        return;
    }
    let names: String = payload
        .unknown_fields
        .join(", ")
        .chars()
        .take(1_000)
        .collect();
    host.log(
        Level::Warn,
        "The payload has fields that nobody knows; they are ignored.",
        &[("fields", &names)],
    );
}

/// A refusal of the request itself.
pub(super) fn invalid(message: impl ToString) -> Rejection {
    Rejection {
        error: "InvalidRequest".to_owned(),
        message: message.to_string(),
    }
}
