//! What a policy may do, and the services that refuse it everything else.
//!
//! Every import of every version of the contract ends in [`Services`], so one wrapper of it sees all calls. Targets
//! and ownership are looked at further in, where the ledger is.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use serde::Deserialize;
use signalbox_policy::{
    ServiceCall, ServiceReply, Services,
    contract::{Failure, StartOptions},
};
use tokio::time::Instant;

use crate::{
    raised::{detail, names},
    secrets::Secrets,
};

/// The name of a refusal for the time being: AWS's own, which a state machine may retry already.
const THROTTLED: &str = "ThrottlingException";

/// An import of the contract that reaches something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// `redshift-data.execute-statement`
    ExecuteStatement,
    /// `redshift-data.batch-execute-statement`
    BatchExecuteStatement,
    /// `redshift-data.describe-statement`
    DescribeStatement,
    /// `redshift-data.cancel-statement`
    CancelStatement,
    /// `redshift-data.get-statement-result`
    GetStatementResult,
    /// `redshift-data.list-statements`
    ListStatements,
    /// `ledger.latest`
    Latest,
    /// `task.heartbeat`
    Heartbeat,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ExecuteStatement,
        Self::BatchExecuteStatement,
        Self::DescribeStatement,
        Self::CancelStatement,
        Self::GetStatementResult,
        Self::ListStatements,
        Self::Latest,
        Self::Heartbeat,
    ];

    /// What a call needs.
    const fn of(call: &ServiceCall) -> Self {
        match call {
            ServiceCall::ExecuteStatement { .. } => Self::ExecuteStatement,
            ServiceCall::BatchExecuteStatement { .. } => Self::BatchExecuteStatement,
            ServiceCall::DescribeStatement(_) => Self::DescribeStatement,
            ServiceCall::CancelStatement(_) => Self::CancelStatement,
            ServiceCall::GetStatementResult(_) => Self::GetStatementResult,
            ServiceCall::ListStatements(_) => Self::ListStatements,
            ServiceCall::Latest(_) => Self::Latest,
            ServiceCall::Heartbeat => Self::Heartbeat,
        }
    }

    /// Its name in the contract and in a manifest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExecuteStatement => "execute-statement",
            Self::BatchExecuteStatement => "batch-execute-statement",
            Self::DescribeStatement => "describe-statement",
            Self::CancelStatement => "cancel-statement",
            Self::GetStatementResult => "get-statement-result",
            Self::ListStatements => "list-statements",
            Self::Latest => "latest",
            Self::Heartbeat => "heartbeat",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a policy may do on its targets. The default is nothing.
#[derive(Debug, Default)]
pub struct Grants {
    actions: BTreeSet<Action>,
    sql_bytes: Option<usize>,
    statements: Option<Meter>,
    calls: Option<Meter>,
}

impl Grants {
    /// These actions, without bounds of their own.
    #[must_use]
    pub fn of(actions: impl IntoIterator<Item = Action>) -> Self {
        Self {
            actions: actions.into_iter().collect(),
            ..Self::default()
        }
    }

    /// At most so many bytes of SQL in one start, parameters included.
    #[must_use]
    pub fn sql_bytes(self, most: Option<usize>) -> Self {
        Self {
            sql_bytes: most,
            ..self
        }
    }

    /// At most so many starts a minute in one process of the host.
    #[must_use]
    pub fn statements_per_minute(self, most: Option<u32>) -> Self {
        Self {
            statements: most.map(Meter::new),
            ..self
        }
    }

    /// At most so many calls a minute of all imports together, in one process of the host.
    #[must_use]
    pub fn calls_per_minute(self, most: Option<u32>) -> Self {
        Self {
            calls: most.map(Meter::new),
            ..self
        }
    }

    /// The same, counted by itself from now on.
    pub(crate) fn counted_anew(&self) -> Self {
        let anew = |meter: &Option<Meter>| meter.as_ref().map(|meter| Meter::new(meter.per_minute));
        Self {
            statements: anew(&self.statements),
            calls: anew(&self.calls),
            ..self.unmetered()
        }
    }

    /// The same without rates.
    pub(crate) fn unmetered(&self) -> Self {
        Self {
            actions: self.actions.clone(),
            sql_bytes: self.sql_bytes,
            statements: None,
            calls: None,
        }
    }

