//! What the ports of a program with a bug do.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use serde_json::{Value, json};
use signalbox_policy::contract::{
    CancelledStatement, GetStatementResultRequest, ListStatementsRequest, ResultFormat,
    StartedStatement, StatementDescription, StatementList, StatementResult,
};
use signalbox_tasker::ports::{
    Callbacks, CustomResources, Execution, ExecutionError, ExecutionStatus, Expect, Item, Key,
    Ledger, LedgerError, ListedPage, Page, Query, ResponseUrl, SendError, ServiceError,
    ServiceErrorKind, Sql, StartStatement, TaskToken, Warehouse, Write, WriteError,
};

use super::{Bug, Spoiled};
use crate::services::{Caller, Told};

impl Spoiled {
    /// Acknowledges an answer; true if it is to be sent later.
    fn holds(&self, token: &str, told: Told) -> bool {
        let holds = self.bug == Bug::MarkBeforeSend;
        if holds {
            self.held.lock().unwrap().push((token.to_owned(), told));
        }
        holds
    }

    async fn send_held(&self) {
        let held = std::mem::take(&mut *self.held.lock().unwrap());
        for (token, told) in held {
            let token = TaskToken::new(token);
            let _ = match told {
                Told::Succeeded(output) => self.door.succeed(&token, &output).await,
                Told::Failed(error, cause) => {
                    let (error, cause) = (error.as_deref(), cause.as_deref());
                    self.door.fail(&token, error, cause).await
                }
            };
        }
    }

    /// Whether an item is the record that a work's key has just led to: there seems to be none.
    fn hides(&self, key: &Key, item: Option<&Item>) -> bool {
        let mut hidden = self.hidden.lock().unwrap();
        if key.id.starts_with("key#") {
            let id = item.and_then(|item| item.body.get("recordId"));
            *hidden = id.and_then(Value::as_str).map(|id| format!("task#{id}"));
            return false;
        }
        hidden.take_if(|hidden| *hidden == key.id).is_some()
    }

    /// Starts what a record speaks of, if it is none of a start that came through.
    async fn start_again(&self, item: &Item) {
        let text = |of: Option<&Value>| of.and_then(Value::as_str).map(str::to_owned);
        let statement = item.body.get("statement");
        let of_statement = |name: &str| text(statement.and_then(|it| it.get(name)));
        let phase = text(item.body.get("phase")).unwrap_or_default();
        let id = text(item.body.get("recordId"));
        let parts = (of_statement("sqlHead"), of_statement("target"), id);
        let (Some(sql), Some(target), Some(id)) = parts else {
            return;
        };
        if !["reserved", "starting"].contains(&phase.as_str()) {
            return;
        }
        let start = StartStatement {
            sql: Sql::One(sql),
            parameters: Vec::new(),
            result_format: ResultFormat::Json,
            session_id: None,
            session_keep_alive_seconds: None,
            wait_seconds: None,
            statement_name: format!("sbx-{}:{id}", crate::run::DEPLOYMENT),
            client_token: id,
            with_event: true,
        };
        let _ = self.door.start(&target, &start).await;
    }
}

#[async_trait]
impl Warehouse for Spoiled {
    async fn start(
        &self,
        target: &str,
        start: &StartStatement,
    ) -> Result<StartedStatement, ServiceError> {
        let mut start = start.clone();
        if self.bug == Bug::NoClientToken {
            start.client_token.clear();
        }
        self.door.start(target, &start).await
    }

    async fn describe(
        &self,
        target: &str,
        id: &str,
        wait_seconds: Option<u32>,
    ) -> Result<StatementDescription, ServiceError> {
        if let (Bug::EventBelieved, Some(status)) = (self.bug, self.claim.status) {
            return Ok(StatementDescription {
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
                document: "{}".to_owned(),
            });
        }
        let _turn = match self.bug {
            Bug::OneAfterTheOther => Some(self.turns.lock().await),
            _ => None,
        };
        let described = self.door.describe(target, id, wait_seconds).await;
        self.silence.store(described.is_err(), Ordering::Relaxed);
        described
    }

    async fn cancel(&self, target: &str, id: &str) -> Result<CancelledStatement, ServiceError> {
        self.door.cancel(target, id).await
    }

    async fn result(
        &self,
        target: &str,
        request: &GetStatementResultRequest,
    ) -> Result<StatementResult, ServiceError> {
        let mut read = self.door.result(target, request).await;
        if let (Bug::RowsGivenUp, Err(error)) = (self.bug, &mut read) {
            error.kind = ServiceErrorKind::Invalid;
        }
        read
    }

