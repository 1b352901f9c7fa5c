//! How SQL is to be run.

use crate::contract::{Exclusivity, ExecutionMode, StartOptions};
use crate::memo;
use crate::payload::{Action, Start};
use crate::sql::Kind;

/// How SQL is to be run. What [`decide`](crate::Policy::decide) returns; any field may be changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The statements: one, or those of a batch.
    pub sqls: Vec<String>,
    /// Whether they run as a batch.
    pub batch: bool,
    /// How a batch is committed.
    pub execution_mode: ExecutionMode,
    /// Where and how, in the contract's terms.
    pub options: StartOptions,
}

impl Decision {
    /// Exactly what the payload asked for.
    #[must_use]
    pub fn as_asked(start: &Start) -> Self {
        let exclusive = match (&start.singleton_key, start.action) {
            (Some(key), _) => Some(Exclusivity::Key(key.clone())),
            (None, Action::ExecuteSingletonStatement) => Some(Exclusivity::Statement),
            (None, _) => None,
        };
        Self {
            sqls: start.sqls.clone(),
            batch: start.action == Action::BatchExecuteStatement,
            execution_mode: start.execution_mode,
            options: StartOptions {
                target: start.target.clone(),
                action: start.action.name().to_owned(),
                output: start.output,
                parameters: start.parameters.clone(),
                result_format: start.result_format,
                session_id: start.session_id.clone(),
                session_keep_alive_seconds: start.session_keep_alive_seconds,
                wait_seconds: start.wait_seconds,
                exclusive,
                deadline_seconds: start.deadline_seconds,
                heartbeat: start.heartbeat,
                on_stop: start.on_stop,
                step: start.step.clone(),
                idempotency_key: start.idempotency_key.clone(),
                memo: String::new(),
            },
        }
    }

    /// Note the kinds of the statements in the memo, for the callback rules that ask for them.
    pub fn note_kinds(&mut self, kinds: &[Kind]) {
        memo::note(&mut self.options.memo, "kinds", memo::names_of(kinds));
    }
}