    fn allow(&self, policy: &str, action: Action) -> Result<(), Failure> {
        if !self.actions.contains(&action) {
            return Err(not_granted(format!(
                "`{action}` is not granted to policy `{policy}`"
            )));
        }
        count(self.calls.as_ref(), policy, "calls")
    }

    fn allow_start(&self, policy: &str, action: Action, bytes: usize) -> Result<(), Failure> {
        self.allow(policy, action)?;
        if let Some(most) = self.sql_bytes.filter(|most| bytes > *most) {
            return Err(not_granted(format!(
                "policy `{policy}` may start SQL of at most {most} bytes, parameters included, and this has {bytes}"
            )));
        }
        count(self.statements.as_ref(), policy, "statements")
    }
}

fn not_granted(message: String) -> Failure {
    Failure::NotGranted(detail(names::NOT_GRANTED, message, false))
}

fn count(meter: Option<&Meter>, policy: &str, what: &str) -> Result<(), Failure> {
    match meter {
        Some(meter) if !meter.take() => Err(Failure::Throttled(detail(
            THROTTLED,
            format!(
                "policy `{policy}` may make {} {what} a minute in one process of the host; try again later",
                meter.per_minute
            ),
            true,
        ))),
        _ => Ok(()),
    }
}

/// Counts what may be done in a minute: what was not used is kept for at most one minute.
#[derive(Debug)]
struct Meter {
    per_minute: u32,
    left: Mutex<(f64, Instant)>,
}

impl Meter {
    fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            left: Mutex::new((f64::from(per_minute), Instant::now())),
        }
    }

    fn take(&self) -> bool {
        let most = f64::from(self.per_minute);
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let earned = now.saturating_duration_since(left.1).as_secs_f64() * most / 60.0;
        *left = ((left.0 + earned).min(most), now);
        let granted = left.0 >= 1.0;
        if granted {
            left.0 -= 1.0;
        }
        granted
    }
}

/// Services of which a policy reaches what it was granted.
pub(crate) struct GrantedServices<S> {
    services: Arc<S>,
    grants: Arc<Grants>,
    policy: String,
    /// What the policy's SQL has placeholders for.
    secrets: Arc<Secrets>,
}

impl<S> GrantedServices<S> {
    pub(crate) fn new(
        services: Arc<S>,
        grants: Arc<Grants>,
        policy: &str,
        secrets: Arc<Secrets>,
    ) -> Self {
        Self {
            services,
            grants,
            policy: policy.to_owned(),
            secrets,
        }
    }

    /// The bytes of SQL as Redshift is given it.
    fn bytes(&self, sql: &str) -> usize {
        self.secrets.restore(sql).map_or(sql.len(), |sql| sql.len())
    }

    /// The bytes of a start's parameters as Redshift is given them.
    fn parameters(&self, options: &StartOptions) -> usize {
        let bytes = options.parameters.iter().map(|parameter| {
            let value = self.secrets.whole(&parameter.value);
            parameter.name.len() + value.unwrap_or(&parameter.value).len()
        });
        bytes.sum()
    }

    /// The bytes that a start sends to Redshift; none if the call is no start.
    fn start_bytes(&self, call: &ServiceCall) -> Option<usize> {
        match call {
            ServiceCall::ExecuteStatement { request, .. } => {
                Some(self.bytes(&request.sql) + self.parameters(&request.options))
            }
            ServiceCall::BatchExecuteStatement { request, .. } => {
                let sqls: usize = request.sqls.iter().map(|sql| self.bytes(sql)).sum();
                Some(sqls + self.parameters(&request.options))
            }
            _ => None,
        }
    }
}

