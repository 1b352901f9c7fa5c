//! What a policy asked of its services, and what it was told.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    contract::Failure,
    services::{ServiceCall, ServiceReply, Services},
};

/// How much of arguments and replies is kept of one call of a policy, in bytes. A policy can hand over and be handed
/// far more than a host has memory for.
const ROOM: usize = 8 * 1024 * 1024;
/// What a value takes beside its texts, about.
const NODE: usize = 16;

/// One call of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostCall {
    /// Interface and function, such as `redshift-data/execute-statement`.
    pub function: String,
    /// The arguments, canonical: the same arguments are the same text.
    pub arguments: Value,
    /// The reply: `{"ok": …}` or `{"err": …}`; null if there was none before the event's time was up.
    pub reply: Value,
    /// How long the service took, in microseconds.
    pub duration_us: u64,
    /// That the journal was full: the arguments or the reply were left out, and null stands in their place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub omitted: bool,
}

/// Services that write down every call.
#[derive(Debug)]
pub struct Journaled<S> {
    services: S,
    journal: Mutex<Journal>,
}

#[derive(Debug)]
struct Journal {
    calls: Vec<HostCall>,
    room: usize,
}

impl Journal {
    /// The value, if there is room for it.
    fn fit(&mut self, value: Value) -> Option<Value> {
        self.room = self.room.checked_sub(size(&value))?;
        Some(canonical(value))
    }
}

/// About how many bytes a value takes.
pub(crate) fn size(value: &Value) -> usize {
    NODE + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| name.len() + size(value))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

impl<S> Journaled<S> {
    /// Writes down the calls of these services.
    pub fn new(services: S) -> Self {
        Self::with_room(services, ROOM)
    }

    fn with_room(services: S, room: usize) -> Self {
        Self {
            services,
            journal: Mutex::new(Journal {
                calls: Vec::new(),
                room,
            }),
        }
    }

    /// The calls so far, in the order in which they were made.
    #[must_use]
    pub fn calls(&self) -> Vec<HostCall> {
        self.journal().calls.clone()
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a call begins, and returns its number.
    fn begin(&self, function: &str, arguments: Value) -> usize {
        let mut journal = self.journal();
        let arguments = journal.fit(arguments);
        journal.calls.push(HostCall {
            function: function.to_owned(),
            omitted: arguments.is_none(),
            arguments: arguments.unwrap_or_default(),
            reply: Value::Null,
            duration_us: 0,
        });
        journal.calls.len() - 1
    }

    /// Notes that it ended.
    fn end(&self, number: usize, reply: Value, duration_us: u64) {
        let mut journal = self.journal();
        let reply = journal.fit(reply);
        if let Some(call) = journal.calls.get_mut(number) {
            call.omitted |= reply.is_none();
            call.reply = reply.unwrap_or_default();
            call.duration_us = duration_us;
        }
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
    async fn call(&self, call: ServiceCall) -> Result<ServiceReply, Failure> {
        let number = self.begin(call.function(), call.arguments());
        let begun = Instant::now();
        let result = self.services.call(call).await;
        let duration_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let reply = match &result {
            Ok(value) => json!({ "ok": value }),
            Err(failure) => json!({ "err": failure }),
        };
        self.end(number, reply, duration_us);
        result
    }
}

/// So that services which are shared can be wrapped.
#[async_trait]
impl<S: Services + ?Sized> Services for Arc<S> {
    async fn call(&self, call: ServiceCall) -> Result<ServiceReply, Failure> {
        (**self).call(call).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        contract::{LatestRequest, ListStatementsRequest},
        services::Denied,
    };

    #[tokio::test]
    async fn calls_are_written_down_in_order() {
        let journal = Journaled::new(Denied);
        let latest = LatestRequest {
            execution_arn: None,
            step: Some("s".to_owned()),
        };
        let _ = journal.call(ServiceCall::Latest(latest)).await;
        let _ = journal.call(ServiceCall::Heartbeat).await;
        let mut calls = journal.calls();
        for call in &mut calls {
            call.duration_us = 0;
        }
        insta::assert_json_snapshot!(calls);
        let text = serde_json::to_string(&calls).unwrap();
        assert_eq!(serde_json::from_str::<Vec<HostCall>>(&text).unwrap(), calls);
    }

    #[tokio::test]
    async fn a_full_journal_says_what_it_left_out() {
        let request = |name: &str| {
            ServiceCall::ListStatements(ListStatementsRequest {
                target: None,
                statement_name: Some(name.to_owned()),
                status: None,
                max_results: None,
                next_token: None,
            })
        };
        let journal = Journaled::with_room(Denied, 1_000);
        for text in ["small", &"x".repeat(1_000), "small"] {
            let _ = journal.call(request(text)).await;
        }
        let kept: Vec<_> = journal
            .calls()
            .iter()
            .map(|call| (call.omitted, call.arguments.is_null(), call.reply.is_null()))
            .collect();
        assert_eq!(
            kept,
            [
                (false, false, false),
                (true, true, false),
                (true, false, true)
            ]
        );
    }

    #[tokio::test]
    async fn a_call_that_never_returned_has_no_reply() {
        struct Silent;
        #[async_trait]
        impl Services for Silent {
            async fn call(&self, _: ServiceCall) -> Result<ServiceReply, Failure> {
                std::future::pending().await
            }
        }
        let journal = Journaled::new(Silent);
        let call = journal.call(ServiceCall::Heartbeat);
        let cut_off = tokio::time::timeout(std::time::Duration::from_millis(1), call).await;
        assert!(cut_off.is_err());
        let calls = journal.calls();
        assert_eq!((calls.len(), &calls[0].reply), (1, &Value::Null));
    }

    #[test]
    fn the_order_of_fields_does_not_count() {
        let a = canonical(serde_json::from_str(r#"{"b":[{"y":1,"x":2}],"a":0}"#).unwrap());
        assert_eq!(a.to_string(), r#"{"a":0,"b":[{"x":2,"y":1}]}"#);
    }
}
