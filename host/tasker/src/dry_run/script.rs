//! What the services answer in a dry run, and how they answer what nothing is said of.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use signalbox_policy::{
    ServiceCall, ServiceReply, Services,
    contract::{Failure, StartOptions, StartedStatement, StatementDescription, StatementStatus},
    functions,
};

use crate::raised::{detail, names};

/// The id of a statement that was not started.
pub const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// The answer to one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Scripted {
    /// The function that is answered, as in [`functions`].
    pub function: &'static str,
    /// The answer. That of a start has the target of the request, whatever it says.
    pub reply: Result<ServiceReply, Failure>,
}

/// A statement that would have been started.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// The statement's id.
    pub id: String,
    /// The target.
    pub target: String,
    /// The SQL; of a batch its parts, one a line.
    pub sql: String,
    /// How it would run.
    pub options: StartOptions,
}

/// Services with nothing behind them.
pub(super) struct Script {
    targets: Vec<String>,
    policy: String,
    state: Mutex<State>,
}

struct State {
    starts: Vec<Start>,
    answers: VecDeque<Scripted>,
    description: Option<StatementDescription>,
}

impl Script {
    /// `description` is what DescribeStatement says where no answer is given.
    pub(super) fn new(
        policy: &str,
        targets: &[String],
        answers: Vec<Scripted>,
        description: Option<StatementDescription>,
    ) -> Arc<Self> {
        Arc::new(Self {
            targets: targets.to_vec(),
            policy: policy.to_owned(),
            state: Mutex::new(State {
                starts: Vec::new(),
                answers: answers.into(),
                description,
            }),
        })
    }

    pub(super) fn starts(&self) -> Vec<Start> {
        self.with(|state| state.starts.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn start(
        &self,
        function: &str,
        sql: String,
        options: &StartOptions,
    ) -> Result<ServiceReply, Failure> {
        let asked = options.target.as_deref();
        let target = match asked {
            Some(name) => self.targets.iter().find(|target| *target == name),
            None => self.targets.first(),
        };
        let Some(target) = target.cloned() else {
            let name = asked.unwrap_or("default");
            return Err(Failure::NotGranted(detail(
                names::NOT_GRANTED,
                format!("there is no target `{name}` for policy `{}`", self.policy),
                false,
            )));
        };
        let reply = match self.scripted(function) {
            Some(Ok(ServiceReply::Started(started))) => Ok(StartedStatement { target, ..started }),
            Some(Ok(other)) => return Ok(other),
            Some(Err(failure)) => Err(failure),
            None => Ok(StartedStatement {
                id: NO_ID.to_owned(),
                target,
                status: StatementStatus::Submitted,
                session_id: None,
                has_result_set: None,
                document: format!("{{\"Id\":\"{NO_ID}\"}}"),
            }),
        };
        // After an uncertain reply the statement may run: the host finds out, and settles the task.
        let begun = match &reply {
            Ok(started) => Some((started.id.clone(), started.target.clone())),
            Err(Failure::Uncertain(_)) => {
                let target = asked.or(self.targets.first().map(String::as_str));
                Some((NO_ID.to_owned(), target.unwrap_or_default().to_owned()))
            }
            Err(_) => None,
        };
        if let Some((id, target)) = begun {
            self.with(|state| {
                state.starts.push(Start {
                    id,
                    target,
                    sql,
                    options: options.clone(),
                });
            });
        }
        reply.map(ServiceReply::Started)
    }

    /// The next answer that was given for this function.
    fn scripted(&self, function: &str) -> Option<Result<ServiceReply, Failure>> {
        self.with(|state| {
            let mut answers = state.answers.iter();
            let at = answers.position(|answer| answer.function == function)?;
            state.answers.remove(at).map(|answer| answer.reply)
        })
    }

    fn otherwise(&self, call: &ServiceCall) -> Result<ServiceReply, Failure> {
        if let ServiceCall::DescribeStatement(request) = call
            && let Some(mut description) = self.with(|state| state.description.clone())
        {
            description.id.clone_from(&request.id);
            return Ok(ServiceReply::Description(description));
        }
        match call {
            ServiceCall::Latest(_) => Ok(ServiceReply::Latest(None)),
            ServiceCall::Heartbeat => Ok(ServiceReply::Heartbeat),
            _ => Err(Failure::Unavailable(detail(
                "NoAnswerInTest",
                format!(
                    "nothing is behind `{0}` in a test: give its answer in `services`, as {{ call = \"{0}\", reply = … }}",
                    functions::name(call.function())
                ),
                false,
            ))),
        }
    }
}

#[async_trait]
impl Services for Script {
    async fn call(&self, call: ServiceCall) -> Result<ServiceReply, Failure> {
        let function = call.function();
        match call {
            ServiceCall::ExecuteStatement { request, .. } => {
                self.start(function, request.sql, &request.options)
            }
            ServiceCall::BatchExecuteStatement { request, .. } => {
                self.start(function, request.sqls.join("\n"), &request.options)
            }
            call => match self.scripted(function) {
                Some(reply) => reply,
                None => self.otherwise(&call),
            },
        }
    }
}
