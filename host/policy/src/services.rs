//! What a policy can reach through its imports: each call and each reply as data.

use async_trait::async_trait;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    contract::{
        BatchExecuteStatementRequest, CancelStatementRequest, CancelledStatement,
        DescribeStatementRequest, Entry, ExecuteStatementRequest, Failure, FailureDetail,
        GetStatementResultRequest, LatestRequest, ListStatementsRequest, StartedStatement,
        StatementDescription, StatementList, StatementResult,
    },
    functions,
};

/// The services behind a policy's imports, for one event.
///
/// Grants, journals and limits are wrappers of this trait: whatever way a call came in, it goes through
/// them. An implementation bounds the time of its own calls, since no epoch interrupts a host call.
#[async_trait]
pub trait Services: Send + Sync {
    /// Does what is asked. The reply to a call is of the form that [`ServiceReply`] names for it.
    ///
    /// # Errors
    /// See [`Failure`].
    async fn call(&self, call: ServiceCall) -> Result<ServiceReply, Failure>;
}

/// A call of an import that reaches something.
#[derive(Debug, Clone, PartialEq)]
pub enum ServiceCall {
    /// Runs one statement.
    ExecuteStatement {
        /// Whether the policy handed in its task.
        bound: bool,
        /// The statement.
        request: ExecuteStatementRequest,
    },
    /// Runs several statements.
    BatchExecuteStatement {
        /// Whether the policy handed in its task.
        bound: bool,
        /// The statements.
        request: BatchExecuteStatementRequest,
    },
    /// Asks how a statement is.
    DescribeStatement(DescribeStatementRequest),
    /// Asks Redshift to stop a statement.
    CancelStatement(CancelStatementRequest),
    /// Reads one page of a result.
    GetStatementResult(GetStatementResultRequest),
    /// Lists statements.
    ListStatements(ListStatementsRequest),
    /// Asks for the statement of an execution that was recorded last.
    Latest(LatestRequest),
    /// Tells whoever waits that the task is alive.
    Heartbeat,
}

/// What a service said to a call that it did not refuse.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ServiceReply {
    /// To [`ServiceCall::ExecuteStatement`] and [`ServiceCall::BatchExecuteStatement`].
    Started(StartedStatement),
    /// To [`ServiceCall::DescribeStatement`].
    Description(StatementDescription),
    /// To [`ServiceCall::CancelStatement`].
    Cancelled(CancelledStatement),
    /// To [`ServiceCall::GetStatementResult`].
    Result(StatementResult),
    /// To [`ServiceCall::ListStatements`].
    List(StatementList),
    /// To [`ServiceCall::Latest`].
    Latest(Option<Entry>),
    /// To [`ServiceCall::Heartbeat`].
    Heartbeat,
}

impl ServiceCall {
    /// Interface and function, as journals and records name the call ([`functions`]).
    #[must_use]
    pub const fn function(&self) -> &'static str {
        match self {
            Self::ExecuteStatement { .. } => functions::EXECUTE_STATEMENT,
            Self::BatchExecuteStatement { .. } => functions::BATCH_EXECUTE_STATEMENT,
            Self::DescribeStatement(_) => functions::DESCRIBE_STATEMENT,
            Self::CancelStatement(_) => functions::CANCEL_STATEMENT,
            Self::GetStatementResult(_) => functions::GET_STATEMENT_RESULT,
            Self::ListStatements(_) => functions::LIST_STATEMENTS,
            Self::Latest(_) => functions::LATEST,
            Self::Heartbeat => functions::HEARTBEAT,
        }
    }

    /// The arguments, as journals and records have them.
    #[must_use]
    pub fn arguments(&self) -> Value {
        match self {
            Self::ExecuteStatement { bound, request } => {
                json!({ "task": bound, "request": request })
            }
            Self::BatchExecuteStatement { bound, request } => {
                json!({ "task": bound, "request": request })
            }
            Self::DescribeStatement(request) => json!({ "request": request }),
            Self::CancelStatement(request) => json!({ "request": request }),
            Self::GetStatementResult(request) => json!({ "request": request }),
            Self::ListStatements(request) => json!({ "request": request }),
            Self::Latest(request) => json!({ "request": request }),
            Self::Heartbeat => json!({}),
        }
    }

    /// Reads a recorded reply to this call (`{"ok": …}` or `{"err": …}`); none if it is of another form than the
    /// contract's, as one that was shortened.
    pub(crate) fn recorded_reply(&self, reply: Value) -> Option<Result<ServiceReply, Failure>> {
        match self {
            Self::ExecuteStatement { .. } | Self::BatchExecuteStatement { .. } => {
                recorded(reply, ServiceReply::Started)
            }
            Self::DescribeStatement(_) => recorded(reply, ServiceReply::Description),
            Self::CancelStatement(_) => recorded(reply, ServiceReply::Cancelled),
            Self::GetStatementResult(_) => recorded(reply, ServiceReply::Result),
            Self::ListStatements(_) => recorded(reply, ServiceReply::List),
            Self::Latest(_) => recorded(reply, ServiceReply::Latest),
            Self::Heartbeat => recorded(reply, |()| ServiceReply::Heartbeat),
        }
    }
}

