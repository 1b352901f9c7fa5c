//! A function with its AWS: the Data API, Step Functions and a table, all on this machine.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use signalbox_local::{
    CallFault, Faults,
    data_api::{DataApi, DataApiOptions, DataApiServer, EventFaults},
    step_functions::{
        Definition, ExecutionHandle, FunctionError, InvokeFunction, Outcome, StepFunctions,
        StepFunctionsOptions, StepFunctionsServer,
    },
};
use signalbox_tasker::ids::{IdSource, RecordId, statement_name};
use tokio::sync::mpsc;

use super::{
    dynamodb::DynamoDb,
    lambda::{Lambda, Variables, lambda_variables},
    runtime_api::{Answer, FUNCTION_ARN},
};

/// How long a test waits for something to happen before it fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// The name of another implementation of DynamoDB to run against, such as moto's.
const OTHER_DYNAMODB: &str = "SIGNALBOX_TEST_DYNAMODB_URL";

/// How a stage is set up.
#[derive(Default)]
pub struct Setting {
    /// Variables beside those of Lambda and AWS; an empty value takes one away.
    pub variables: Vec<(&'static str, String)>,
    /// The text of the configuration file, if there is one. It is read in a folder of its own.
    pub config: Option<String>,
    /// Files beside the configuration.
    pub files: Vec<(&'static str, Vec<u8>)>,
}

/// Which calls fail, by operation and input, and how.
type Broken = dyn Fn(&str, &Map<String, Value>) -> Option<CallFault> + Send + Sync;

/// Everything.
pub struct Stage {
    /// The function.
    pub lambda: Arc<Lambda>,
    /// Step Functions.
    pub states: StepFunctionsServer,
    /// Faults of the Data API.
    pub redshift_faults: Faults,
    /// Faults of its completion events.
    pub event_faults: EventFaults,
    /// The function's environment.
    pub variables: Variables,
    /// The table, unless another implementation keeps it.
    pub dynamodb: Option<DynamoDb>,
    calls: Arc<Mutex<BTreeMap<String, u32>>>,
    broken: Arc<Mutex<Option<Arc<Broken>>>>,
    tokens: Arc<Mutex<Vec<String>>>,
    events: mpsc::Receiver<Value>,
    stops: mpsc::Receiver<Value>,
    _redshift: DataApiServer,
    _folder: tempfile::TempDir,
}

/// The original's own environment, of a table of this name.
pub fn original(table: &str) -> Variables {
    [
        ("CLUSTER_IDENTIFIER", "analytics-1"),
        ("DATABASE", "dev"),
        ("DB_USER", "admin"),
        ("DDB_TABLE_NAME", table),
    ]
    .into_iter()
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .collect()
}

impl Stage {
    /// With the original's environment and nothing else.
    pub async fn original() -> Self {
        Self::set(Setting::default()).await
    }

    /// As set up.
    pub async fn set(setting: Setting) -> Self {
        let (sink, events) = mpsc::channel(1_000);
        let (redshift_faults, event_faults, states_faults) =
            (Faults::new(), EventFaults::new(), Faults::new());
        let calls = Arc::new(Mutex::new(BTreeMap::new()));
        let broken = Arc::new(Mutex::new(None::<Arc<Broken>>));
        for faults in [&redshift_faults, &states_faults] {
            let (calls, broken) = (Arc::clone(&calls), Arc::clone(&broken));
            faults.on_call(move |operation, input| {
                *calls
                    .lock()
                    .expect("lock")
                    .entry(operation.to_owned())
                    .or_default() += 1;
                let broken = broken.lock().expect("lock").clone();
                broken.and_then(|broken| broken(operation, input))
            });
        }
        let redshift = DataApi::start(DataApiOptions {
            events: Some(Arc::new(sink)),
            faults: redshift_faults.clone(),
            event_faults: event_faults.clone(),
            ..DataApiOptions::default()
        });
        let redshift = redshift.await.expect("the Data API");
        let (stop_sink, stops) = mpsc::channel(1_000);
        let states = StepFunctions::start(StepFunctionsOptions {
            events: Some(Arc::new(stop_sink)),
            faults: states_faults,
            ..StepFunctionsOptions::default()
        });
        let states = states.await.expect("Step Functions");
        let table = table_name();
        let (dynamodb, dynamodb_url) = match std::env::var(OTHER_DYNAMODB) {
            Ok(url) => (None, url),
            Err(_) => {
                let server = DynamoDb::start(&table).await;
                let url = server.url();
                (Some(server), url)
            }
        };

        let mut variables = lambda_variables();
        variables.extend(original(&table));
        for (service, url) in [
            ("REDSHIFT_DATA", redshift.url()),
            ("SFN", states.url()),
            ("DYNAMODB", dynamodb_url),
        ] {
            variables.insert(format!("AWS_ENDPOINT_URL_{service}"), url);
        }
        let folder = tempfile::tempdir().expect("a folder");
        if let Some(config) = setting.config {
            let path = folder.path().join("signalbox.toml");
            std::fs::write(&path, config).expect("written");
            variables.insert("SIGNALBOX_CONFIG".to_owned(), path.display().to_string());
        }
        for (name, bytes) in setting.files {
            std::fs::write(folder.path().join(name), bytes).expect("written");
        }
        variables.extend(
            setting
                .variables
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v)),
        );
        if dynamodb.is_none() {
            create_table(&variables).await;
        }

        let lambda = Arc::new(Lambda::start(variables.clone()).await);
        let tokens = Arc::default();
        let function = Function {
            lambda: Arc::clone(&lambda),
            tokens: Arc::clone(&tokens),
        };
        states.set_function(Arc::new(function));
        Self {
            lambda,
            states,
            redshift_faults,
            event_faults,
            variables,
            dynamodb,
            calls,
            broken,
            tokens,
            events,
            stops,
            _redshift: redshift,
            _folder: folder,
        }
    }

