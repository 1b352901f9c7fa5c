//! What dispatching needs of the domain.

use async_trait::async_trait;
use serde_json::Value;
use signalbox_tasker::{Call, Raised, Settling, Tasker, raised::names};

/// Works on events. Made so that dispatching is tested by itself.
#[async_trait]
pub(super) trait Work: Sync {
    /// Serves a payload.
    async fn invoke(&self, call: &Call, payload: Value) -> Result<Value, Raised>;
    /// Works on a completion event.
    async fn settle(&self, call: &Call, event: Value) -> Settling;
    /// Works on an event of an execution that stopped.
    async fn stopped(&self, call: &Call, event: Value) -> Settling;
    /// Whether callers of this function may ask for that.
    fn may_sweep(&self, function_arn: Option<&str>) -> bool;
    /// Works on whatever is overdue; the value is a summary.
    async fn sweep(&self, call: &Call) -> Result<Value, Raised>;
}

#[async_trait]
impl Work for Tasker {
    async fn invoke(&self, call: &Call, payload: Value) -> Result<Value, Raised> {
        Tasker::invoke(self, call, payload).await
    }

    async fn settle(&self, call: &Call, event: Value) -> Settling {
        Tasker::settle(self, call, event).await
    }

    async fn stopped(&self, call: &Call, event: Value) -> Settling {
        Tasker::stopped(self, call, event).await
    }

    fn may_sweep(&self, function_arn: Option<&str>) -> bool {
        Tasker::may_sweep(self, function_arn)
    }

    async fn sweep(&self, call: &Call) -> Result<Value, Raised> {
        let summary = Tasker::sweep(self, call)
            .await
            .map_err(|error| Raised::new(names::LEDGER_UNAVAILABLE, error.to_string()))?;
        Ok(serde_json::to_value(summary).unwrap_or_default())
    }
}
