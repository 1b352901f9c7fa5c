//! What a policy asked of its services, and what it was told.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    contract::{
        BatchExecuteStatementRequest, CancelStatementRequest, CancelledStatement,
        DescribeStatementRequest, Entry, ExecuteStatementRequest, Failure,
        GetStatementResultRequest, LatestRequest, ListStatementsRequest, StartedStatement,
        StatementDescription, StatementList, StatementResult,
    },
    services::Services,
};

/// One call of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostCall {
    /// Interface and function, such as `redshift-data/execute-statement`.
    pub function: String,
    /// The arguments, canonical: the same arguments are the same text.
    pub arguments: Value,
    /// The reply: `{"ok": …}` or `{"err": …}`.
    pub reply: Value,
    /// How long the service took, in microseconds.
    pub duration_us: u64,
}

/// Services that write down every call.
///
/// A call that never returned, because the event's time was up, is not in the journal.
#[derive(Debug)]
pub struct Journaled<S> {
    services: S,
    calls: Mutex<Vec<HostCall>>,
}

impl<S> Journaled<S> {
    /// Writes down the calls of these services.
    pub fn new(services: S) -> Self {
        Self {
            services,
            calls: Mutex::new(Vec::new()),
        }
    }

    /// The calls so far, in the order in which they returned.
    #[must_use]
    pub fn calls(&self) -> Vec<HostCall> {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn record<T: Serialize>(
        &self,
        function: &str,
        arguments: Value,
        call: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        let result = call.await;
        let duration_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let reply = match &result {
            Ok(value) => json!({ "ok": value }),
            Err(failure) => json!({ "err": failure }),
        };
        let call = HostCall {
            function: function.to_owned(),
            arguments: canonical(arguments),
            reply: canonical(reply),
            duration_us,
        };
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
        result
    }
}

/// The same value with the fields of all objects in the order of their names.
#[must_use]
pub fn canonical(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields
                .into_iter()
                .map(|(name, value)| (name, canonical(value)))
                .collect();
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        other => other,
    }
}

#[async_trait]
impl<S: Services> Services for Journaled<S> {
    async fn execute_statement(
        &self,
        bound: bool,
        request: ExecuteStatementRequest,
    ) -> Result<StartedStatement, Failure> {
        let arguments = json!({ "task": bound, "request": &request });
        let call = self.services.execute_statement(bound, request);
        self.record("redshift-data/execute-statement", arguments, call)
            .await
    }

    async fn batch_execute_statement(
        &self,
        bound: bool,
        request: BatchExecuteStatementRequest,
    ) -> Result<StartedStatement, Failure> {
        let arguments = json!({ "task": bound, "request": &request });
        let call = self.services.batch_execute_statement(bound, request);
        self.record("redshift-data/batch-execute-statement", arguments, call)
            .await
    }

    async fn describe_statement(
        &self,
        request: DescribeStatementRequest,
    ) -> Result<StatementDescription, Failure> {
        let arguments = json!({ "request": &request });
        self.record(
            "redshift-data/describe-statement",
            arguments,
            self.services.describe_statement(request),
        )
        .await
    }

    async fn cancel_statement(
        &self,
        request: CancelStatementRequest,
    ) -> Result<CancelledStatement, Failure> {
        let arguments = json!({ "request": &request });
        self.record(
            "redshift-data/cancel-statement",
            arguments,
            self.services.cancel_statement(request),
        )
        .await
    }

    async fn get_statement_result(
        &self,
        request: GetStatementResultRequest,
    ) -> Result<StatementResult, Failure> {
        let arguments = json!({ "request": &request });
        self.record(
            "redshift-data/get-statement-result",
            arguments,
            self.services.get_statement_result(request),
        )
        .await
    }

    async fn list_statements(
        &self,
        request: ListStatementsRequest,
    ) -> Result<StatementList, Failure> {
        let arguments = json!({ "request": &request });
        self.record(
            "redshift-data/list-statements",
            arguments,
            self.services.list_statements(request),
        )
        .await
    }

    async fn latest(&self, request: LatestRequest) -> Result<Option<Entry>, Failure> {
        let arguments = json!({ "request": &request });
        self.record("ledger/latest", arguments, self.services.latest(request))
            .await
    }

    async fn heartbeat(&self) -> Result<(), Failure> {
        self.record("callbacks/heartbeat", json!({}), self.services.heartbeat())
            .await
    }
}

/// So that services which are shared can be wrapped.
#[async_trait]
impl<S: Services + ?Sized> Services for Arc<S> {
    async fn execute_statement(
        &self,
        bound: bool,
        request: ExecuteStatementRequest,
    ) -> Result<StartedStatement, Failure> {
        (**self).execute_statement(bound, request).await
    }

    async fn batch_execute_statement(
        &self,
        bound: bool,
        request: BatchExecuteStatementRequest,
    ) -> Result<StartedStatement, Failure> {
        (**self).batch_execute_statement(bound, request).await
    }

    async fn describe_statement(
        &self,
        request: DescribeStatementRequest,
    ) -> Result<StatementDescription, Failure> {
        (**self).describe_statement(request).await
    }

    async fn cancel_statement(
        &self,
        request: CancelStatementRequest,
    ) -> Result<CancelledStatement, Failure> {
        (**self).cancel_statement(request).await
    }

    async fn get_statement_result(
        &self,
        request: GetStatementResultRequest,
    ) -> Result<StatementResult, Failure> {
        (**self).get_statement_result(request).await
    }

    async fn list_statements(
        &self,
        request: ListStatementsRequest,
    ) -> Result<StatementList, Failure> {
        (**self).list_statements(request).await
    }

    async fn latest(&self, request: LatestRequest) -> Result<Option<Entry>, Failure> {
        (**self).latest(request).await
    }

    async fn heartbeat(&self) -> Result<(), Failure> {
        (**self).heartbeat().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Denied;

    #[tokio::test]
    async fn calls_are_written_down_in_order() {
        let journal = Journaled::new(Denied);
        let _ = journal
            .latest(LatestRequest {
                execution_arn: None,
                step: Some("s".to_owned()),
            })
            .await;
        let _ = journal.heartbeat().await;
        let mut calls = journal.calls();
        for call in &mut calls {
            call.duration_us = 0;
        }
        insta::assert_json_snapshot!(calls);
        let text = serde_json::to_string(&calls).unwrap();
        assert_eq!(serde_json::from_str::<Vec<HostCall>>(&text).unwrap(), calls);
    }

    #[test]
    fn the_order_of_fields_does_not_count() {
        let a = canonical(serde_json::from_str(r#"{"b":[{"y":1,"x":2}],"a":0}"#).unwrap());
        assert_eq!(a.to_string(), r#"{"a":0,"b":[{"x":2,"y":1}]}"#);
    }
}
