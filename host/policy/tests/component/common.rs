//! What the tests of this crate share.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use signalbox_policy::{
    CallContext, ComponentPolicy, EngineOptions, Limits, LoadError, Loading, PolicyEngine,
    ServiceCall, ServiceReply, Services, Source,
    contract::{
        CancelledStatement, Closing, ClosingReason, Failure, FailureDetail, Invocation,
        OutputShape, ResultFormat, Settlement, Source as EventSource, StartedStatement,
        StatementDescription, StatementFacts, StatementList, StatementStatus, UnknownFields,
    },
};
use tokio::time::Instant;

/// An engine. What it compiles is kept for the other tests.
pub(crate) fn engine() -> PolicyEngine {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("policies");
    PolicyEngine::new(EngineOptions {
        cache: Some(cache),
        ..EngineOptions::default()
    })
    .unwrap()
}

/// The hostile guest as a policy.
pub(crate) async fn hostile(
    engine: &PolicyEngine,
    settings: &str,
    limits: Limits,
) -> ComponentPolicy {
    try_hostile(engine, settings, limits).await.unwrap()
}

/// The same, with its error.
pub(crate) async fn try_hostile(
    engine: &PolicyEngine,
    settings: &str,
    limits: Limits,
) -> Result<ComponentPolicy, LoadError> {
    engine
        .load(loading(signalbox_test_guests::HOSTILE, settings, limits))
        .await
}

/// A policy to load.
pub(crate) fn loading(bytes: &'static [u8], settings: &str, limits: Limits) -> Loading {
    Loading {
        name: "team".to_owned(),
        source: Source::Component(bytes.into()),
        settings: settings.to_owned(),
        limits,
        redact: None,
    }
}

/// A context with ten seconds.
pub(crate) fn context(services: &Arc<Fake>) -> CallContext {
    within(services, Duration::from_secs(10))
}

/// A context with so much time.
pub(crate) fn within(services: &Arc<Fake>, time: Duration) -> CallContext {
    CallContext {
        services: services.clone(),
        now: 1_700_000_000_000,
        deadline: Instant::now() + time,
    }
}

/// A payload that asks the hostile guest to do something.
pub(crate) fn asks(deed: &str) -> Invocation {
    payload(&format!(r#"{{"do":"{deed}"}}"#))
}

/// Any payload.
pub(crate) fn payload(payload: &str) -> Invocation {
    Invocation {
        request_id: "request".to_owned(),
        source: EventSource::Invocation,
        payload: payload.to_owned(),
        execution_arn: None,
        function_arn: None,
        targets: vec!["default".to_owned()],
        unknown_fields: UnknownFields::Warn,
    }
}

/// A statement that ended.
pub(crate) fn settlement() -> Settlement {
    Settlement {
        facts: facts(),
        statement: description("id-of-the-start", StatementStatus::Finished),
        event: None,
    }
}

/// A task that is gone.
pub(crate) fn closing() -> Closing {
    Closing {
        facts: facts(),
        reason: ClosingReason::Aborted,
    }
}

fn facts() -> StatementFacts {
    StatementFacts {
        record_id: "record".to_owned(),
        statement_id: "id-of-the-start".to_owned(),
        statement_name: "sbx-test:record".to_owned(),
        target: "default".to_owned(),
        action: "executeStatement".to_owned(),
        output: OutputShape::Event,
        step: None,
        on_stop: None,
        memo: String::new(),
        execution_arn: None,
        recorded_at: 0,
    }
}

/// What a statement is like.
pub(crate) fn description(id: &str, status: StatementStatus) -> StatementDescription {
    StatementDescription {
        id: id.to_owned(),
        status,
        error: None,
        duration_ns: None,
        has_result_set: false,
        result_rows: None,
        result_size: None,
        result_format: ResultFormat::Json,
        session_id: None,
        created_at: None,
        updated_at: None,
        sub_statements: Vec::new(),
        document: r#"{"Status":"FINISHED"}"#.to_owned(),
    }
}

/// How a start goes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Start {
    #[default]
    Accepted,
    Refused,
    Uncertain,
}

/// Services that count.
#[derive(Debug, Default)]
pub(crate) struct Fake {
    pub(crate) start: Start,
    /// How long `describe-statement` takes.
    pub(crate) delay: Duration,
    pub(crate) starts: AtomicUsize,
    pub(crate) describes: AtomicUsize,
    pub(crate) others: AtomicUsize,
}

impl Fake {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn starts(&self) -> usize {
        self.starts.load(Ordering::SeqCst)
    }

    pub(crate) fn describes(&self) -> usize {
        self.describes.load(Ordering::SeqCst)
    }

    fn detail() -> FailureDetail {
        FailureDetail {
            code: "Test".to_owned(),
            message: "on request".to_owned(),
            retryable: false,
            statement_id: None,
            document: None,
        }
    }

    fn started(&self) -> Result<StartedStatement, Failure> {
        self.starts.fetch_add(1, Ordering::SeqCst);
        match self.start {
            Start::Accepted => Ok(StartedStatement {
                id: "id-of-the-start".to_owned(),
                target: "default".to_owned(),
                status: StatementStatus::Submitted,
                session_id: None,
                has_result_set: None,
                document: r#"{"Id":"id-of-the-start"}"#.to_owned(),
            }),
            Start::Refused => Err(Failure::ExecutionFailed(Self::detail())),
            Start::Uncertain => Err(Failure::Uncertain(Self::detail())),
        }
    }
}

#[async_trait]
impl Services for Fake {
    async fn call(&self, call: ServiceCall) -> Result<ServiceReply, Failure> {
        Ok(match call {
            ServiceCall::ExecuteStatement { .. } | ServiceCall::BatchExecuteStatement { .. } => {
                ServiceReply::Started(self.started()?)
            }
            ServiceCall::DescribeStatement(request) => {
                self.describes.fetch_add(1, Ordering::SeqCst);
                if !self.delay.is_zero() {
                    tokio::time::sleep(self.delay).await;
                }
                ServiceReply::Description(description(&request.id, StatementStatus::Finished))
            }
            other => {
                self.others.fetch_add(1, Ordering::SeqCst);
                match other {
                    ServiceCall::CancelStatement(_) => {
                        ServiceReply::Cancelled(CancelledStatement {
                            status: true,
                            document: "{}".to_owned(),
                        })
                    }
                    ServiceCall::ListStatements(_) => ServiceReply::List(StatementList {
                        next_token: None,
                        document: r#"{"Statements":[]}"#.to_owned(),
                    }),
                    ServiceCall::Latest(_) => ServiceReply::Latest(None),
                    ServiceCall::Heartbeat => ServiceReply::Heartbeat,
                    _ => return Err(Failure::NotFound(Self::detail())),
                }
            }
        })
    }
}
