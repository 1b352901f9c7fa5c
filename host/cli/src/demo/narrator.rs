//! Tells what happens, line by line.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use serde_json::Value;
use signalbox_local::step_functions::{Observation, Observer, Outcome, What};

use super::text;
use crate::out;

/// How much of a text is told, in characters.
const WIDTH: usize = 80;

/// Tells one story at a time. Clones tell the same one.
#[derive(Clone)]
pub(crate) struct Narrator(Arc<Mutex<Story>>);

struct Story {
    began: Instant,
    number: u32,
}

impl Narrator {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Story {
            began: Instant::now(),
            number: 0,
        })))
    }

    /// From now on time is counted.
    pub(crate) fn begin(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).began = Instant::now();
    }

    /// Begins a story.
    pub(crate) fn heading(&self, name: &str, about: &str) {
        let mut story = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        story.began = Instant::now();
        story.number += 1;
        out::line(format_args!(
            "\n{}\n    {}",
            out::styled(out::HEAD, format_args!("{:>2}. {name}", story.number)),
            out::styled(out::FAINT, about)
        ));
    }

    /// Tells that somebody did something.
    pub(crate) fn tell(&self, who: &str, what: impl std::fmt::Display) {
        let at = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .began
            .elapsed();
        out::line(format_args!(
            "    {} {} {what}",
            out::styled(out::FAINT, format_args!("{:>6.2}s", at.as_secs_f64())),
            out::styled(out::NAME, format_args!("{who:<13}")),
        ));
    }

    /// Tells of a call of the host that does something. What it only asks is not told.
    pub(crate) fn called(&self, operation: &str) {
        let what = match operation {
            "ExecuteStatement" | "BatchExecuteStatement" => "records the statement and starts it",
            "CancelStatement" => "cancels the statement",
            "SendTaskSuccess" | "SendTaskFailure" => "answers the task",
            "SendTaskHeartbeat" => "says that the statement runs",
            _ => return,
        };
        let operation = out::styled(out::FAINT, format_args!("({operation})"));
        self.tell("host", format_args!("{what} {operation}"));
    }

    /// Tells of a completion event.
    pub(crate) fn completion(&self, event: &Value) {
        let state = text(event, "/detail/state");
        let style = if state == "FINISHED" {
            out::GOOD
        } else {
            out::BAD
        };
        let id: String = text(event, "/detail/statementId").chars().take(8).collect();
        self.tell(
            "redshift",
            format_args!("statement {id} is {}", out::styled(style, state)),
        );
    }
}

impl Observer for Narrator {
    fn observe(&self, observation: &Observation) {
        let branch = observation
            .branch
            .iter()
            .map(|place| format!("[{}]", place + 1))
            .collect::<String>();
        let who = format!("{}{branch}", machine(&observation.execution));
        match &observation.what {
            What::FunctionInvoked {
                state,
                attempt,
                waits_for_token,
            } => {
                let token = if *waits_for_token {
                    "a task token"
                } else {
                    "no token"
                };
                let attempt = if *attempt > 1 {
                    format!(", attempt {attempt}")
                } else {
                    String::new()
                };
                self.tell(
                    &who,
                    format_args!("{state} invokes the function with {token}{attempt}"),
                );
            }
            What::FunctionReturned { state } => {
                self.tell(&who, format_args!("{state} waits for its token"));
            }
            What::TaskSucceeded { state, .. } => {
                self.tell(
                    &who,
                    format_args!("{state} {}", out::styled(out::GOOD, "succeeded")),
                );
            }
            What::TaskFailed { state, error } => {
                let cause = in_brackets(&error.cause);
                self.tell(
                    &who,
                    format_args!(
                        "{state} failed with {} {cause}",
                        out::styled(out::NOTE, &error.error)
                    ),
                );
            }
            What::Retried { state, error, wait } => self.tell(
                &who,
                format_args!(
                    "{state} is tried again after {error}, in {:.1} s",
                    wait.as_secs_f64()
                ),
            ),
            What::Heartbeat { state } => {
                self.tell(&who, format_args!("{state} shows that it lives"));
            }
            What::Caught { state, error, next } => self.tell(
                &who,
                format_args!("{state} catches {error}, goes on with {next}"),
            ),
            What::ExecutionEnded { outcome } => {
                let (style, why) = match outcome {
                    Outcome::Succeeded { .. } => (out::GOOD, String::new()),
                    Outcome::Failed { error } => (out::NOTE, format!(" with {}", error.error)),
                    Outcome::TimedOut | Outcome::Aborted { .. } => (out::NOTE, String::new()),
                };
                self.tell(
                    &who,
                    format_args!("execution {}{why}", out::styled(style, outcome.status())),
                );
            }
            _ => {}
        }
    }
}

/// The state machine of an execution, by its ARN.
fn machine(execution_arn: &str) -> &str {
    execution_arn.rsplit(':').nth(1).unwrap_or(execution_arn)
}

/// The reason in a cause: the engine's message where it is a completion event.
pub(crate) fn reason(cause: &str) -> String {
    serde_json::from_str::<Value>(cause)
        .ok()
        .and_then(|event| {
            let places = ["/detail/error", "/errorMessage", "/detail/state"];
            let told = places
                .iter()
                .map(|place| text(&event, place))
                .find(|told| !told.is_empty());
            told.map(str::to_owned)
        })
        .unwrap_or_else(|| cause.to_owned())
}

fn in_brackets(cause: &str) -> String {
    let told = reason(cause);
    if told.is_empty() {
        told
    } else {
        format!("({})", shorten(&told))
    }
}

/// The beginning of a text, on one line.
pub(crate) fn shorten(text: &str) -> String {
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((at, _)) = words.char_indices().nth(WIDTH) {
        words.truncate(at);
        words.push('…');
    }
    words
}
