//! A record as people and scripts may see it: no token, no result, literals that are secrets masked.

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use signalbox_policy::Answer;

use crate::{
    record::{Ending, Phase, Record, Refusal},
    secrets::{Secrets, mask_literals},
};

/// The most characters of a cause.
const CAUSE_MAX: usize = 2_000;

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    /// The record's id.
    pub record_id: String,
    /// The statement's name in Redshift.
    pub statement_name: String,
    /// Whose it is.
    pub deployment: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// How it ended.
    pub ending: Option<Ending>,
    /// Whether somebody waits for it, or waited.
    pub waiting: bool,
    /// The custom resource that waits, or waited, where it is no task of Step Functions.
    pub custom_resource: Option<ResourceView>,
    /// How many attempts at the same work there were before the newest one.
    pub earlier_attempts: usize,
    /// The execution that asked.
    pub execution_arn: Option<String>,
    /// The request id of the invocation that wrote the record.
    pub request_id: String,
    /// The policy that asked.
    pub policy: Option<PolicyView>,
    /// The route by which it was asked; none without a policy set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The statement; none for a task that was answered without one.
    pub statement: Option<StatementView>,
    /// When the record was written.
    #[serde(serialize_with = "time")]
    pub recorded_at: Timestamp,
    /// So many seconds ago.
    pub age_seconds: i64,
    /// When Redshift was asked.
    #[serde(serialize_with = "perhaps")]
    pub starting_at: Option<Timestamp>,
    /// When the sweep looks at it.
    #[serde(serialize_with = "perhaps")]
    pub due_at: Option<Timestamp>,
    /// What is told whatever the policy says: it was cancelled for its deadline, or the policy faulted.
    pub verdict: Option<AnswerView>,
    /// What is told, decided once.
    pub answer: Option<AnswerView>,
    /// Of a refused statement: the error.
    pub refusal: Option<Refusal>,
}

/// The custom resource that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceView {
    /// The stack's ARN.
    pub stack_id: String,
    /// The resource's name in the template.
    pub logical_resource_id: String,
    /// `Create`, `Update` or `Delete`.
    pub request_type: String,
}

/// The policy of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyView {
    /// Its name in the configuration.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// SHA-256 of its component.
    pub digest: String,
}

/// The statement of a task.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementView {
    /// Redshift's id.
    pub id: Option<String>,
    /// The target's name.
    pub target: String,
    /// The payload's action.
    pub action: String,
    /// Its name within the execution.
    pub step: Option<String>,
    /// The beginning of the SQL, literals that are secrets masked.
    pub sql: String,
    /// The state that Redshift last reported to the host.
    pub status: Option<String>,
    /// Whether it holds a lock.
    pub singleton: bool,
    /// Seconds after the start at which it is cancelled.
    pub deadline_seconds: Option<u32>,
    /// Whether heartbeats were asked for.
    pub heartbeat: bool,
}

/// An answer, without what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum AnswerView {
    /// SendTaskSuccess.
    Success {
        /// The size of the output.
        bytes: usize,
    },
    /// SendTaskFailure.
    Failure {
        /// The error's name.
        error: String,
        /// The beginning of the cause.
        cause: String,
    },
}

impl TaskView {
    /// A record, at this time (milliseconds since the Unix epoch).
    #[must_use]
    pub fn new(record: &Record, now: i64) -> Self {
        let mut secrets = Secrets::default();
        let earlier = record.attempts.iter().filter_map(|a| a.token.as_ref());
        for token in record.task_token.iter().chain(earlier) {
            secrets.take(token.reveal());
        }
        let resource = record.custom_resource.as_ref();
        if let Some(url) = resource.and_then(|resource| resource.response_url.as_ref()) {
            secrets.take(url.reveal());
        }
        let clean = |text: &str| mask_literals(&secrets.scrubbed(text));
        let answer = |answer: &Answer| match answer {
            Answer::Succeed { output } => AnswerView::Success {
                bytes: output.len(),
            },
            Answer::Fail { error, cause } => AnswerView::Failure {
                error: clean(error),
                cause: clean(cause).chars().take(CAUSE_MAX).collect(),
            },
        };
        Self {
            record_id: record.record_id.to_string(),
            statement_name: record.statement_name(),
            deployment: record.deployment.clone(),
            phase: record.phase(),
            ending: record.life.ending(),
            waiting: record.waiting,
            custom_resource: resource.map(|resource| ResourceView {
                stack_id: resource.stack_id.clone(),
                logical_resource_id: resource.logical_resource_id.clone(),
                request_type: resource.request_type.clone(),
            }),
            earlier_attempts: record.attempts.len(),
            execution_arn: record.execution_arn.clone(),
            request_id: record.request_id.clone(),
            policy: record.policy.as_ref().map(|policy| PolicyView {
                name: policy.name.clone(),
                version: policy.version.clone(),
                digest: policy.digest.clone(),
            }),
            route: record.route.clone(),
            statement: record.statement.as_ref().map(|statement| StatementView {
                id: record.statement_id().map(str::to_owned),
                target: statement.target.clone(),
                action: statement.action.clone(),
                step: statement.step.clone(),
                sql: clean(&statement.sql_head),
                status: record
                    .status()
                    .map(|status| crate::task::status_name(status).to_owned()),
                singleton: statement.lock.is_some(),
                deadline_seconds: statement.deadline_seconds,
                heartbeat: statement.heartbeat,
            }),
            recorded_at: instant(record.recorded_at),
            age_seconds: now.saturating_sub(record.recorded_at) / 1_000,
            starting_at: record.life.starting_at().map(instant),
            due_at: record.due_at.map(instant),
            verdict: record.verdict.as_ref().map(answer),
            answer: record.life.answer().map(answer),
            refusal: record.life.refusal().map(|refusal| Refusal {
                error: clean(&refusal.error),
                message: clean(&refusal.message),
            }),
        }
    }
}

/// A time of a record. One beyond the calendar, which only a broken clock wrote, is shown as the epoch.
fn instant(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn time<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

#[allow(clippy::ref_option, reason = "the form that serde asks for")]
fn perhaps<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}
