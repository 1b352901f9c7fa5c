//! AWS, as one event's policy sees it.

use std::{
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use signalbox_policy::{
    Identity, ServiceCall, ServiceReply, Services,
    contract::{
        BatchExecuteStatementRequest, DescribeStatementRequest, Entry, ExecuteStatementRequest,
        Failure, GetStatementResultRequest, LatestRequest, ListStatementsRequest, StartOptions,
        StartedStatement, StatementDescription, StatementList, StatementResult,
    },
};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Call, attach::Settles, backend::Backend, failure, question::is_question};
use crate::{
    grants::Grants,
    ids::RecordId,
    options::Options,
    policies::Granted,
    ports::{LedgerError, ServiceError, ServiceErrorKind, Sql},
    raised::{detail, names},
    record::{Latest, Refusal, Stored},
    scope::Scope,
    secrets::{Secrets, for_each_text, mask_literals},
    waiting::Waiting,
};

/// The services of one event.
pub(super) struct EventServices {
    pub(super) backend: Backend,
    /// Settles the statement of an earlier attempt.
    pub(super) settles: Arc<dyn Settles>,
    pub(super) call: Call,
    pub(super) policy: Identity,
    /// The world that it acts in.
    pub(super) scope: Scope,
    /// The targets that the policy may use, the default one first.
    pub(super) targets: Vec<String>,
    /// What it may do there; none for everything, without a policy set.
    pub(super) grants: Option<Arc<Grants>>,
    /// The record of the event's task.
    pub(super) record_id: RecordId,
    pub(super) waiting: Option<Waiting>,
    pub(super) execution_arn: Option<String>,
    /// The caller's name for the work.
    pub(super) idempotency_key: Option<String>,
    /// Whether a session that is gone may be replaced by a new one.
    pub(super) replace_session: bool,
    /// Whether a start waits for room on its target.
    pub(super) wait_when_busy: bool,
    pub(super) secrets: Arc<Secrets>,
    /// Digest of the payload, to tell a repeat from another request under the same key.
    pub(super) payload_digest: String,
    unbound_starts: AtomicU32,
    /// What only explains: ids and targets.
    pub(super) questions: Mutex<Vec<(String, String)>>,
    started: Mutex<Vec<Start>>,
    refusal: Mutex<Option<Refused>>,
    disturbed: AtomicBool,
    touched: AtomicBool,
    deadline: Instant,
}

/// What a policy has left to return in after its last host call was cut off.
const RETURN_TIME: Duration = Duration::from_millis(500);
/// What is kept of an event's time when Redshift is asked to wait: for the call itself, and for what is recorded then.
const WAIT_RESERVE: Duration = Duration::from_secs(2);

/// How often a read that fails in passing is tried.
const READ_TRIES: u32 = 4;
/// Pause before it is tried again, at first; doubled each time.
const READ_PAUSE: Duration = Duration::from_millis(250);

/// A statement of the task that Redshift refused.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub(super) stored: Stored,
    pub(super) refusal: Refusal,
    /// What the policy was told.
    pub(super) failure: Failure,
}

/// The targets that a policy may use, the default one first.
pub(super) fn granted_targets(options: &Options, granted: &Granted) -> Vec<String> {
    if granted.targets.is_empty() && granted.grants.is_none() {
        options.targets.clone()
    } else {
        granted.targets.clone()
    }
}

/// A statement that this event started, or may have.
#[derive(Debug, Clone)]
pub(super) struct Start {
    /// Whether it is bound to the task.
    pub(super) bound: bool,
    /// Its record as last written.
    pub(super) stored: Stored,
    /// Whether Redshift's acceptance is known.
    pub(super) certain: bool,
}

impl EventServices {
    /// The services of an event of this policy.
    pub(super) fn new(
        backend: &Backend,
        settles: Arc<dyn Settles>,
        call: &Call,
        granted: &Granted,
        record_id: RecordId,
    ) -> Self {
        let remaining = call.deadline.saturating_duration_since(Instant::now());
        Self {
            backend: backend.clone(),
            settles,
            call: call.clone(),
            policy: granted.policy.identity().clone(),
            scope: Scope::of(&backend.options.deployment, granted),
            targets: granted_targets(&backend.options, granted),
            grants: granted.grants.clone(),
            record_id,
            waiting: None,
            execution_arn: None,
            idempotency_key: None,
            replace_session: false,
            wait_when_busy: false,
            secrets: Arc::default(),
            payload_digest: String::new(),
            unbound_starts: AtomicU32::new(0),
            questions: Mutex::default(),
            started: Mutex::default(),
            refusal: Mutex::default(),
            disturbed: AtomicBool::new(false),
            touched: AtomicBool::new(false),
            deadline: call
                .deadline
                .checked_sub(RETURN_TIME.min(remaining / 10))
                .unwrap_or(call.deadline),
        }
    }

