//! A host for tests of policies: it records what a policy does and answers as it is told.

use crate::contract::{
    BatchExecuteStatementRequest, CancelStatementRequest, CancelledStatement,
    DescribeStatementRequest, Entry, ExecuteStatementRequest, ExecutionMode, Failure,
    FailureDetail, GetStatementResultRequest, Invocation, LatestRequest, Level, Rejection,
    ResultFormat, Source, StartOptions, StartedStatement, StatementDescription, StatementResult,
    StatementStatus, UnknownFields, Waiter,
};
use crate::handle;
use crate::host::Host;
use crate::policy::{Identity, Policy};
use serde_json::json;
use std::cell::RefCell;

/// The id of every statement that a [`FakeHost`] starts.
pub const STATEMENT_ID: &str = "d9b6c0c9-0747-4bf4-b142-e8883122f766";

/// What a policy did.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// It ran a statement.
    Execute(ExecuteStatementRequest),
    /// It ran a batch.
    BatchExecute(BatchExecuteStatementRequest),
    /// It asked for plans.
    Explain(Vec<String>, StartOptions),
    /// It described a statement.
    Describe(DescribeStatementRequest),
    /// It cancelled a statement.
    Cancel(CancelStatementRequest),
    /// It read a page.
    GetResult(GetStatementResultRequest),
    /// It asked for the latest statement.
    Latest(LatestRequest),
    /// It answered the task with success.
    Succeed(String),
    /// It answered the task with an error and a cause.
    Fail(String, String),
    /// It wrote to the log.
    Log(String),
}

/// A host that records.
#[derive(Debug)]
pub struct FakeHost {
    /// Who waits.
    pub waiter: Option<Waiter>,
    /// The time, in milliseconds since 1970.
    pub now: u64,
    /// What the ledger knows.
    pub latest: Option<Entry>,
    /// What a description says.
    pub description: StatementDescription,
    /// The pages of a result, in order; the token of each is its number.
    pub pages: Vec<StatementResult>,
    /// With what every call of Redshift fails.
    pub failure: Option<Failure>,
    /// The longest answer that is taken, in bytes.
    pub longest_answer: usize,
    /// What was done; [`calls`](FakeHost::calls) gives a copy.
    pub recorded: RefCell<Vec<Call>>,
}

impl Default for FakeHost {
    fn default() -> Self {
        Self {
            waiter: None,
            // 2026-11-23T12:00:00Z, a Monday.
            now: 1_795_435_200_000,
            latest: None,
            description: description(StatementStatus::Finished),
            pages: Vec::new(),
            failure: None,
            longest_answer: usize::MAX,
            recorded: RefCell::default(),
        }
    }
}

impl FakeHost {
    /// With a state of Step Functions that waits.
    #[must_use]
    pub fn with_task() -> Self {
        Self {
            waiter: Some(Waiter::StepFunctions),
            ..Self::default()
        }
    }

    /// At this time, in milliseconds since 1970.
    #[must_use]
    pub fn at(now: u64) -> Self {
        Self {
            now,
            ..Self::default()
        }
    }

    /// What was done so far, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.recorded.borrow().clone()
    }

    fn record<T>(&self, call: Call, reply: T) -> Result<T, Failure> {
        self.recorded.borrow_mut().push(call);
        match &self.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(reply),
        }
    }

    fn answer(&self, call: Call, length: usize) -> Result<(), Failure> {
        self.recorded.borrow_mut().push(call);
        if length > self.longest_answer {
            return Err(Failure::InvalidRequest(failure_detail(
                "InvalidRequest",
                "It is too long.",
            )));
        }
        Ok(())
    }
}

/// The particulars of a failure that cannot be repeated.
#[must_use]
pub fn failure_detail(code: &str, message: &str) -> FailureDetail {
    FailureDetail {
        code: code.to_owned(),
        message: message.to_owned(),
        retryable: false,
        statement_id: None,
        document: None,
    }
}

/// A description of the statement that a [`FakeHost`] starts, without a result.
#[must_use]
pub fn description(status: StatementStatus) -> StatementDescription {
    StatementDescription {
        id: STATEMENT_ID.to_owned(),
        status,
        error: None,
        duration_ns: Some(1_000_000),
        has_result_set: false,
        result_rows: None,
        result_size: None,
        result_format: ResultFormat::Json,
        session_id: None,
        created_at: Some(1_795_435_200_000),
        updated_at: Some(1_795_435_260_000),
        sub_statements: Vec::new(),
        document: json!({ "Id": STATEMENT_ID, "RedshiftQueryId": 4711 }).to_string(),
    }
}

