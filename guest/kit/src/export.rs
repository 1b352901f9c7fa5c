//! A policy as the exports of a component.

use crate::bindings::exports::signalbox::policy::handler::Guest;
use crate::bindings::exports::signalbox::policy::preparation::Guest as Preparation;
use crate::bindings::signalbox::policy::callbacks::Task;
use crate::bindings::signalbox::policy::{clock, ledger, log, redshift_data};
use crate::contract::{
    BatchExecuteStatementRequest, CancelStatementRequest, CancelledStatement, Closing,
    DescribeStatementRequest, Description, Entry, ExecuteStatementRequest, ExecutionMode, Failure,
    FailureDetail, Finding, GetStatementResultRequest, Invocation, LatestRequest, Level, OnStop,
    Rejection, Settlement, StartOptions, StartedStatement, StatementDescription, StatementResult,
    Waiter,
};
use crate::handle;
use crate::host::Host;
use crate::policy::{self, Policy};
use crate::settings;
use std::marker::PhantomData;

/// The exports of a component over the policy `P`. [`export_policy!`](crate::export_policy) uses it.
#[derive(Debug, Clone, Copy)]
pub struct Exported<P>(PhantomData<P>);

impl<P: Policy + Default + 'static> Guest for Exported<P> {
    fn describe() -> Description {
        policy::describe(&P::default())
    }

    fn validate_settings(settings: String) -> Result<Vec<Finding>, Vec<Finding>> {
        handle::validate_settings(&P::default(), &settings)
    }

    fn invoke(
        settings: String,
        invocation: Invocation,
        task: Option<&Task>,
    ) -> Result<String, Rejection> {
        handle::invoke(&P::default(), settings, &invocation, &Imports { task })
    }

    fn settle(settings: String, settlement: Settlement, task: &Task) {
        let imports = Imports { task: Some(task) };
        handle::settle(&P::default(), settings, &settlement, &imports);
    }

    fn closed(settings: String, closing: Closing) -> OnStop {
        handle::closed(&P::default(), settings, &closing, &Imports { task: None })
    }
}

impl<P: Policy + Default + 'static> Preparation for Exported<P> {
    fn prepare_settings(settings: String) -> Option<String> {
        settings::prepare(&settings)
    }
}

/// The imports of the contract.
struct Imports<'t> {
    task: Option<&'t Task>,
}

impl Imports<'_> {
    fn task(&self) -> Result<&Task, Failure> {
        self.task.ok_or_else(|| {
            Failure::NotFound(FailureDetail {
                code: "NoTask".to_owned(),
                message: "Nobody waits for this event.".to_owned(),
                retryable: false,
                statement_id: None,
                document: None,
            })
        })
    }
}

impl Host for Imports<'_> {
    fn waiter(&self) -> Option<Waiter> {
        self.task.map(Task::waiter)
    }

    fn succeed(&self, output: &str) -> Result<(), Failure> {
        self.task()?.succeed(output)
    }

    fn fail(&self, error: &str, cause: &str) -> Result<(), Failure> {
        self.task()?.fail(error, cause)
    }

    fn execute_statement(
        &self,
        request: &ExecuteStatementRequest,
    ) -> Result<StartedStatement, Failure> {
        redshift_data::execute_statement(self.task, request)
    }

    fn batch_execute_statement(
        &self,
        request: &BatchExecuteStatementRequest,
    ) -> Result<StartedStatement, Failure> {
        redshift_data::batch_execute_statement(self.task, request)
    }

    fn explain(
        &self,
        sqls: Vec<String>,
        execution_mode: ExecutionMode,
        options: StartOptions,
    ) -> Result<StartedStatement, Failure> {
        match <[String; 1]>::try_from(sqls) {
            Ok([sql]) => {
                redshift_data::execute_statement(None, &ExecuteStatementRequest { sql, options })
            }
            Err(sqls) => redshift_data::batch_execute_statement(
                None,
                &BatchExecuteStatementRequest {
                    sqls,
                    execution_mode,
                    options,
                },
            ),
        }
    }

    fn describe_statement(
        &self,
        request: &DescribeStatementRequest,
    ) -> Result<StatementDescription, Failure> {
        redshift_data::describe_statement(request)
    }

    fn cancel_statement(
        &self,
        request: &CancelStatementRequest,
    ) -> Result<CancelledStatement, Failure> {
        redshift_data::cancel_statement(request)
    }

    fn get_statement_result(
        &self,
        request: &GetStatementResultRequest,
    ) -> Result<StatementResult, Failure> {
        redshift_data::get_statement_result(request)
    }

    fn latest(&self, request: &LatestRequest) -> Result<Option<Entry>, Failure> {
        ledger::latest(request)
    }

    fn now(&self) -> u64 {
        clock::now()
    }

    fn log(&self, level: Level, message: &str, fields: &[(&str, &str)]) {
        let fields: Vec<log::Field> = fields
            .iter()
            .map(|(name, value)| log::Field {
                name: (*name).to_owned(),
                value: (*value).to_owned(),
            })
            .collect();
        log::write(level, message, &fields);
    }
}

/// Export a policy as a component: `export_policy!(Nightly);` once in a crate of type `cdylib`.
///
/// The type implements [`Policy`](crate::Policy) and `Default`. On any target but `wasm32` nothing is
/// exported, so that the crate builds and its tests run natively.
#[macro_export]
macro_rules! export_policy {
    ($policy:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Exported = $crate::Exported<$policy>;
    $crate::bindings::export!(Exported with_types_in $crate::bindings);
        };
    };
}