    /// What was started, in order.
    pub(super) fn started(&self) -> Vec<Start> {
        self.started
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes a start, in the place of what was noted of the same record before.
    pub(super) fn note_start(&self, start: Start) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.retain(|known| known.stored.record.record_id != start.stored.record.record_id);
        started.push(start);
    }

    /// Nothing was started after all.
    pub(super) fn forget_start(&self, record_id: &RecordId) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.retain(|known| known.stored.record.record_id != *record_id);
    }

    /// Redshift refused the task's statement; the record is still open, since the policy may answer the task.
    pub(super) fn note_refusal(&self, refused: Refused) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refused);
    }

    pub(super) fn refusal(&self) -> Option<Refused> {
        self.refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether a call failed in a way that passes: the time of the event was over, or a service was busy. What a policy
    /// decides then it would decide otherwise later.
    pub(super) fn was_disturbed(&self) -> bool {
        self.disturbed.load(Ordering::Relaxed)
    }

    /// Whether the policy has not tried to start or to cancel anything.
    pub(super) fn has_touched_nothing(&self) -> bool {
        !self.touched.load(Ordering::Relaxed)
    }

    pub(super) fn clean(&self, text: &str) -> String {
        mask_literals(&self.secrets.scrubbed(text))
    }

    /// The target that a request means.
    pub(super) fn target(&self, asked: Option<&str>) -> Result<String, Failure> {
        let granted = match asked {
            Some(name) => self.targets.iter().find(|target| *target == name),
            None => self.targets.first(),
        };
        granted.cloned().ok_or_else(|| {
            let name = asked.unwrap_or("default");
            Failure::NotGranted(detail(
                names::NOT_GRANTED,
                format!(
                    "there is no target `{name}` for policy `{}`",
                    self.policy.name
                ),
                false,
            ))
        })
    }

    /// The target that a statement runs on: the recorded one, else the one that was asked for.
    async fn target_of(&self, statement_id: &str, asked: Option<&str>) -> Result<String, Failure> {
        let whole = statement_id.split(':').next().unwrap_or(statement_id);
        if let Some(target) = self.target_of_question(whole) {
            return Ok(target);
        }
        let found = self
            .in_time(self.backend.store.find_by_statement(whole))
            .await?;
        let found = found.map_err(|error| self.of_ledger(&error))?;
        self.check_owner(statement_id, found.as_ref())?;
        match found.and_then(|stored| stored.record.statement) {
            Some(statement) => self.target(Some(&statement.target)),
            None => self.target(asked),
        }
    }

    /// Bounds a call by the event's deadline: no epoch interrupts it.
    pub(super) async fn in_time<T>(&self, call: impl Future<Output = T>) -> Result<T, Failure> {
        timeout_at(self.deadline, call).await.map_err(|_| {
            self.disturbed.store(true, Ordering::Relaxed);
            Failure::Unavailable(detail(
                "RequestTimeout",
                "the time of this invocation is over",
                true,
            ))
        })
    }

    /// A failure of the ledger. One that passes, or that a person mends, disturbs the decision.
    pub(super) fn of_ledger(&self, error: &LedgerError) -> Failure {
        let is_passing = !matches!(error, LedgerError::Unreadable(_));
        self.disturbed.fetch_or(is_passing, Ordering::Relaxed);
        failure::of_ledger(error)
    }

    /// Reads for the policy. What fails in passing is tried again a few times.
    pub(super) async fn read<T, C>(&self, call: impl Fn() -> C) -> Result<T, Failure>
    where
        C: Future<Output = Result<T, ServiceError>>,
    {
        let mut pause = READ_PAUSE;
        let mut tries = 1;
        loop {
            let error = match self.in_time(call()).await? {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let is_passing = matches!(
                error.kind,
                ServiceErrorKind::Throttled
                    | ServiceErrorKind::Unavailable
                    | ServiceErrorKind::Unclear
            );
            let wake = Instant::now() + pause;
            if !is_passing || tries == READ_TRIES || wake >= self.deadline {
                self.disturbed.fetch_or(is_passing, Ordering::Relaxed);
                return Err(failure::of_service(&error, &self.secrets));
            }
            sleep_until(wake).await;
            pause *= 2;
            tries += 1;
        }
    }

    pub(super) fn clean_description(
        &self,
        mut description: StatementDescription,
    ) -> StatementDescription {
        description.error = description.error.map(|error| self.clean(&error));
        for part in &mut description.sub_statements {
            part.error = part.error.take().map(|error| self.clean(&error));
        }
        description.document = self.clean_document(&description.document);
        description
    }

    /// The SQL as Redshift is given it.
    fn whole_sql(&self, sql: &str) -> Result<String, Failure> {
        match self.secrets.restore(sql) {
            Ok(whole) => Ok(whole.into_owned()),
            Err(misplaced) => Err(Failure::InvalidRequest(detail(
                names::INVALID_REQUEST,
                misplaced.to_string(),
                false,
            ))),
        }
    }

    /// The parameters as Redshift is given them: with what was lent, if the SQL beside them is all the caller's.
    fn whole_parameters(&self, sqls: &[&str], mut options: StartOptions) -> StartOptions {
        let is_lent = |value: &str| self.secrets.whole(value).is_some();
        if options
            .parameters
            .iter()
            .any(|parameter| is_lent(&parameter.value))
            && sqls.iter().all(|sql| self.secrets.is_of_payload(sql))
        {
            for parameter in &mut options.parameters {
                if let Some(whole) = self.secrets.whole(&parameter.value) {
                    parameter.value = whole.to_owned();
                }
            }
        }
        options
    }

    /// A JSON text without what is secret in it or by its place: the SQL that a reply echoes, the engine's messages.
    pub(super) fn clean_document(&self, document: &str) -> String {
        clean_document(document, &self.secrets)
    }
}

/// As [`EventServices::clean_document`]. The texts are cleaned one by one, so that JSON stays JSON.
pub(super) fn clean_document(document: &str, secrets: &Secrets) -> String {
    let clean = |text: &str| mask_literals(&secrets.scrubbed(text));
    match serde_json::from_str::<serde_json::Value>(document) {
        Ok(mut value) => {
            for_each_text(&mut value, &mut |text| *text = clean(text));
            value.to_string()
        }
        Err(_) => clean(document),
    }
}

#[async_trait]
impl Services for EventServices {
    async fn call(&self, call: ServiceCall) -> Result<ServiceReply, Failure> {
        Ok(match call {
            ServiceCall::ExecuteStatement { bound, request } => {
                ServiceReply::Started(self.execute_statement(bound, request).await?)
            }
            ServiceCall::BatchExecuteStatement { bound, request } => {
                ServiceReply::Started(self.batch_execute_statement(bound, request).await?)
            }
            ServiceCall::DescribeStatement(request) => {
                ServiceReply::Description(self.describe_statement(request).await?)
            }
            ServiceCall::CancelStatement(request) => {
                self.touched.store(true, Ordering::Relaxed);
                ServiceReply::Cancelled(self.cancel(request).await?)
            }
            ServiceCall::GetStatementResult(request) => {
                ServiceReply::Result(self.get_statement_result(request).await?)
            }
            ServiceCall::ListStatements(request) => {
                ServiceReply::List(self.list_statements(request).await?)
            }
            ServiceCall::Latest(request) => ServiceReply::Latest(self.latest(request).await?),
            ServiceCall::Heartbeat => {
                self.heartbeat().await?;
                ServiceReply::Heartbeat
            }
        })
    }
}

impl EventServices {
    async fn execute_statement(
        &self,
        bound: bool,
        request: ExecuteStatementRequest,
    ) -> Result<StartedStatement, Failure> {
        let options = self.whole_parameters(&[&request.sql], request.options);
        let sql = Sql::One(self.whole_sql(&request.sql)?);
        if is_question(bound, &options) {
            return self.explain(sql, options).await;
        }
        self.touched.store(true, Ordering::Relaxed);
        self.start(bound, sql, options).await
    }

    async fn batch_execute_statement(
        &self,
        bound: bool,
        request: BatchExecuteStatementRequest,
    ) -> Result<StartedStatement, Failure> {
        let lent: Vec<&str> = request.sqls.iter().map(String::as_str).collect();
        let options = self.whole_parameters(&lent, request.options);
        let sqls = lent
            .iter()
            .map(|sql| self.whole_sql(sql))
            .collect::<Result<_, _>>()?;
        let sql = Sql::Batch {
            sqls,
            mode: request.execution_mode,
        };
        if is_question(bound, &options) {
            return self.explain(sql, options).await;
        }
        self.touched.store(true, Ordering::Relaxed);
        self.start(bound, sql, options).await
    }

    async fn describe_statement(
        &self,
        request: DescribeStatementRequest,
    ) -> Result<StatementDescription, Failure> {
        let target = self
            .target_of(&request.id, request.target.as_deref())
            .await?;
        let warehouse = &self.backend.ports.warehouse;
        let wait = || self.wait_in_time(request.wait_seconds);
        let described = self.read(|| warehouse.describe(&target, &request.id, wait()));
        Ok(self.clean_description(described.await?))
    }

    async fn get_statement_result(
        &self,
        mut request: GetStatementResultRequest,
    ) -> Result<StatementResult, Failure> {
        let target = self
            .target_of(&request.id, request.target.as_deref())
            .await?;
        request.wait_seconds = self.wait_in_time(request.wait_seconds);
        let warehouse = &self.backend.ports.warehouse;
        let mut result = self.read(|| warehouse.result(&target, &request)).await?;
        self.secrets.withhold_in_json(&mut result.document);
        Ok(result)
    }

    async fn list_statements(
        &self,
        request: ListStatementsRequest,
    ) -> Result<StatementList, Failure> {
        let target = self.target(request.target.as_deref())?;
        let warehouse = &self.backend.ports.warehouse;
        let mut list = self.read(|| warehouse.list(&target, &request)).await?;
        list.document = self.clean_document(&list.document);
        self.own_of_list(list).await
    }

    async fn latest(&self, request: LatestRequest) -> Result<Option<Entry>, Failure> {
        let Some(arn) = request
            .execution_arn
            .as_ref()
            .or(self.execution_arn.as_ref())
        else {
            return Err(Failure::InvalidRequest(detail(
                names::INVALID_REQUEST,
                "the latest statement of which execution? Pass `\"executionArn.$\": \"$$.Execution.Id\"`",
                false,
            )));
        };
        let found = self
            .in_time(
                self.backend
                    .store
                    .latest_of(arn, request.step.as_deref(), self.bounds()),
            )
            .await?;
        let found = found.map_err(|error| self.of_ledger(&error))?;
        let record = match found {
            Some(Latest::Record(stored)) => stored.record,
            Some(Latest::Original(row)) => return self.entry_of_original(&row).await.map(Some),
            None => return Ok(None),
        };
        let statement_id = record.statement_id().map(str::to_owned);
        Ok(record.statement.map(|statement| Entry {
            statement_id,
            target: statement.target,
            action: statement.action,
            step: statement.step,
            recorded_at: u64::try_from(record.recorded_at).unwrap_or_default(),
        }))
    }

    async fn heartbeat(&self) -> Result<(), Failure> {
        let Some(Waiting::Task(token)) = &self.waiting else {
            return Ok(());
        };
        let sent = self
            .in_time(self.backend.ports.callbacks.heartbeat(token))
            .await?;
        sent.map_err(|error| failure::of_send(&error))
    }
}

impl EventServices {
    /// So many of the seconds for which Redshift is asked to wait as there is time for; none if there is none.
    pub(super) fn wait_in_time(&self, asked: Option<u32>) -> Option<u32> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let seconds = left.saturating_sub(WAIT_RESERVE).as_secs();
        asked
            .map(|asked| asked.min(u32::try_from(seconds).unwrap_or(u32::MAX)))
            .filter(|seconds| *seconds > 0)
    }

    /// The number of the next statement that is not bound to the task.
    pub(super) fn next_unbound(&self) -> u32 {
        self.unbound_starts.fetch_add(1, Ordering::Relaxed)
    }

    /// The event, as far as its host calls may go.
    pub(super) fn call_in_time(&self) -> Call {
        Call {
            deadline: self.deadline,
            ..self.call.clone()
        }
    }

    /// When host calls of this event are cut off.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }
}
