//! Made-up versions of the contract, and what a host does to have them.
//!
//! The contract in `wit/` is 0.1.0 and the newest that there is, so its types are the host's own. Here it is followed
//! by two others, and their records are made from the host's by name, which is for tests: a real version has its
//! conversions written out. What is real is the way of a call: an import of an old generation ends in the
//! implementation of the newest, and nowhere else.

use serde::{Serialize, de::DeserializeOwned};

/// The contract as it is.
use crate::contract::bindings::signalbox::policy as host;

/// A value of another version's type of the same form.
pub(super) fn like<T: Serialize, U: DeserializeOwned>(value: T) -> U {
    serde_json::from_value(serde_json::to_value(value).unwrap()).unwrap()
}

macro_rules! bindings {
    ($name:ident, $path:literal) => {
        #[allow(missing_docs, unreachable_pub, clippy::all)]
        pub(super) mod $name {
            wasmtime::component::bindgen!({
                path: $path,
                world: "policy",
                imports: { default: async | trappable },
                exports: { default: async },
                with: {
                    "signalbox:policy/callbacks.task": crate::contract::TaskHandle,
                },
                additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
            });
        }
    };
}

bindings!(v0_1_1, "tests/contract/0.1.1");
bindings!(v0_2, "tests/contract/0.2.0");
// When 0.2.0 is the newest, the contract of before is `wit/since_v0_1`.
bindings!(since_v0_1, "../../wit");

