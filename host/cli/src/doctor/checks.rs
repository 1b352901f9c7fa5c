//! The checks. None changes anything.

use std::sync::Arc;

use signalbox_aws::{DynamoLedger, Session, TableError};
use signalbox_lambda::{Config, start};
use signalbox_tasker::ports::{Callbacks, SendError, ServiceErrorKind, TaskToken, Warehouse};

use super::{Finding, State};

/// No statement has this id: what a service says about it shows whether it may be asked.
const NO_STATEMENT: &str = "00000000-0000-0000-0000-000000000000";
/// Nobody waits under this token.
const NO_TOKEN: &str = "signalbox-doctor";
const CREATE: &str = "signalbox ledger create";

/// The settings, which were read.
pub(super) fn configuration(config: &Config) -> Finding {
    let found = format!(
        "deployment `{}`, table `{}`, {} targets, {} policies",
        config.deployment,
        config.ledger.table,
        config.targets.len(),
        config.policies.len()
    );
    if config.deployment == "local" {
        return Finding::new("configuration", State::Mend, found)
            .mend("say whose deployment it is: --deployment with the function's name, or SIGNALBOX_DEPLOYMENT");
    }
    Finding::new("configuration", State::Good, found)
}

/// Whether all policies load and take their settings.
pub(super) async fn policies(config: &Config) -> Finding {
    match start::load_policies(config).await {
        Ok(_) => Finding::new("policies", State::Good, "all load and take their settings"),
        Err(error) => Finding::new("policies", State::Mend, error.to_string())
            .mend("signalbox policy check COMPONENT --settings FILE"),
    }
}

/// The ledger's table.
pub(super) async fn table(config: &Config) -> Vec<Finding> {
    let session = Arc::new(Session::from_environment());
    let table = DynamoLedger::new(session, config.ledger.table.clone());
    let inspection = match table.inspect_table().await {
        Ok(Some(inspection)) => inspection,
        Ok(None) => {
            let found = format!("there is no table `{}`", config.ledger.table);
            return vec![Finding::new("table", State::Mend, found).mend(CREATE)];
        }
        Err(error) => {
            return vec![
                Finding::new("table", State::Unknown, error.to_string())
                    .mend("allow dynamodb:DescribeTable to whoever runs this"),
            ];
        }
    };
    let keys = match (&inspection.keys, inspection.active) {
        (Err(error), _) => Finding::new("table", State::Mend, error.to_string()).mend(
            "name another table in DDB_TABLE_NAME or [ledger], then: signalbox ledger create",
        ),
        (Ok(()), false) => {
            Finding::new("table", State::Mend, "it is not active yet").mend("wait, then look again")
        }
        (Ok(()), true) => Finding::new("table", State::Good, "it has the ledger's keys"),
    };
    let billing = if inspection.on_demand {
        Finding::new("billing", State::Good, "per request")
    } else {
        Finding::new(
            "billing",
            State::Unknown,
            "the capacity is provisioned; whether it is enough is not looked at. A throttled table delays answers",
        )
    };
    let unknown = |check, error: &TableError, action: &str| {
        Finding::new(check, State::Unknown, error.to_string())
            .mend(format!("allow {action} to whoever runs this"))
    };
    let expiry = match &inspection.time_to_live {
        Ok(Some(attribute)) if attribute == "TTL" => {
            Finding::new("expiry", State::Good, "items expire by the attribute `TTL`")
        }
        Ok(Some(other)) => Finding::new(
            "expiry",
            State::Mend,
            format!("items expire by the attribute `{other}`; a ledger needs `TTL`"),
        )
        .mend("switch that one off first, then: signalbox ledger create"),
        Ok(None) => {
            Finding::new("expiry", State::Mend, "closed records are never removed").mend(CREATE)
        }
        Err(error) => unknown("expiry", error, "dynamodb:DescribeTimeToLive"),
    };
    let recovery = match &inspection.point_in_time_recovery {
        Ok(true) => Finding::new("recovery", State::Good, "to any point in time"),
        Ok(false) => {
            Finding::new("recovery", State::Mend, "point-in-time recovery is off").mend(CREATE)
        }
        Err(error) => unknown("recovery", error, "dynamodb:DescribeContinuousBackups"),
    };
    vec![keys, billing, expiry, recovery]
}

/// Whether a target's Data API may be asked: by a statement that does not exist.
pub(super) async fn target(warehouse: &dyn Warehouse, target: &str) -> Finding {
    let check = format!("target {target}");
    match warehouse.describe(target, NO_STATEMENT, None).await {
        Err(error) if matches!(error.kind, ServiceErrorKind::NotFound | ServiceErrorKind::Invalid) => {
            Finding::new(check, State::Good, "redshift-data:DescribeStatement is allowed; no SQL was run")
        }
        Err(error) if error.kind == ServiceErrorKind::Denied => {
            Finding::new(check, State::Mend, error.to_string()).mend(
                "allow redshift-data:ExecuteStatement, BatchExecuteStatement, DescribeStatement, CancelStatement, \
                 GetStatementResult, GetStatementResultV2 and ListStatements to the function's role, or to the target's role_arn",
            )
        }
        Err(error) => Finding::new(check, State::Unknown, error.to_string()),
        Ok(_) => Finding::new(check, State::Unknown, "a statement that cannot exist was described"),
    }
}

/// Whether tasks may be answered: by a token that nobody waits under.
pub(super) async fn step_functions(callbacks: &dyn Callbacks) -> Finding {
    const CHECK: &str = "step functions";
    match callbacks.heartbeat(&TaskToken::new(NO_TOKEN)).await {
        Err(SendError::Closed { .. } | SendError::Refused { .. }) => {
            Finding::new(CHECK, State::Good, "states:SendTaskHeartbeat is allowed")
        }
        Err(error @ SendError::Denied { .. }) => Finding::new(CHECK, State::Mend, error.to_string())
            .mend("allow states:SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat to the function's role"),
        Err(error) => Finding::new(CHECK, State::Unknown, error.to_string()),
        Ok(()) => Finding::new(CHECK, State::Unknown, "a token that nobody waits under was taken"),
    }
}

/// What this version does not look at, each with what is needed and the command that shows it.
pub(super) fn not_looked_at(deployment: &str) -> Vec<Finding> {
    [
        (
            "completion rule",
            format!(
                "a rule for source `aws.redshift-data`, detail-type `Redshift Data Statement Status Change` and \
                 detail.statementName with the prefix `sbx-{deployment}:`"
            ),
            "aws events list-rules".to_owned(),
        ),
        (
            "queue mapping",
            "an event source mapping with ReportBatchItemFailures".to_owned(),
            format!("aws lambda list-event-source-mappings --function-name {deployment}"),
        ),
        (
            "schedule",
            "a sweep every minute, without which a lost event leaves a task to its time-out".to_owned(),
            "aws events list-rules; aws scheduler list-schedules".to_owned(),
        ),
        (
            "function",
            "a time-out of 30 s or more, and the settings that were read here".to_owned(),
            format!("aws lambda get-function-configuration --function-name {deployment}"),
        ),
    ]
    .into_iter()
    .map(|(check, needed, command)| {
        Finding::new(
            check,
            State::Unknown,
            format!("this version does not look at it; needed is {needed}"),
        )
        .mend(format!("{command} (see docs/deploy.md)"))
    })
    .collect()
}
