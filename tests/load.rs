//! Many tasks in flight at once, while services fail now and then and events are lost and doubled: none is lost, and
//! the SQL of each runs once.
//!
//! `SIGNALBOX_TEST_LOAD_TASKS=2000 cargo test --test load -- --nocapture` prints the figures. Everything is in one
//! process: the host with the AWS SDK, the Data API over SQLite, Step Functions, the ledger.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails loudly, and prints what it measured"
)]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant as Wall},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use signalbox_aws::{CloudFormation, RedshiftData, Session, StepFunctions as Callbacks};
use signalbox_lambda::{Config, Host, InvocationContext, start};
use signalbox_local::{
    CallFault, Faults, ServiceFault,
    data_api::{DataApi, DataApiOptions, DataApiServer, EventFault, EventFaults},
    ledger::EmbeddedLedger,
    step_functions::{
        Definition, FunctionError, InvokeFunction, Outcome, StepFunctions, StepFunctionsOptions,
        StepFunctionsServer,
    },
};
use signalbox_tasker::{
    Ports, Raised,
    operate::{Filter, Operator},
    ports::SystemClock,
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::{JoinHandle, JoinSet},
    time::Instant,
};

/// The tasks of a run in which nobody asked for a number.
const TASKS: usize = 200;
/// How many of the function there are at once, as reserved concurrency bounds it on Lambda.
const CONCURRENCY: usize = 32;
/// How many statements Redshift runs at once.
const SLOTS: usize = 8;
/// Each so many tasks one has SQL that fails.
const FAILING: usize = 10;
/// An invocation's time: the original's.
const FUNCTION_TIME: Duration = Duration::from_secs(29);
/// How often a message is received before it goes to the dead letters: the original's.
const RECEIVES: u32 = 15;
const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:tasker";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_at_once_and_none_is_lost() {
    let tasks = std::env::var("SIGNALBOX_TEST_LOAD_TASKS")
        .map_or(TASKS, |text| text.parse().expect("a number of tasks"));
    let patience =
        Duration::from_secs(300) + Duration::from_secs(1) * u32::try_from(tasks).expect("few");
    let world = World::start(tasks).await;
    world.sql("create table ran (task integer)").await;
    // Nothing runs before everything is started: statements queue up in Redshift behind these.
    let mut plugs = Vec::new();
    for _ in 0..SLOTS {
        let started = world
            .invoke(json!({"sqlStatement": "select f_slow('plug', 100000)"}))
            .await;
        plugs.push(started.expect("started")["Id"].clone());
    }
    world.faults.switch(true);
    let sweeper = world.sweep_on();

    let began = Wall::now();
    let executions: Vec<_> = (0..tasks)
        .map(|task| {
            world
                .states
                .start_execution("load", &machine(task), json!({}))
        })
        .collect();
    let operator = world.operator();
    let all_started = tokio::time::timeout(patience, async {
        loop {
            let open = operator.open(&Filter::default()).await.expect("a list");
            let started = |task: &signalbox_tasker::operate::TaskView| {
                task.statement
                    .as_ref()
                    .is_some_and(|statement| statement.id.is_some())
            };
            if open.tasks.iter().filter(|task| started(task)).count() == tasks {
                return open.open;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let in_flight = all_started.await.expect("all are started in time");
    let starting = began.elapsed();

    for id in plugs {
        let cancelled = tokio::time::timeout(patience, world.cancel(&id));
        cancelled.await.expect("a plug is cancelled in time");
    }
    let mut outcomes = BTreeMap::<String, usize>::new();
    for (task, execution) in executions.iter().enumerate() {
        let outcome = tokio::time::timeout(patience, execution.end()).await;
        let outcome = outcome.unwrap_or_else(|_| panic!("task {task} is lost"));
        let word = match outcome {
            Outcome::Succeeded { output } if output["detail"]["state"] == "FINISHED" => {
                "success".to_owned()
            }
            Outcome::Failed { error } => error.error,
            other => format!("{other:?}"),
        };
        let expected = if fails(task) { "FAILED" } else { "success" };
        assert_eq!(word, expected, "task {task}");
        *outcomes.entry(word).or_default() += 1;
    }
    let all = began.elapsed();

    let open = tokio::time::timeout(patience, async {
        loop {
            let open = operator
                .open(&Filter::default())
                .await
                .expect("a list")
                .open;
            if open == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    open.await.expect("no record stays open");
    sweeper.abort();
    world.faults.switch(false);
    let failing = (0..tasks).filter(|task| fails(*task)).count();
    let ran = world
        .sql("select count(*), count(distinct task) from ran")
        .await;
    let ran = [&ran[0][0]["longValue"], &ran[0][1]["longValue"]];
    assert_eq!(ran, [&json!(tasks - failing); 2], "each SQL ran once");

    let counted = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "load: {tasks} tasks, {in_flight} in flight at once, all started after {:.1} s, all answered after {:.1} s \
         ({:.0} tasks/s)\n\
         load: outcomes {outcomes:?}\n\
         load: {} invocations, {} sweeps ({} records examined, {} settled), {} faulty calls of {}, {} messages given \
         up to the dead letters\n\
         load: peak memory of the whole process {}",
        starting.as_secs_f64(),
        all.as_secs_f64(),
        tasks as f64 / all.as_secs_f64(),
        counted(&world.function.invocations),
        counted(&world.sweeps.count),
        counted(&world.sweeps.examined),
        counted(&world.sweeps.settled),
        counted(&world.faults.struck),
        counted(&world.faults.calls),
        counted(&world.dead_letters),
        memory().unwrap_or_else(|| "not known here".to_owned()),
    );
    assert!(in_flight >= tasks);
    assert!(
        counted(&world.sweeps.settled) > 0,
        "the sweep had something to do"
    );
    assert!(counted(&world.faults.struck) > 0, "something failed");
    world.end().await;
}

fn fails(task: usize) -> bool {
    task % FAILING == FAILING - 1
}

fn machine(task: usize) -> Definition {
    let sql = if fails(task) {
        format!("select no_such_function({task})")
    } else {
        format!("insert into ran values ({task})")
    };
    let definition = json!({
        "StartAt": "Step",
        "States": { "Step": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {
                "FunctionName": FUNCTION,
                "Payload": {
                    "taskToken.$": "$$.Task.Token", "executionArn.$": "$$.Execution.Id", "sqlStatement": sql
                }
            },
            "Retry": [
                { "ErrorEquals": ["FAILED"], "MaxAttempts": 0 },
                { "ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 8 }
            ],
            "End": true
        }}
    });
    Definition::from_value(&definition).expect("a definition")
}

/// Faults by the number of a call: each so many calls of an operation one fails, in one of several ways.
#[derive(Default)]
struct Plan {
    on: std::sync::atomic::AtomicBool,
    calls: AtomicU64,
    struck: AtomicU64,
}

impl Plan {
    fn switch(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    fn strike(&self, operation: &str) -> Option<CallFault> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        if !self.on.load(Ordering::Relaxed) {
            return None;
        }
        let fault = match (operation, number % 23) {
            (_, 1) => CallFault::FailBefore(ServiceFault::throttling()),
            (_, 8) => CallFault::FailBefore(ServiceFault::internal()),
            // The call is made and its reply is lost: of a start and of an answer the hard case.
            (_, 15) => CallFault::DisconnectAfter,
            ("SendTaskSuccess" | "SendTaskFailure", 4) => {
                CallFault::FailAfter(ServiceFault::internal())
            }
            _ => return None,
        };
        self.struck.fetch_add(1, Ordering::Relaxed);
        Some(fault)
    }
}

#[derive(Default)]
struct Sweeps {
    count: AtomicU64,
    examined: AtomicU64,
    settled: AtomicU64,
}

struct World {
    redshift: DataApiServer,
    states: StepFunctionsServer,
    function: Arc<Function>,
    faults: Arc<Plan>,
    sweeps: Arc<Sweeps>,
    dead_letters: Arc<AtomicU64>,
    config: Config,
    ports: Ports,
    post: JoinHandle<()>,
}

impl World {
    async fn start(tasks: usize) -> Self {
        let faults = Arc::new(Plan::default());
        let plan = || {
            let (plan, of_server) = (Arc::clone(&faults), Faults::new());
            of_server.on_call(move |operation, _| plan.strike(operation));
            of_server
        };
        let event_faults = EventFaults::new();
        // Statements of the test itself have no events; the faults are for the tasks.
        for task in 0..tasks {
            event_faults.next(match task % 10 {
                3 => EventFault::Drop,
                5 => EventFault::Twice,
                7 => EventFault::Delay(Duration::from_millis(700)),
                _ => EventFault::Deliver,
            });
        }
        let (sink, events) = mpsc::channel(10_000);
        let redshift = DataApi::start(DataApiOptions {
            events: Some(Arc::new(sink)),
            faults: plan(),
            event_faults,
            slots: SLOTS,
            active_statements: tasks + 2 * SLOTS,
            remembered_statements: 2 * tasks + 100,
            ..DataApiOptions::default()
        });
        let redshift = redshift.await.expect("the Data API");
        let states = StepFunctions::start(StepFunctionsOptions {
            faults: plan(),
            ..StepFunctionsOptions::default()
        });
        let states = states.await.expect("Step Functions");

        let config = config();
        let ports = Ports {
            warehouse: Arc::new(RedshiftData::new(
                Arc::new(Session::at(&redshift.url())),
                config.targets.clone(),
            )),
            callbacks: Arc::new(Callbacks::new(Arc::new(Session::at(&states.url())))),
            custom_resources: Arc::new(CloudFormation::new(config.response_origins.clone())),
            ledger: Arc::new(EmbeddedLedger::in_memory().expect("a ledger")),
            clock: Arc::new(SystemClock),
        };
        let host = Host::start(&config, ports.clone()).await.expect("a host");
        let function = Arc::new(Function {
            host,
            room: Semaphore::new(CONCURRENCY),
            invocations: AtomicU64::new(0),
        });
        states.set_function(Arc::<Function>::clone(&function));
        let dead_letters = Arc::<AtomicU64>::default();
        let post = tokio::spawn(carry(
            events,
            Arc::clone(&function),
            Arc::clone(&dead_letters),
        ));
        Self {
            redshift,
            states,
            function,
            faults,
            sweeps: Arc::default(),
            dead_letters,
            config,
            ports,
            post,
        }
    }

    fn operator(&self) -> Operator {
        Operator::new(&self.ports, start::options(&self.config))
    }

    async fn invoke(&self, event: Value) -> Result<Value, Raised> {
        self.function.handle(event).await
    }

    /// Runs SQL and returns the records of its result; none if it has none.
    async fn sql(&self, sql: &str) -> Value {
        let started = self
            .invoke(json!({"sqlStatement": sql}))
            .await
            .expect("started");
        let describe = json!({"action": "describeStatement", "statementId": started["Id"]});
        loop {
            let described = self.invoke(describe.clone()).await.expect("described");
            match described["Status"].as_str() {
                Some("FINISHED") if described["HasResultSet"] == true => break,
                Some("FINISHED") => return Value::Null,
                Some("FAILED" | "ABORTED") => panic!("{described}"),
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        let result = json!({"action": "getStatementResult", "statementId": started["Id"]});
        self.invoke(result).await.expect("a page")["Records"].take()
    }

    /// Cancels a statement, whatever fails, until Redshift reports its end: a cancel that comes before the statement runs is
    /// refused, and so is the repeat of one whose reply was lost.
    async fn cancel(&self, id: &Value) {
        let ask = |action: &str| self.invoke(json!({"action": action, "statementId": id}));
        loop {
            // What it came to is what the description says.
            let _ = ask("cancelStatement").await;
            match ask("describeStatement").await {
                Ok(described) if described["Status"] == "ABORTED" => return,
                Ok(described) => assert_ne!(described["Status"], "FINISHED", "{described}"),
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The schedule: a sweep, and another one beside it, again and again.
    fn sweep_on(&self) -> JoinHandle<()> {
        let (function, sweeps) = (Arc::clone(&self.function), Arc::clone(&self.sweeps));
        tokio::spawn(async move {
            loop {
                let sweep = || {
                    function
                        .host
                        .handle(json!({"action": "sweep"}), function.context())
                };
                let (one, two) = tokio::join!(sweep(), sweep());
                for summary in [one, two].into_iter().flatten() {
                    sweeps.count.fetch_add(1, Ordering::Relaxed);
                    for (counter, name) in
                        [(&sweeps.examined, "examined"), (&sweeps.settled, "settled")]
                    {
                        counter
                            .fetch_add(summary[name].as_u64().expect("a count"), Ordering::Relaxed);
                    }
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        })
    }

    async fn end(self) {
        self.states.shutdown().await;
        self.redshift.shutdown().await;
        self.post.abort();
    }
}

fn config() -> Config {
    let cache = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-policies");
    let environment = [
        ("CLUSTER_IDENTIFIER", "load"),
        ("DATABASE", "dev"),
        ("DB_USER", "admin"),
        ("DDB_TABLE_NAME", "load"),
        ("SIGNALBOX_DEPLOYMENT", "load"),
        ("SIGNALBOX_SWEEP_AFTER_SECONDS", "5"),
        ("SIGNALBOX_CACHE_DIR", &cache.display().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Config::read(&environment.into(), &|path| std::fs::read_to_string(path))
        .expect("a configuration")
}

/// The function, at a bounded concurrency.
struct Function {
    host: Host,
    room: Semaphore,
    invocations: AtomicU64,
}

impl Function {
    fn context(&self) -> InvocationContext {
        let number = self.invocations.fetch_add(1, Ordering::Relaxed);
        InvocationContext {
            request_id: format!("00000000-0000-4000-8000-{number:012}"),
            deadline: Instant::now() + FUNCTION_TIME,
            function_arn: Some(FUNCTION.to_owned()),
        }
    }

    async fn handle(&self, event: Value) -> Result<Value, Raised> {
        let _room = self.room.acquire().await.expect("it is never closed");
        self.host.handle(event, self.context()).await
    }
}

#[async_trait]
impl InvokeFunction for Function {
    async fn invoke(&self, _: &str, payload: Value) -> Result<Value, FunctionError> {
        self.handle(payload).await.map_err(|raised| FunctionError {
            error_type: raised.error_type,
            message: raised.message,
        })
    }
}

/// The queue: batches of ten; what fails comes again.
async fn carry(mut events: mpsc::Receiver<Value>, function: Arc<Function>, dead: Arc<AtomicU64>) {
    let mut batches = JoinSet::new();
    let mut number = 0_u64;
    loop {
        let mut batch = Vec::new();
        if events.recv_many(&mut batch, 10).await == 0 {
            break;
        }
        let messages: Vec<(String, Value)> = batch
            .into_iter()
            .map(|event| {
                number += 1;
                (number.to_string(), event)
            })
            .collect();
        batches.spawn(deliver(messages, Arc::clone(&function), Arc::clone(&dead)));
        while batches.try_join_next().is_some() {}
    }
    batches.join_all().await;
}

async fn deliver(
    mut messages: Vec<(String, Value)>,
    function: Arc<Function>,
    dead: Arc<AtomicU64>,
) {
    for _ in 0..RECEIVES {
        let records: Vec<Value> = messages
            .iter()
            .map(|(id, event)| json!({"messageId": id, "eventSource": "aws:sqs", "body": event.to_string()}))
            .collect();
        let Ok(answer) = function.handle(json!({ "Records": records })).await else {
            continue;
        };
        let failed: Vec<&str> = answer["batchItemFailures"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|item| item["itemIdentifier"].as_str())
            .collect();
        messages.retain(|(id, _)| failed.contains(&id.as_str()));
        if messages.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // The sweep finds those tasks.
    dead.fetch_add(messages.len() as u64, Ordering::Relaxed);
}

/// The most memory this process has had, as Linux counts it.
fn memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(format!("{} MiB", kib / 1024))
}
