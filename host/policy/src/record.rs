//! Decision records: what a call of a policy was asked, what it asked of its services, and what it decided.
//!
//! A record is what the policy saw, so it holds what the policy held and no more: no task token, no response URL, no
//! credential of the host. With it the call can be repeated ([`crate::replay`]).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    call::{Answer, Fault, FaultKind, Identity, Invoked, Settled, Usage},
    contract::{Closing, Invocation, OnStop, Rejection, Settlement, Waiter},
    journal::{self, HostCall},
};

/// The version of the records' form. A reader refuses a higher one.
pub const FORMAT: u32 = 1;

/// One call of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionRecord {
    /// [`FORMAT`].
    pub format: u32,
    /// The host's version.
    pub host: String,
    /// Which policy, with the digests of its code and its settings.
    pub policy: Identity,
    /// The revision of the policy set; none where there is no policy set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// What the policy's clock said: milliseconds since the Unix epoch.
    pub at: u64,
    /// What it was asked.
    #[serde(flatten)]
    pub asked: Asked,
    /// Its calls of services, in the order in which it made them.
    pub calls: Vec<HostCall>,
    /// What came of it.
    pub decision: Decision,
    /// How long it took, in microseconds: instantiation, guest and host calls.
    pub duration_us: u64,
    /// What it used.
    pub usage: Usage,
    /// What was hidden after the policy saw it; none if nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<Masked>,
}

impl DecisionRecord {
    /// About how many bytes of memory it takes, without what has a small bound anyway.
    #[must_use]
    pub fn size(&self) -> usize {
        let asked = match &self.asked {
            Asked::Invoke { invocation, .. } => invocation.payload.len(),
            Asked::Settle { .. } | Asked::Closed { .. } => 0,
        };
        let reply = match &self.decision {
            Decision::Invoked { reply, .. } => journal::size(reply),
            _ => 0,
        };
        let calls = self.calls.iter();
        let calls = calls.map(|call| journal::size(&call.arguments) + journal::size(&call.reply));
        asked + reply + calls.sum::<usize>()
    }
}

/// What a policy was asked, by export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "export", content = "event", rename_all = "camelCase")]
pub enum Asked {
    /// To work on a payload.
    Invoke {
        /// The payload and its frame.
        invocation: Invocation,
        /// Who waits for the task.
        waiter: Option<Waiter>,
    },
    /// What a task is told whose statement ended.
    Settle {
        /// The statement.
        settlement: Box<Settlement>,
        /// Who waits.
        waiter: Waiter,
    },
    /// What becomes of a statement whose task is gone.
    Closed {
        /// The task.
        closing: Closing,
    },
}

impl Asked {
    /// The name of the export.
    #[must_use]
    pub fn export(&self) -> &'static str {
        match self {
            Self::Invoke { .. } => "invoke",
            Self::Settle { .. } => "settle",
            Self::Closed { .. } => "closed",
        }
    }

    /// What it is about: the id of the request, or of the statement's record.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Self::Invoke { invocation, .. } => &invocation.request_id,
            Self::Settle { settlement, .. } => &settlement.facts.record_id,
            Self::Closed { closing } => &closing.facts.record_id,
        }
    }

    /// The execution it belongs to.
    #[must_use]
    pub fn execution_arn(&self) -> Option<&str> {
        match self {
            Self::Invoke { invocation, .. } => invocation.execution_arn.as_deref(),
            Self::Settle { settlement, .. } => settlement.facts.execution_arn.as_deref(),
            Self::Closed { closing } => closing.facts.execution_arn.as_deref(),
        }
    }
}

/// What a call of a policy came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Decision {
    /// `invoke` returned.
    Invoked {
        /// The function's reply.
        reply: Value,
        /// What the task is told already.
        answer: Option<Answer>,
        /// Whether a statement is bound to the task.
        bound: bool,
    },
    /// `invoke` refused the payload.
    Rejected(Rejection),
    /// `settle` decided what the task is told.
    Settled {
        /// The answer.
        answer: Answer,
    },
    /// `closed` decided what becomes of the statement.
    Closed {
        /// The decision.
        on_stop: OnStop,
    },
    /// The policy misbehaved.
    Fault {
        /// How.
        kind: FaultKind,
        /// What happened.
        message: String,
    },
}

impl Decision {
    /// Whether the policy misbehaved.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Fault { .. })
    }
}

impl From<&Invoked> for Decision {
    fn from(invoked: &Invoked) -> Self {
        match &invoked.reply {
            Err(rejection) => Self::Rejected(rejection.clone()),
            Ok(reply) => Self::Invoked {
                // The host has checked that it is JSON.
                reply: serde_json::from_str(reply).unwrap_or_default(),
                answer: invoked.answer.clone(),
                bound: invoked.bound,
            },
        }
    }
}

impl From<&Settled> for Decision {
    fn from(settled: &Settled) -> Self {
        Self::Settled {
            answer: settled.answer.clone(),
        }
    }
}

impl From<&crate::call::Closed> for Decision {
    fn from(closed: &crate::call::Closed) -> Self {
        Self::Closed {
            on_stop: closed.decision,
        }
    }
}

impl From<&Fault> for Decision {
    fn from(fault: &Fault) -> Self {
        Self::Fault {
            kind: fault.kind,
            message: fault.message.clone(),
        }
    }
}

/// What was hidden in a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Masked {
    /// By which rule.
    pub rule: MaskRule,
    /// Where: JSON Pointers (RFC 6901) into the record.
    pub places: Vec<String>,
}

/// What is hidden in records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskRule {
    /// What is a secret by its form or its place: presigned URLs, access keys, literals after PASSWORD.
    #[default]
    Secrets,
    /// These, and all literals of SQL, values of parameters and cells of results.
    Literals,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let text = json!({
            "format": 1, "host": "0.1.0",
            "policy": {"name": "p", "version": "1", "digest": "d", "settings_digest": "s"},
            "at": u64::MAX, "export": "closed",
            "event": {"closing": {"reason": "TimedOut", "facts": {
                "record_id": "r", "statement_id": "i", "statement_name": "n", "target": "t", "action": "a",
                "output": "Rows", "step": null, "on_stop": "Leave", "memo": "", "execution_arn": "arn:e", "recorded_at": 1
            }}},
            "calls": [], "decision": {"closed": {"onStop": "Cancel"}}, "durationUs": 5,
            "usage": {"guestTimeUs": 3, "hostTimeUs": 0, "hostCalls": 0, "memory": 9, "fuel": null},
        });
        let record: DecisionRecord = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(serde_json::to_value(&record).unwrap(), text);
        assert_eq!(
            (
                record.asked.export(),
                record.asked.subject(),
                record.asked.execution_arn()
            ),
            ("closed", "r", Some("arn:e"))
        );
    }
}
