//! Everything that one machine has in place of AWS, and the functions among it.
//!
//! The hosts are those that run on Lambda, the AWS SDK included; they know Redshift and Step Functions only by their
//! addresses. The demo, `serve`, `invoke` and `step` all stand on a [`Machine`].

pub(crate) mod args;
pub(crate) mod config;
pub(crate) mod delivery;
pub(crate) mod functions;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use signalbox_aws::{CloudFormation, RedshiftData, Session, StepFunctions as Callbacks};
use signalbox_lambda::{
    Config, Host,
    config::{PolicyConfig, PolicySource},
    records::Records,
    start,
};
use signalbox_local::{
    data_api::{DataApi, DataApiOptions, DataApiServer, StartError},
    ledger::EmbeddedLedger,
    step_functions::{StepFunctions, StepFunctionsOptions, StepFunctionsServer},
};
use signalbox_policy::{Metering, Witness};
use signalbox_tasker::{
    Ports, Tasker,
    ports::{Ledger, SystemClock},
};
use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};

use self::{
    delivery::{Delivery, Listener, Post},
    functions::{Functions, arn, context},
};
use crate::out;

/// How long is waited for records to be written, at most.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// What a machine is made of.
pub(crate) struct MachineOptions {
    /// The Redshift Data API. Its `events` are the machine's own business: give a `listener`.
    pub(crate) redshift: DataApiOptions,
    /// Who is told of completion events before they are delivered.
    pub(crate) listener: Option<Arc<Listener>>,
    /// The Step Functions side.
    pub(crate) states: StepFunctionsOptions,
    /// Where tokens are answered in its place: the endpoint of somebody's emulator.
    pub(crate) answer_at: Option<String>,
    /// The functions, each with a configuration of its own. They share the ledger, which is in the data directory of
    /// `redshift`, or else in memory.
    pub(crate) functions: BTreeMap<String, Config>,
    /// How events of statements and executions reach the functions.
    pub(crate) delivery: Delivery,
    /// How often every function is sent the event of a schedule; never if none.
    pub(crate) sweep_every: Option<Duration>,
    /// Who is told of every call of a policy. Instructions are counted then, which slows policies down, and it is for
    /// the caller to ask shadows and to see that records are written.
    pub(crate) witness: Option<Arc<dyn Witness>>,
}

/// Everything that runs.
pub(crate) struct Machine {
    pub(crate) redshift: DataApiServer,
    pub(crate) states: StepFunctionsServer,
    pub(crate) functions: Arc<Functions>,
    under_way: Vec<JoinHandle<()>>,
}

impl Machine {
    /// Starts the servers and the hosts.
    pub(crate) async fn start(options: MachineOptions) -> Result<Self, String> {
        let (queue, events) = mpsc::unbounded_channel();
        let directory = options.redshift.data_directory.clone();
        let redshift = DataApi::start(DataApiOptions {
            events: Some(Arc::new(Post {
                queue: queue.clone(),
                listener: options.listener,
            })),
            ..options.redshift
        })
        .await
        .map_err(|error| match error {
            StartError::Listen { address, error } => {
                out::cannot_listen("the Redshift Data API", address, &error)
            }
            error => error.to_string(),
        })?;
        let address = options.states.address;
        let states = StepFunctions::start(StepFunctionsOptions {
            events: Some(Arc::new(Post {
                queue,
                listener: None,
            })),
            ..options.states
        })
        .await
        .map_err(|error| out::cannot_listen("the Step Functions side", address, &error))?;
        let answer_at = options.answer_at.unwrap_or_else(|| states.url());
        let ledger = ledger(directory.as_deref())?;
        let mut hosts = BTreeMap::new();
        for (name, config) in &options.functions {
            let ports = Ports {
                warehouse: Arc::new(RedshiftData::new(
                    Arc::new(Session::at(&redshift.url())),
                    config.targets.clone(),
                )),
                callbacks: Arc::new(Callbacks::new(Arc::new(Session::at(&answer_at)))),
                custom_resources: Arc::new(CloudFormation::new(config.response_origins.clone())),
                ledger: Arc::clone(&ledger),
                clock: Arc::new(SystemClock),
            };
            let host = host(config, ports, options.witness.as_ref())
                .await
                .map_err(|error| not_started(config, &error))?;
            hosts.insert(name.clone(), host);
        }
        let functions = Arc::new(Functions::new(hosts));
        states.set_function(Arc::<Functions>::clone(&functions));
        let carrier = delivery::carry(events, Arc::clone(&functions), options.delivery);
        let mut under_way = vec![tokio::spawn(carrier)];
        if let Some(period) = options.sweep_every {
            under_way.push(tokio::spawn(sweep(Arc::clone(&functions), period)));
        }
        Ok(Self {
            redshift,
            states,
            functions,
            under_way,
        })
    }

