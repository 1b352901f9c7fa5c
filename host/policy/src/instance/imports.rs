//! The imports: the one implementation of the generated traits.
//!
//! Each call of a service is counted, its time is the host's and not the guest's, and what the contract says
//! about order and sizes is checked before it is passed on.

use std::sync::Arc;

use wasmtime::{Result, component::Resource};

use crate::{
    contract::{
        BatchExecuteStatementRequest, CancelStatementRequest, CancelledStatement,
        DescribeStatementRequest, Entry, ExecuteStatementRequest, Failure,
        GetStatementResultRequest, LatestRequest, Level, ListStatementsRequest, StartedStatement,
        StatementDescription, StatementList, StatementResult, TaskHandle, Waiter,
        bindings::signalbox::policy::{callbacks, clock, ledger, log, redshift_data, types},
    },
    instance::{rules, state::State},
    services::Services,
};

impl State {
    /// Calls a service, if `allowed`. The outer error ends the guest, the inner one is told to it.
    async fn serve<T, F>(
        &mut self,
        allowed: Result<(), Failure>,
        call: impl FnOnce(Arc<dyn Services>) -> F,
    ) -> Result<Result<T, Failure>>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let services = self.enter_host()?;
        let result = match allowed {
            Ok(()) => call(services).await,
            Err(refused) => Err(refused),
        };
        self.enter_guest()?;
        Ok(result)
    }
}

impl redshift_data::Host for State {
    async fn execute_statement(
        &mut self,
        task: Option<Resource<TaskHandle>>,
        request: ExecuteStatementRequest,
    ) -> Result<Result<StartedStatement, Failure>> {
        let bound = task.is_some();
        let allowed = self
            .task
            .may_start(bound)
            .and_then(|()| rules::execute(&request));
        let result = self
            .serve(allowed, |services| async move {
                services.execute_statement(bound, request).await
            })
            .await?;
        self.task.note_start(bound, &result);
        Ok(result)
    }

    async fn batch_execute_statement(
        &mut self,
        task: Option<Resource<TaskHandle>>,
        request: BatchExecuteStatementRequest,
    ) -> Result<Result<StartedStatement, Failure>> {
        let bound = task.is_some();
        let allowed = self
            .task
            .may_start(bound)
            .and_then(|()| rules::batch_execute(&request));
        let result = self
            .serve(allowed, |services| async move {
                services.batch_execute_statement(bound, request).await
            })
            .await?;
        self.task.note_start(bound, &result);
        Ok(result)
    }

    async fn describe_statement(
        &mut self,
        request: DescribeStatementRequest,
    ) -> Result<Result<StatementDescription, Failure>> {
        let allowed = rules::describe(&request);
        let result = self
            .serve(allowed, |services| async move {
                services.describe_statement(request).await
            })
            .await?;
        if let Ok(description) = &result {
            self.task.note_description(description);
        }
        Ok(result)
    }

    async fn cancel_statement(
        &mut self,
        request: CancelStatementRequest,
    ) -> Result<Result<CancelledStatement, Failure>> {
        let allowed = self
            .task
            .may_act("statements cannot be cancelled")
            .and_then(|()| rules::cancel(&request));
        self.serve(allowed, |services| async move {
            services.cancel_statement(request).await
        })
        .await
    }

    async fn get_statement_result(
        &mut self,
        request: GetStatementResultRequest,
    ) -> Result<Result<StatementResult, Failure>> {
        let allowed = rules::get_result(&request);
        self.serve(allowed, |services| async move {
            services.get_statement_result(request).await
        })
        .await
    }

    async fn list_statements(
        &mut self,
        request: ListStatementsRequest,
    ) -> Result<Result<StatementList, Failure>> {
        let allowed = rules::list(&request);
        self.serve(allowed, |services| async move {
            services.list_statements(request).await
        })
        .await
    }
}

impl ledger::Host for State {
    async fn latest(&mut self, request: LatestRequest) -> Result<Result<Option<Entry>, Failure>> {
        let allowed = rules::latest(&request);
        self.serve(
            allowed,
            |services| async move { services.latest(request).await },
        )
        .await
    }
}

impl callbacks::Host for State {}

/// There is one task in a call, so every handle stands for it. What takes no time in the host stays on the
/// guest's clock.
impl callbacks::HostTask for State {
    async fn waiter(&mut self, _: Resource<TaskHandle>) -> Result<Waiter> {
        Ok(self.task.waiter())
    }

    async fn succeed(
        &mut self,
        _: Resource<TaskHandle>,
        output: String,
    ) -> Result<Result<(), Failure>> {
        Ok(self.task.succeed(output))
    }

    async fn fail(
        &mut self,
        _: Resource<TaskHandle>,
        error: String,
        cause: String,
    ) -> Result<Result<(), Failure>> {
        Ok(self.task.fail(error, cause))
    }

    async fn heartbeat(&mut self, _: Resource<TaskHandle>) -> Result<Result<(), Failure>> {
        self.serve(Ok(()), |services| async move { services.heartbeat().await })
            .await
    }

    async fn drop(&mut self, _: Resource<TaskHandle>) -> Result<()> {
        Ok(())
    }
}

impl clock::Host for State {
    async fn now(&mut self) -> Result<u64> {
        Ok(self.now)
    }
}

impl log::Host for State {
    async fn write(
        &mut self,
        level: Level,
        message: String,
        fields: Vec<log::Field>,
    ) -> Result<()> {
        let fields = fields
            .iter()
            .map(|field| (field.name.as_str(), field.value.as_str()));
        self.log.write(level, &message, fields);
        Ok(())
    }
}

impl types::Host for State {}
