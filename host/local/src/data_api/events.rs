//! Completion events, as EventBridge would deliver them.

use super::service::Core;
use super::statement::{Statement, row_count};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Who gets completion events. A channel's sender is one.
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Takes an event. It comes after the statement's state became final; the server does not try again.
    async fn deliver(&self, event: Value);
}

#[async_trait]
impl EventSink for mpsc::Sender<Value> {
    async fn deliver(&self, event: Value) {
        // A receiver that is gone wants no events.
        let _ = self.send(event).await;
    }
}

/// What happens to one completion event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EventFault {
    /// Nothing: it is delivered once.
    #[default]
    Deliver,
    /// It is lost.
    Drop,
    /// It is delivered twice.
    Twice,
    /// It comes this much later (wall clock).
    Delay(Duration),
    /// It comes before the reply of the execute call, which waits for it.
    Early,
}

#[derive(Debug, Default)]
struct Plan {
    queued: VecDeque<EventFault>,
    otherwise: EventFault,
}

/// The faults of completion events. Clones share one plan, so it can be changed while the server runs.
#[derive(Debug, Clone, Default)]
pub struct EventFaults(Arc<Mutex<Plan>>);

impl EventFaults {
    /// No faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fault for a coming statement with an event: the first one added strikes the next statement.
    pub fn next(&self, fault: EventFault) {
        self.plan().queued.push_back(fault);
    }

    /// What happens to events for which no fault is queued.
    pub fn otherwise(&self, fault: EventFault) {
        self.plan().otherwise = fault;
    }

    /// The fault for a statement that was just accepted.
    pub(crate) fn take(&self) -> EventFault {
        let mut plan = self.plan();
        plan.queued.pop_front().unwrap_or(plan.otherwise)
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends the event of a statement that ended.
pub(crate) async fn send(core: &Core, statement: &Statement, fault: EventFault) {
    let Some(sink) = &core.options.events else {
        return;
    };
    let event = event(core, statement);
    match fault {
        EventFault::Drop => return,
        EventFault::Twice => sink.deliver(event.clone()).await,
        EventFault::Delay(time) => tokio::time::sleep(time).await,
        EventFault::Deliver | EventFault::Early => {}
    }
    sink.deliver(event).await;
}

fn event(core: &Core, statement: &Statement) -> Value {
    let progress = statement.progress.borrow();
    let (account, region) = (&core.options.account, &core.options.region);
    let target = &statement.target;
    let resource = match (&target.cluster, &target.workgroup) {
        (Some(cluster), _) => format!("arn:aws:redshift:{region}:{account}:cluster:{cluster}"),
        (None, Some(workgroup)) if workgroup.starts_with("arn:") => workgroup.clone(),
        (None, workgroup) => format!(
            "arn:aws:redshift-serverless:{region}:{account}:workgroup/{}",
            workgroup.as_deref().unwrap_or_default()
        ),
    };
    let last = progress.parts.last();
    let expires = progress
        .updated_at
        .saturating_add(SignedDuration::from_hours(24))
        .unwrap_or(Timestamp::MAX);
    json!({
        "version": "0",
        "id": uuid::Uuid::new_v4().to_string(),
        "detail-type": "Redshift Data Statement Status Change",
        "source": "aws.redshift-data",
        "account": account,
        "time": progress.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": region,
        "resources": [resource],
        "detail": {
            "principal": core.options.principal,
            "statementName": statement.name.as_deref().unwrap_or_default(),
            "statementId": statement.id,
            "redshiftQueryId": last.and_then(|part| part.query_id).unwrap_or(0),
            "state": progress.status.as_str(),
            "rows": row_count(last.and_then(|part| part.rows)),
            "expireAt": expires.as_second(),
        },
    })
}