/// A payload with what comes with it: one target, `default`, and an execution if the payload names one.
#[must_use]
pub fn invocation(payload: &str) -> Invocation {
    let value: serde_json::Value = serde_json::from_str(payload).unwrap_or_default();
    let execution_arn = value.get("executionArn").and_then(|arn| arn.as_str());
    Invocation {
        request_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        source: Source::Invocation,
        payload: payload.to_owned(),
        execution_arn: execution_arn.map(str::to_owned),
        function_arn: None,
        targets: vec!["default".to_owned()],
        unknown_fields: UnknownFields::Warn,
    }
}

/// The standard policy on one payload, with settings, over a [`FakeHost`]: the whole of an evaluation but for
/// the component. For tests and benches.
///
/// # Errors
/// The refusal that the caller gets.
pub fn evaluate(payload: &str, settings: &str) -> Result<String, Rejection> {
    evaluate_on(&FakeHost::default(), payload, settings)
}

/// The same on a host of one's own.
///
/// # Errors
/// The refusal that the caller gets.
pub fn evaluate_on(host: &FakeHost, payload: &str, settings: &str) -> Result<String, Rejection> {
    struct Standard;
    impl Policy for Standard {
        fn identity(&self) -> Identity {
            Identity {
                name: "standard",
                version: "0.0.0",
                summary: "The standard behaviour.",
            }
        }
    }
    handle::invoke(&Standard, settings, &invocation(payload), host)
}

impl Host for FakeHost {
    fn waiter(&self) -> Option<Waiter> {
        self.waiter
    }

    fn succeed(&self, output: &str) -> Result<(), Failure> {
        self.answer(Call::Succeed(output.to_owned()), output.len())
    }

    fn fail(&self, error: &str, cause: &str) -> Result<(), Failure> {
        self.answer(Call::Fail(error.to_owned(), cause.to_owned()), cause.len())
    }

    fn execute_statement(
        &self,
        request: &ExecuteStatementRequest,
    ) -> Result<StartedStatement, Failure> {
        let started = started(request.options.target.as_deref());
        self.record(Call::Execute(request.clone()), started)
    }

    fn batch_execute_statement(
        &self,
        request: &BatchExecuteStatementRequest,
    ) -> Result<StartedStatement, Failure> {
        let started = started(request.options.target.as_deref());
        self.record(Call::BatchExecute(request.clone()), started)
    }

    fn explain(
        &self,
        sqls: Vec<String>,
        _execution_mode: ExecutionMode,
        options: StartOptions,
    ) -> Result<StartedStatement, Failure> {
        let started = started(options.target.as_deref());
        self.record(Call::Explain(sqls, options), started)
    }

    fn describe_statement(
        &self,
        request: &DescribeStatementRequest,
    ) -> Result<StatementDescription, Failure> {
        self.record(Call::Describe(request.clone()), self.description.clone())
    }

    fn cancel_statement(
        &self,
        request: &CancelStatementRequest,
    ) -> Result<CancelledStatement, Failure> {
        let cancelled = CancelledStatement {
            status: true,
            document: json!({ "Status": true }).to_string(),
        };
        self.record(Call::Cancel(request.clone()), cancelled)
    }

    fn get_statement_result(
        &self,
        request: &GetStatementResultRequest,
    ) -> Result<StatementResult, Failure> {
        let number: usize = match &request.next_token {
            Some(token) => token.parse().unwrap_or(usize::MAX),
            None => 0,
        };
        let mut page = self.pages.get(number).cloned().ok_or_else(|| {
            Failure::InvalidRequest(failure_detail(
                "ValidationException",
                "There is no such page.",
            ))
        })?;
        if number + 1 < self.pages.len() {
            page.next_token = Some((number + 1).to_string());
        }
        self.record(Call::GetResult(request.clone()), page)
    }

    fn latest(&self, request: &LatestRequest) -> Result<Option<Entry>, Failure> {
        self.record(Call::Latest(request.clone()), self.latest.clone())
    }

    fn now(&self) -> u64 {
        self.now
    }

    fn log(&self, _level: Level, message: &str, fields: &[(&str, &str)]) {
        let fields: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!(" {name}={value}"))
            .collect();
        self.recorded
            .borrow_mut()
            .push(Call::Log(format!("{message}{}", fields.concat())));
    }
}

fn started(target: Option<&str>) -> StartedStatement {
    StartedStatement {
        id: STATEMENT_ID.to_owned(),
        target: target.unwrap_or("default").to_owned(),
        status: StatementStatus::Submitted,
        session_id: None,
        has_result_set: None,
        document: json!({ "Id": STATEMENT_ID }).to_string(),
    }
}
