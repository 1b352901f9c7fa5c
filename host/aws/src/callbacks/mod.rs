//! Step Functions: the port [`Callbacks`] over the AWS SDK.

mod errors;
mod executions;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::Builder;
use aws_sdk_sfn::types::IncludedData;
use signalbox_tasker::ports::{Callbacks, Execution, ExecutionError, SendError, TaskToken};
use tokio::sync::OnceCell;

use crate::session::{Limits, Session};
use errors::send_error;

/// How long one try of a call may take.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long all tries of a call together may take.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers waiting tasks of the host's own account and region.
#[derive(Debug)]
pub struct StepFunctions {
    session: Arc<Session>,
    client: OnceCell<Client>,
}

impl StepFunctions {
    /// Makes no client yet.
    #[must_use]
    pub fn new(session: Arc<Session>) -> Self {
        Self {
            session,
            client: OnceCell::new(),
        }
    }

    async fn client(&self) -> Result<&Client, SendError> {
        let make = || async {
            let base = self
                .session
                .home()
                .await
                .map_err(|error| SendError::Denied {
                    code: "MissingRegion".to_owned(),
                    message: error.to_string(),
                })?;
            let limits = Limits {
                attempt: ATTEMPT_TIMEOUT,
                operation: OPERATION_TIMEOUT,
            }
            .config();
            Ok(Client::from_conf(
                Builder::from(base).timeout_config(limits).build(),
            ))
        };
        self.client.get_or_try_init(make).await
    }
}

#[async_trait]
impl Callbacks for StepFunctions {
    async fn succeed(&self, token: &TaskToken, output: &str) -> Result<(), SendError> {
        let call = self
            .client()
            .await?
            .send_task_success()
            .task_token(token.reveal())
            .output(output);
        call.send()
            .await
            .map(drop)
            .map_err(|error| send_error(&error, token))
    }

    async fn fail(
        &self,
        token: &TaskToken,
        error: Option<&str>,
        cause: Option<&str>,
    ) -> Result<(), SendError> {
        let call = self
            .client()
            .await?
            .send_task_failure()
            .task_token(token.reveal());
        let call = call
            .set_error(error.map(str::to_owned))
            .set_cause(cause.map(str::to_owned));
        call.send()
            .await
            .map(drop)
            .map_err(|error| send_error(&error, token))
    }

    async fn heartbeat(&self, token: &TaskToken) -> Result<(), SendError> {
        let call = self
            .client()
            .await?
            .send_task_heartbeat()
            .task_token(token.reveal());
        call.send()
            .await
            .map(drop)
            .map_err(|error| send_error(&error, token))
    }

    async fn describe_execution(&self, arn: &str) -> Result<Execution, ExecutionError> {
        let client = self.client().await.map_err(executions::no_client)?;
        // Without input and output the call needs no permission on the state machine's key.
        let call = client
            .describe_execution()
            .execution_arn(arn)
            .included_data(IncludedData::MetadataOnly);
        match call.send().await {
            Ok(reply) => Ok(executions::execution(&reply)),
            Err(error) => Err(executions::error(&error)),
        }
    }
}
