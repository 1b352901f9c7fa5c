//! The Redshift Data API: the port [`Warehouse`] over the AWS SDK.

mod clients;
mod document;
mod errors;
pub mod replies;
mod requests;
mod retries;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_redshiftdata::config;
use aws_sdk_redshiftdata::types::StatusString;
use signalbox_policy::contract::{
    CancelledStatement, GetStatementResultRequest, ListStatementsRequest, ResultFormat,
    StartedStatement, StatementDescription, StatementList, StatementResult,
};
use signalbox_tasker::ports::{ListedPage, ServiceError, Sql, StartStatement, Warehouse};

use crate::call::Watch;
use crate::session::{Limits, Session};
use crate::targets::Target;
use clients::{Bound, Clients};
use errors::{Asked, unreadable};
use requests::{Place, number, start_members, status};

/// How long one try of a call may take, beside the seconds that the call asks Redshift to wait.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long all tries of a call together may take, beside those seconds.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);

/// Runs statements on named targets.
#[derive(Debug)]
pub struct RedshiftData {
    clients: Clients,
    limits: Limits,
}

impl RedshiftData {
    /// Of these targets. Makes no client yet; targets of the same region and role will share one.
    #[must_use]
    pub fn new(session: Arc<Session>, targets: BTreeMap<String, Target>) -> Self {
        Self {
            clients: Clients::new(session, targets),
            limits: Limits {
                attempt: ATTEMPT_TIMEOUT,
                operation: OPERATION_TIMEOUT,
            },
        }
    }
}

/// Makes one call: watched, with its time-outs, its failure told in the port's terms.
macro_rules! call {
    ($limits:expr, $request:expr, $asked:expr, $wait:expr) => {{
        let watch = Watch::new(errors::without_effect);
        let wait = Duration::from_secs($wait.unwrap_or(0).into());
        let limits = $limits.and_wait(wait).config();
        let sent = $request
            .customize()
            .interceptor(watch.clone())
            .config_override(
                config::Builder::new()
                    .timeout_config(limits)
                    .retry_classifier(retries::WrappedThrottling),
            )
            .send()
            .await;
        match sent {
            Ok(_) => document::text(watch.body()),
            Err(error) => Err(errors::service_error(&error, &watch, $asked)),
        }
    }};
}

#[async_trait]
impl Warehouse for RedshiftData {
    async fn start(
        &self,
        target: &str,
        start: &StartStatement,
    ) -> Result<StartedStatement, ServiceError> {
        let Bound {
            client,
            target: place,
        } = self.clients.of(target).await?;
        let asked = Asked::Start {
            in_session: start.session_id.is_some(),
        };
        let place = Place::of(place, start.session_id.as_deref());
        let reply = match &start.sql {
            Sql::One(sql) => {
                let request = start_members!(client.execute_statement().sql(sql), place, start);
                call!(self.limits, request, asked, start.wait_seconds)?
            }
            Sql::Batch { sqls, mode } => {
                let request = client
                    .batch_execute_statement()
                    .set_sqls(Some(sqls.clone()));
                let request =
                    start_members!(request.execution_mode(requests::mode(*mode)), place, start);
                call!(self.limits, request, asked, start.wait_seconds)?
            }
        };
        replies::started(target, &reply).map_err(|error| unreadable(&error, asked))
    }

    async fn describe(
        &self,
        target: &str,
        id: &str,
        wait_seconds: Option<u32>,
    ) -> Result<StatementDescription, ServiceError> {
        let client = self.clients.of(target).await?.client;
        let request = client
            .describe_statement()
            .id(id)
            .set_wait_time_seconds(number(wait_seconds));
        let reply = call!(self.limits, request, Asked::Read, wait_seconds)?;
        replies::description(&reply).map_err(|error| unreadable(&error, Asked::Read))
    }

    async fn cancel(&self, target: &str, id: &str) -> Result<CancelledStatement, ServiceError> {
        let client = self.clients.of(target).await?.client;
        let reply = call!(
            self.limits,
            client.cancel_statement().id(id),
            Asked::Cancel,
            None::<u32>
        )?;
        replies::cancelled(&reply).map_err(|error| unreadable(&error, Asked::Cancel))
    }

    async fn result(
        &self,
        target: &str,
        request: &GetStatementResultRequest,
    ) -> Result<StatementResult, ServiceError> {
        let client = self.clients.of(target).await?.client;
        let (id, token, wait) = (
            &request.id,
            request.next_token.clone(),
            request.wait_seconds,
        );
        let reply = match request.result_format {
            ResultFormat::Json => {
                let call = client.get_statement_result().id(id).set_next_token(token);
                call!(
                    self.limits,
                    call.set_wait_time_seconds(number(wait)),
                    Asked::Read,
                    wait
                )?
            }
            ResultFormat::Csv => {
                let call = client
                    .get_statement_result_v2()
                    .id(id)
                    .set_next_token(token);
                call!(
                    self.limits,
                    call.set_wait_time_seconds(number(wait)),
                    Asked::Read,
                    wait
                )?
            }
        };
        replies::result(reply).map_err(|error| unreadable(&error, Asked::Read))
    }

    async fn list(
        &self,
        target: &str,
        request: &ListStatementsRequest,
    ) -> Result<StatementList, ServiceError> {
        let Bound {
            client,
            target: place,
        } = self.clients.of(target).await?;
        let place = Place::of(place, None);
        let call = client
            .list_statements()
            .status(request.status.map_or(Ok(StatusString::All), status)?)
            .set_statement_name(request.statement_name.clone())
            .set_max_results(number(request.max_results))
            .set_next_token(request.next_token.clone())
            .set_cluster_identifier(place.cluster_identifier)
            .set_workgroup_name(place.workgroup_name)
            .set_database(place.database);
        let reply = call!(self.limits, call, Asked::Read, None::<u32>)?;
        replies::list(&reply).map_err(|error| unreadable(&error, Asked::Read))
    }

    async fn list_named(
        &self,
        target: &str,
        name: &str,
        next_token: Option<&str>,
    ) -> Result<ListedPage, ServiceError> {
        let client = self.clients.of(target).await?.client;
        // The name is unique. No filter by place, which a statement of a session might not carry.
        let call = client
            .list_statements()
            .status(StatusString::All)
            .statement_name(name)
            .set_next_token(next_token.map(str::to_owned));
        let reply = call!(self.limits, call, Asked::Read, None::<u32>)?;
        replies::listed(&reply).map_err(|error| unreadable(&error, Asked::Read))
    }
}