    async fn list(
        &self,
        target: &str,
        request: &ListStatementsRequest,
    ) -> Result<StatementList, ServiceError> {
        self.door.list(target, request).await
    }

    async fn list_named(
        &self,
        target: &str,
        name: &str,
        next: Option<&str>,
    ) -> Result<ListedPage, ServiceError> {
        self.door.list_named(target, name, next).await
    }
}

#[async_trait]
impl Callbacks for Spoiled {
    async fn succeed(&self, token: &TaskToken, output: &str) -> Result<(), SendError> {
        match self.holds(token.reveal(), Told::Succeeded(output.to_owned())) {
            true => Ok(()),
            false => self.door.succeed(token, output).await,
        }
    }

    async fn fail(
        &self,
        token: &TaskToken,
        error: Option<&str>,
        cause: Option<&str>,
    ) -> Result<(), SendError> {
        let told = Told::Failed(error.map(str::to_owned), cause.map(str::to_owned));
        match self.holds(token.reveal(), told) {
            true => Ok(()),
            false => self.door.fail(token, error, cause).await,
        }
    }

    async fn heartbeat(&self, token: &TaskToken) -> Result<(), SendError> {
        self.door.heartbeat(token).await
    }

    async fn describe_execution(&self, arn: &str) -> Result<Execution, ExecutionError> {
        if let (Bug::StopBelieved, Some(at)) = (self.bug, self.claim.stopped_at) {
            return Ok(Execution {
                status: ExecutionStatus::Aborted,
                stopped_at: Some(at),
            });
        }
        self.door.describe_execution(arn).await
    }
}

#[async_trait]
impl CustomResources for Spoiled {
    fn check(&self, url: &ResponseUrl) -> Result<(), String> {
        self.door.check(url)
    }

    async fn respond(&self, url: &ResponseUrl, response: &str) -> Result<(), SendError> {
        self.door.respond(url, response).await
    }
}

#[async_trait]
impl Ledger for Spoiled {
    async fn get(&self, now: i64, key: &Key) -> Result<Option<Item>, LedgerError> {
        let mut item = self.door.get(now, key).await?;
        if let (Bug::SessionShared, Some(item)) = (self.bug, &mut item)
            && key.id.starts_with("session#")
        {
            item.body.remove("recordId");
        }
        if self.bug == Bug::SweepStarts
            && self.door.caller == Caller::Sweep
            && let Some(item) = &item
        {
            self.start_again(item).await;
        }
        if self.bug == Bug::WorkStartedAgain && self.hides(key, item.as_ref()) {
            return Ok(None);
        }
        Ok(item)
    }

    async fn write(&self, now: i64, mut writes: Vec<Write>) -> Result<(), WriteError> {
        let mut freed = Vec::new();
        for write in &mut writes {
            let Write::Put { item, expect } = write else {
                continue;
            };
            let phase = item.body.get("phase").and_then(Value::as_str);
            match (self.bug, phase) {
                // The answer is lost on its way to the ledger.
                (Bug::AnswerRecomputed, Some("decided"))
                    if matches!(expect, Expect::Revision(_)) =>
                {
                    item.body.insert("phase".to_owned(), json!("started"));
                    item.body.remove("answer");
                }
                (Bug::LockReleasedEarly, Some("started")) => {
                    let lock = item.body.get("statement").and_then(|it| it.get("lock"));
                    freed.extend(lock.and_then(Value::as_str).map(|scope| Write::Delete {
                        key: Key::new(format!("lock#{scope}"), "lock"),
                        expect: Expect::Any,
                    }));
                }
                _ => {}
            }
        }
        writes.append(&mut freed);
        let written = self.door.write(now, writes).await;
        self.send_held().await;
        written
    }

    async fn query(&self, now: i64, query: &Query) -> Result<Page, LedgerError> {
        if self.bug != Bug::OneListForAll {
            return self.door.query(now, query).await;
        }
        let _turn = self.turns.lock().await;
        if self.list_failed.load(Ordering::Relaxed) {
            let reason = "another list could not be read".to_owned();
            return Err(LedgerError::Unavailable(reason));
        }
        let read = self.door.query(now, query).await;
        self.list_failed.store(read.is_err(), Ordering::Relaxed);
        read
    }
}
