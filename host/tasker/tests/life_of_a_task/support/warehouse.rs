use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use signalbox_policy::contract::{
    CancelledStatement, GetStatementResultRequest, ListStatementsRequest, ResultFormat,
    StartedStatement, StatementDescription, StatementList, StatementResult, StatementStatus,
};
use signalbox_tasker::ports::{
    Listed, ListedPage, ServiceError, ServiceErrorKind, Sql, StartStatement, Warehouse,
};
use tokio::sync::Notify;

#[derive(Debug, Clone)]
pub struct Running {
    pub id: String,
    pub name: String,
    pub sql: Sql,
    pub status: StatementStatus,
    pub error: Option<String>,
    pub with_event: bool,
    pub cancels: u32,
    pub session_id: Option<String>,
}

#[derive(Debug, Clone)]
pub enum StartFault {
    /// Fails and does nothing.
    Before(ServiceErrorKind, &'static str),
    /// Starts the statement, and fails.
    After(ServiceErrorKind, &'static str),
    /// Starts the statement and never answers.
    Hang,
    /// Waits to be released, then starts the statement.
    Stall(Arc<Notify>),
    /// Waits to be released, then refuses the statement.
    Refuse(Arc<Notify>, &'static str),
    /// Too many calls.
    Throttle,
    /// Is lost on its way, and arrives when [`FakeWarehouse::arrive`] is called.
    Underway(ServiceErrorKind, &'static str),
}

#[derive(Default)]
pub struct FakeWarehouse {
    statements: Mutex<BTreeMap<String, Running>>,
    pub start_faults: Mutex<Vec<StartFault>>,
    /// What every start gets instead.
    pub start_fault: Mutex<Option<(ServiceErrorKind, &'static str)>>,
    pub calls: Mutex<Vec<String>>,
    /// What the reply to a start has beside the ids.
    pub reply_fields: Mutex<Value>,
    /// Cancels are taken and do nothing.
    pub deaf_to_cancel: AtomicBool,
    /// The status of a statement when its start returns.
    pub status_at_start: Mutex<Option<StatementStatus>>,
    /// What every describe gets instead.
    pub describe_fault: Mutex<Option<(ServiceErrorKind, &'static str)>>,
    /// Calls that nothing answers, as `describe other`: the call and its target.
    pub hanging_calls: Mutex<BTreeSet<String>>,
    /// Statements of which no describe answers, by their names.
    pub hanging: Mutex<BTreeSet<String>>,
    /// Statements of which a describe panics, by their names: an adapter with a defect.
    pub panicking: Mutex<BTreeSet<String>>,
    /// What the next cancels get instead.
    pub cancel_faults: Mutex<Vec<(ServiceErrorKind, &'static str)>>,
    /// How long a describe takes.
    pub describe_takes: Mutex<Duration>,
    /// What the next reads of a result get instead.
    pub result_faults: Mutex<Vec<(ServiceErrorKind, &'static str)>>,
    /// What every list gets instead.
    pub list_fault: Mutex<Option<(ServiceErrorKind, &'static str)>>,
    /// Lists show nothing of this deployment.
    pub unlisted: AtomicBool,
    /// The seconds that each start asked to wait.
    pub waits: Mutex<Vec<Option<u32>>>,
    /// The ClientTokens of starts that were refused, which are refused again.
    refused_tokens: Mutex<BTreeSet<String>>,
    underway: Mutex<Vec<StartStatement>>,
    /// Sessions that are open.
    pub sessions: Mutex<BTreeSet<String>>,
}

impl FakeWarehouse {
    pub fn started(&self) -> Vec<Running> {
        self.statements.lock().unwrap().values().cloned().collect()
    }

    pub fn id_of(&self, name: &str) -> Option<String> {
        self.statements
            .lock()
            .unwrap()
            .values()
            .find(|s| s.name == name)
            .map(|s| s.id.clone())
    }

    pub fn end(&self, name: &str, status: StatementStatus) {
        for statement in self
            .statements
            .lock()
            .unwrap()
            .values_mut()
            .filter(|s| s.name == name)
        {
            statement.status = status;
            if status == StatementStatus::Failed {
                statement.error = Some("ERROR: no such function password 'hunter2'".to_owned());
            }
        }
    }

    /// Ends a statement with this message of the engine.
    pub fn fail(&self, name: &str, message: &str) {
        self.end(name, StatementStatus::Failed);
        let mut statements = self.statements.lock().unwrap();
        for statement in statements.values_mut().filter(|s| s.name == name) {
            statement.error = Some(message.to_owned());
        }
    }

    /// Starts that were lost on their way arrive.
    pub fn arrive(&self) {
        for start in self.underway.lock().unwrap().drain(..) {
            self.take(&start, StatementStatus::Started, None);
        }
    }

    /// The statement of a start: the known one of its token, or a new one.
    fn take(
        &self,
        start: &StartStatement,
        status: StatementStatus,
        session_id: Option<String>,
    ) -> Running {
        let mut statements = self.statements.lock().unwrap();
        let number = statements.len() + 1;
        let statement = statements
            .entry(start.client_token.clone())
            .or_insert_with(|| Running {
                id: format!("00000000-0000-4000-8000-{number:012}"),
                name: start.statement_name.clone(),
                sql: start.sql.clone(),
                status,
                error: None,
                with_event: start.with_event,
                cancels: 0,
                session_id,
            });
        statement.clone()
    }

    pub fn forget_all(&self) {
        self.statements.lock().unwrap().clear();
    }

    pub fn count(&self, call: &str) -> usize {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .filter(|made| *made == call)
            .count()
    }

    /// The next start waits until it is released.
    pub fn stall_next_start(&self) -> Arc<Notify> {
        let release = Arc::new(Notify::new());
        self.start_faults
            .lock()
            .unwrap()
            .push(StartFault::Stall(Arc::clone(&release)));
        release
    }

    pub async fn until_called(&self, call: &str) {
        while self.count(call) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// From now on nothing answers these calls to a target.
    pub fn hang(&self, call: &str, target: &str) {
        let mut calls = self.hanging_calls.lock().unwrap();
        calls.insert(format!("{call} {target}"));
    }

    async fn may_hang(&self, call: &str, target: &str) {
        let hangs = {
            let calls = self.hanging_calls.lock().unwrap();
            calls.contains(&format!("{call} {target}"))
        };
        if hangs {
            std::future::pending::<()>().await;
        }
    }

    fn note(&self, call: &str) {
        self.calls.lock().unwrap().push(call.to_owned());
    }
}

fn is_over(status: StatementStatus) -> bool {
    matches!(
        status,
        StatementStatus::Finished | StatementStatus::Failed | StatementStatus::Aborted
    )
}

fn error(kind: ServiceErrorKind, code: &str) -> ServiceError {
    ServiceError {
        kind,
        code: code.to_owned(),
        message: "refused".to_owned(),
        statement_id: None,
        document: None,
    }
}

#[async_trait]
impl Warehouse for FakeWarehouse {
    async fn start(
        &self,
        target: &str,
        start: &StartStatement,
    ) -> Result<StartedStatement, ServiceError> {
        self.note("start");
        self.waits.lock().unwrap().push(start.wait_seconds);
        if self
            .refused_tokens
            .lock()
            .unwrap()
            .contains(&start.client_token)
        {
            return Err(error(ServiceErrorKind::Invalid, "AnOldFailure"));
        }
        let fault = {
            let mut faults = self.start_faults.lock().unwrap();
            (!faults.is_empty()).then(|| faults.remove(0))
        };
        if let Some((kind, code)) = *self.start_fault.lock().unwrap() {
            return Err(error(kind, code));
        }
        if let Some(StartFault::Before(kind, code)) = fault {
            if kind != ServiceErrorKind::Unclear {
                let mut refused = self.refused_tokens.lock().unwrap();
                refused.insert(start.client_token.clone());
            }
            return Err(error(kind, code));
        }
        if let Some(StartFault::Throttle) = fault {
            return Err(error(ServiceErrorKind::Throttled, "ThrottlingException"));
        }
        if let Some(StartFault::Underway(kind, code)) = fault {
            self.underway.lock().unwrap().push(start.clone());
            return Err(error(kind, code));
        }
        if let Some(StartFault::Refuse(release, code)) = &fault {
            release.notified().await;
            return Err(error(ServiceErrorKind::Invalid, code));
        }
        if let Some(StartFault::Stall(release)) = &fault {
            release.notified().await;
        }
        let session_id = {
            let mut sessions = self.sessions.lock().unwrap();
            match &start.session_id {
                Some(id) if !sessions.contains(id) => {
                    return Err(error(ServiceErrorKind::SessionLost, "ValidationException"));
                }
                Some(id) => Some(id.clone()),
                None if start.session_keep_alive_seconds.unwrap_or_default() > 0 => {
                    let number = self.count("start");
                    let id = format!("99999999-0000-4000-8000-{number:012}");
                    sessions.insert(id.clone());
                    Some(id)
                }
                None => None,
            }
        };
        let status = self
            .status_at_start
            .lock()
            .unwrap()
            .unwrap_or(StatementStatus::Submitted);
        let started = {
            let statement = self.take(start, status, session_id);
            StartedStatement {
                id: statement.id.clone(),
                target: target.to_owned(),
                status,
                session_id: statement.session_id.clone(),
                has_result_set: None,
                document: {
                    let fields = self.reply_fields.lock().unwrap();
                    let mut document = fields.as_object().cloned().unwrap_or_default();
                    document.insert("Id".to_owned(), json!(statement.id));
                    if let Some(session) = &statement.session_id {
                        document.insert("SessionId".to_owned(), json!(session));
                    }
                    Value::Object(document).to_string()
                },
            }
        };
        match fault {
            Some(StartFault::After(kind, code)) => Err(error(kind, code)),
            Some(StartFault::Hang) => std::future::pending().await,
            _ => Ok(started),
        }
    }

    async fn describe(
        &self,
        target: &str,
        id: &str,
        _: Option<u32>,
    ) -> Result<StatementDescription, ServiceError> {
        self.note("describe");
        let takes = *self.describe_takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        let name = {
            let statements = self.statements.lock().unwrap();
            let statement = statements.values().find(|s| s.id == id);
            statement.map(|statement| statement.name.clone())
        };
        let is_among = |names: &Mutex<BTreeSet<String>>| {
            let name = name.as_ref();
            name.is_some_and(|name| names.lock().unwrap().contains(name))
        };
        assert!(!is_among(&self.panicking), "a defect of the adapter");
        if is_among(&self.hanging) {
            std::future::pending::<()>().await;
        }
        self.may_hang("describe", target).await;
        if let Some((kind, code)) = *self.describe_fault.lock().unwrap() {
            return Err(error(kind, code));
        }
        let statements = self.statements.lock().unwrap();
        let Some(statement) = statements.values().find(|s| s.id == id) else {
            return Err(error(
                ServiceErrorKind::NotFound,
                "ResourceNotFoundException",
            ));
        };
        Ok(StatementDescription {
            id: id.to_owned(),
            status: statement.status,
            error: statement.error.clone(),
            duration_ns: Some(1),
            has_result_set: false,
            result_rows: Some(0),
            result_size: None,
            result_format: ResultFormat::Json,
            session_id: statement.session_id.clone(),
            created_at: None,
            updated_at: None,
            sub_statements: Vec::new(),
            document: json!({"Id": id, "Error": statement.error}).to_string(),
        })
    }

    async fn cancel(&self, target: &str, id: &str) -> Result<CancelledStatement, ServiceError> {
        self.note("cancel");
        self.may_hang("cancel", target).await;
        let mut statements = self.statements.lock().unwrap();
        let Some(statement) = statements.values_mut().find(|s| s.id == id) else {
            return Err(error(
                ServiceErrorKind::NotFound,
                "ResourceNotFoundException",
            ));
        };
        statement.cancels += 1;
        let fault = self.cancel_faults.lock().unwrap().pop();
        if let Some((kind, code)) = fault {
            return Err(error(kind, code));
        }
        if is_over(statement.status) {
            return Err(error(ServiceErrorKind::Invalid, "ValidationException"));
        }
        if !self.deaf_to_cancel.load(Ordering::Relaxed)
            && matches!(
                statement.status,
                StatementStatus::Submitted | StatementStatus::Started
            )
        {
            statement.status = StatementStatus::Aborted;
        }
        Ok(CancelledStatement {
            status: true,
            document: "{\"Status\":true}".to_owned(),
        })
    }

    async fn result(
        &self,
        target: &str,
        _: &GetStatementResultRequest,
    ) -> Result<StatementResult, ServiceError> {
        self.note("result");
        self.may_hang("result", target).await;
        if let Some((kind, code)) = self.result_faults.lock().unwrap().pop() {
            return Err(error(kind, code));
        }
        Ok(StatementResult {
            next_token: None,
            total_rows: 0,
            document: "{}".to_owned(),
        })
    }

    async fn list(
        &self,
        _: &str,
        _: &ListStatementsRequest,
    ) -> Result<StatementList, ServiceError> {
        self.note("list");
        Ok(StatementList {
            next_token: None,
            document: "{}".to_owned(),
        })
    }

    /// One statement a page, and one of a longer name before: a look-up has to read on and to compare whole names.
    async fn list_named(
        &self,
        target: &str,
        name: &str,
        next: Option<&str>,
    ) -> Result<ListedPage, ServiceError> {
        self.note("list_named");
        self.may_hang("list_named", target).await;
        if let Some((kind, code)) = *self.list_fault.lock().unwrap() {
            return Err(error(kind, code));
        }
        let unlisted = self.unlisted.load(Ordering::Relaxed);
        let statements = self.statements.lock().unwrap();
        let mut named: Vec<_> = statements
            .values()
            .filter(|s| s.name.starts_with(name) && !unlisted)
            .map(|s| Listed {
                id: s.id.clone(),
                statement_name: Some(s.name.clone()),
                status: s.status,
            })
            .collect();
        named.insert(
            0,
            Listed {
                id: "decoy".to_owned(),
                statement_name: Some(format!("{name}0")),
                status: StatementStatus::Started,
            },
        );
        let at: usize = next.map_or(0, |next| next.parse().unwrap());
        let next_token = (at + 1 < named.len()).then(|| (at + 1).to_string());
        Ok(ListedPage {
            statements: named.into_iter().skip(at).take(1).collect(),
            next_token,
        })
    }
}
