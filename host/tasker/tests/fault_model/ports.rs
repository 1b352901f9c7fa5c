//! The ports of the domain, each a door to the services of the model.

use std::time::Duration;

use async_trait::async_trait;
use signalbox_policy::contract::{
    CancelledStatement, GetStatementResultRequest, ListStatementsRequest, StartedStatement,
    StatementDescription, StatementList, StatementResult,
};
use signalbox_tasker::ports::{
    Callbacks, CustomResources, Execution, ExecutionError, Item, Key, Ledger, LedgerError,
    ListedPage, Page, Query, ResponseUrl, SendError, ServiceError, ServiceErrorKind,
    StartStatement, TaskToken, Warehouse, Write, WriteError,
};
use tokio::time::{Instant, sleep_until};

use super::{
    faults::Seen,
    services::{About, Told},
    world::Door,
};

fn key_of(write: &Write) -> &Key {
    match write {
        Write::Put { item, .. } => &item.key,
        Write::Delete { key, .. } => key,
    }
}

fn of_redshift(seen: Seen) -> ServiceError {
    let (kind, code) = match seen {
        Seen::Unclear => (ServiceErrorKind::Unclear, "InternalServerException"),
        Seen::Throttled => (ServiceErrorKind::Throttled, "ThrottlingException"),
        Seen::Denied => (ServiceErrorKind::Denied, "AccessDeniedException"),
    };
    ServiceError {
        kind,
        code: code.to_owned(),
        message: "a fault of the model".to_owned(),
        statement_id: None,
        document: None,
    }
}

fn of_step_functions(seen: Seen) -> SendError {
    let message = "a fault of the model".to_owned();
    match seen {
        Seen::Unclear | Seen::Throttled => SendError::Passing {
            code: "ThrottlingException".to_owned(),
            message,
        },
        Seen::Denied => SendError::Denied {
            code: "AccessDeniedException".to_owned(),
            message,
        },
    }
}

fn of_ledger(seen: Seen) -> LedgerError {
    let message = "a fault of the model".to_owned();
    match seen {
        Seen::Unclear | Seen::Throttled => LedgerError::Unavailable(message),
        Seen::Denied => LedgerError::Refused(message),
    }
}

#[async_trait]
impl Warehouse for Door {
    async fn start(
        &self,
        target: &str,
        start: &StartStatement,
    ) -> Result<StartedStatement, ServiceError> {
        let (caller, target, start) = (self.caller, target.to_owned(), start.clone());
        let name = start.statement_name.clone();
        self.world.control().asked[self.actor] = true;
        let waits = start
            .wait_seconds
            .map(|seconds| Duration::from_secs(seconds.into()));
        let mut started = self
            .call(
                "ExecuteStatement",
                About::Name(&name),
                move |services, now| services.start(caller, now, &target, &start),
                |seen| Err(of_redshift(seen)),
            )
            .await?;
        if let Some(waits) = waits {
            let until = Instant::now() + waits;
            let over_at = self.world.services().over_at(&started.id);
            sleep_until(over_at.min(until)).await;
            started.status = self.world.services().status(Instant::now(), &started.id);
        }
        Ok(started)
    }

    async fn describe(
        &self,
        target: &str,
        id: &str,
        _: Option<u32>,
    ) -> Result<StatementDescription, ServiceError> {
        let (target, asked) = (target.to_owned(), id.to_owned());
        self.call(
            "DescribeStatement",
            About::Statement(id),
            move |services, now| services.describe(now, &target, &asked),
            |seen| Err(of_redshift(seen)),
        )
        .await
    }

    async fn cancel(&self, target: &str, id: &str) -> Result<CancelledStatement, ServiceError> {
        let (target, asked) = (target.to_owned(), id.to_owned());
        self.call(
            "CancelStatement",
            About::Statement(id),
            move |services, now| services.cancel(now, &target, &asked),
            |seen| Err(of_redshift(seen)),
        )
        .await
    }

    async fn result(
        &self,
        target: &str,
        request: &GetStatementResultRequest,
    ) -> Result<StatementResult, ServiceError> {
        let (target, asked) = (target.to_owned(), request.id.clone());
        self.call(
            "GetStatementResult",
            About::Statement(&request.id),
            move |services, now| services.rows(now, &target, &asked),
            |seen| Err(of_redshift(seen)),
        )
        .await
    }

    async fn list(
        &self,
        _: &str,
        _: &ListStatementsRequest,
    ) -> Result<StatementList, ServiceError> {
        Err(of_redshift(Seen::Denied))
    }