/// Has a generation's policies called, and its imports end in those of another. What is in braces are the functions of
/// `redshift-data` that start statements, and those of `ledger` that the other does not have.
macro_rules! generation {
    ($from:ident => $to:path, starts { $($starts:tt)* }, ledger { $($ledger:tt)* }) => {
        const _: () = {
            use async_trait::async_trait;
            use wasmtime::{Result as Called, Store, component::{InstancePre, Resource}};
            use $from::{
                Policy, PolicyPre,
                signalbox::policy::{
                    callbacks::{self, Waiter},
                    clock, ledger, log,
                    redshift_data::{self, *},
                    types::{self, Failure},
                },
            };
            use $to as to;
            use crate::{
                contract::{TaskHandle, Closing, Description, Finding, Invocation, OnStop as Stop, Rejection, Settlement},
                generation::{Guest, Prepared},
                instance::state::State,
            };

            impl types::Host for State {}
            impl callbacks::Host for State {}

            impl redshift_data::Host for State {
                $($starts)*

                async fn describe_statement(
                    &mut self,
                    request: DescribeStatementRequest,
                ) -> Called<Result<StatementDescription, Failure>> {
                    Ok(like(to::redshift_data::Host::describe_statement(self, like(request)).await?))
                }

                async fn cancel_statement(
                    &mut self,
                    request: CancelStatementRequest,
                ) -> Called<Result<CancelledStatement, Failure>> {
                    Ok(like(to::redshift_data::Host::cancel_statement(self, like(request)).await?))
                }

                async fn get_statement_result(
                    &mut self,
                    request: GetStatementResultRequest,
                ) -> Called<Result<StatementResult, Failure>> {
                    Ok(like(to::redshift_data::Host::get_statement_result(self, like(request)).await?))
                }

                async fn list_statements(
                    &mut self,
                    request: ListStatementsRequest,
                ) -> Called<Result<StatementList, Failure>> {
                    Ok(like(to::redshift_data::Host::list_statements(self, like(request)).await?))
                }
            }

            impl ledger::Host for State {
                async fn latest(
                    &mut self,
                    request: ledger::LatestRequest,
                ) -> Called<Result<Option<ledger::Entry>, Failure>> {
                    Ok(like(to::ledger::Host::latest(self, like(request)).await?))
                }

                $($ledger)*
            }

            impl callbacks::HostTask for State {
                async fn waiter(&mut self, task: Resource<TaskHandle>) -> Called<Waiter> {
                    Ok(like(to::callbacks::HostTask::waiter(self, task).await?))
                }

                async fn succeed(
                    &mut self,
                    task: Resource<TaskHandle>,
                    output: String,
                ) -> Called<Result<(), Failure>> {
                    Ok(like(to::callbacks::HostTask::succeed(self, task, output).await?))
                }

                async fn fail(
                    &mut self,
                    task: Resource<TaskHandle>,
                    error: String,
                    cause: String,
                ) -> Called<Result<(), Failure>> {
                    Ok(like(to::callbacks::HostTask::fail(self, task, error, cause).await?))
                }

                async fn heartbeat(
                    &mut self,
                    task: Resource<TaskHandle>,
                ) -> Called<Result<(), Failure>> {
                    Ok(like(to::callbacks::HostTask::heartbeat(self, task).await?))
                }

                async fn drop(&mut self, task: Resource<TaskHandle>) -> Called<()> {
                    to::callbacks::HostTask::drop(self, task).await
                }
            }

            impl clock::Host for State {
                async fn now(&mut self) -> Called<u64> {
                    to::clock::Host::now(self).await
                }
            }

            impl log::Host for State {
                async fn write(
                    &mut self,
                    level: log::Level,
                    message: String,
                    fields: Vec<log::Field>,
                ) -> Called<()> {
                    to::log::Host::write(self, like(level), message, like(fields)).await
                }
            }

            #[async_trait]
            impl Prepared for PolicyPre<State> {
                fn instance(&self) -> &InstancePre<State> {
                    self.instance_pre()
                }

                async fn instantiate(&self, store: &mut Store<State>) -> Called<Box<dyn Guest>> {
                    Ok(Box::new(self.instantiate_async(store).await?))
                }
            }

            #[async_trait]
            impl Guest for Policy {
                async fn describe(&self, store: &mut Store<State>) -> Called<Description> {
                    Ok(like(self.signalbox_policy_handler().call_describe(store).await?))
                }

                async fn validate_settings(
                    &self,
                    store: &mut Store<State>,
                    settings: &String,
                ) -> Called<Result<Vec<Finding>, Vec<Finding>>> {
                    let handler = self.signalbox_policy_handler();
                    Ok(like(handler.call_validate_settings(store, settings).await?))
                }

                async fn invoke(
                    &self,
                    store: &mut Store<State>,
                    settings: &String,
                    invocation: &Invocation,
                    task: Option<Resource<TaskHandle>>,
                ) -> Called<Result<String, Rejection>> {
                    let handler = self.signalbox_policy_handler();
                    Ok(like(handler.call_invoke(store, settings, &like(invocation), task).await?))
                }

                async fn settle(
                    &self,
                    store: &mut Store<State>,
                    settings: &String,
                    settlement: &Settlement,
                    task: Resource<TaskHandle>,
                ) -> Called<()> {
                    let handler = self.signalbox_policy_handler();
                    handler.call_settle(store, settings, &like(settlement), task).await
                }

                async fn closed(
                    &self,
                    store: &mut Store<State>,
                    settings: &String,
                    closing: &Closing,
                ) -> Called<Stop> {
                    let handler = self.signalbox_policy_handler();
                    Ok(like(handler.call_closed(store, settings, &like(closing)).await?))
                }
            }
        };
    };
}

// 0.1.1 has a new function, and everything else as it was.
generation!(v0_1_1 => host,
    starts {
        async fn execute_statement(
            &mut self,
            task: Option<Resource<TaskHandle>>,
            request: ExecuteStatementRequest,
        ) -> Called<Result<StartedStatement, Failure>> {
            Ok(like(to::redshift_data::Host::execute_statement(self, task, like(request)).await?))
        }

        async fn batch_execute_statement(
            &mut self,
            task: Option<Resource<TaskHandle>>,
            request: BatchExecuteStatementRequest,
        ) -> Called<Result<StartedStatement, Failure>> {
            Ok(like(to::redshift_data::Host::batch_execute_statement(self, task, like(request)).await?))
        }
    },
    ledger {
        async fn count(&mut self, request: ledger::LatestRequest) -> Called<Result<u32, Failure>> {
            let latest: Result<Option<ledger::Entry>, Failure> = ledger::Host::latest(self, request).await?;
            Ok(latest.map(|found| u32::from(found.is_some())))
        }
    }
);

