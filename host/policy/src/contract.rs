//! The contract's types, generated from `wit/`.
//!
//! They are plain data. What a field means is said in the WIT file of the same name.

#[allow(missing_docs, unreachable_pub, clippy::all)]
pub(crate) mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "policy",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "signalbox:policy/callbacks.task": crate::contract::TaskHandle,
        },
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
    });
}

pub use bindings::exports::signalbox::policy::handler::{
    Closing, ClosingReason, Description, Finding, Invocation, Rejection, Settlement, Source,
    StatementFacts, UnknownFields,
};
pub use bindings::signalbox::policy::callbacks::Waiter;
pub use bindings::signalbox::policy::ledger::{Entry, LatestRequest};
pub use bindings::signalbox::policy::log::Level;
pub use bindings::signalbox::policy::redshift_data::{
    BatchExecuteStatementRequest, CancelStatementRequest, CancelledStatement,
    DescribeStatementRequest, Exclusivity, ExecuteStatementRequest, ExecutionMode,
    GetStatementResultRequest, ListStatementsRequest, OnStop, OutputShape, Parameter, ResultFormat,
    StartOptions, StartedStatement, StatementDescription, StatementList, StatementResult,
    StatementStatus, SubStatement,
};
pub use bindings::signalbox::policy::types::{Failure, FailureDetail};

/// What the resource `task` is in the host: a mark. The secret behind it never gets here.
#[derive(Debug)]
pub struct TaskHandle;
