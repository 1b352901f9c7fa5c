//! Calls of a service that speaks AWS JSON, made without its client.
//!
//! The SDK's client takes more processor time for a call than everything else that an event needs: it makes plug-ins,
//! interceptors and a bag of settings for each. The ledger is called several times for each event. What makes a call right is
//! that of the SDK all the same: credentials, endpoint, signature, connections.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::{
    call::{Fault, Meaning, meaning, timed_out},
    reply::{self, BodyError},
    session::Limits,
    signed::{Call, MayPass, Signed, Tries, again},
};

/// The code of a reply that came and cannot be read.
const UNREADABLE: &str = "InvalidResponse";
const AGENT: &str = concat!("signalbox/", env!("CARGO_PKG_VERSION"));

/// A service in one region.
#[derive(Debug)]
pub(crate) struct JsonService {
    pub(crate) signed: Signed,
    /// Where it is, with a slash at the end.
    pub(crate) url: String,
    pub(crate) region: String,
    /// The service's name in signatures.
    pub(crate) name: &'static str,
    /// What stands before an operation in `x-amz-target`, without the dot.
    pub(crate) target: &'static str,
    pub(crate) limits: Limits,
    /// How often a call is tried.
    pub(crate) most: u32,
    /// The pause before the second try.
    pub(crate) pause: Duration,
    /// The longest reply that is read, in bytes.
    pub(crate) reply_max: usize,
}

impl JsonService {
    /// Makes a call, and repeats it after throttling and passing faults.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        operation: &str,
        request: &impl Serialize,
    ) -> Result<T, Fault> {
        let content = serde_json::to_vec(request).map_err(|error| Fault::Unsent {
            code: "InvalidRequest",
            message: error.to_string(),
            passing: false,
        })?;
        let target = format!("{}.{operation}", self.target);
        let tries = Tries {
            timeout: self.limits.attempt,
            most: self.most,
            pause: self.pause,
        };
        let all = again(tries, || self.once(&target, &content));
        let body = timeout(self.limits.operation, all).await;
        let body = body.map_err(|_| timed_out())??;
        // A service that has nothing to say may leave the body away.
        let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
        serde_json::from_slice(body).map_err(|error| Fault::Lost {
            code: UNREADABLE,
            message: format!("the reply cannot be read: {error}"),
        })
    }

    async fn once(&self, target: &str, content: &[u8]) -> Result<Vec<u8>, Fault> {
        let call = Call {
            method: "POST",
            url: &self.url,
            service: self.name,
            region: &self.region,
            headers: &[
                ("content-type", "application/x-amz-json-1.0"),
                ("user-agent", AGENT),
                ("x-amz-target", target),
            ],
            content,
        };
        let reply = self.signed.send(&call).await?;
        let status = reply.status();
        let named = reply.headers().get("x-amzn-errortype").map(str::to_owned);
        let body = reply::body(reply, self.reply_max).await;
        let body = body.map_err(|error| Fault::Lost {
            code: match error {
                BodyError::TooLong => UNREADABLE,
                BodyError::Broken(_) => "ConnectionError",
            },
            message: error.to_string(),
        })?;
        if status.is_success() {
            return Ok(body);
        }
        Err(refused(status.as_u16(), named, body))
    }
}

fn refused(status: u16, named: Option<String>, body: Vec<u8>) -> Fault {
    let document = serde_json::from_slice::<Map<String, Value>>(&body).ok();
    let text = |name| document.as_ref()?.get(name)?.as_str().map(str::to_owned);
    let code = named.or_else(|| text("__type")).and_then(|kind| {
        // `com.amazonaws.dynamodb.v20120810#ThrottlingException`, and in a header with the place of a description behind it.
        let name = kind.rsplit('#').next()?.split(':').next()?;
        reply::error_name(name)
    });
    let message = text("message").or_else(|| text("Message"));
    Fault::Refused {
        code: code.unwrap_or_else(|| format!("HTTP {status}")),
        message: message.unwrap_or_default(),
        status,
        document: document.and_then(|_| String::from_utf8(body).ok()),
    }
}

impl MayPass for Fault {
    fn may_pass(&self) -> bool {
        match self {
            Self::Refused { code, status, .. } => {
                code == "TransactionInProgressException"
                    || matches!(meaning(code, *status), Meaning::Throttled | Meaning::Failed)
            }
            // What was answered so once will be again.
            Self::Lost { code, .. } => *code != UNREADABLE,
            Self::Unsent { .. } => false,
        }
    }
}