    /// From now on the calls of Redshift and Step Functions for which this says so fail, until [`Stage::mend`].
    pub fn break_calls(
        &self,
        broken: impl Fn(&str, &Map<String, Value>) -> Option<CallFault> + Send + Sync + 'static,
    ) {
        *self.broken.lock().expect("lock") = Some(Arc::new(broken));
    }

    /// Ends what [`Stage::break_calls`] began.
    pub fn mend(&self) {
        *self.broken.lock().expect("lock") = None;
    }

    /// Invokes the function.
    pub async fn invoke(&self, event: Value) -> Answer {
        self.lambda.api.invoke(&event).await
    }

    /// Invokes the function, which has so many seconds.
    pub async fn invoke_within(&self, seconds: u64, event: &Value) -> Answer {
        let time = Duration::from_secs(seconds);
        self.lambda.api.invoke_text(&event.to_string(), time).await
    }

    /// Starts an execution of one task that waits for its token. `payload` comes beside the token and the
    /// execution's ARN.
    pub fn task(&self, payload: Value) -> ExecutionHandle {
        let mut payload = payload;
        payload["taskToken.$"] = json!("$$.Task.Token");
        payload["executionArn.$"] = json!("$$.Execution.Id");
        self.execution(payload)
    }

    /// Starts an execution of one task that waits for its token, with exactly this payload (JSONPath allowed).
    pub fn execution(&self, payload: Value) -> ExecutionHandle {
        let definition = Definition::from_value(&json!({
            "StartAt": "Step",
            "States": { "Step": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "Parameters": { "FunctionName": FUNCTION_ARN, "Payload": payload },
                "TimeoutSeconds": 120,
                "End": true
            }}
        }));
        self.states
            .start_execution("machine", &definition.expect("a definition"), json!({}))
    }

    /// The next completion event.
    pub async fn completion(&mut self) -> Value {
        let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        event.expect("an event in time").expect("the Data API runs")
    }

    /// The next event of an execution that ended.
    pub async fn execution_ended(&mut self) -> Value {
        let event = tokio::time::timeout(PATIENCE, self.stops.recv()).await;
        event
            .expect("an event in time")
            .expect("Step Functions runs")
    }

    /// The names of the statements of all tasks that waited for a token, in order.
    pub fn statement_names(&self) -> Vec<String> {
        let name = |token: &String| {
            statement_name("tasker", &RecordId::new("tasker", IdSource::Token(token)))
        };
        self.tokens.lock().expect("lock").iter().map(name).collect()
    }

    /// The tokens of all tasks that waited for one, in order.
    pub fn secret_tokens(&self) -> Vec<String> {
        self.tokens.lock().expect("lock").clone()
    }

    /// How many tasks with a token there were.
    pub fn tokens(&self) -> usize {
        self.tokens.lock().expect("lock").len()
    }

    /// How often an operation was called.
    pub fn calls(&self, operation: &str) -> u32 {
        self.calls
            .lock()
            .expect("lock")
            .get(operation)
            .copied()
            .unwrap_or_default()
    }

    /// Waits until an operation was called so often.
    pub async fn called(&self, operation: &str, times: u32) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while self.calls(operation) < times {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        assert!(
            waited.await.is_ok(),
            "{operation} was called {} times, not {times}",
            self.calls(operation)
        );
    }

    /// Runs `signalbox` as an operator with the function's environment.
    pub async fn signalbox(&self, arguments: &[&str]) -> Said {
        let said = run_signalbox(&self.variables, arguments).await;
        for token in self.tokens.lock().expect("lock").iter() {
            assert!(
                !said.out.contains(token) && !said.err.contains(token),
                "a token is shown: {said:?}"
            );
        }
        said
    }

    /// Ends the function, and says that nothing strange was asked of the table and nothing secret was logged.
    pub fn check(&self, secrets: &[&str]) {
        if let Some(dynamodb) = &self.dynamodb {
            assert_eq!(
                dynamodb.odd_requests(),
                [""; 0],
                "requests that DynamoDB would refuse"
            );
        }
        let log = self.lambda.end();
        assert!(!log.is_empty(), "the function logs");
        for line in &log {
            assert!(
                serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()),
                "no JSON: {line}"
            );
            for secret in secrets {
                assert!(!line.contains(secret), "{secret:?} is in the log: {line}");
            }
        }
    }
}

