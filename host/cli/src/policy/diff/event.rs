//! One event, and what settings decide about it.

use serde_json::{Map, Value, json};
use signalbox_kit::{
    contract::StartOptions,
    testing::{Call, FakeHost, evaluate_on},
};

use crate::policy::test::strength::events::at_text;

/// A statement, who asks for it, where, and when.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) sql: String,
    pub(super) execution_arn: Option<String>,
    pub(super) target: Option<String>,
    pub(super) labels: Option<Value>,
    /// In milliseconds since 1970.
    pub(super) at: i64,
}

impl Event {
    pub(super) fn payload(&self) -> Value {
        let mut payload = Map::from_iter([("sqlStatement".to_owned(), json!(self.sql))]);
        for (key, value) in [
            ("executionArn", &self.execution_arn),
            ("target", &self.target),
        ] {
            payload.extend(value.as_ref().map(|value| (key.to_owned(), json!(value))));
        }
        payload.extend(
            self.labels
                .as_ref()
                .map(|labels| ("labels".to_owned(), labels.clone())),
        );
        Value::Object(payload)
    }

    /// As a test of a policy has it.
    pub(super) fn case(&self) -> Value {
        json!({ "payload": self.payload(), "at": at_text(self.at) })
    }

    /// The event in words. The time is named only where settings look at it.
    pub(super) fn sentence(&self, names_time: bool) -> String {
        let mut words = format!("`{}`", self.sql);
        if let Some(arn) = &self.execution_arn {
            words.push_str(&format!(" from {arn}"));
        }
        if let Some(target) = &self.target {
            words.push_str(&format!(" for target `{target}`"));
        }
        if let Some(labels) = &self.labels {
            words.push_str(&format!(" with labels {labels}"));
        }
        if let Some(at) = at_text(self.at).filter(|_| names_time) {
            words.push_str(&format!(" at {at}"));
        }
        words
    }
}

/// What settings decide.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decision {
    /// The error and its message; none if the statement runs.
    pub(super) refused: Option<String>,
    /// Where it runs.
    pub(super) target: Option<String>,
    /// Everything that is done, in order.
    calls: Vec<Call>,
}

impl Decision {
    /// What these settings, prepared or as written, make of an event.
    pub(super) fn of(settings: &str, event: &Event) -> Self {
        let host = FakeHost::at(u64::try_from(event.at).unwrap_or_default());
        let outcome = evaluate_on(&host, &event.payload().to_string(), settings);
        let calls = host.calls();
        let target = calls
            .iter()
            .find_map(|call| Some(options(call)?.target.clone()));
        Self {
            refused: outcome
                .err()
                .map(|refused| format!("{}: {}", refused.error, refused.message)),
            target: target.flatten(),
            calls,
        }
    }

    /// The decision in words: all that settings can change of a statement.
    pub(super) fn sentence(&self) -> String {
        if let Some(refused) = &self.refused {
            return format!("refused ({refused})");
        }
        let mut words = match &self.target {
            Some(target) => format!("runs on `{target}`"),
            None => "runs".to_owned(),
        };
        for call in &self.calls {
            match call {
                Call::Log(line) => words.push_str(&format!(", log: {line}")),
                call => {
                    if let Some(options) = options(call) {
                        words.push_str(&details(options));
                    }
                }
            }
            if let Call::BatchExecute(batch) = call {
                words.push_str(&format!(", as {} statements", batch.sqls.len()));
            }
        }
        words
    }
}

fn options(call: &Call) -> Option<&StartOptions> {
    match call {
        Call::Execute(request) => Some(&request.options),
        Call::BatchExecute(request) => Some(&request.options),
        _ => None,
    }
}

fn details(options: &StartOptions) -> String {
    let mut words = String::new();
    if let Some(seconds) = options.deadline_seconds {
        words.push_str(&format!(", cancelled after {seconds} seconds"));
    }
    if let Some(exclusive) = &options.exclusive {
        words.push_str(&format!(", alone by {exclusive:?}"));
    }
    if let Some(seconds) = options.session_keep_alive_seconds {
        words.push_str(&format!(", session kept {seconds} seconds"));
    }
    words
}