// 0.2.0 is the newest: what it does with its new field is done for everybody.
generation!(v0_2 => host,
    starts {
        async fn execute_statement(
            &mut self,
            task: Option<Resource<TaskHandle>>,
            request: ExecuteStatementRequest,
        ) -> Called<Result<StartedStatement, Failure>> {
            let group = request.options.query_group.clone();
            let mut older: host::redshift_data::ExecuteStatementRequest = like(request);
            older.sql = format!("/* {} */ {}", group.as_deref().unwrap_or("no group"), older.sql);
            let started = to::redshift_data::Host::execute_statement(self, task, older).await?;
            Ok(started.map(newer).map_err(like))
        }

        async fn batch_execute_statement(
            &mut self,
            task: Option<Resource<TaskHandle>>,
            request: BatchExecuteStatementRequest,
        ) -> Called<Result<StartedStatement, Failure>> {
            let started =
                to::redshift_data::Host::batch_execute_statement(self, task, like(request)).await?;
            Ok(started.map(newer).map_err(like))
        }
    },
    ledger {}
);

fn newer(
    started: host::redshift_data::StartedStatement,
) -> v0_2::signalbox::policy::redshift_data::StartedStatement {
    v0_2::signalbox::policy::redshift_data::StartedStatement {
        queued: 0,
        id: started.id,
        target: started.target,
        status: like(started.status),
        session_id: started.session_id,
        has_result_set: started.has_result_set,
        document: started.document,
    }
}

// The shim: of the records that changed the new fields get what an old policy means by leaving them out.
generation!(since_v0_1 => v0_2::signalbox::policy,
    starts {
        async fn execute_statement(
            &mut self,
            task: Option<Resource<TaskHandle>>,
            request: ExecuteStatementRequest,
        ) -> Called<Result<StartedStatement, Failure>> {
            let asked = to::redshift_data::ExecuteStatementRequest {
                sql: request.sql,
                options: options(request.options),
            };
            Ok(like(to::redshift_data::Host::execute_statement(self, task, asked).await?))
        }

        async fn batch_execute_statement(
            &mut self,
            task: Option<Resource<TaskHandle>>,
            request: BatchExecuteStatementRequest,
        ) -> Called<Result<StartedStatement, Failure>> {
            let asked = to::redshift_data::BatchExecuteStatementRequest {
                sqls: request.sqls,
                execution_mode: like(request.execution_mode),
                options: options(request.options),
            };
            Ok(like(to::redshift_data::Host::batch_execute_statement(self, task, asked).await?))
        }
    },
    ledger {}
);

fn options(
    older: since_v0_1::signalbox::policy::redshift_data::StartOptions,
) -> v0_2::signalbox::policy::redshift_data::StartOptions {
    v0_2::signalbox::policy::redshift_data::StartOptions {
        query_group: None,
        target: older.target,
        action: older.action,
        output: like(older.output),
        parameters: like(older.parameters),
        result_format: like(older.result_format),
        session_id: older.session_id,
        session_keep_alive_seconds: older.session_keep_alive_seconds,
        wait_seconds: older.wait_seconds,
        exclusive: like(older.exclusive),
        deadline_seconds: older.deadline_seconds,
        heartbeat: older.heartbeat,
        on_stop: like(older.on_stop),
        step: older.step,
        idempotency_key: older.idempotency_key,
        memo: older.memo,
    }
}
