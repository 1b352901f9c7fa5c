//! Policies and services made up for tests.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;

use crate::{
    call::{
        Answer, CallContext, Closed, Fault, FaultKind, Identity, Invoked, Policy, Settled, Usage,
    },
    contract::{
        CancelStatementRequest, Closing, DescribeStatementRequest, ExecuteStatementRequest,
        Failure, Invocation, OnStop, OutputShape, Rejection, ResultFormat, Settlement, Source,
        StartOptions, StartedStatement, StatementStatus, UnknownFields, Waiter,
    },
    services::{Denied, ServiceCall, ServiceReply, Services},
};

/// What a [`Fake`] does, step by step.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Starts a statement.
    Start(String),
    /// Describes a statement.
    Describe(String),
    /// Cancels a statement.
    Cancel(String),
    /// Sends a heartbeat.
    Beat,
    /// Refuses the payload.
    Refuse(String),
    /// Traps.
    Trap,
    /// Never returns.
    Hang,
}

/// A policy that takes its steps.
pub(crate) struct Fake {
    identity: Identity,
    steps: Vec<Step>,
}

impl Fake {
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        Self {
            identity: Identity {
                name: "fake".to_owned(),
                version: "1".to_owned(),
                digest: "d".to_owned(),
                settings_digest: "s".to_owned(),
            },
            steps,
        }
    }

    pub(crate) fn starting(sql: &str) -> Self {
        Self::new(vec![Step::Start(sql.to_owned())])
    }

    pub(crate) fn hanging() -> Self {
        Self::new(vec![Step::Hang])
    }

    pub(crate) fn invocation(request: &str) -> Invocation {
        Invocation {
            request_id: request.to_owned(),
            source: Source::Invocation,
            payload: "{}".to_owned(),
            execution_arn: None,
            function_arn: None,
            targets: vec!["default".to_owned()],
            unknown_fields: UnknownFields::Ignore,
        }
    }

    async fn walk(&self, context: &CallContext) -> Result<Result<String, Rejection>, Fault> {
        let services = &context.services;
        let mut said = context.now.to_string();
        for step in &self.steps {
            match step {
                Step::Start(sql) => {
                    let request = ExecuteStatementRequest {
                        sql: sql.clone(),
                        options: options(),
                    };
                    let started = services.execute_statement(false, request).await;
                    said.push_str(&format!(" {started:?}"));
                }
                Step::Describe(id) => {
                    let request = DescribeStatementRequest {
                        id: id.clone(),
                        target: None,
                        wait_seconds: None,
                    };
                    let described = services.describe_statement(request).await;
                    said.push_str(&format!(" {described:?}"));
                }
                Step::Cancel(id) => {
                    let request = CancelStatementRequest {
                        id: id.clone(),
                        target: None,
                    };
                    let cancelled = services.cancel_statement(request).await;
                    said.push_str(&format!(" {cancelled:?}"));
                }
                Step::Beat => {
                    let _ = services.heartbeat().await;
                }
                Step::Refuse(message) => {
                    return Ok(Err(Rejection {
                        error: "PolicyDenied".to_owned(),
                        message: message.clone(),
                    }));
                }
                Step::Trap => {
                    return Err(Fault {
                        policy: "fake".to_owned(),
                        kind: FaultKind::Trap,
                        message: format!("at {:p}", &raw const self.steps),
                        usage: Usage::default(),
                        decided: false,
                    });
                }
                Step::Hang => std::future::pending().await,
            }
        }
        Ok(Ok(serde_json::Value::from(said).to_string()))
    }
}

fn options() -> StartOptions {
    StartOptions {
        target: None,
        action: "executeStatement".to_owned(),
        output: OutputShape::Event,
        parameters: Vec::new(),
        result_format: ResultFormat::Json,
        session_id: None,
        session_keep_alive_seconds: None,
        wait_seconds: None,
        exclusive: None,
        deadline_seconds: None,
        heartbeat: false,
        on_stop: None,
        step: None,
        idempotency_key: None,
        memo: String::new(),
    }
}

#[async_trait]
impl Policy for Fake {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    async fn invoke(
        &self,
        context: CallContext,
        _: Invocation,
        _: Option<Waiter>,
    ) -> Result<Invoked, Fault> {
        Ok(Invoked {
            reply: self.walk(&context).await?,
            answer: None,
            bound: false,
            usage: Usage::default(),
        })
    }

    async fn settle(
        &self,
        context: CallContext,
        _: Settlement,
        _: Waiter,
    ) -> Result<Settled, Fault> {
        let answer = match self.walk(&context).await? {
            Ok(output) => Answer::Succeed { output },
            Err(Rejection { error, message }) => Answer::Fail {
                error,
                cause: message,
            },
        };
        Ok(Settled {
            answer,
            usage: Usage::default(),
        })
    }

    async fn closed(&self, context: CallContext, _: Closing) -> Result<Closed, Fault> {
        let decision = match self.walk(&context).await? {
            Ok(_) => OnStop::Leave,
            Err(_) => OnStop::Cancel,
        };
        Ok(Closed {
            decision,
            usage: Usage::default(),
        })
    }
}

/// Services that take every start and note it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counting {
    starts: Arc<Mutex<Vec<String>>>,
    /// How long a description takes.
    pub(crate) delay: Duration,
}

impl Counting {
    pub(crate) fn starts(&self) -> Vec<String> {
        self.starts.lock().unwrap().clone()
    }
}

#[async_trait]
impl Services for Counting {
    async fn call(&self, call: ServiceCall) -> Result<ServiceReply, Failure> {
        match call {
            ServiceCall::ExecuteStatement { request, .. } => {
                let mut starts = self.starts.lock().unwrap();
                starts.push(request.sql);
                Ok(ServiceReply::Started(StartedStatement {
                    id: format!("id-{}", starts.len()),
                    target: "default".to_owned(),
                    status: StatementStatus::Submitted,
                    session_id: None,
                    has_result_set: None,
                    document: "{}".to_owned(),
                }))
            }
            ServiceCall::Heartbeat => Ok(ServiceReply::Heartbeat),
            ServiceCall::DescribeStatement(_) => {
                tokio::time::sleep(self.delay).await;
                Denied.call(call).await
            }
            _ => Denied.call(call).await,
        }
    }
}
