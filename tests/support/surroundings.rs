//! What is around a function in AWS: EventBridge, Lambda, SQS and EventBridge Scheduler, as far as they are looked at.
//!
//! The services answer from documents in the form of AWS; a test changes those. What is not looked at by the product is
//! refused, so that nothing is changed unnoticed.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Map, Value, json};

/// What there is.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// The rules of the default bus, as ListRules has them, each with a member `Targets`.
    pub rules: Vec<Value>,
    /// The function's configuration.
    pub function: Option<Value>,
    /// The concurrency that is reserved for it.
    pub reserved: Option<u32>,
    /// Who may invoke it: a policy.
    pub invoke_policy: Option<Value>,
    /// Its event source mappings.
    pub mappings: Vec<Value>,
    /// The attributes of queues by name.
    pub queues: Map<String, Value>,
    /// The schedules, as GetSchedule has them.
    pub schedules: Vec<Value>,
    /// Operations that are not allowed, by name.
    pub denied: BTreeSet<&'static str>,
}

/// The servers.
pub struct Surroundings {
    address: SocketAddr,
    around: Arc<Mutex<Around>>,
}

type Shared = Arc<Mutex<Around>>;
type Refused = (StatusCode, &'static str);

const DENIED: Refused = (StatusCode::FORBIDDEN, "AccessDeniedException");
const MISSING: Refused = (StatusCode::NOT_FOUND, "ResourceNotFoundException");

impl Surroundings {
    /// Starts them with nothing there.
    pub async fn start() -> Self {
        let around = Shared::default();
        let router = Router::new()
            .route("/", post(by_target))
            .route(
                "/2015-03-31/functions/{name}/configuration",
                get(configuration),
            )
            .route("/2019-09-30/functions/{name}/concurrency", get(concurrency))
            .route("/2015-03-31/functions/{name}/policy", get(policy))
            .route("/2015-03-31/event-source-mappings", get(mappings))
            .route("/2015-03-31/event-source-mappings/", get(mappings))
            .route("/schedules", get(schedules))
            .route("/schedules/{name}", get(schedule))
            .with_state(Arc::clone(&around));
        let address = super::serve(router).await;
        Self { address, around }
    }

    /// The variables that lead the AWS SDK here.
    pub fn variables(&self) -> Vec<(String, String)> {
        ["EVENTBRIDGE", "LAMBDA", "SQS", "SCHEDULER"]
            .map(|service| {
                (
                    format!("AWS_ENDPOINT_URL_{service}"),
                    format!("http://{}", self.address),
                )
            })
            .into()
    }

    /// What there is, to be changed.
    pub fn around(&self) -> MutexGuard<'_, Around> {
        self.around.lock().expect("lock")
    }
}

/// The services that name the operation in a header.
async fn by_target(State(around): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let around = around.lock().expect("lock");
    let operation = target.rsplit('.').next().unwrap_or_default();
    respond(around.allowed(operation).and_then(|()| {
        match target {
            "AWSEvents.ListRules" => Ok(json!({ "Rules": around.rules })),
            "AWSEvents.ListTargetsByRule" => around
                .rules
                .iter()
                .find(|rule| rule["Name"] == body["Rule"])
                .map(|rule| json!({ "Targets": rule["Targets"] }))
                .ok_or(MISSING),
            "AmazonSQS.GetQueueUrl" => match body["QueueName"].as_str() {
                Some(name) if around.queues.contains_key(name) => {
                    Ok(json!({ "QueueUrl": format!("http://queue/{name}") }))
                }
                _ => Err((StatusCode::BAD_REQUEST, "QueueDoesNotExist")),
            },
            "AmazonSQS.GetQueueAttributes" => {
                let url = body["QueueUrl"].as_str().unwrap_or_default();
                let name = url.rsplit('/').next().unwrap_or_default();
                Ok(json!({ "Attributes": around.queues.get(name) }))
            }
            _ => Err((StatusCode::BAD_REQUEST, "UnknownOperationException")),
        }
    }))
}

async fn configuration(State(around): State<Shared>, Path(name): Path<String>) -> Response {
    let around = around.lock().expect("lock");
    respond(around.allowed("GetFunctionConfiguration").and_then(|()| {
        let function = around.function.clone();
        function
            .filter(|function| function["FunctionName"] == *name)
            .ok_or(MISSING)
    }))
}

async fn concurrency(State(around): State<Shared>) -> Response {
    let around = around.lock().expect("lock");
    respond(
        around
            .allowed("GetFunctionConcurrency")
            .map(|()| match around.reserved {
                Some(count) => json!({ "ReservedConcurrentExecutions": count }),
                None => json!({}),
            }),
    )
}

async fn policy(State(around): State<Shared>) -> Response {
    let around = around.lock().expect("lock");
    respond(around.allowed("GetPolicy").and_then(|()| {
        let policy = around.invoke_policy.as_ref().ok_or(MISSING)?;
        Ok(json!({ "Policy": policy.to_string() }))
    }))
}

async fn mappings(State(around): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default().replace("%3A", ":");
    let asked = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(known, value)| (known == name).then_some(value))
    };
    let (source, function) = (asked("EventSourceArn"), asked("FunctionName"));
    let around = around.lock().expect("lock");
    respond(around.allowed("ListEventSourceMappings").map(|()| {
        let text =
            |mapping: &Value, name: &str| mapping[name].as_str().unwrap_or_default().to_owned();
        let found: Vec<_> = around
            .mappings
            .iter()
            .filter(|mapping| source.is_none_or(|arn| text(mapping, "EventSourceArn") == arn))
            .filter(|mapping| {
                function
                    .is_none_or(|name| text(mapping, "FunctionArn").ends_with(&format!(":{name}")))
            })
            .collect();
        json!({ "EventSourceMappings": found })
    }))
}

async fn schedules(State(around): State<Shared>) -> Response {
    let around = around.lock().expect("lock");
    respond(
        around
            .allowed("ListSchedules")
            .map(|()| json!({ "Schedules": around.schedules })),
    )
}

async fn schedule(State(around): State<Shared>, Path(name): Path<String>) -> Response {
    let around = around.lock().expect("lock");
    respond(around.allowed("GetSchedule").and_then(|()| {
        let found = around.schedules.iter().find(|of| of["Name"] == *name);
        found.cloned().ok_or(MISSING)
    }))
}

impl Around {
    fn allowed(&self, operation: &str) -> Result<(), Refused> {
        if self.denied.contains(operation) {
            Err(DENIED)
        } else {
            Ok(())
        }
    }
}

fn respond(reply: Result<Value, Refused>) -> Response {
    match reply {
        Ok(body) => (StatusCode::OK, body.to_string()).into_response(),
        Err((status, code)) => {
            let body = json!({ "__type": code, "message": "not for you" });
            (status, [("x-amzn-errortype", code)], body.to_string()).into_response()
        }
    }
}