/// Runs `signalbox` with these variables and no others.
pub async fn run_signalbox(variables: &Variables, arguments: &[&str]) -> Said {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_signalbox"));
    command.args(arguments).env_clear().envs(variables);
    // The servers that it asks are on this runtime.
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = tokio::time::timeout(PATIENCE, output)
        .await
        .expect("signalbox ends in time")
        .expect("no panic")
        .expect("signalbox runs");
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// What a run of `signalbox` came to.
#[derive(Debug)]
pub struct Said {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it wrote.
    pub out: String,
    /// What it wrote about errors.
    pub err: String,
}

impl Said {
    /// What it wrote, as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Waits for an execution's end.
pub async fn end(execution: &ExecutionHandle) -> Outcome {
    tokio::time::timeout(PATIENCE, execution.end())
        .await
        .expect("an end in time")
}

/// The error and cause with which an execution failed.
pub async fn failure(execution: &ExecutionHandle) -> (String, String) {
    match end(execution).await {
        Outcome::Failed { error } => (error.error, error.cause),
        other => panic!("the execution should fail: {other:?}"),
    }
}

/// A batch of SQS of these messages; the ids are `1`, `2` and so on.
pub fn batch(bodies: &[&Value]) -> Value {
    let records: Vec<Value> = (1..)
        .zip(bodies)
        .map(|(id, body)| record(&id.to_string(), &body.to_string()))
        .collect();
    json!({ "Records": records })
}

/// A message of SQS.
pub fn record(id: &str, body: &str) -> Value {
    json!({
        "messageId": id, "receiptHandle": "handle", "body": body, "attributes": {}, "messageAttributes": {},
        "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:completions",
        "awsRegion": "us-east-1"
    })
}

/// What a batch answers whose messages of these ids stay in the queue.
pub fn failures(ids: &[&str]) -> Value {
    let items: Vec<Value> = ids
        .iter()
        .map(|id| json!({ "itemIdentifier": id }))
        .collect();
    json!({ "batchItemFailures": items })
}

/// The function, as tasks invoke it.
struct Function {
    lambda: Arc<Lambda>,
    tokens: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl InvokeFunction for Function {
    async fn invoke(&self, function_name: &str, payload: Value) -> Result<Value, FunctionError> {
        assert_eq!(function_name, FUNCTION_ARN);
        self.tokens
            .lock()
            .expect("lock")
            .extend(payload["taskToken"].as_str().map(str::to_owned));
        let failed = |failed: super::runtime_api::Failed| FunctionError {
            error_type: failed.error_type,
            message: failed.message,
        };
        self.lambda.api.invoke(&payload).await.map_err(failed)
    }
}

fn table_name() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!(
        "signalbox-test-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// Makes the table as a deployer does.
async fn create_table(variables: &Variables) {
    let made = std::process::Command::new(env!("CARGO_BIN_EXE_signalbox"))
        .args(["ledger", "create"])
        .env_clear()
        .envs(variables)
        .output()
        .expect("signalbox runs");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
}