fn recorded<T: DeserializeOwned>(
    reply: Value,
    read: impl FnOnce(T) -> ServiceReply,
) -> Option<Result<ServiceReply, Failure>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Reply<T> {
        Ok(T),
        Err(Failure),
    }
    Some(match serde_json::from_value(reply).ok()? {
        Reply::Ok(value) => Ok(read(value)),
        Reply::Err(failure) => Err(failure),
    })
}

/// One function for each call, with the type of its reply.
macro_rules! typed {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) -> $reply:ty = $call:expr, $pattern:pat => $value:expr;)*) => {
        impl dyn Services + '_ {
            $($(#[$doc])*
            ///
            /// # Errors
            /// See [`Failure`].
            pub async fn $name(&self, $($arg: $type),*) -> Result<$reply, Failure> {
                let call = $call;
                let function = call.function();
                match self.call(call).await? {
                    $pattern => Ok($value),
                    _ => Err(another_reply(function)),
                }
            })*
        }
    };
}

typed! {
    /// [`ServiceCall::ExecuteStatement`].
    execute_statement(bound: bool, request: ExecuteStatementRequest) -> StartedStatement
        = ServiceCall::ExecuteStatement { bound, request }, ServiceReply::Started(it) => it;
    /// [`ServiceCall::BatchExecuteStatement`].
    batch_execute_statement(bound: bool, request: BatchExecuteStatementRequest) -> StartedStatement
        = ServiceCall::BatchExecuteStatement { bound, request }, ServiceReply::Started(it) => it;
    /// [`ServiceCall::DescribeStatement`].
    describe_statement(request: DescribeStatementRequest) -> StatementDescription
        = ServiceCall::DescribeStatement(request), ServiceReply::Description(it) => it;
    /// [`ServiceCall::CancelStatement`].
    cancel_statement(request: CancelStatementRequest) -> CancelledStatement
        = ServiceCall::CancelStatement(request), ServiceReply::Cancelled(it) => it;
    /// [`ServiceCall::GetStatementResult`].
    get_statement_result(request: GetStatementResultRequest) -> StatementResult
        = ServiceCall::GetStatementResult(request), ServiceReply::Result(it) => it;
    /// [`ServiceCall::ListStatements`].
    list_statements(request: ListStatementsRequest) -> StatementList
        = ServiceCall::ListStatements(request), ServiceReply::List(it) => it;
    /// [`ServiceCall::Latest`].
    latest(request: LatestRequest) -> Option<Entry>
        = ServiceCall::Latest(request), ServiceReply::Latest(it) => it;
    /// [`ServiceCall::Heartbeat`].
    heartbeat() -> () = ServiceCall::Heartbeat, ServiceReply::Heartbeat => ();
}

/// A mistake of the host: no implementation answers a call with the reply to another one.
fn another_reply(function: &str) -> Failure {
    Failure::Other(FailureDetail {
        code: "InternalFailure".to_owned(),
        message: format!("the host answered `{function}` with the reply to another call"),
        retryable: false,
        statement_id: None,
        document: None,
    })
}

/// Services that refuse every call: for what is asked of a policy before it has been granted anything.
#[derive(Debug, Clone, Copy)]
pub struct Denied;

#[async_trait]
impl Services for Denied {
    async fn call(&self, call: ServiceCall) -> Result<ServiceReply, Failure> {
        Err(Failure::NotGranted(FailureDetail {
            code: "NotGranted".to_owned(),
            message: format!("`{}` is not granted here", functions::name(call.function())),
            retryable: false,
            statement_id: None,
            document: None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers everything as if it were a heartbeat.
    struct Confused;

    #[async_trait]
    impl Services for Confused {
        async fn call(&self, _: ServiceCall) -> Result<ServiceReply, Failure> {
            Ok(ServiceReply::Heartbeat)
        }
    }

    #[tokio::test]
    async fn a_reply_to_another_call_is_a_failure_with_a_name() {
        let services: &dyn Services = &Confused;
        let request = LatestRequest {
            execution_arn: None,
            step: None,
        };
        assert_eq!(services.heartbeat().await, Ok(()));
        let Err(Failure::Other(told)) = services.latest(request).await else {
            panic!("a heartbeat is no entry")
        };
        assert!(told.message.contains("ledger/latest"), "{}", told.message);
    }
}