    async fn list_named(
        &self,
        target: &str,
        name: &str,
        next: Option<&str>,
    ) -> Result<ListedPage, ServiceError> {
        let (target, asked, next) = (target.to_owned(), name.to_owned(), next.map(str::to_owned));
        self.call(
            "ListStatements",
            About::Name(name),
            move |services, now| Ok(services.list_named(now, &target, &asked, next.as_deref())),
            |seen| Err(of_redshift(seen)),
        )
        .await
    }
}

#[async_trait]
impl Callbacks for Door {
    async fn succeed(&self, token: &TaskToken, output: &str) -> Result<(), SendError> {
        let (sent, told) = (token.clone(), Told::Succeeded(output.to_owned()));
        self.call(
            "SendTaskSuccess",
            About::Token(token.reveal()),
            move |services, now| services.answer(now, sent.reveal(), told.clone()),
            |seen| Err(of_step_functions(seen)),
        )
        .await
    }

    async fn fail(
        &self,
        token: &TaskToken,
        error: Option<&str>,
        cause: Option<&str>,
    ) -> Result<(), SendError> {
        let told = Told::Failed(error.map(str::to_owned), cause.map(str::to_owned));
        let sent = token.clone();
        self.call(
            "SendTaskFailure",
            About::Token(token.reveal()),
            move |services, now| services.answer(now, sent.reveal(), told.clone()),
            |seen| Err(of_step_functions(seen)),
        )
        .await
    }

    async fn heartbeat(&self, token: &TaskToken) -> Result<(), SendError> {
        let sent = token.clone();
        self.call(
            "SendTaskHeartbeat",
            About::Token(token.reveal()),
            move |services, now| services.heartbeat(now, sent.reveal()),
            |seen| Err(of_step_functions(seen)),
        )
        .await
    }

    async fn describe_execution(&self, arn: &str) -> Result<Execution, ExecutionError> {
        let message = "a fault of the model".to_owned();
        let asked = arn.to_owned();
        self.call(
            "DescribeExecution",
            About::Nothing,
            move |services, _| Ok(services.execution(&asked)),
            |seen| {
                let (code, message) = (format!("{seen:?}"), message.clone());
                Err(match seen {
                    Seen::Denied => ExecutionError::Denied { code, message },
                    _ => ExecutionError::Passing { code, message },
                })
            },
        )
        .await
    }
}

#[async_trait]
impl CustomResources for Door {
    fn check(&self, _: &ResponseUrl) -> Result<(), String> {
        Ok(())
    }

    async fn respond(&self, url: &ResponseUrl, response: &str) -> Result<(), SendError> {
        let (sent, response) = (url.clone(), response.to_owned());
        self.call(
            "PUT",
            About::Token(url.reveal()),
            move |services, now| services.respond(now, sent.reveal(), &response),
            |seen| match seen {
                // What a response's address denies, it denies for good.
                Seen::Denied => Err(of_step_functions(Seen::Throttled)),
                seen => Err(of_step_functions(seen)),
            },
        )
        .await
    }
}

#[async_trait]
impl Ledger for Door {
    async fn get(&self, now: i64, key: &Key) -> Result<Option<Item>, LedgerError> {
        let asked = key.clone();
        let item = self
            .call(
                "GetItem",
                About::Item(key),
                move |services, _| Ok(services.items.get(now, &asked).cloned()),
                |seen| Err(of_ledger(seen)),
            )
            .await;
        self.world.control().blind[self.actor] = item.is_err();
        item
    }

    async fn write(&self, now: i64, writes: Vec<Write>) -> Result<(), WriteError> {
        let mut keys = writes.iter().map(key_of);
        let record = keys.find(|key| key.id.starts_with("task#")).cloned();
        // What is written beside a record tells nothing of the record.
        let (name, about) = match &record {
            Some(key) => ("TransactWriteItems", About::Item(key)),
            None => ("PutItem", About::Nothing),
        };
        let written = self
            .call(
                name,
                about,
                move |services, _| {
                    let written = services.items.write(now, &writes);
                    written.map_err(WriteError::Conflict)
                },
                |seen| Err(of_ledger(seen).into()),
            )
            .await;
        // One that failed ends the start all the same, and then nothing is known of others that start.
        let failed = matches!(written, Err(WriteError::Ledger(_)));
        if record.is_some() || failed {
            self.world.control().blind[self.actor] = failed;
        }
        written
    }

    async fn query(&self, now: i64, query: &Query) -> Result<Page, LedgerError> {
        let asked = query.clone();
        self.call(
            "Query",
            About::List(&query.id),
            move |services, _| Ok(services.items.query(now, &asked)),
            |seen| Err(of_ledger(seen)),
        )
        .await
    }
}
