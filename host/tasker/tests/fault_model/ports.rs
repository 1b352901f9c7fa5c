//! The ports of the domain, each a door to the services of the model.

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

use super::{faults::Seen, services::Told, world::Door};

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
        self.world.control().asked[self.actor] = true;
        self.call(
            "ExecuteStatement",
            move |services, now| services.start(caller, now, &target, &start),
            |seen| Err(of_redshift(seen)),
        )
        .await
    }

    async fn describe(
        &self,
        _: &str,
        id: &str,
        _: Option<u32>,
    ) -> Result<StatementDescription, ServiceError> {
        let id = id.to_owned();
        self.call(
            "DescribeStatement",
            move |services, now| services.describe(now, &id),
            |seen| Err(of_redshift(seen)),
        )
        .await
    }

    async fn cancel(&self, _: &str, id: &str) -> Result<CancelledStatement, ServiceError> {
        let id = id.to_owned();
        self.call(
            "CancelStatement",
            move |services, now| services.cancel(now, &id),
            |seen| Err(of_redshift(seen)),
        )
        .await
    }

    async fn result(
        &self,
        _: &str,
        _: &GetStatementResultRequest,
    ) -> Result<StatementResult, ServiceError> {
        Err(of_redshift(Seen::Denied))
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
        _: &str,
        name: &str,
        next: Option<&str>,
    ) -> Result<ListedPage, ServiceError> {
        let (name, next) = (name.to_owned(), next.map(str::to_owned));
        self.call(
            "ListStatements",
            move |services, now| Ok(services.list_named(now, &name, next.as_deref())),
            |seen| Err(of_redshift(seen)),
        )
        .await
    }
}

#[async_trait]
impl Callbacks for Door {
    async fn succeed(&self, token: &TaskToken, output: &str) -> Result<(), SendError> {
        let (token, told) = (token.clone(), Told::Succeeded(output.to_owned()));
        self.call(
            "SendTaskSuccess",
            move |services, now| services.answer(now, token.reveal(), told.clone()),
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
        let token = token.clone();
        self.call(
            "SendTaskFailure",
            move |services, now| services.answer(now, token.reveal(), told.clone()),
            |seen| Err(of_step_functions(seen)),
        )
        .await
    }

    async fn heartbeat(&self, token: &TaskToken) -> Result<(), SendError> {
        let token = token.clone();
        self.call(
            "SendTaskHeartbeat",
            move |services, now| services.heartbeat(now, token.reveal()),
            |seen| Err(of_step_functions(seen)),
        )
        .await
    }

    async fn describe_execution(&self, arn: &str) -> Result<Execution, ExecutionError> {
        let message = "a fault of the model".to_owned();
        let arn = arn.to_owned();
        self.call(
            "DescribeExecution",
            move |services, _| Ok(services.execution(&arn)),
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
        let (url, response) = (url.clone(), response.to_owned());
        self.call(
            "PUT",
            move |services, now| services.respond(now, url.reveal(), &response),
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
        let key = key.clone();
        let item = self
            .call(
                "GetItem",
                move |services, _| Ok(services.items.get(now, &key).cloned()),
                |seen| Err(of_ledger(seen)),
            )
            .await;
        self.world.control().blind[self.actor] = item.is_err();
        item
    }

    async fn write(&self, now: i64, writes: Vec<Write>) -> Result<(), WriteError> {
        // What is written beside a record tells nothing of the record.
        let is_of_record = writes.iter().any(|write| match write {
            Write::Put { item, .. } => item.key.id.starts_with("task#"),
            Write::Delete { key, .. } => key.id.starts_with("task#"),
        });
        let name = match is_of_record {
            true => "TransactWriteItems",
            false => "PutItem",
        };
        let written = self
            .call(
                name,
                move |services, _| {
                    let written = services.items.write(now, &writes);
                    written.map_err(WriteError::Conflict)
                },
                |seen| Err(of_ledger(seen).into()),
            )
            .await;
        if is_of_record {
            self.world.control().blind[self.actor] = matches!(written, Err(WriteError::Ledger(_)));
        }
        written
    }

    async fn query(&self, now: i64, query: &Query) -> Result<Page, LedgerError> {
        let query = query.clone();
        self.call(
            "Query",
            move |services, _| Ok(services.items.query(now, &query)),
            |seen| Err(of_ledger(seen)),
        )
        .await
    }
}
