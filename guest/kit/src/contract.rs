//! The records of the contract, under short paths. `wit/` documents them.

pub use crate::bindings::exports::signalbox::policy::handler::{
    Closing, ClosingReason, Description, Finding, Invocation, Rejection, Settlement, Source,
    StatementFacts, UnknownFields,
};
pub use crate::bindings::signalbox::policy::callbacks::Waiter;
pub use crate::bindings::signalbox::policy::ledger::{Entry, LatestRequest};
pub use crate::bindings::signalbox::policy::log::Level;
pub use crate::bindings::signalbox::policy::redshift_data::{
    BatchExecuteStatementRequest, CancelStatementRequest, CancelledStatement,
    DescribeStatementRequest, Exclusivity, ExecuteStatementRequest, ExecutionMode,
    GetStatementResultRequest, OnStop, OutputShape, Parameter, ResultFormat, StartOptions,
    StartedStatement, StatementDescription, StatementResult, StatementStatus, SubStatement,
};
pub use crate::bindings::signalbox::policy::types::{Failure, FailureDetail};
