//! What the scenarios are played on: servers on loopback, and hosts that know them only by their addresses.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use signalbox_aws::{RedshiftData, Session, StepFunctions as Callbacks};
use signalbox_lambda::{Config, Host, start};
use signalbox_local::{
    TimeScale,
    data_api::{DataApi, DataApiOptions, DataApiServer, EventFaults},
    ledger::EmbeddedLedger,
    step_functions::{StepFunctions, StepFunctionsOptions, StepFunctionsServer},
};
use signalbox_tasker::{
    Ports,
    ports::{Ledger, SystemClock},
};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    function::Functions,
    mail::{self, Post},
    narrator::Narrator,
};

/// The function that most scenarios use: the original's environment and nothing else.
pub(crate) const TASKER: &str = "tasker";
/// A second function for another database user, as the original's users have one.
pub(crate) const SECOND_TASKER: &str = "second-tasker";
/// A function whose policy has rules.
pub(crate) const GUARDED: &str = "guarded";

/// The rules of [`GUARDED`].
pub(crate) const RULES: &str = r#"{
  "rules": [
    {"name": "keep-tables", "when": {"kinds": ["drop-*", "truncate"]}, "then": {"deny": "tables are dropped by the platform team only"}}
  ],
  "unparsed": "deny",
  "unqualified": "allow"
}"#;

/// So many times as fast as in life the stories run.
const SPEED: f64 = 40.0;
/// How old a record is before the sweep looks at it, here.
const SWEEP_AFTER: Duration = Duration::from_millis(500);

/// Everything that runs.
pub(crate) struct Stage {
    pub(crate) redshift: DataApiServer,
    pub(crate) states: StepFunctionsServer,
    pub(crate) functions: Arc<Functions>,
    pub(crate) event_faults: EventFaults,
    post: JoinHandle<()>,
    cache: Option<PathBuf>,
}

impl Stage {
    /// Starts the servers and the hosts.
    pub(crate) async fn build(narrator: &Narrator) -> Result<Self, String> {
        let (queue, events) = mpsc::unbounded_channel();
        let event_faults = EventFaults::new();
        let redshift = DataApi::start(DataApiOptions {
            time_scale: TimeScale::new(SPEED),
            events: Some(Arc::new(Post {
                queue,
                narrator: narrator.clone(),
            })),
            event_faults: event_faults.clone(),
            submitted_for: Duration::from_millis(10),
            picked_for: Duration::from_millis(10),
            ..DataApiOptions::default()
        })
        .await
        .map_err(|error| format!("the Redshift Data API does not start on loopback: {error}"))?;
        let states = StepFunctions::start(StepFunctionsOptions {
            time_scale: TimeScale::new(SPEED),
            observer: Some(Arc::new(narrator.clone())),
            ..StepFunctionsOptions::default()
        })
        .await
        .map_err(|error| format!("the Step Functions side does not start on loopback: {error}"))?;

        let ledger: Arc<dyn Ledger> =
            Arc::new(EmbeddedLedger::in_memory().map_err(|error| error.to_string())?);
        let mut hosts = BTreeMap::new();
        let mut cache = None;
        for (name, user, settings) in [
            (TASKER, "admin", "{}"),
            (SECOND_TASKER, "user2", "{}"),
            (GUARDED, "admin", RULES),
        ] {
            let config = config(name, user, settings)?;
            cache.clone_from(&config.cache_dir);
            let ports = Ports {
                warehouse: Arc::new(RedshiftData::new(
                    Arc::new(Session::at(&redshift.url())),
                    config.targets.clone(),
                )),
                callbacks: Arc::new(Callbacks::new(Arc::new(Session::at(&states.url())))),
                ledger: Arc::clone(&ledger),
                clock: Arc::new(SystemClock),
            };
            hosts.insert(
                name,
                Host::start(&config, ports)
                    .await
                    .map_err(|error| error.to_string())?,
            );
        }
        let functions = Arc::new(Functions::new(hosts));
        states.set_function(Arc::<Functions>::clone(&functions));
        let post = tokio::spawn(mail::carry(events, Arc::clone(&functions)));
        Ok(Self {
            redshift,
            states,
            functions,
            event_faults,
            post,
            cache,
        })
    }

    /// What stands where, for the curious.
    pub(crate) fn programme(&self) -> Vec<String> {
        let mut lines = vec![
            format!("  Redshift Data API (SQLite) on {}", self.redshift.url()),
            format!("  Step Functions side on {}", self.states.url()),
            format!("  time runs {SPEED} times as fast in the stories"),
        ];
        lines.extend(
            self.cache
                .as_ref()
                .map(|path| format!("  compiled policies are cached in {}", path.display())),
        );
        lines
    }

    /// Puts other rules in force, while tasks may be under way.
    pub(crate) async fn swap_rules(&self, settings: &str) -> Result<(), String> {
        let config = config(GUARDED, "admin", settings)?;
        let policies = start::load_policies(&config)
            .await
            .map_err(|error| error.to_string())?;
        let host = self
            .functions
            .host(GUARDED)
            .ok_or("there is no such function")?;
        host.tasker().swap(policies);
        Ok(())
    }

    /// Ends everything.
    pub(crate) async fn strike(self) {
        self.states.shutdown().await;
        self.redshift.shutdown().await;
        self.post.abort();
    }
}

/// The configuration of a function: the original's environment. What the demo changes is said here.
fn config(function: &str, user: &str, settings: &str) -> Result<Config, String> {
    let mut environment = BTreeMap::from(
        [
            ("CLUSTER_IDENTIFIER", "demo-cluster"),
            ("DATABASE", "dev"),
            ("DB_USER", user),
            ("DDB_TABLE_NAME", "demo"),
            ("SIGNALBOX_DEPLOYMENT", function),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    // Where compiled policies are kept is the user's own.
    for name in ["HOME", "XDG_CACHE_HOME", "SIGNALBOX_CACHE_DIR"] {
        if let Ok(value) = std::env::var(name) {
            environment.insert(name.to_owned(), value);
        }
    }
    let mut config = Config::read(&environment, &|path| std::fs::read_to_string(path))
        .map_err(|error| error.to_string())?;
    config.sweep_after = SWEEP_AFTER;
    for policy in config.policies.values_mut() {
        settings.clone_into(&mut policy.settings);
    }
    Ok(config)
}