#[async_trait]
impl<S: Services> Services for GrantedServices<S> {
    async fn call(&self, call: ServiceCall) -> Result<ServiceReply, Failure> {
        let action = Action::of(&call);
        match self.start_bytes(&call) {
            Some(bytes) => self.grants.allow_start(&self.policy, action, bytes)?,
            None => self.grants.allow(&self.policy, action)?,
        }
        self.services.call(call).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use signalbox_policy::{
        Denied,
        contract::{
            CancelStatementRequest, DescribeStatementRequest, GetStatementResultRequest,
            LatestRequest, ListStatementsRequest,
        },
    };

    use super::*;

    async fn try_all(services: &dyn Services) -> Vec<(Action, Failure)> {
        let id = || "s".to_owned();
        let describe = DescribeStatementRequest {
            id: id(),
            target: None,
            wait_seconds: None,
        };
        let cancel = CancelStatementRequest {
            id: id(),
            target: None,
        };
        let result = GetStatementResultRequest {
            id: id(),
            target: None,
            next_token: None,
            result_format: signalbox_policy::contract::ResultFormat::Json,
            wait_seconds: None,
        };
        let list = ListStatementsRequest {
            target: None,
            statement_name: None,
            status: None,
            max_results: None,
            next_token: None,
        };
        let latest = LatestRequest {
            execution_arn: None,
            step: None,
        };
        let failed = [
            (
                Action::DescribeStatement,
                services.describe_statement(describe).await.err(),
            ),
            (
                Action::CancelStatement,
                services.cancel_statement(cancel).await.err(),
            ),
            (
                Action::GetStatementResult,
                services.get_statement_result(result).await.err(),
            ),
            (
                Action::ListStatements,
                services.list_statements(list).await.err(),
            ),
            (Action::Latest, services.latest(latest).await.err()),
            (Action::Heartbeat, services.heartbeat().await.err()),
        ];
        failed
            .into_iter()
            .map(|(action, failure)| (action, failure.expect("denied further in")))
            .collect()
    }

    /// The services behind say "here", the grants name the policy.
    fn by_grants(failure: &Failure) -> bool {
        matches!(failure, Failure::NotGranted(told) if told.message.contains("policy `p`"))
    }

    #[tokio::test]
    async fn nothing_granted_is_nothing_reached_and_each_action_is_its_own() {
        let of =
            |grants| GrantedServices::new(Arc::new(Denied), Arc::new(grants), "p", Arc::default());
        for (action, failure) in try_all(&of(Grants::default())).await {
            assert!(by_grants(&failure), "{action}: {failure:?}");
        }
        for one in Action::ALL {
            for (action, failure) in try_all(&of(Grants::of([one]))).await {
                assert_eq!(by_grants(&failure), action != one, "{action}: {failure:?}");
            }
        }
    }

    #[tokio::test]
    async fn the_size_is_that_of_the_sql_that_is_sent() {
        let mut secrets = Secrets::default();
        let mut sql = format!("create user u password '{}'", "x".repeat(1_000));
        secrets.lend(&mut sql);
        assert!(sql.len() < 100, "{sql}");
        let grants = Grants::of([Action::ExecuteStatement]).sql_bytes(Some(1_000));
        let services =
            GrantedServices::new(Arc::new(Denied), Arc::new(grants), "p", Arc::new(secrets));
        assert!(services.bytes(&sql) > 1_000);
    }

    #[test]
    fn starts_have_their_size_and_their_rate() {
        let grants = Grants::of([Action::ExecuteStatement])
            .sql_bytes(Some(10))
            .statements_per_minute(Some(2));
        let start = |action, bytes| grants.allow_start("p", action, bytes);
        assert!(matches!(
            start(Action::BatchExecuteStatement, 1),
            Err(Failure::NotGranted(_))
        ));
        assert!(matches!(
            start(Action::ExecuteStatement, 11),
            Err(Failure::NotGranted(_))
        ));
        assert!(start(Action::ExecuteStatement, 10).is_ok());
        assert!(start(Action::ExecuteStatement, 10).is_ok());
        let Err(Failure::Throttled(told)) = start(Action::ExecuteStatement, 10) else {
            panic!("the minute is used up")
        };
        assert!(told.retryable && told.code == THROTTLED, "{told:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_minute_s_worth_comes_back_in_a_minute_and_no_more_is_kept() {
        let meter = Meter::new(3);
        let drain = || (0..10).filter(|_| meter.take()).count();
        assert_eq!(drain(), 3);
        tokio::time::advance(Duration::from_secs(21)).await;
        assert_eq!(drain(), 1);
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert_eq!(drain(), 3);
    }
}
