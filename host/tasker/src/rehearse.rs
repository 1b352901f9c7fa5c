//! One payload through a policy with nothing behind it: what would it start, or refuse?
//!
//! It is how the test vectors of a policy set are run before the set is put in force: the same intake, the same
//! grants, and services that only write down what they are asked.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};
use signalbox_policy::{
    CallContext, Fault, Invoked, ServiceCall, ServiceReply, Services,
    contract::{
        Failure, Invocation, Source, StartOptions, StartedStatement, StatementStatus, UnknownFields,
    },
};
use tokio::time::Instant;

use crate::{
    grants::{GrantedServices, Grants},
    intake,
    policies::Granted,
    raised::{Raised, detail, names},
    waiting::Waiting,
};

/// The id of a statement that was not started.
const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// What a payload came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsed {
    /// The statements that would have been started: the target, and the SQL (of a batch its parts, one per line).
    pub starts: Vec<(String, String)>,
    /// The error that the caller would have seen; none if the payload would have been served.
    pub raised: Option<Raised>,
}

/// Runs one payload.
pub async fn rehearse(
    granted: &Granted,
    payload: Value,
    now: u64,
    unknown_fields: UnknownFields,
    deadline: Instant,
) -> Rehearsed {
    let services = Arc::new(Rehearsal {
        targets: granted.targets.clone(),
        policy: granted.policy.identity().name.clone(),
        starts: Mutex::default(),
    });
    let asked = ask(granted, &services, payload, now, unknown_fields, deadline).await;
    let raised = match asked {
        Ok(Ok(invoked)) => invoked.reply.err().map(Raised::from),
        Ok(Err(fault)) => Some(Raised::from(&fault)),
        Err(raised) => Some(raised),
    };
    let starts = services
        .starts
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    Rehearsed { starts, raised }
}

/// What a policy is asked to find out whether it faults whatever it is asked: nothing in it is a caller's.
fn reference() -> Value {
    json!({
        "sqlStatement": "select 1",
        "executionArn": "arn:aws:states:us-east-1:000000000000:execution:reference:reference",
    })
}

/// Whether a policy faults though no caller has a hand in it.
pub(crate) async fn faults_anyhow(granted: &Granted, now: u64, deadline: Instant) -> bool {
    let services = Arc::new(Rehearsal {
        targets: granted.targets.clone(),
        policy: granted.policy.identity().name.clone(),
        starts: Mutex::default(),
    });
    let unknown = UnknownFields::Ignore;
    let asked = ask(granted, &services, reference(), now, unknown, deadline).await;
    matches!(asked, Ok(Err(_)))
}

async fn ask(
    granted: &Granted,
    services: &Arc<Rehearsal>,
    payload: Value,
    now: u64,
    unknown_fields: UnknownFields,
    deadline: Instant,
) -> Result<Result<Invoked, Fault>, Raised> {
    let intake = intake::take(payload)?;
    // What is counted by the minute is counted for real calls.
    let grants = granted
        .grants
        .as_deref()
        .map_or_else(Grants::default, Grants::unmetered);
    let behind = GrantedServices::new(
        Arc::clone(services),
        Arc::new(grants),
        &services.policy,
        Arc::default(),
    );
    let context = CallContext {
        services: Arc::new(behind),
        now,
        deadline,
    };
    let invocation = Invocation {
        request_id: "rehearsal".to_owned(),
        source: Source::Invocation,
        payload: intake.payload.to_string(),
        execution_arn: intake.execution_arn.clone(),
        function_arn: None,
        targets: granted.targets.clone(),
        unknown_fields,
    };
    let waiter = intake.waiting.as_ref().map(Waiting::waiter);
    Ok(granted.policy.invoke(context, invocation, waiter).await)
}

struct Rehearsal {
    targets: Vec<String>,
    policy: String,
    starts: Mutex<Vec<(String, String)>>,
}

impl Rehearsal {
    fn start(&self, sql: String, options: &StartOptions) -> Result<ServiceReply, Failure> {
        let asked = options.target.as_deref();
        let target = match asked {
            Some(name) => self.targets.iter().find(|target| *target == name),
            None => self.targets.first(),
        };
        let Some(target) = target.cloned() else {
            let name = asked.unwrap_or("default");
            return Err(Failure::NotGranted(detail(
                names::NOT_GRANTED,
                format!("there is no target `{name}` for policy `{}`", self.policy),
                false,
            )));
        };
        self.starts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((target.clone(), sql));
        Ok(ServiceReply::Started(StartedStatement {
            id: NO_ID.to_owned(),
            target,
            status: StatementStatus::Submitted,
            session_id: None,
            has_result_set: None,
            document: format!("{{\"Id\":\"{NO_ID}\"}}"),
        }))
    }
}

#[async_trait]
impl Services for Rehearsal {
    async fn call(&self, call: ServiceCall) -> Result<ServiceReply, Failure> {
        match &call {
            ServiceCall::ExecuteStatement { request, .. } => {
                self.start(request.sql.clone(), &request.options)
            }
            ServiceCall::BatchExecuteStatement { request, .. } => {
                self.start(request.sqls.join("\n"), &request.options)
            }
            ServiceCall::Latest(_) => Ok(ServiceReply::Latest(None)),
            ServiceCall::Heartbeat => Ok(ServiceReply::Heartbeat),
            ServiceCall::DescribeStatement(_)
            | ServiceCall::CancelStatement(_)
            | ServiceCall::GetStatementResult(_)
            | ServiceCall::ListStatements(_) => Err(Failure::Unavailable(detail(
                "NotInARehearsal",
                format!(
                    "`{}` has nothing behind it in a test of a policy set",
                    call.function()
                ),
                false,
            ))),
        }
    }
}
