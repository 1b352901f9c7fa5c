//! One task in full.

use serde::Serialize;
use serde_json::{Value, json};
use signalbox_policy::contract::StatementDescription;
use signalbox_tasker::{
    operate::{AnswerView, TaskView},
    ports::ServiceError,
    record::Ending,
    secrets::mask_literals,
    task::status_name,
};

use super::table::{one_line, span};
use crate::out;

/// The word that scripts have for something.
pub(super) fn word(of: &impl Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// How a record came to its end.
pub(super) fn ending(said: &str, ending: Option<Ending>) -> String {
    let how = match ending {
        Some(Ending::Answered) => "the task is answered",
        Some(Ending::FoundClosed) => "nobody waited for the answer any more",
        Some(Ending::NoCallback) => "nobody waits for this statement",
        Some(Ending::Refused) => "Redshift refused the statement, and the caller was told",
        Some(Ending::Abandoned) => "it was never started",
        None => "its record is gone",
    };
    format!("{said}: {how}")
}

/// What Redshift says of a statement.
pub(super) fn described(described: &StatementDescription) -> Value {
    json!({
        "status": status_name(described.status),
        "error": described.error.as_deref().map(mask_literals),
        "durationSeconds": described.duration_ns.map(|ns| ns as f64 / 1e9),
        "rows": described.result_rows,
    })
}

/// Why Redshift says nothing.
pub(super) fn not_described(error: &ServiceError) -> Value {
    json!({ "unknown": mask_literals(&error.to_string()) })
}

/// The lines of a task.
pub(super) fn lines(task: &TaskView, redshift: Option<&Value>) -> Vec<String> {
    let mut lines = Lines(Vec::new());
    let phase = match task.ending {
        Some(ending) => format!("{} ({})", word(&task.phase), word(&ending)),
        None => word(&task.phase),
    };
    lines.add("task", &task.record_id);
    lines.add("phase", phase);
    let waits = if task.ending.is_none() {
        "waits"
    } else {
        "waited"
    };
    lines.add(
        "waiting",
        match (&task.custom_resource, task.waiting) {
            (Some(resource), _) => format!(
                "the custom resource {} of {} {waits} for it ({})",
                resource.logical_resource_id, resource.stack_id, resource.request_type
            ),
            (None, true) => format!("a task of Step Functions {waits} for it"),
            (None, false) => "nobody waits for it".to_owned(),
        },
    );
    if task.earlier_attempts > 0 {
        lines.add(
            "attempts",
            format!("{} before the newest one", task.earlier_attempts),
        );
    }
    lines.some("execution", task.execution_arn.as_deref());
    if let Some(policy) = &task.policy {
        lines.add("policy", format!("{} {}", policy.name, policy.version));
    }
    lines.some("route", task.route.as_deref());
    if let Some(statement) = &task.statement {
        lines.some("statement", statement.id.as_deref());
        lines.add("name", &task.statement_name);
        lines.add("target", &statement.target);
        lines.add("action", &statement.action);
        lines.some("step", statement.step.as_deref());
        lines.add("SQL", one_line(&statement.sql));
        let mut asked = Vec::new();
        asked.extend(statement.singleton.then(|| "singleton".to_owned()));
        asked.extend(statement.heartbeat.then(|| "heartbeats".to_owned()));
        asked.extend(
            statement
                .deadline_seconds
                .map(|seconds| format!("deadline {seconds} s")),
        );
        lines.some("asked for", (!asked.is_empty()).then(|| asked.join(", ")));
        lines.some("last state", statement.status.as_deref());
    }
    let of_redshift = |name: &str| redshift.and_then(|redshift| redshift.get(name));
    if let Some(status) = of_redshift("status").and_then(Value::as_str) {
        let took = of_redshift("durationSeconds")
            .and_then(Value::as_f64)
            .map_or_else(String::new, |seconds| format!(", {seconds:.1} s"));
        let error = of_redshift("error")
            .and_then(Value::as_str)
            .map_or_else(String::new, |error| format!(": {}", one_line(error)));
        lines.add("Redshift now", format!("{status}{took}{error}"));
    }
    lines.some(
        "Redshift now",
        of_redshift("unknown")
            .and_then(Value::as_str)
            .map(|reason| format!("not known: {}", one_line(reason))),
    );
    lines.add(
        "recorded",
        format!("{} ({} ago)", task.recorded_at, span(task.age_seconds)),
    );
    lines.some("start began", task.starting_at.map(|time| time.to_string()));
    lines.some("next look", task.due_at.map(|time| time.to_string()));
    for (what, answer) in [("verdict", &task.verdict), ("answer", &task.answer)] {
        lines.some(
            what,
            answer.as_ref().map(|answer| match answer {
                AnswerView::Success { bytes } => format!("success, {bytes} bytes"),
                AnswerView::Failure { error, cause } => {
                    format!("failure {error}: {}", one_line(cause))
                }
            }),
        );
    }
    lines.some(
        "refused",
        task.refusal
            .as_ref()
            .map(|refusal| format!("{}: {}", refusal.error, one_line(&refusal.message))),
    );
    lines.add("request", &task.request_id);
    lines.0
}

struct Lines(Vec<String>);

impl Lines {
    fn add(&mut self, name: &str, value: impl std::fmt::Display) {
        self.0.push(format!(
            "{} {value}",
            out::styled(out::NAME, format_args!("{name:<12}"))
        ));
    }

    fn some(&mut self, name: &str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }
}