    /// Puts the policies of another configuration in force, while tasks may be under way.
    pub(crate) async fn swap(&self, function: &str, config: &Config) -> Result<(), String> {
        let host = self
            .functions
            .host(function)
            .ok_or_else(|| format!("there is no function {function}"))?;
        let policies = start::load_policies(config)
            .await
            .map_err(|error| error.to_string())?;
        host.tasker().swap(policies);
        Ok(())
    }

    /// Waits until records are written, as long as a function does; the notes on those that are kept nowhere.
    pub(crate) async fn keep_records(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for host in self.functions.hosts() {
            host.afterwards(tokio::time::Instant::now() + AFTERWARDS)
                .await;
            notes.extend(host.unkept().map(|unkept| {
                let records = match unkept.records {
                    1 => "1 decision record is".to_owned(),
                    many => format!("{many} decision records are"),
                };
                format!("{records} not kept: {}", unkept.reason)
            }));
        }
        notes
    }

    /// Ends everything. SQL that runs is stopped.
    pub(crate) async fn stop(mut self) {
        for task in self.under_way.drain(..) {
            task.abort();
            // It was asked to end.
            let _ = task.await;
        }
        self.states.shutdown().await;
        self.redshift.shutdown().await;
    }
}

/// Why a host does not start. A policy that does not load is called by its name there; here its file is what was given.
fn not_started(config: &Config, error: &signalbox_lambda::StartError) -> String {
    let default = config.policies.get(&config.default_policy);
    match (error, default.map(|policy| &policy.source)) {
        (signalbox_lambda::StartError::Policy(_), Some(PolicySource::Component(path)))
            if config.policies.len() == 1 =>
        {
            format!("{}: {error}", path.display())
        }
        _ => error.to_string(),
    }
}

async fn host(
    config: &Config,
    ports: Ports,
    witness: Option<&Arc<dyn Witness>>,
) -> Result<Host, signalbox_lambda::StartError> {
    let Some(witness) = witness else {
        return Host::start(config, ports).await;
    };
    // What was compiled ahead of time counts nothing, and a set may name such.
    let is_artifact =
        |policy: &PolicyConfig| matches!(policy.source, PolicySource::Artifact { .. });
    let metering = if config.policy_set.is_some() || config.policies.values().any(is_artifact) {
        Metering::Off
    } else {
        Metering::Fuel
    };
    let policies = start::load_policies_metered(config, metering).await?;
    let records = Records::new(&config.records, None);
    let mut tasker =
        Tasker::new(ports, start::options(config), policies).witnessed(Arc::clone(witness));
    if let Some(records) = &records {
        tasker = tasker.witnessed(Arc::<Records>::clone(records));
    }
    Ok(Host::new(tasker).recording(records).led())
}

fn ledger(directory: Option<&Path>) -> Result<Arc<dyn Ledger>, String> {
    let ledger = match directory {
        Some(directory) => EmbeddedLedger::open(&ledger_file(directory)),
        None => EmbeddedLedger::in_memory(),
    };
    match ledger {
        Ok(ledger) => Ok(Arc::new(ledger)),
        Err(error) => Err(format!("the ledger does not open: {error}")),
    }
}

/// Where the ledger is in a data directory.
pub(crate) fn ledger_file(directory: &Path) -> PathBuf {
    directory.join("ledger.sqlite")
}

/// Sends every function the event of a schedule, again and again. A sweep that takes longer than the period delays
/// the next one of its function.
async fn sweep(functions: Arc<Functions>, period: Duration) {
    let mut all = JoinSet::new();
    for name in functions.names() {
        let (functions, name) = (Arc::clone(&functions), name.to_owned());
        all.spawn(async move {
            loop {
                tokio::time::sleep(period).await;
                let Some(host) = functions.host(&name) else {
                    return;
                };
                // What goes wrong is in the host's own log, and the next sweep tries again.
                let _ = host.handle(scheduled_event(), context(arn(&name))).await;
            }
        });
    }
    while all.join_next().await.is_some() {}
}

fn scheduled_event() -> Value {
    json!({
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "detail": {},
    })
}
