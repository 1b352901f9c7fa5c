//! Services that know only what was recorded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{Conceal, EffectChange};
use crate::{
    contract::{CancelledStatement, Failure, StartOptions, StartedStatement, StatementStatus},
    functions,
    journal::{HostCall, canonical},
    record::{Asked, DecisionRecord},
    services::{ServiceCall, ServiceReply, Services},
};

/// What changes something, and so can be made up.
const EFFECTS: [&str; 4] = [
    functions::EXECUTE_STATEMENT,
    functions::BATCH_EXECUTE_STATEMENT,
    functions::CANCEL_STATEMENT,
    functions::HEARTBEAT,
];

/// Why a run cannot go on.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// A read was not recorded.
    Diverged {
        call: usize,
        function: String,
        arguments: Value,
    },
    /// The record was cut where the call may have been.
    Omitted { call: usize },
    /// In the recorded run this call never returned.
    CutOff,
    /// The run's own time is up.
    OutOfTime,
}

/// The services of a replay.
pub(super) struct Recorded {
    calls: Vec<HostCall>,
    default_target: String,
    conceal: Arc<dyn Conceal>,
    progress: Mutex<Progress>,
    ended: Notify,
}

#[derive(Default)]
struct Progress {
    /// Calls made in this run.
    made: usize,
    /// The first recorded call that may still be matched.
    next: usize,
    /// The recorded calls that were made again.
    matched: Vec<usize>,
    /// Effects that were not recorded: function and arguments.
    new: Vec<(String, Value)>,
    end: Option<End>,
    has_read_results: bool,
}

/// What a recorded call says.
enum Found {
    Reply(Value),
    Nothing,
    End(End),
}

impl Recorded {
    pub(super) fn new(record: &DecisionRecord, conceal: Arc<dyn Conceal>) -> Self {
        let default_target = match &record.asked {
            Asked::Invoke { invocation, .. } => invocation.targets.first().cloned(),
            Asked::Settle { .. } | Asked::Closed { .. } => None,
        };
        Self {
            calls: record.calls.clone(),
            default_target: default_target.unwrap_or_else(|| "default".to_owned()),
            conceal,
            progress: Mutex::default(),
            ended: Notify::new(),
        }
    }

    /// Returns when the run cannot go on.
    pub(super) async fn ended(&self) -> End {
        loop {
            if let Some(end) = self.progress().end.clone() {
                return end;
            }
            self.ended.notified().await;
        }
    }

    pub(super) fn has_read_results(&self) -> bool {
        self.progress().has_read_results
    }

    /// The effects that differ from the recorded ones. A new one and a missing one of the same function are one change.
    pub(super) fn changes(&self) -> Vec<EffectChange> {
        let progress = self.progress();
        let mut missing: Vec<&HostCall> = self
            .calls
            .iter()
            .enumerate()
            .filter(|(number, call)| {
                EFFECTS.contains(&call.function.as_str()) && !progress.matched.contains(number)
            })
            .map(|(_, call)| call)
            .collect();
        let mut changes = Vec::new();
        for (function, arguments) in &progress.new {
            let then = missing.iter().position(|call| call.function == *function);
            changes.push(EffectChange {
                function: function.clone(),
                recorded: then.map(|at| missing.remove(at).arguments.clone()),
                replayed: Some(arguments.clone()),
            });
        }
        changes.extend(missing.into_iter().map(|call| EffectChange {
            function: call.function.clone(),
            recorded: Some(call.arguments.clone()),
            replayed: None,
        }));
        changes
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next recorded call of this function with these arguments.
    fn find(&self, function: &str, arguments: &Value) -> Found {
        let concealed = canonical(self.conceal.arguments(arguments.clone()));
        let is_meant = |call: &HostCall| {
            call.function == function
                && (call.arguments == *arguments || call.arguments == concealed)
        };
        let mut progress = self.progress();
        progress.made += 1;
        progress.has_read_results |= function == functions::GET_STATEMENT_RESULT;
        let rest = self.calls.iter().enumerate().skip(progress.next);
        for (number, call) in rest {
            if call.omitted && call.function == function {
                return Found::End(End::Omitted { call: number + 1 });
            }
            if is_meant(call) {
                progress.next = number + 1;
                progress.matched.push(number);
                return match &call.reply {
                    Value::Null => Found::End(End::CutOff),
                    reply => Found::Reply(reply.clone()),
                };
            }
        }
        Found::Nothing
    }

    /// Stops the run here.
    async fn stop<T>(&self, end: End) -> T {
        self.progress().end = Some(end);
        self.ended.notify_one();
        std::future::pending().await
    }

    /// What a service would say to a start that was not recorded.
    fn made_up_start(&self, options: &StartOptions, number: usize) -> ServiceReply {
        let id = format!("replayed-{number}");
        let target = options.target.as_ref().unwrap_or(&self.default_target);
        ServiceReply::Started(StartedStatement {
            document: json!({ "Id": id }).to_string(),
            id,
            target: target.clone(),
            status: StatementStatus::Submitted,
            session_id: None,
            has_result_set: None,
        })
    }

    /// What a service would say to this call, the `number`th that was not recorded; none if nobody can say that.
    fn made_up(&self, call: &ServiceCall, number: usize) -> Option<ServiceReply> {
        Some(match call {
            ServiceCall::ExecuteStatement { request, .. } => {
                self.made_up_start(&request.options, number)
            }
            ServiceCall::BatchExecuteStatement { request, .. } => {
                self.made_up_start(&request.options, number)
            }
            ServiceCall::CancelStatement(_) => ServiceReply::Cancelled(CancelledStatement {
                status: true,
                document: json!({ "Status": true }).to_string(),
            }),
            ServiceCall::Heartbeat => ServiceReply::Heartbeat,
            ServiceCall::DescribeStatement(_)
            | ServiceCall::GetStatementResult(_)
            | ServiceCall::ListStatements(_)
            | ServiceCall::Latest(_) => return None,
        })
    }
}

/// What was recorded of a call. Of what was not, an effect is a difference that succeeds, and a read ends the run.
#[async_trait]
impl Services for Recorded {
    async fn call(&self, call: ServiceCall) -> Result<ServiceReply, Failure> {
        let arguments = canonical(call.arguments());
        let end = match self.find(call.function(), &arguments) {
            Found::Reply(reply) => match call.recorded_reply(reply) {
                Some(reply) => return reply,
                None => End::Omitted {
                    call: self.progress().next,
                },
            },
            Found::End(end) => end,
            Found::Nothing => {
                let mut progress = self.progress();
                match self.made_up(&call, progress.new.len() + 1) {
                    Some(reply) => {
                        progress.new.push((call.function().to_owned(), arguments));
                        return Ok(reply);
                    }
                    None => End::Diverged {
                        call: progress.made,
                        function: call.function().to_owned(),
                        arguments,
                    },
                }
            }
        };
        self.stop(end).await
    }
}
